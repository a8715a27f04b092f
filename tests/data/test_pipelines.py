"""The three pipelines of the field, against loops that follow their descriptions number by number.

The loops work on what the releases work on: arrays of one clip, persons of zeros
where they are absent, joint by joint.
"""

import math

import numpy as np
import pytest

from skeljax.data import normalize
from skeljax.data.records import Recording

SEEDS = range(4)


def _recording(clip, valid) -> Recording:
    """Makes the recording of float[M, T, 25, 3]."""
    none = np.zeros(0, np.int32)
    joints = np.where(valid[..., None, None], clip, 0).astype(np.float32)
    return Recording(
        name='clip 7',
        joints=joints.transpose(1, 0, 2, 3),
        frame_valid=valid.any(0),
        person_valid=valid.T.copy(),
        joint_valid=np.ones((clip.shape[1], clip.shape[0], 25), bool),
        fps=30.0,
        layout='ntu25',
        segment_start=none,
        segment_end=none,
        segment_label=none,
    )


def _clip(seed, persons, frames) -> np.ndarray:
    """Draws bodies that stand (head over feet), wander and sway, float[M, T, 25, 3]."""
    rng = np.random.default_rng(seed)
    body = rng.normal(0, 0.15, (persons, 1, 25, 3))
    body[..., 1] += np.linspace(0.9, -0.9, 25)
    body[:, 0, [4, 8]] = [[0.2, 0.5, 0.05], [-0.2, 0.5, -0.05]]
    body[:, 0, [0, 1]] = [[0, -0.1, 0], [0.02, 0.2, 0.03]]
    place = rng.normal(0, 1, (persons, 1, 1, 3)) + [0, 0, 3]
    path = np.cumsum(rng.normal(0, 0.03, (persons, frames, 1, 3)), axis=1)
    sway = rng.uniform(0.02, 0.1, (persons, 1, 1, 1)) * rng.normal(0, 1, (persons, frames, 25, 3))
    return (place + body + path + sway).astype(np.float32)


def _run(name, clip, valid):
    after = normalize.compose((name,))(_recording(clip, valid))
    return after.joints.transpose(1, 0, 2, 3), after


def _present(frame) -> bool:
    return bool(np.abs(frame).sum() > 0)


def _crossclr(clip, count=50):
    """Follows CrosSCLR's release on the first two persons, float[2, 50, 25, 3]."""
    first = np.zeros((2, *clip.shape[1:]))
    for person in range(min(2, len(clip))):
        for t in range(clip.shape[1]):
            for joint in range(25):
                first[person, t, joint] = clip[person, t, joint] - clip[person, t, 20]
    resized = np.zeros((2, count, 25, 3))
    length = clip.shape[1]
    for t in range(count):
        place = min(max((t + 0.5) * length / count - 0.5, 0), length - 1)
        low = int(math.floor(place))
        high = min(low + 1, length - 1)
        resized[:, t] = (1 - (place - low)) * first[:, low] + (place - low) * first[:, high]
    for person in range(2):
        depth = sum(resized[person, t, 8, 2] - resized[person, t, 4, 2] for t in range(count))
        for t in range(count):
            x, _, z = resized[person, t, 8] - resized[person, t, 4]
            angle = math.acos(x / (math.sqrt(x * x + z * z) + 1e-4))
            angle = -angle if depth >= 0 else angle
            for joint in range(25):
                a, b, c = resized[person, t, joint]
                resized[person, t, joint] = (
                    math.cos(angle) * a - math.sin(angle) * c, b,
                    math.sin(angle) * a + math.cos(angle) * c,
                )
    return resized


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize(('persons', 'frames'), [(1, 31), (2, 80), (3, 50)])
def test_crossclr(seed, persons, frames):
    clip = _clip(seed, persons, frames)
    after, recording = _run('crossclr', clip, np.ones((persons, frames), bool))
    np.testing.assert_allclose(after, _crossclr(clip), atol=1e-4)
    assert recording.person_valid.any(0).tolist() == [True, persons > 1]
    assert recording.fps == pytest.approx(30 * 50 / frames)


def test_crossclr_by_hand():
    """Shoulders along z come to lie along x; two frames become fifty around their chests."""
    clip = np.zeros((1, 2, 25, 3), np.float32)
    clip[0, :, 20] = [1, 1, 3]
    clip[0, :, 8], clip[0, :, 4] = [1, 1, 3.2], [1, 1, 2.8]
    clip[0, 0, 3], clip[0, 1, 3] = [1, 1.4, 3], [1.5, 1.4, 3]
    after, _ = _run('crossclr', clip, np.ones((1, 2), bool))
    # dx is 0, so the angle is 90 degrees exactly, for dz > 0: x takes the place of z.
    np.testing.assert_allclose(after[0, [0, 49], 8], [[0.2, 0, 0]] * 2, atol=1e-5)
    np.testing.assert_allclose(after[0, 0, 3], [0, 0.4, 0], atol=1e-5)
    np.testing.assert_allclose(after[0, 49, 3], [0, 0.4, -0.5], atol=1e-5)
    # Frame 25 of 50 stands for (25 + 1/2) · 2 / 50 - 1/2 = 0.52.
    np.testing.assert_allclose(after[0, 25, 3], [0, 0.4, -0.26], atol=1e-5)
    assert (after[1] == 0).all()


