"""Writes NTU RGB+D and PKU-MMD files in their official formats, from known motion."""

import numpy as np

JOINTS = 25


def motion(frames=6, persons=1, seed=0) -> np.ndarray:
    """Makes swaying bodies, meters to the sixth digit, float64[T, M, 25, 3]."""
    rng = np.random.default_rng(seed)
    rest = rng.normal(0, 0.35, (persons, JOINTS, 3)) + [0, 0, 3]
    phase = rng.uniform(0, 2 * np.pi, (persons, JOINTS, 3))
    sway = 0.1 * np.sin(np.arange(frames)[:, None, None, None] / 9 + phase)
    return np.round(rest + sway, 6)


def skeleton(joints, valid=None, *, state=None, ids=None, end='\n') -> bytes:
    """Writes an NTU RGB+D file.

    Args:
        joints: meters, float[T, M, 25, 3].
        valid: who is written in which frame, bool[T, M]; everybody by default.
        state: of tracking, int[T, M, 25]; 2 by default.
        ids: of the M bodies.
        end: of each line.
    """
    frames, persons = joints.shape[:2]
    valid = np.ones((frames, persons), bool) if valid is None else valid
    state = np.full(joints.shape[:3], 2) if state is None else state
    ids = [72057594037931101 + number for number in range(persons)] if ids is None else ids
    rng = np.random.default_rng(1)
    lines = [f'{frames}']
    for frame in range(frames):
        lines.append(f'{valid[frame].sum()}')
        for person in np.flatnonzero(valid[frame]):
            lines += [f'{ids[person]} 0 1 1 0 1 0 0.02764709 -0.05745083 2', f'{JOINTS}']
            turns = rng.normal(0, 0.5, (JOINTS, 4))
            lines += map(_joint, joints[frame, person], turns, state[frame, person])
    return ''.join(line + end for line in lines).encode()


def _joint(place, turn, state) -> str:
    x, y, z = place
    depth = max(z, 0.5)  # the images' places do not matter, but they must look like some
    images = (256 + 366 * x / depth, 212 - 366 * y / depth, 960 + 1000 * x / depth, 540 - y / depth)
    return ' '.join([*map(number, (*place, *images, *turn)), str(state)])


def number(value: float) -> str:
    """Writes seven digits as the sensor's software does."""
    return f'{value:.7g}'.replace('e', 'E')


def line_by_line(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Reads an NTU RGB+D file in the straightforward way: joints and states."""
    lines = iter(data.decode().splitlines())
    frames, slots, rows = int(next(lines)), {}, []
    for frame in range(frames):
        for _ in range(int(next(lines))):
            slot = slots.setdefault(next(lines).split()[0], len(slots))
            for joint in range(int(next(lines))):
                rows.append((frame, slot, joint, [float(field) for field in next(lines).split()]))
    joints = np.zeros((frames, len(slots), JOINTS, 3), np.float32)
    state = np.zeros(joints.shape[:3], int)
    for frame, slot, joint, values in rows:
        joints[frame, slot, joint] = values[:3]
        state[frame, slot, joint] = values[11]
    return joints, state


def table(joints, valid=None, *, end='\n ') -> bytes:
    """Writes a PKU-MMD skeleton file from float[T, M, 25, 3], M at most 2.

    The official files begin every line but the first with a blank.
    """
    frames, persons = joints.shape[:2]
    both = np.zeros((frames, 2, JOINTS, 3))
    both[:, :persons] = joints if valid is None else np.where(valid[..., None, None], joints, 0)
    rows = both.reshape(frames, -1)
    return (end.join(' '.join(f'{value:.6f}' for value in row) for row in rows) + '\n').encode()
