"""Tests the data of the page and the errors for invalid predictions."""

import dataclasses
import json
import re

import numpy as np
import pytest

from skeljax.data import records
from skeljax.errors import InputError
from skeljax.formats.motion import Motion
from skeljax.localize import Segments, to_json_dict
from skeljax.skeletons import skeleton
from skeljax.viz.viewer import entry, page, predictions

CLASSES = ('walk', 'sit', 'wave')
FRAMES = 100


def recording(name='one', frames=FRAMES, persons=1):
    """Returns swaying bodies with the joints of the Kinect."""
    layout = skeleton.get('ntu25')
    rng = np.random.default_rng(0)
    pose = rng.uniform(0, 1.7, (1, persons, layout.num_joints, 3))
    sway = 0.1 * np.sin(np.arange(frames) / 9)[:, None, None, None]
    joints = (pose + sway).astype(np.float32)
    return records.from_motion(
        Motion(joints, 25.0, 'ntu25', np.ones((frames, persons), bool)), name=name
    )


def made(**options):
    proposed = Segments([0, 5, 60], [50, 20, 90], [0, 1, 2], [0.9, 0.3, 0.8])
    return entry.make(recording(), proposed, classes=CLASSES, **options)


def told(text: str) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    return json.loads(found[1])


def test_what_a_better_one_covers_by_more_than_half_is_no_find():
    described = made().described
    assert [(s['start'], s['label']) for s in described['found']] == [(0, 0), (60, 2)]
    assert [(s['start'], s['label']) for s in described['others']] == [(5, 1)]
    assert described['truth'] is None and described['error'] is None
    assert set(made().arrays) == {'joints', 'states'}


def test_the_truth_is_compared_with_what_was_found():
    truth = Segments([2, 60], [50, 90], [0, 1])
    described = made(truth=truth, probabilities=np.full((FRAMES, 4), 0.25)).described
    assert [s['kind'] for s in described['found']] == ['correct', 'wrong label']
    assert [(s['kind'], s['partner']) for s in described['truth']] == [
        ('correct', 0), ('wrong label', 1)
    ]
    assert described['error'] == 0.5


def test_a_segment_beyond_the_end_is_told():
    beyond = Segments([90], [101], [0])
    with pytest.raises(InputError, match=r'one: .*\[90, 101\).*leaves the recording'):
        entry.make(recording(), beyond, classes=CLASSES)


def test_the_page_holds_all_and_reaches_out_for_nothing():
    text = page.render([made(), made()], classes=CLASSES, title='a & b')
    assert '<title>a &amp; b</title>' in text and '{{' not in text
    data = told(text)
    assert [r['name'] for r in data['recordings']] == ['one', 'one (2)']
    assert data['classes'] == list(CLASSES)
    assert not re.search(r'(src|href)=|https?://|@import|url\(', text)
    assert "default-src 'none'" in text


def test_who_moved_is_nobodys_business():
    named = dataclasses.replace(recording(), subject='Jane Doe', source='/home/jane/walk.bvh')
    shown = entry.make(named, Segments([], [], []), classes=CLASSES)
    assert 'ane' not in json.dumps(shown.described)


def test_names_that_look_like_markup_stay_names():
    nasty = '</script><script>alert(1)</script>'
    text = page.render([made()], classes=(nasty, '{{script}}', '&lt;'), title=nasty)
    assert nasty not in text
    assert told(text)['classes'] == [nasty, '{{script}}', '&lt;']


def test_every_text_is_readable_on_what_it_stands_on():
    """WCAG AA requires a contrast of 4.5:1, in both themes."""
    style = page.asset('style.css')
    light, dark = (dict(re.findall(r'--([\w-]+): (#\w{6})', block))
                   for block in re.findall(r':root[^{]*\{(.*?)\}', style, re.S)[:2])

    def luminance(color):
        parts = np.array([int(color[i:i + 2], 16) for i in (1, 3, 5)]) / 255
        parts = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return parts @ [0.2126, 0.7152, 0.0722]

    for theme in (light, dark):
        for ink, papers in {
            'ink': ('paper', 'back', 'stage', 'accent-soft', 'press'),
            'quiet': ('paper', 'back', 'stage', 'accent-soft'),
            'wrong': ('paper', 'back', 'stage', 'accent-soft'),
            'accent': ('accent-soft', 'paper'),
            'paper': ('accent', 'ink'),
        }.items():
            for paper in papers:
                low, high = sorted((luminance(theme[ink]), luminance(theme[paper])))
                assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, paper, theme[ink], theme[paper])


def test_nothing_is_overwritten_unless_forced(tmp_path):
    path = tmp_path / 'page.html'
    path.write_text('mine')
    with pytest.raises(InputError, match='exists; .*--force'):
        page.write(path, [made()], classes=CLASSES, title='t')
    assert path.read_text() == 'mine'
    page.write(path, [made()], classes=CLASSES, title='t', force=True)
    assert path.read_text().startswith('<!doctype html>')
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match='is a folder'):
        page.check(tmp_path, force=True)
    with pytest.raises(InputError, match='cannot be written: '):
        page.write(path / 'in' / 'a.html', [made()], classes=CLASSES, title='t')
    with pytest.raises(InputError, match='no recording to show'):
        page.write(tmp_path / 'b.html', [], classes=CLASSES, title='t')