def _rodrigues(axis, angle):
    if np.abs(axis).sum() < 1e-6 or abs(angle) < 1e-6:
        return np.eye(3)
    x, y, z = axis / np.linalg.norm(axis)
    c, s = math.cos(angle), math.sin(angle)
    return np.array(
        [
            [c + x * x * (1 - c), x * y * (1 - c) - z * s, x * z * (1 - c) + y * s],
            [y * x * (1 - c) + z * s, c + y * y * (1 - c), y * z * (1 - c) - x * s],
            [z * x * (1 - c) - y * s, z * y * (1 - c) + x * s, c + z * z * (1 - c)],
        ]
    )


def _angle(one, other):
    cos = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    return math.acos(min(max(cos, -1), 1))


def _agcn(clip):
    """Follows 2s-AGCN's release, float[2, T, 25, 3]."""
    energies = []
    for person in clip:
        shown = np.array([frame for frame in person if _present(frame)], np.float64)
        energies.append(sum(shown[:, :, axis].std() for axis in range(3)) if len(shown) else 0)
    order = sorted(range(len(clip)), key=lambda i: -energies[i])[:2]
    kept = np.zeros((2, *clip.shape[1:]))
    kept[: len(order)] = clip[order]
    for person in range(2):
        if not kept[person].any():
            continue
        if not _present(kept[person, 0]):
            shown = [frame.copy() for frame in kept[person] if _present(frame)]
            kept[person] = 0
            kept[person, : len(shown)] = shown
        last = max(t for t, frame in enumerate(kept[person]) if _present(frame))
        for t in range(last + 1, clip.shape[1]):
            kept[person, t] = kept[person, t % (last + 1)]
    middle = kept[0, :, 1].copy()
    for person in range(2):
        for t in range(clip.shape[1]):
            if _present(kept[person, t]):
                kept[person, t] = kept[person, t] - middle[t]
    for first, second, axis in ((0, 1, np.array([0.0, 0, 1])), (4, 8, np.array([1.0, 0, 0]))):
        bone = kept[0, 0, second] - kept[0, 0, first]
        turn = _rodrigues(np.cross(bone, axis), _angle(bone, axis))
        for person in range(2):
            for t in range(clip.shape[1]):
                for joint in range(25):
                    kept[person, t, joint] = turn @ kept[person, t, joint]
    return kept


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('persons', [1, 2, 4])
@pytest.mark.parametrize('gaps', [False, True])
def test_2s_agcn(seed, persons, gaps):
    clip, valid = _clip(seed, persons, 40), np.ones((persons, 40), bool)
    if gaps:  # come late, leave early, are lost in between; one is there throughout
        rng = np.random.default_rng(seed)
        for person in range(1, persons):
            start, end = sorted(rng.choice(40, 2, replace=False))
            valid[person, :start] = valid[person, end + 1 :] = False
        valid[1:, 20] = False
        clip[0] *= 3  # the one who moves most
        valid[0] = True
    clip = np.where(valid[..., None, None], clip, 0)
    after, recording = _run('2s-agcn', clip, valid)
    np.testing.assert_allclose(after, _agcn(clip), atol=1e-4)
    spine = after[0, 0, 8] - after[0, 0, 4]
    np.testing.assert_allclose(spine[1:], 0, atol=1e-5)
    assert spine[0] > 0 and recording.frame_valid.all()


def test_2s_agcn_by_hand():
    """A body that stands along y and looks along z: up comes to z, its right to x, z to y."""
    clip = np.zeros((1, 2, 25, 3), np.float32)
    clip[0, :, [0, 1, 8, 4]] = np.array(
        [[0, 1, 0], [0, 1.3, 0], [-0.2, 1.5, 0], [0.2, 1.5, 0]]
    )[:, None]
    clip[0, :, 3] = [0, 1.8, 0.1]
    clip[0, 1] += [5, 0, 0]  # centered, the way goes
    after, _ = _run('2s-agcn', clip, np.ones((1, 2), bool))
    # About x by 90 degrees: y to z, z to -y. Then (-0.4, 0, 0) is along x, the other
    # way: left as it is, as in the release.
    np.testing.assert_allclose(after[0, 0, 0], [0, 0, -0.3], atol=1e-6)
    np.testing.assert_allclose(after[0, 0, 3], [0, -0.1, 0.5], atol=1e-6)
    np.testing.assert_allclose(after[0, 0, 8], [-0.2, 0, 0.2], atol=1e-6)
    np.testing.assert_allclose(after[0, 1], after[0, 0], atol=1e-5)


