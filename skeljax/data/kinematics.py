"""Forward kinematics of a figure in the `ntu25` layout: from angles to joints in meters."""

import numpy as np

# Angles of the figure, radians; a limb hangs straight down at 0.
ANGLES = (
    'spine_flex', 'spine_side', 'spine_twist', 'head_turn',
    'left_shoulder_flex', 'left_shoulder_out', 'left_shoulder_turn', 'left_elbow',
    'right_shoulder_flex', 'right_shoulder_out', 'right_shoulder_turn', 'right_elbow',
    'left_hip_flex', 'left_hip_out', 'left_knee',
    'right_hip_flex', 'right_hip_out', 'right_knee',
)
INDEX = {name: number for number, name in enumerate(ANGLES)}

# Joint -> parent and offset in meters for a height of 1.75 m (x left, y up, z forward).
_CHAIN = {
    1: (0, (0, 0.25, 0)), 20: (1, (0, 0.25, 0)), 2: (20, (0, 0.08, 0)), 3: (2, (0, 0.15, 0.02)),
    4: (20, (0.18, -0.03, 0)), 5: (4, (0, -0.29, 0)), 6: (5, (0, -0.25, 0)), 7: (6, (0, -0.07, 0)),
    21: (7, (0, -0.09, 0)), 22: (7, (0, -0.04, 0.05)),
    8: (20, (-0.18, -0.03, 0)), 9: (8, (0, -0.29, 0)),
    10: (9, (0, -0.25, 0)), 11: (10, (0, -0.07, 0)),
    23: (11, (0, -0.09, 0)), 24: (11, (0, -0.04, 0.05)),
    12: (0, (0.09, -0.05, 0)), 13: (12, (0, -0.43, 0)),
    14: (13, (0, -0.42, 0)), 15: (14, (0, -0.06, 0.16)),
    16: (0, (-0.09, -0.05, 0)), 17: (16, (0, -0.43, 0)),
    18: (17, (0, -0.42, 0)), 19: (18, (0, -0.06, 0.16)),
}
FEET = (14, 15, 18, 19)
_ANKLES = (14, 18)
# Joints in one group are scaled together.
_SEGMENTS = {'spine': (1, 20), 'head': (2, 3), 'upper arm': (5, 9), 'forearm': (6, 10),
             'hand': (7, 11, 21, 22, 23, 24), 'shoulder': (4, 8), 'hip': (12, 16),
             'thigh': (13, 17), 'shank': (14, 18), 'foot': (15, 19)}


def body(rng: np.random.Generator) -> np.ndarray:
    """Returns random bones of a person: offset of each joint from its parent, float64[25, 3]."""
    offsets = np.zeros((25, 3))
    for joint, (_, offset) in _CHAIN.items():
        offsets[joint] = offset
    for joints in _SEGMENTS.values():
        offsets[list(joints)] *= rng.uniform(0.94, 1.06)
    return offsets * rng.uniform(1.5, 1.95) / 1.75


def forward(angles, offsets, heading, path) -> np.ndarray:
    """Returns poses of the figure with the lower foot on the floor and both feet in place.

    Args:
        angles: radians, float64[T, 18], in the order of `ANGLES`.
        offsets: bones, float64[25, 3].
        heading: angle about the vertical, float64[T].
        path: floor position between the ankles, meters, float64[T, 2] (x, z).

    Returns:
        Joints in meters, y up, floor at 0, float64[T, 25, 3].
    """
    a = {name: angles[:, number] for name, number in INDEX.items()}
    half_spine = (
        _about('y', a['spine_twist'] / 2)
        @ _about('z', a['spine_side'] / 2)
        @ _about('x', a['spine_flex'] / 2)
    )
    local = {0: _about('y', heading), 1: half_spine, 20: half_spine, 2: _about('y', a['head_turn'])}
    sides = (('left', 4, 5, 12, 13, 1), ('right', 8, 9, 16, 17, -1))
    for side, shoulder, elbow, hip, knee, out in sides:
        # A negative rotation about x swings a limb forward. The rotation of the upper arm about
        # its own axis determines where a bent elbow takes the forearm: forward at 0, upward at a
        # quarter turn if the arm is held out.
        local[shoulder] = (
            _about('z', out * a[f'{side}_shoulder_out'])
            @ _about('x', -a[f'{side}_shoulder_flex'])
            @ _about('y', out * a[f'{side}_shoulder_turn'])
        )
        local[elbow] = _about('x', -a[f'{side}_elbow'])
        local[hip] = _about('z', out * a[f'{side}_hip_out']) @ _about('x', -a[f'{side}_hip_flex'])
        local[knee] = _about('x', a[f'{side}_knee'])
        # Keeps the sole level.
        local[knee + 1] = _about('x', a[f'{side}_hip_flex'] - a[f'{side}_knee'])
    turned, joints = {0: local[0]}, np.zeros((len(angles), 25, 3))
    for joint, (parent, _) in _CHAIN.items():
        joints[:, joint] = joints[:, parent] + turned[parent] @ offsets[joint]
        turned[joint] = turned[parent] @ local[joint] if joint in local else turned[parent]
    joints[..., 1] -= joints[:, FEET, 1].min(1, keepdims=True)
    # Sitting down moves the hips, not the feet.
    stance = joints[:, _ANKLES].mean(1)
    joints[..., [0, 2]] += (path - stance[:, [0, 2]])[:, None]
    return joints


def _about(axis: str, angle) -> np.ndarray:
    """Returns rotations about one axis, float64[T, 3, 3]."""
    i, j = {'x': (1, 2), 'y': (2, 0), 'z': (0, 1)}[axis]
    rotation = np.broadcast_to(np.eye(3), (len(angle), 3, 3)).copy()
    rotation[:, i, i] = rotation[:, j, j] = np.cos(angle)
    rotation[:, j, i] = np.sin(angle)
    rotation[:, i, j] = -rotation[:, j, i]
    return rotation
