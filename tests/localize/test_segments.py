"""Segments: conversions keep every frame, and bad ones are refused by name."""

import json

from hypothesis import given, strategies as st
import numpy as np
import pytest

from skeljax import localize
from skeljax.errors import InputError
from skeljax.localize.segments import check

CLASSES = ('walk', 'sit', 'wave')


def test_runs_of_labels_become_half_open_segments():
    segments = localize.from_frame_labels(np.array([3, 0, 0, 1, 3, 3, 1]), background=3)
    assert segments.start.tolist() == [1, 3, 6]
    assert segments.end.tolist() == [3, 4, 7]
    assert segments.label.tolist() == [0, 1, 1]
    assert segments.score.tolist() == [1, 1, 1]


@given(st.lists(st.integers(0, 3), max_size=40))
def test_labels_to_segments_and_back(labels):
    segments = localize.from_frame_labels(np.array(labels, np.int32), background=3)
    assert localize.to_frame_labels(segments, len(labels), 3).tolist() == labels


def test_the_best_score_shows_where_segments_overlap():
    segments = localize.Segments([0, 2], [5, 4], [0, 1], [0.2, 0.9])
    assert localize.to_frame_labels(segments, 6, 3).tolist() == [0, 0, 1, 1, 0, 3]
    swapped = localize.Segments([0, 2], [5, 4], [0, 1], [0.9, 0.2])
    assert localize.to_frame_labels(swapped, 6, 3).tolist() == [0, 0, 0, 0, 0, 3]


def test_json_names_both_ends_in_seconds_and_frames():
    segments = localize.Segments([45, 0], [60, 30], [2, 0], [0.5, 0.25])
    items = localize.to_json_dict(segments, classes=CLASSES, fps=30)
    assert items == [
        {'label': 'walk', 'start_seconds': 0.0, 'end_seconds': 1.0,
         'start_frame': 0, 'end_frame': 30, 'score': 0.25},
        {'label': 'wave', 'start_seconds': 1.5, 'end_seconds': 2.0,
         'start_frame': 45, 'end_frame': 60, 'score': 0.5},
    ]
    assert 'score' not in localize.to_json_dict(segments, classes=CLASSES, fps=30, scores=False)[0]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**6), st.integers(1, 1000), st.integers(0, 2), st.floats(-1, 1)
        ),
        max_size=8,
    ),
    st.sampled_from([29.97, 30.0, 100.0]),
    st.booleans(),
)
def test_json_round_trip_also_from_seconds_alone(rows, fps, only_seconds):
    start, length, label, score = np.array(rows).reshape(-1, 4).T
    segments = localize.Segments(start, start + length, label, score)
    items = json.loads(json.dumps(localize.to_json_dict(segments, classes=CLASSES, fps=fps)))
    if only_seconds:
        items = [{k: v for k, v in item.items() if 'frame' not in k} for item in items]
    again = localize.from_json_dict(items, classes=CLASSES, fps=fps)
    found = sorted(zip(again.start, again.end, again.label, again.score, strict=True))
    assert found == sorted(zip(start, start + length, label, score, strict=True))


@pytest.mark.parametrize(
    ('item', 'message'),
    [
        ({'label': 'fly', 'start_frame': 0, 'end_frame': 3}, "unknown label 'fly'"),
        ({'label': ['sit'], 'start_frame': 0, 'end_frame': 3}, 'unknown label'),
        ('sit down', "unknown label 'sit down'"),
        ({'label': 'sit', 'start_frame': 0}, 'neither end_frame nor end_seconds'),
        ({'label': 'sit', 'start_frame': 0, 'end_frame': '3'}, 'number as end_frame'),
        ({'label': 'sit', 'start_frame': 3, 'end_frame': 3}, 'ends at or before its start'),
    ],
)
def test_a_bad_json_item_is_named(item, message):
    with pytest.raises(InputError, match=message):
        localize.from_json_dict([item], classes=CLASSES, fps=30)


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        (([0], [1, 2], [0]), 'one length'),
        (([0.5], [1], [0]), 'start: expected a vector of whole numbers'),
        (([0], [np.nan], [0]), 'end: expected'),
        (([0], [1], ['sit']), 'label: expected'),
    ],
)
def test_fields_that_are_no_segments(fields, message):
    with pytest.raises(InputError, match=message):
        localize.Segments(*fields)


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        (([0, 4], [3, 4], [0, 0]), r'segment 1 \[4, 4\).*ends at or before'),
        (([-1], [3], [0]), 'leaves the recording'),
        (([0], [11], [0]), 'leaves the recording'),
        (([0], [3], [2]), 'label outside 0 to 1'),
        (([0], [3], [0], [np.nan]), 'no number as score'),
    ],
)
def test_check_names_the_recording(fields, message):
    with pytest.raises(InputError, match='clip 7: .*' + message) as caught:
        check(localize.Segments(*fields), 'clip 7', num_classes=2, num_frames=10)
    assert '\n' not in str(caught.value)
