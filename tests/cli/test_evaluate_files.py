"""`skeljax evaluate --predictions --truth`: figures by hand, all ways in, what is told."""

import json

import pytest

from skeljax import localize
from skeljax.cli import evaluate_files, main
from skeljax.data.corpus import Corpus
from skeljax.inference import scoring
from skeljax.localize import exchange
from skeljax.localize.exchange import SegmentSet

TRUTH = """recording,label,start,end
a,walk,0,1
a,jump,2,3
b,walk,1,3
c,,,
"""
# walk: right, wrong, right of two: (1 + 2/3) / 2; jump: 8 of 10 frames, found.
FOUND = """recording,label,start,end,score
a,walk,0,1,0.9
c,walk,0,1,0.8
b,walk,1,3,0.7
a,jump,2,2.8,0.6
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / 'truth.csv').write_text(TRUTH)
    (tmp_path / 'found.csv').write_text(FOUND)
    return tmp_path


def evaluate(folder, *options, found='found.csv', truth='truth.csv'):
    paths = ['--predictions', str(folder / found), '--truth', str(folder / truth)]
    return main.main(['evaluate', *paths, *options])


def test_the_table_and_the_figures(files, capsys):
    out = files / 'new' / 'figures.json'
    options = ['--fps', '10', '--protocol', 'babel_clean', '--protocol', 'activitynet']
    assert evaluate(files, *options, '--out', str(out)) == 0
    shown = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if line.startswith('babel_clean'))
    expected = 100 * (5 / 6 + 1) / 2
    assert [float(cell) for cell in row.split()[1:]] == pytest.approx([expected] * 6, abs=0.05)
    saved = json.loads(out.read_text())
    assert list(saved['protocols']) == ['babel_clean', 'activitynet'] and saved['fps'] == 10
    clean = saved['protocols']['babel_clean']
    assert clean['ap'][0] == pytest.approx([1, 5 / 6]) and saved['classes'] == ['jump', 'walk']
    # IoU 0.8 of the jump: found up to tIoU 0.8, seven of the ten thresholds.
    assert saved['protocols']['activitynet']['map'][6] > saved['protocols']['activitynet']['map'][7]
    assert saved['recordings'] == 3 and saved['notes'] == []


def test_by_default_every_scorer_is_shown_once_and_what_cannot_be_is_told(files, capsys):
    assert evaluate(files, '--fps', '10') == 0
    shown = capsys.readouterr()
    names = [line.split()[0] for line in shown.out.splitlines() if line]
    assert 'babel_clean' in names and 'argmax_clean' not in names  # they score alike
    assert 'segmentation left out: ' in shown.err  # nobody tells the number of frames
    assert evaluate(files, '--fps', '10', '--protocol', 'segmentation') == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_truth_may_be_a_prepared_corpus(tiny, tmp_path, capsys):
    """Its own segments score 1, half of them miss half of the truth."""
    corpus = Corpus(tiny, 'synthetic/tiny', 'test')
    perfect = SegmentSet(scoring.truth(corpus), corpus.classes, corpus.fps)
    for kind, name in (('activitynet', 'p.json'), ('csv_frames', 'p.csv'), ('pku', 'p')):
        exchange.write(tmp_path / name, perfect, kind=kind)
        options = ['--protocol', 'babel_clean', '--protocol', 'segmentation']
        options += ['--data-dir', str(tiny)]
        out = tmp_path / f'{kind}.json'
        command = ['evaluate', '--predictions', str(tmp_path / name), '--truth', 'synthetic/tiny']
        assert main.main([*command, *options, '--out', str(out), '--diagnose']) == 0
        saved = json.loads(out.read_text())
        assert saved['classes'] == list(corpus.classes)
        assert all(p['mean'] == pytest.approx(1) for p in saved['protocols'].values())
        assert not any(saved['diagnosis']['false_positives'].values())
        assert 'double detection' in capsys.readouterr().out
    strange = [*command[:3], '--truth', 'synthetic/none', '--data-dir', str(tiny)]
    assert main.main(strange) == 2
    assert 'no prepared corpus here' in capsys.readouterr().err


def test_a_diagnosis_is_shown_and_saved(files, capsys):
    out = files / 'figures.json'
    assert evaluate(files, '--fps', '10', '--diagnose', '--out', str(out)) == 0
    shown = capsys.readouterr().out
    assert next(line for line in shown.splitlines() if line.startswith('correct')).split()[1] == '3'
    diagnosis = json.loads(out.read_text())['diagnosis']
    assert diagnosis['matched'] == 3 and diagnosis['false_positives']['background'] == 1
    assert diagnosis['boundary_frames']['end_p90'] == pytest.approx(1.6)  # 0, 0 and 2 frames
    options = ['--fps', '10', '--diagnose', '0.9', '--diagnose-above', '0.75', '--out', str(out)]
    assert evaluate(files, *options) == 0
    diagnosis = json.loads(out.read_text())['diagnosis']
    assert (diagnosis['matched'], diagnosis['proposals']) == (1, 2)


def test_what_is_missing_or_left_out_is_told(files, capsys):
    (files / 'some.csv').write_text(FOUND.replace('c,', 'zzz,').replace('a,jump', 'a,swim'))
    assert evaluate(files, '--fps', '10', found='some.csv') == 2
    error = capsys.readouterr().err
    assert "some.csv:3: recording 'zzz' is not among the 3 true ones" in error
    assert len(error.splitlines()) == 1
    assert evaluate(files, '--fps', '10', '--on-error', 'skip', found='some.csv') == 0
    told = capsys.readouterr().err
    assert 'left out 1 segments: recordings that the truth does not have' in told
    assert '1 predicted classes are not in the truth: swim' in told
    assert '1 of 3 recordings have no prediction' in told
    (files / 'none.csv').write_text('recording,label,start,end,score\n')
    assert evaluate(files, '--fps', '10', '--protocol', 'babel', found='none.csv') == 0
    shown = capsys.readouterr()
    assert 'no prediction at all' in shown.err and '0.0' in shown.out


def test_a_list_of_classes_is_closed(files, capsys):
    (files / 'classes.txt').write_text('walk\njump\nsit\n')
    (files / 'numbers.csv').write_text(FOUND.replace('walk', '0').replace('jump', '1'))
    out = files / 'figures.json'
    options = ['--fps', '10', '--classes', str(files / 'classes.txt'), '--protocol', 'babel_clean']
    assert evaluate(files, *options, '--out', str(out), found='numbers.csv') == 0
    saved = json.loads(out.read_text())
    assert saved['classes'] == ['walk', 'jump', 'sit']
    assert saved['protocols']['babel_clean']['ap'][0] == [pytest.approx(5 / 6), 1, None]
    (files / 'swim.csv').write_text(FOUND.replace('jump', 'swim'))
    assert evaluate(files, *options, found='swim.csv') == 2
    assert "swim.csv:5: label 'swim', expected 0 to 2 or one of walk" in capsys.readouterr().err


def test_class_numbers_never_give_a_silent_zero(files, capsys):
    """Numbers from 0 or 1 where the truth has names: refused, or matched and told."""
    (files / 'classes.txt').write_text('walk\njump\n')
    listed = ['--fps', '10', '--classes', str(files / 'classes.txt'), '--protocol', 'babel_clean']
    for first in (0, 1):
        numbers = FOUND.replace('walk', f'{first}').replace('jump', f'{first + 1}')
        (files / 'numbers.csv').write_text(numbers)
        assert evaluate(files, '--fps', '10', found='numbers.csv') == 2
        told = capsys.readouterr().err
        assert f"label '{first}', expected one of jump, walk; numbers need a list" in told
        out = files / 'figures.json'
        assert evaluate(files, *listed, '--out', str(out), found='numbers.csv') == 0
        saved = json.loads(out.read_text())
        assert saved['protocols']['babel_clean']['ap'][0] == [pytest.approx(5 / 6), 1]
        note = f'labels are numbers from {first}: {first} is walk, {first + 1} is jump'
        assert saved['notes'] == [note] and note in capsys.readouterr().err
    (files / 'classes.txt').write_text('sit\nwalk\njump\nrun\n')
    assert evaluate(files, *listed, found='numbers.csv') == 2
    assert 'do they count from 0 or from 1? expected --label-base' in capsys.readouterr().err
    assert evaluate(files, *listed, '--label-base', '0', found='numbers.csv') == 0


def test_a_subset_is_chosen_where_there_are_several(tmp_path, capsys):
    entry = {'duration': 9, 'annotations': [{'label': 'walk', 'segment': [0, 5]}]}
    database = {'a': entry | {'subset': 'training'}, 'b': entry | {'subset': 'validation'}}
    (tmp_path / 'truth.json').write_text(json.dumps({'database': database}))
    one = [{'label': 'walk', 'score': 1, 'segment': [0, 5]}]
    (tmp_path / 'found.json').write_text(json.dumps({'results': {'a': one, 'b': one}}))
    files = {'found': 'found.json', 'truth': 'truth.json'}
    assert evaluate(tmp_path, '--fps', '10', **files) == 2
    assert 'has subsets train, validation; choose one by --split' in capsys.readouterr().err
    out = tmp_path / 'figures.json'
    options = ['--fps', '10', '--split', 'validation', '--out', str(out)]
    assert evaluate(tmp_path, *options, **files) == 0
    saved = json.loads(out.read_text())
    assert saved['recordings'] == 1 and saved['protocols']['babel_clean']['mean'] == 1
    assert saved['notes'] == ['left out 1 segments of recordings of other subsets']
    assert {'segmentation', 'framewise'} <= saved['protocols'].keys()  # durations are told


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ([], 'give either --workdir, or --predictions with --truth'),
        (['--predictions', 'p', '--workdir', 'w'], 'give either --workdir'),
        (['--predictions', 'p'], 'p: --predictions needs --truth'),
        (['--predictions', 'p', '--truth', 't'], 't: no such file; a prepared'),
        (
            ['--predictions', 'p', '--truth', 't', '--fuse', 'w'],
            '--fuse has no meaning with --pred',
        ),
        (['--workdir', 'w', '--fps', '30'], '--fps has no meaning with --workdir'),
        (['--workdir', 'w', '--on-error', 'skip'], '--on-error has no meaning with --workdir'),
    ],
)
def test_options_that_do_not_go_together(options, message, capsys):
    assert main.main(['evaluate', *options]) == 2
    assert message in capsys.readouterr().err


def test_a_truth_without_a_segment_is_refused(files, capsys):
    (files / 'nothing.csv').write_text('recording,label,start,end\na,,,\nb,,,\nc,,,\n')
    options = ['--fps', '10', '--classes', str(files / 'classes.txt')]
    (files / 'classes.txt').write_text('walk\njump\n')
    assert evaluate(files, *options, truth='nothing.csv') == 2
    assert capsys.readouterr().err.endswith('no true segment in any of the 3 recordings\n')
    (files / 'classes.txt').write_text('\n')
    assert evaluate(files, *options) == 2
    assert 'classes.txt: empty' in capsys.readouterr().err


def test_every_scorer_is_among_those_shown_by_default():
    shown = evaluate_files._scorers()
    assert {'babel', 'babel_clean'} <= set(shown) < set(localize.PROTOCOLS)
