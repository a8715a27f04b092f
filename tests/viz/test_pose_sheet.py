"""Tests pose sheets: every class is shown, upright and from the front."""

import dataclasses

from matplotlib.colors import to_rgb
from matplotlib.image import imread
import numpy as np
import pytest

from skeljax.data import records, synthetic
from skeljax.errors import InputError
from skeljax.skeletons import skeleton
from skeljax.viz import figure, pose_sheet, pose_strip

CLASSES = synthetic.CLASSES


def _recording(number=0, index=0, **more):
    motion, segments = synthetic.recording(1, 'train', number, index, actions=4, noise=0.0)
    made = records.from_motion(
        motion, name=f'p{number}_{index}', segments=segments, num_classes=len(CLASSES)
    )
    return dataclasses.replace(made, **more)


def _unlabeled(**more):
    nothing = np.zeros(0, np.int32)
    return _recording(segment_start=nothing, segment_end=nothing, segment_label=nothing, **more)


def _collect(recordings) -> list[pose_strip.Strip]:
    collected = pose_sheet.PoseSheet()
    for recording in recordings:
        collected.add(recording)
    return collected.choose()


def test_every_class_is_shown_by_different_recordings():
    strips = _collect(_recording(number, index) for number in range(6) for index in range(2))
    assert {strip.label for strip in strips} == set(range(8)) and len(strips) == 8
    assert len({strip.recording for strip in strips}) >= 6


def test_few_classes_are_shown_again_and_many_once():
    def labeled(number, classes):
        starts = np.arange(4, dtype=np.int32) * 20
        labels = ((np.arange(4) + number) % classes).astype(np.int32)
        spans = {'segment_start': starts, 'segment_end': starts + 20, 'segment_label': labels}
        return _recording(number, **spans)

    few = [strip.label for strip in _collect(labeled(n, 2) for n in range(5))]
    assert few == [0] * 4 + [1] * 4
    many = [strip.label for strip in _collect(labeled(n, 30) for n in range(30))]
    assert many == list(range(30))


def test_a_strip_goes_from_the_beginning_of_its_segment_to_the_end():
    recording = _recording()
    (strip,) = (s for s in _collect([recording]) if s.label == recording.segment_label[1])
    ends = strip.seconds[[0, -1]] * recording.fps
    assert ends.tolist() == [recording.segment_start[1], recording.segment_end[1] - 1]
    assert len(strip.seconds) == pose_strip.POSES


def test_without_labels_recordings_are_shown_whole():
    strips = _collect(_unlabeled(name=f'r{n}') for n in range(12))
    assert [strip.recording for strip in strips] == [f'r{n}' for n in range(8)]
    assert strips[0].seconds[0] == 0 and strips[0].label == -1


def test_everybody_is_seen_from_the_front_as_tall_as_they_are():
    recording = _recording()
    for strip in _collect([recording]):
        flat = pose_strip.project(strip, pose_strip.body_joints(strip))
        layout = skeleton.get(strip.layout)
        head, foot = (layout.joints.index(name) for name in ('Head', 'FootLeft'))
        assert (flat[..., head, 1] > flat[..., foot, 1] + 0.3).all()
        assert flat[..., 1].min() == pytest.approx(0)
        assert np.ptp(flat[..., 1]) == pytest.approx(np.ptp(strip.joints[..., 1]))
        left, right = (layout.joints.index(f'Hip{side}') for side in ('Left', 'Right'))
        assert (flat[..., left, 0] > flat[..., right, 0]).mean() > 0.9


def _lying(recording):
    joints = recording.joints
    turned = np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], -1)
    return dataclasses.replace(recording, joints=turned)


def test_odd_sizes_and_attitudes_are_drawn_to_one_scale_and_marked():
    """A body 1,600 m tall (wrong unit) and one along z (wrong axis)."""
    good = _unlabeled(name='good')
    huge = dataclasses.replace(good, joints=good.joints * 1000, name='huge')
    strips = _collect([good, huge, dataclasses.replace(_lying(good), name='lying')])
    odd = {strip.recording: strip.posture.odd() for strip in strips}
    size = strips[1].posture.size
    assert odd == {'good': [], 'huge': [f'a body of {size:,.0f} m'], 'lying': ['z is up']}
    assert 1000 < size < 2600
    scales = pose_sheet._scales(strips)
    heights = [
        np.ptp(pose_strip.project(s, pose_strip.body_joints(s))[..., 1]) * scales[False]
        for s in strips
    ]
    assert 0.5 < heights[0] < 1.001 and heights[1] == pytest.approx(1000 * heights[0], rel=1e-3)
    assert heights[2] < 0.7 * heights[0]


