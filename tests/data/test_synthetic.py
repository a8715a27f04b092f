import numpy as np
import pytest

from skeljax import skeleton
from skeljax.data import kinematics, normalize, records, synthetic


def _recording(number=0, index=0, split='train', noise=0.01):
    return synthetic.recording(0, split, number, index, actions=4, noise=noise)


@pytest.mark.parametrize('number', [0, 1, 2])
def test_bones_keep_their_length(number):
    joints = _recording(number, noise=0.0)[0].joints[:, 0]
    for parent, child in skeleton.get('ntu25').bones:
        length = np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1)
        # Spine joints of the layout span one bone of the figure each.
        assert np.ptp(length) < 1e-4, (parent, child)


@pytest.mark.parametrize('number', [0, 1, 2])
def test_people_stand_on_the_floor_and_have_human_size(number):
    motion, segments = _recording(number, noise=0.0)
    joints = motion.joints[:, 0]
    floor = joints[:, kinematics.FEET, 1].min(1)
    assert np.ptp(floor) < 1e-4
    first = joints[0]
    assert 1.3 < first[3, 1] - floor[0] < 1.95  # the head joint, not the crown


def test_nobody_jumps_through_the_room():
    for number in range(4):
        joints = _recording(number, noise=0.0)[0].joints[:, 0]
        speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * synthetic.FPS
        assert speed[:, [0, 1, 20]].max() < 3  # the trunk
        assert speed.max() < 14  # finger tips of a fast arm


def test_segments_are_apart_and_inside():
    motion, segments = _recording()
    ends = [0]
    for start, end, label in segments:
        assert ends[-1] < start < end < len(motion.joints) and 0 <= label < len(synthetic.CLASSES)
        ends.append(end)


def test_each_recording_depends_on_its_own_numbers_alone():
    first, again = _recording(2, 1), _recording(2, 1)
    np.testing.assert_array_equal(first[0].joints, again[0].joints)
    assert first[1] == again[1]
    for other in (_recording(2, 0), _recording(3, 1), _recording(2, 1, split='test')):
        assert other[0].joints.shape != first[0].joints.shape or not np.allclose(
            other[0].joints, first[0].joints
        )


def test_two_recordings_of_a_person_show_every_class():
    for split, number in (('train', 0), ('validation', 0), ('test', 1)):
        labels = {s[2] for index in range(2) for s in _recording(number, index, split)[1]}
        assert labels == set(range(len(synthetic.CLASSES)))


def _frames(split, persons, around):
    """Poses at, or around, every fifth frame of an action, and their labels."""
    normalise = normalize.compose(('centre', 'align', 'size'))
    poses, labels = [], []
    for number in range(persons):
        for index in range(3):
            motion, segments = _recording(number, index, split)
            recording = records.from_motion(
                motion, name='r', segments=segments, num_classes=len(synthetic.CLASSES)
            )
            joints = normalise(recording).joints[:, 0].reshape(len(motion.joints), -1)
            for start, end, label in segments:
                for frame in range(start + 10, end - 10, 5):
                    places = np.clip(frame + np.array(around), 0, len(joints) - 1)
                    poses.append(joints[places].ravel())
                    labels.append(label)
    return np.array(poses), np.array(labels)


def _nearest_accuracy(around):
    known, answers = _frames('train', 16, around)
    asked, truth = _frames('test', 4, around)
    distance = (known**2).sum(1) - 2 * asked @ known.T
    nearest = np.argpartition(distance, 15, axis=1)[:, :15]
    votes = np.eye(len(synthetic.CLASSES))[answers[nearest]].sum(1)
    return (votes.argmax(1) == truth).mean()


def test_one_frame_does_not_tell_the_class_but_time_does():
    one = _nearest_accuracy([0])
    many = _nearest_accuracy(range(-20, 21, 4))
    # Two classes share each pose: half right is what a pose alone can give.
    assert 0.3 < one < 0.6, one
    assert many > one + 0.12, (one, many)