@pytest.fixture
def written(tmp_path):
    """Writes a prediction like `skeljax predict`, and its recording."""
    scores = np.zeros((FRAMES, 4), np.float32)
    scores[:50, 0] = scores[50:, 2] = 1
    np.savez(tmp_path / 'one.scores.npz', probabilities=scores, classes=np.array(CLASSES))
    np.save(tmp_path / 'one.npy', recording().joints)
    found = Segments([0, 60], [50, 90], [0, 2], [0.9, 0.8])
    described = {
        'recording': 'one', 'fps': 25.0, 'frames': FRAMES, 'seconds': 4.0,
        'model': {'workdir': 'w', 'step': 1},
        'source': {'file': 'one.npy', 'fps': 25.0, 'layout': 'ntu25'},
        'classes': list(CLASSES), 'scores': 'one.scores.npz',
        'segments': to_json_dict(found, classes=CLASSES, fps=25.0),
    }
    (tmp_path / 'one.json').write_text(json.dumps(described))
    return described


def _change(folder, described, **changes):
    (folder / 'one.json').write_text(json.dumps(described | changes))


def test_predictions_are_read_from_files_and_folders(written, tmp_path):
    (tmp_path / 'other.json').write_text('{"loss": 1}')
    for paths in ([tmp_path], [tmp_path / 'one.json']):
        (one,) = predictions.read(paths)
        assert predictions.segments(one, CLASSES).start.tolist() == [0, 60]
        found, truth = predictions.recording(one, CLASSES)
        np.testing.assert_array_equal(found.joints, recording().joints)
        assert truth is None


def test_scores_go_to_the_classes_of_the_page(written, tmp_path):
    (one,) = predictions.read([tmp_path])
    spread = predictions.probabilities(one, ('sit', 'new', 'wave', 'walk'))
    assert spread[0].tolist() == [0, 0, 0, 1] and spread[-1].tolist() == [0, 0, 1, 0]
    (tmp_path / 'one.scores.npz').unlink()
    assert predictions.probabilities(one, CLASSES) is None


def test_older_predictions_tell_less(written, tmp_path):
    for key in ('source', 'classes', 'scores'):
        del written[key]
    _change(tmp_path, written)
    (one,) = predictions.read([tmp_path])
    assert one.classes == ('walk', 'wave') and one.scores is None
    with pytest.raises(InputError, match='names no recording; give its folder by --recordings'):
        predictions.recording(one, one.classes)
    told = {'fps': 25.0, 'layout': 'ntu25'}
    assert predictions.recording(one, one.classes, folder=tmp_path, options=told)[0].name == 'one'


def test_a_recording_that_is_missing_or_another_one_is_told(written, tmp_path):
    np.save(tmp_path / 'one.npy', recording(frames=90).joints)
    (one,) = predictions.read([tmp_path])
    with pytest.raises(
        InputError, match='predicted from 100 frames at 25 .* has 90 frames at 25 fps'
    ):
        predictions.recording(one, CLASSES)
    (tmp_path / 'one.npy').unlink()
    with pytest.raises(InputError, match=r'one.json: its recording .*one.npy is missing; give'):
        predictions.recording(one, CLASSES)
    with pytest.raises(InputError, match="no recording 'one' in"):
        predictions.recording(one, CLASSES, folder=tmp_path)


@pytest.mark.parametrize(
    ('text', 'message'),
    [('{', 'cannot be read'), ('[]', 'not written by'), ('{"recording": "a"}', 'not written by')],
)
def test_what_are_no_predictions_is_told(tmp_path, text, message):
    path = tmp_path / 'a.json'
    path.write_text(text)
    with pytest.raises(InputError, match=f'a.json: {message}'):
        predictions.read([path])
    with pytest.raises(InputError, match='no such file'):
        predictions.read([tmp_path / 'b.json'])


def test_a_folder_without_predictions_is_told(tmp_path):
    with pytest.raises(InputError, match='no predictions here'):
        predictions.read([tmp_path])


def test_damaged_scores_are_told(written, tmp_path):
    (one,) = predictions.read([tmp_path])
    np.savez(tmp_path / 'one.scores.npz', probabilities=np.zeros((7, 4)))
    with pytest.raises(InputError, match=r'expected scores of shape \(100, 4\), found \(7, 4\)'):
        predictions.probabilities(one, CLASSES)
    (tmp_path / 'one.scores.npz').write_text('no')
    with pytest.raises(InputError, match='cannot be read as .npz'):
        predictions.probabilities(one, CLASSES)


def test_the_truth_is_read_in_seconds(written, tmp_path):
    (one,) = predictions.read([tmp_path])
    labels = tmp_path / 'g.csv'
    labels.write_text('recording,start,end,label\none,0,2,walk\none,2.4,3.6,sit\ntwo,0,1,fly\n')
    true = predictions.truths(labels, [one], CLASSES)['one']
    assert true.start.tolist() == [0, 60] and true.end.tolist() == [50, 90]
    assert true.label.tolist() == [0, 1]


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        ('one,0,2,fly\none,3,3.5,swim', r"g.csv:2: unknown class 'fly', known: .* \(and 1 more\)$"),
        ('two,0,2,walk', r'expected labels of one, ..., found those of two, ...'),
    ],
)
def test_truth_of_something_else_is_told_in_one_line(written, tmp_path, row, message):
    labels = tmp_path / 'g.csv'
    labels.write_text(f'recording,start,end,label\n{row}\n')
    with pytest.raises(InputError, match=message) as caught:
        predictions.truths(labels, predictions.read([tmp_path]), CLASSES)
    assert '\n' not in str(caught.value)


def test_a_corpus_of_other_classes_is_told():
    labeled = dataclasses.replace(
        recording(), segment_start=np.array([0]), segment_end=np.array([5]),
        segment_label=np.array([1]),
    )
    assert predictions.truth_of(labeled, ('fly', 'sit'), CLASSES).label.tolist() == [1]
    with pytest.raises(InputError, match="one: true class 'fly' is not one of: walk, sit, wave"):
        predictions.truth_of(labeled, ('sit', 'fly'), CLASSES)