def test_images_have_a_scale_of_their_own():
    good = _unlabeled(name='good')
    pixels = dataclasses.replace(good, joints=good.joints * [300, 300, 0], name='pixels')
    strips = _collect([good, pixels])
    assert strips[1].posture.odd() == [] and 'm' not in strips[1].posture.tall()
    scales = pose_sheet._scales(strips)
    assert scales[True] * 300 == pytest.approx(scales[False], rel=0.01)


def test_what_is_odd_is_written_in_red(tmp_path):
    red = lambda path: (
        np.abs(imread(path)[..., :3] - to_rgb(pose_sheet._WARNING)).max(-1) < 0.1
    ).sum()
    good, lying = _unlabeled(name='good'), _lying(_unlabeled(name='lying'))
    assert red(pose_sheet.draw(tmp_path / 'a.png', _collect([good]), classes=CLASSES)) == 0
    assert red(pose_sheet.draw(tmp_path / 'b.png', _collect([lying]), classes=CLASSES)) > 20


def test_a_root_that_stays_behind_is_no_part_of_the_body():
    recording = _recording()
    root = skeleton.get('ntu25').parents.index(-1)
    joints = recording.joints.copy()
    joints[:, :, root] = [30, 0, 0]
    (strip, *_) = _collect([dataclasses.replace(recording, joints=joints)])
    body = pose_strip.body_joints(strip)
    assert np.flatnonzero(~body).tolist() == [root]
    flat = pose_strip.project(strip, body)[..., body, :]
    assert np.ptp(flat[..., 0], axis=-1).max() < 1.5 and np.ptp(flat[..., 1]) < 2.5
    assert pose_strip.body_joints(_collect([recording])[0]).all()


@pytest.mark.parametrize(('apart', 'shown'), [(0.0, {8}), (3.0, {3, 4, 5, 6, 7}), (50.0, {2})])
def test_people_far_apart_are_shown_less_often_and_never_meet_their_next_pose(apart, shown):
    recording = _recording()
    pair = np.concatenate([recording.joints, recording.joints], 1)
    pair[:, 1, :, 0] += apart
    valid = recording.person_valid.repeat(2, 1)
    strip = pose_strip.cut(
        dataclasses.replace(
            recording, joints=pair, person_valid=valid,
            joint_valid=recording.joint_valid.repeat(2, 1),
        ), 0, 60, 0,
    )
    body = pose_strip.body_joints(strip)
    flat = pose_strip.project(strip, body) * pose_sheet._scales([strip])[False]
    flat, poses = pose_sheet._place(strip, flat, body, 2.0, 10.0)
    assert len(poses) in shown
    reach = np.abs(flat[..., 0]).max()
    centers = [centre for _, centre in poses]
    if apart:
        assert np.diff(centers).min() >= 2 * reach - 1e-9
        assert centers[0] - reach >= 2 - 1e-9 and centers[-1] + reach <= 10 + 1e-9


def test_the_picture_has_the_color_of_every_class(tmp_path):
    strips = _collect(_recording(number) for number in range(6))
    path = pose_sheet.draw(
        tmp_path / 'new' / 'sheet.png', strips, classes=CLASSES, title='one $ sign'
    )
    pixels = imread(path)[..., :3].reshape(-1, 3)
    for label in range(8):
        same = np.abs(pixels - to_rgb(figure.color(label))).max(1) < 0.02
        assert same.sum() > 200, CLASSES[label]
    assert [p.name for p in path.parent.iterdir()] == ['sheet.png']


def test_absent_and_unmeasured_persons_single_frames_and_strange_names_are_drawn(tmp_path):
    recording = _recording()
    absent = np.zeros_like(recording.person_valid)
    strips = _collect([
        dataclasses.replace(recording, person_valid=absent),
        _unlabeled(name='$_' * 30, joint_valid=np.zeros_like(recording.joint_valid)),
        _unlabeled(joints=recording.joints * [1, 1, 0]),
        _unlabeled(joints=recording.joints[:1], person_valid=np.ones((1, 1), bool),
                    joint_valid=np.ones((1, 1, 25), bool)),
    ])
    path = pose_sheet.draw(tmp_path / 'a.png', strips, classes=CLASSES)
    assert imread(path).shape[2] == 4


def test_many_strips_stand_in_columns(tmp_path):
    (strip, *_) = _collect([_unlabeled()])
    narrow = imread(pose_sheet.draw(tmp_path / 'a.png', [strip] * 12, classes=CLASSES)).shape
    wide = imread(pose_sheet.draw(tmp_path / 'b.png', [strip] * 13, classes=CLASSES)).shape
    assert wide[1] == 2 * narrow[1] and wide[0] < narrow[0]


def test_nothing_to_draw_is_told(tmp_path):
    with pytest.raises(InputError, match='no recording to draw'):
        pose_sheet.draw(tmp_path / 'a.png', [], classes=CLASSES)