def _ctr_gcn(clip):
    """Follows CTR-GCN's release, float[2, T, 25, 3]."""
    bodies = {}
    for number, person in enumerate(clip):
        shown = [t for t, frame in enumerate(person) if _present(frame)]
        if shown:
            bodies[number] = {'interval': shown, 'joints': person[shown].astype(np.float64)}
            bodies[number]['motion'] = person[shown].reshape(-1, 3).astype(np.float64).var(0).sum()
    if len(bodies) > 1:
        for number in list(bodies):
            if len(bodies[number]['interval']) <= 11:
                del bodies[number]
        for number in list(bodies):
            if len(bodies) == 1:
                break
            joints = bodies[number]['joints']
            good = [
                t for t, frame in enumerate(joints)
                if frame[:, 0].max() - frame[:, 0].min()
                <= 0.8 * (frame[:, 1].max() - frame[:, 1].min())
            ]
            noisy = len(joints) - len(good)
            if noisy and noisy / len(joints) >= 0.69754:
                del bodies[number]
            elif noisy:
                spread = joints[good].reshape(-1, 3).var(0).sum()
                bodies[number]['motion'] = min(bodies[number]['motion'], spread)
    actors = np.zeros((2, *clip.shape[1:]))
    spans = [None, None]
    for body in sorted(bodies.values(), key=lambda body: -body['motion']):
        start, end = body['interval'][0], body['interval'][-1]
        for place in range(2):
            if spans[place] is None or min(spans[place][1], end) < max(spans[place][0], start):
                for t, joints in zip(body['interval'], body['joints'], strict=True):
                    actors[place, t] = joints
                ends = (start, end, *(spans[place] or ()))
                spans[place] = min(ends), max(ends)
                break
    origin = next(frame[1].copy() for frame in actors[0] if _present(frame))
    for place in range(2):
        for t in range(clip.shape[1]):
            if _present(actors[place, t]):
                actors[place, t] = actors[place, t] - origin
    return actors


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('persons', [1, 2, 4])
def test_ctr_gcn(seed, persons):
    rng = np.random.default_rng(seed)
    clip, valid = _clip(seed, persons, 40), np.ones((persons, 40), bool)
    for person in range(1, persons):
        start, end = sorted(rng.choice(40, 2, replace=False))
        valid[person] = (np.arange(40) >= start) & (np.arange(40) <= end)
    if persons == 4:  # one briefly there, one wide
        valid[2, :] = np.arange(40) < 8
        clip[3, ::2, :, 0] *= 4
    clip = np.where(valid[..., None, None], clip, 0)
    after, _ = _run('ctr-gcn', clip, valid)
    np.testing.assert_allclose(after, _ctr_gcn(clip), atol=1e-5)


def test_ctr_gcn_by_hand():
    """Nobody is turned; the path stays; a person found again under a new number is one."""
    clip = np.zeros((3, 40, 25, 3), np.float32)
    clip[..., 3, 1] = 1.7  # tall
    clip[0, :, :, 2] += np.linspace(0, 4, 40)[:, None]  # walks most, but only until frame 20
    clip[1, :, :, 2] += np.linspace(0, 1, 40)[:, None]
    clip[2, :, :, 2] += 2
    valid = np.zeros((3, 40), bool)
    valid[0, 2:20] = valid[1] = valid[2, 25:] = True
    clip[:, :, 1, 0] = 0.5
    after, recording = _run('ctr-gcn', clip, valid)
    assert recording.person_valid.T.tolist() == [(valid[0] | valid[2]).tolist(), [True] * 40]
    first = 2 * 4 / 39  # how far the first one is when first seen
    np.testing.assert_allclose(after[0, 10, 1], [0, 0, 10 * 4 / 39 - first], atol=1e-6)
    np.testing.assert_allclose(after[0, 30, 1], [0, 0, 2 - first], atol=1e-6)
    np.testing.assert_allclose(after[1, 39, 3], [-0.5, 1.7, 1 - first], atol=1e-6)


def test_pipelines_may_be_followed_by_steps():
    clip, valid = _clip(0, 2, 40), np.ones((2, 40), bool)
    recording = _recording(clip, valid)
    both = normalize.compose(('ctr-gcn', 'size'))(recording)
    expected = normalize.size(normalize.compose(('ctr-gcn',))(recording))
    np.testing.assert_array_equal(both.joints, expected.joints)
