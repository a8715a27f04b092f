"""Files of the kept libraries: arrays equal theirs. Skipped where a library is not installed."""

import numpy as np
import pytest

from skeljax import formats
from skeljax.skeletons import skeleton

PARTS = ['snout', 'leftear', 'rightear', 'tail']


def _points(frames=6, persons=2, seed=0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    points = rng.uniform(1, 400, (frames, persons, len(PARTS), 2))
    points[2, 0, 1] = np.nan
    return points, rng.uniform(0.1, 1, points.shape[:3])


def _equal(motion, points):
    seen = np.isfinite(points).all(-1)
    np.testing.assert_allclose(motion.joints[..., :2][seen], (points * [1, -1])[seen], rtol=1e-6)
    np.testing.assert_array_equal(motion.joint_valid, seen)


@pytest.mark.filterwarnings('ignore')
def test_movement_and_what_it_reads_of_deeplabcut(tmp_path):
    poses = pytest.importorskip('movement.io.load_poses', reason='needs movement')
    from movement.io import save_poses

    points, scores = _points()
    data = poses.from_numpy(
        points.transpose(0, 3, 2, 1), scores.transpose(0, 2, 1), individual_names=['a', 'b'],
        keypoint_names=PARTS, fps=40.0, source_software='DeepLabCut',
    )
    data.to_netcdf(tmp_path / 'a.nc')
    motion = formats.read(tmp_path / 'a.nc')
    _equal(motion, data.position.transpose('time', 'individuals', 'keypoints', 'space').values)
    assert motion.fps == 40 and motion.subject == 'a b'
    for name in ('a.csv', 'a.h5'):
        save_poses.to_dlc_file(data, tmp_path / name, split_individuals=False)
        theirs = poses.from_dlc_file(tmp_path / name, fps=40)
        theirs = theirs.position.transpose('time', 'individuals', 'keypoints', 'space').values
        _equal(formats.read(tmp_path / name, fps=40), theirs)


@pytest.mark.filterwarnings('ignore')
def test_sleap_projects_analyses_and_nwb(tmp_path):
    sio = pytest.importorskip('sleap_io', reason='needs sleap-io (pip install skeljax[sleap])')
    points, scores = _points()
    tree = sio.Skeleton(
        nodes=list(PARTS), edges=[('tail', 'snout'), ('snout', 'leftear'), ('snout', 'rightear')]
    )
    video, tracks = sio.Video(filename='vid.mp4'), [sio.Track('a'), sio.Track('b')]
    frames = [
        sio.LabeledFrame(video=video, frame_idx=n, instances=[
            sio.PredictedInstance.from_numpy(
                points[n, m], skeleton=tree, point_scores=scores[n, m], score=0.9, track=track)
            for m, track in enumerate(tracks)])
        for n in range(len(points))
    ]
    labels = sio.Labels(frames, videos=[video], skeletons=[tree], tracks=tracks)
    sio.save_slp(labels, str(tmp_path / 'a.slp'))
    sio.save_analysis_h5(labels, str(tmp_path / 'a.analysis.h5'))
    theirs = sio.load_slp(str(tmp_path / 'a.slp'), open_videos=False).numpy()
    for name in ('a.slp', 'a.analysis.h5'):
        motion = formats.read(tmp_path / name, fps=30)
        _equal(motion, theirs)
        assert motion.subject == 'a b' and skeleton.get(motion.layout).parents == (3, 0, 0, -1)


@pytest.mark.filterwarnings('ignore')
def test_nwb_of_ndx_pose(tmp_path):
    ndx_pose = pytest.importorskip('ndx_pose', reason='needs ndx-pose')
    import datetime

    import pynwb

    points, scores = _points(persons=1)
    file = pynwb.NWBFile('d', 'i', datetime.datetime.now().astimezone())
    tree = ndx_pose.Skeleton(
        name='s', nodes=list(PARTS), edges=np.array([[3, 0], [0, 1], [0, 2]], 'u1')
    )
    series = [
        ndx_pose.PoseEstimationSeries(
            name=part, data=points[:, 0, n], unit='pixels', reference_frame='x',
            timestamps=3 + np.arange(len(points)) / 20, confidence=scores[:, 0, n])
        for n, part in enumerate(PARTS)
    ]
    pose = ndx_pose.PoseEstimation(name='mouse', pose_estimation_series=series, skeleton=tree)
    module = file.create_processing_module('behavior', 'x')
    module.add(ndx_pose.Skeletons(skeletons=[tree]))
    module.add(pose)
    with pynwb.NWBHDF5IO(str(tmp_path / 'a.nwb'), 'w') as output:
        output.write(file)
    motion = formats.read(tmp_path / 'a.nwb')
    _equal(motion, points)
    assert motion.fps == 20 and skeleton.get(motion.layout).parents == (3, 0, 0, -1)


@pytest.mark.filterwarnings('ignore')
def test_pose_format(tmp_path):
    pose_format = pytest.importorskip(
        'pose_format', reason='needs pose-format (pip install skeljax[pose])'
    )
    from pose_format.numpy import NumPyPoseBody
    from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

    names = [joint.upper() for joint in skeleton.get('mediapipe33').joints]
    component = lambda name, points: PoseHeaderComponent(
        name, points, [(0, 1)], [(255, 0, 0)], 'XYZC'
    )
    header = PoseHeader(0.1, PoseHeaderDimensions(640, 480, 1), [
        component('LEFT_HAND_LANDMARKS', ['WRIST', 'THUMB']), component('POSE_LANDMARKS', names)])
    rng = np.random.default_rng(0)
    data = rng.uniform(1, 400, (5, 1, 35, 3)).astype(np.float32)
    certain = np.ones((5, 1, 35), np.float32)
    certain[1, 0, 7] = 0
    path = tmp_path / 'a.pose'
    with path.open('wb') as file:
        pose_format.Pose(header, NumPyPoseBody(25.0, np.ma.masked_array(data), certain)).write(file)
    theirs = pose_format.Pose.read(path.read_bytes()).body.data[:, :, 2:]
    motion = formats.read(path)
    assert motion.layout == 'mediapipe33' and motion.fps == 25
    seen = ~np.ma.getmaskarray(theirs).any(-1)
    np.testing.assert_allclose(motion.joints[seen], (theirs.data * [1, -1, -1])[seen], rtol=1e-6)
    np.testing.assert_array_equal(motion.joint_valid, seen)
    assert motion.notes == ('left out LEFT_HAND_LANDMARKS: the body POSE_LANDMARKS is read',)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(formats.FormatError, match='cannot be read by pose-format'):
        formats.read(path)
