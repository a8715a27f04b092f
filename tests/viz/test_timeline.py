"""Tests timeline plots: positions and colors, and that no partial file is left."""

from hypothesis import given, strategies as st
from matplotlib.colors import to_rgb
from matplotlib.image import imread
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.localize import Segments
from skeljax.viz import figure, timeline

CLASSES = ('walk', 'sit', '_wave', '$turn$')


def bands(path, label, *, at):
    """Counts the vertical bands of a class' color in one column of pixels."""
    picture = imread(path)[:, :, :3]
    column = picture[:, int(at * picture.shape[1])]
    same = np.abs(column - to_rgb(figure.color(label))).max(axis=1) < 0.02
    return int((np.diff(same.astype(int), prepend=0) == 1).sum())


def test_a_class_has_one_color_in_truth_prediction_and_curve(tmp_path):
    truth = Segments([0, 160], [150, 300], [0, 1])
    probabilities = np.zeros((300, 5), np.float32)
    probabilities[:150, 0] = probabilities[150:, 1] = 1
    path = timeline.draw(
        tmp_path / 'new' / 'a.png', predicted=truth, truth=truth, probabilities=probabilities,
        classes=CLASSES, fps=30, title='one $ sign',
    )
    assert path == tmp_path / 'new' / 'a.png'
    assert bands(path, 0, at=0.2) == 3 and bands(path, 1, at=0.2) == 0
    assert bands(path, 1, at=0.9) == 3 and bands(path, 0, at=0.9) == 0
    assert [p.name for p in path.parent.iterdir()] == ['a.png']


def test_of_overlapping_proposals_the_best_is_in_the_row_and_the_other_below(tmp_path):
    both = Segments([0, 0], [300, 280], [0, 1], [1.0, 1.0 - 1e-9])
    path = timeline.draw(tmp_path / 'a.png', predicted=both, classes=CLASSES, fps=30)
    picture = imread(path)[:, int(0.2 * imread(path).shape[1]), :3]
    rows = [
        np.flatnonzero(np.abs(picture - to_rgb(figure.color(c))).max(axis=1) < 0.02)
        for c in (0, 1)
    ]
    assert len(rows[0]) > 2 * len(rows[1]) > 0
    assert rows[0].max() < rows[1].min()


def test_exclusive_segments_have_one_row_and_bars_as_strong_as_their_scores():
    some = Segments([0, 100], [100, 200], [0, 1], [0.2, 0.6])
    rows, _ = timeline._plan(some, None, None, CLASSES, 30, inch_a_second=1.0)
    ((_, draw),) = rows
    found, strength = draw.args
    assert found.start.tolist() == [0, 100] and found.end.tolist() == [100, 200]
    # 0 is 0.35, 1 is full: no picture shows weak segments as strong ones.
    assert strength == pytest.approx([0.35 + 0.65 * 0.2, 0.35 + 0.65 * 0.6])


def test_a_long_proposal_is_cut_where_a_better_one_overlaps_it_a_little():
    some = Segments([0, 190, 50], [200, 300, 80], [0, 1, 2], [0.5, 0.9, 0.1])
    rows, _ = timeline._plan(some, None, None, CLASSES, 30, inch_a_second=1.0)
    found, others = (draw.args[0] for _, draw in rows)
    assert list(zip(found.start, found.end, found.label)) == [(0, 190, 0), (190, 300, 1)]
    assert others.label.tolist() == [2]


@pytest.mark.parametrize('frames', [0, 1, 40])
def test_nothing_found_is_drawn_too(tmp_path, frames):
    nothing = Segments([], [], [])
    path = timeline.draw(
        tmp_path / 'a.png', predicted=nothing, truth=nothing, classes=CLASSES, fps=30,
        probabilities=np.full((frames, 5), 0.2),
    )
    assert imread(path).shape[2] == 4


def test_more_classes_than_colors_are_told_apart_by_pattern():
    looks = {(figure.color(label), figure.hatch(label)) for label in range(50)}
    assert len(looks) == 50


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(1, 20), st.floats(0, 1)), max_size=20
    )
)
def test_proposals_in_one_lane_never_overlap(rows):
    start, length, score = np.array(rows, np.float64).reshape(-1, 3).T
    segments = Segments(start, start + length, np.zeros(len(rows)), score)
    lanes = timeline._lanes(segments)
    for lane in range(timeline.MAX_LANES):
        inside = np.argsort(segments.start[lanes == lane], kind='stable')
        starts = segments.start[lanes == lane][inside]
        ends = segments.end[lanes == lane][inside]
        assert (starts[1:] >= ends[:-1]).all()
    if len(rows):
        assert lanes[np.argmax(score)] == 0


def test_names_are_broken_turned_and_cut_to_fit():
    assert figure.fit_name('deep squat', 2.0, 0.66) == ('deep squat', False)
    assert figure.fit_name('deep squat', 0.6, 0.66) == ('deep\nsquat', False)
    assert figure.fit_name('deep squat', 0.3, 0.66) == ('deep\nsquat', True)
    assert figure.fit_name('deep squat', 0.16, 0.66) == ('deep squ…', True)
    assert figure.fit_name('deep squat', 0.05, 0.66) == ('', True)


@pytest.mark.parametrize(
    ('changed', 'message'),
    [
        ({'predicted': Segments([0], [5], [4])}, 'predicted segments: .*label outside 0 to 3'),
        ({'truth': Segments([5], [5], [0])}, 'true segments: .*ends at or before'),
        ({'probabilities': np.zeros((10, 3))}, 'probabilities: expected .*4 classes'),
        ({'fps': 0.0}, 'fps'),
    ],
)
def test_bad_input_leaves_no_file(tmp_path, changed, message):
    good = {'predicted': Segments([0], [5], [0]), 'classes': CLASSES, 'fps': 30.0}
    with pytest.raises(InputError, match=message):
        timeline.draw(tmp_path / 'a.png', **(good | changed))
    assert not list(tmp_path.iterdir())


def test_a_failed_write_keeps_the_old_picture(tmp_path, monkeypatch):
    path = tmp_path / 'a.png'
    figure.save(figure.new_figure(1, 1), path)
    before = path.read_bytes()
    broken = figure.new_figure(2, 2)

    def fail(target, **options):
        target.write_bytes(b'half')
        raise OSError('disk full')

    monkeypatch.setattr(broken, 'savefig', fail)
    with pytest.raises(OSError, match='disk full'):
        figure.save(broken, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
