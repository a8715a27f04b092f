"""Records: a recording is checked before it is kept, and survives being kept."""

import dataclasses

from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays
import numpy as np
import pytest

from skeljax.data import records
from skeljax.errors import InputError
from skeljax.formats import ui_prmd
from skeljax.formats.motion import Motion


def _motion(frames=10, persons=2, **changed) -> Motion:
    joints = np.arange(frames * persons * 66, dtype=np.float32).reshape(frames, persons, 22, 3)
    motion = Motion(
        joints=joints,
        fps=30.0,
        layout='uiprmd22',
        valid=np.ones((frames, persons), bool),
        source='ä file',
        subject='s01',
    )
    return dataclasses.replace(motion, **changed)


def test_a_frame_is_valid_where_anybody_was_seen():
    valid = np.array([[1, 1], [0, 1], [0, 0], [1, 0]], bool)
    recording = records.from_motion(_motion(4, valid=valid), name='clip 7')
    assert recording.frame_valid.tolist() == [True, True, False, True]
    np.testing.assert_array_equal(recording.person_valid, valid)


def test_a_body_of_zeros_was_not_seen():
    motion = _motion(4)
    motion.joints[1:3, 1] = 0
    recording = records.from_motion(motion, name='clip 7')
    assert recording.person_valid[:, 1].tolist() == [True, False, False, True]
    assert recording.person_valid[:, 0].all()


def test_segments_become_three_columns():
    segments = [(0, 4, 1), (4, 10, 0)]
    recording = records.from_motion(_motion(), name='clip 7', segments=segments, num_classes=2)
    assert recording.segment_start.tolist() == [0, 4]
    assert recording.segment_end.tolist() == [4, 10]
    assert recording.segment_label.tolist() == [1, 0]
    assert recording.segment_start.dtype == recording.segment_label.dtype == np.int32


@pytest.mark.parametrize(
    ('changed', 'told'),
    [
        ({'joints': np.zeros((10, 2, 25, 3))}, r'joints are \(10, 2, 25, 3\), expected .*22, 3'),
        ({'joints': np.zeros((10, 22, 3))}, r'joints are \(10, 22, 3\)'),
        ({'joints': np.zeros((10, 2, 22, 2))}, r'joints are \(10, 2, 22, 2\)'),
        ({'joints': np.zeros((0, 2, 22, 3))}, r'joints are \(0, 2, 22, 3\)'),
        ({'valid': np.ones((9, 2), bool)}, r'validity is \(9, 2\), expected \(10, 2\)'),
        ({'valid': np.ones(10, bool)}, r'validity is \(10,\), expected \(10, 2\)'),
        ({'fps': 0.0}, 'frame rate is 0'),
        ({'fps': float('nan')}, 'frame rate is nan'),
    ],
)
def test_a_motion_of_the_wrong_form_is_refused_by_name(changed, told):
    with pytest.raises(InputError, match='^clip 7: ' + told) as caught:
        records.from_motion(_motion(**changed), name='clip 7')
    assert '\n' not in str(caught.value)


def test_an_unknown_layout_is_refused():
    with pytest.raises(InputError, match="unknown joint layout 'ants6'"):
        records.from_motion(_motion(layout='ants6'), name='clip 7')


@given(st.integers(0, 9), st.integers(0, 1), st.integers(0, 21), st.sampled_from([np.nan, -np.inf]))
def test_the_frame_of_a_coordinate_that_is_no_number_is_told(frame, person, joint, value):
    motion = _motion()
    motion.joints[frame, person, joint, 1] = value
    with pytest.raises(InputError, match=f'^clip 7: frame {frame}: a coordinate is not finite$'):
        records.from_motion(motion, name='clip 7')


@pytest.mark.parametrize(
    ('segment', 'told'),
    [
        ((5, 11, 0), r'segment \[5, 11\) is not inside 0..10'),
        ((-1, 5, 0), r'segment \[-1, 5\) is not inside 0..10'),
        ((5, 5, 0), r'segment \[5, 5\) is not inside'),
        ((6, 5, 0), r'segment \[6, 5\) is not inside'),
        ((5, 6, 2), r'segment \[5, 6\): label 2 of 2'),
        ((5, 6, -1), r'segment \[5, 6\): label -1 of 2'),
    ],
)
def test_a_segment_that_is_none_is_refused_by_name(segment, told):
    with pytest.raises(InputError, match='^clip 7: ' + told) as caught:
        records.from_motion(_motion(), name='clip 7', segments=[(0, 3, 1), segment], num_classes=2)
    assert '\n' not in str(caught.value)


@given(
    frames=st.integers(1, 6),
    persons=st.integers(1, 3),
    names=st.tuples(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5)),
    data=st.data(),
)
def test_a_record_is_read_back_to_the_nearest_grid_point(frames, persons, names, data):
    finite = st.floats(-1e6, 1e6, width=32)
    joints = data.draw(arrays.arrays(np.float32, (frames, persons, 22, 3), elements=finite))
    valid = data.draw(arrays.arrays(bool, (frames, persons)))
    name, source, subject = names
    motion = _motion(joints=joints, valid=valid, source=source, subject=subject)
    segments = [(t, t + 1, t % 3) for t in range(0, frames, 2)]
    recording = records.from_motion(motion, name=name, segments=segments, num_classes=3)
    features = records.features(persons, 22)
    kept = features.serialize_example(records.example(recording))
    again = records.decode(features.deserialize_example_np(kept))
    for field in dataclasses.fields(records.Recording):
        before, after = getattr(recording, field.name), getattr(again, field.name)
        if field.name == 'joints':
            np.testing.assert_allclose(after, before, rtol=0, atol=records.GRID / 2)
            np.testing.assert_array_equal(np.round(after / records.GRID) * records.GRID, after)
        else:
            np.testing.assert_array_equal(after, before, err_msg=field.name)
        assert type(after) is type(before)
        if isinstance(before, np.ndarray):
            assert after.dtype == before.dtype and after.shape == before.shape


def test_a_record_of_real_motion_takes_at_most_three_fifths_of_its_floats(real_data):
    first = ui_prmd.repetitions(real_data / 'ui_prmd')[0]
    recording = records.from_motion(ui_prmd.read(first.positions), name='real')
    kept = records.features(1, 22).serialize_example(records.example(recording))
    assert len(kept) <= 0.6 * recording.joints.nbytes
