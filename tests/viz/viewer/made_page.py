"""Recordings and segments of the page that the browser tests open."""

import numpy as np

from skeljax.data import records
from skeljax.formats.motion import Motion
from skeljax.localize import Segments
from skeljax.skeletons import skeleton

CLASSES = ('walk', 'sit', 'wave')
FPS = 20.0
# Seconds 0-5 walk, 6-10 sit, 12-15 wave; found: walk, wave for sit, and twice a piece of wave.
TRUTH = Segments([0, 120, 240], [100, 200, 300], [0, 1, 2])
FOUND = Segments([0, 120, 240, 275], [100, 200, 265, 300], [0, 2, 2, 2], [0.9, 0.8, 0.7, 0.6])
LIMBS = {
    'pelvis': (0, 1, 0),
    'spine': (0, 1.2, 0),
    'chest': (0, 1.4, 0),
    'neck': (0, 1.5, 0),
    'head': (0, 1.6, 0),
    'head top': (0, 1.75, 0),
    'collar': (0.08, 1.45, 0),
    'shoulder': (0.2, 1.42, 0),
    'elbow': (0.45, 1.4, 0),
    'wrist': (0.7, 1.4, 0),
    'hip': (0.1, 0.95, 0),
    'knee': (0.11, 0.5, 0.05),
    'ankle': (0.12, 0.08, 0),
    'toe': (0.12, 0, 0.15),
}


def recording(name='first', frames=400, walk=2.0, persons=1):
    """Returns a body with stretched arms that moves sideways; absent in frames 320 to 340."""
    points = skeleton.get('uiprmd22').points
    pose = []
    for point in points:
        side, _, word = (
            point.partition(' ') if point.startswith(('left', 'right')) else ('', '', point)
        )
        x, y, z = LIMBS[word]
        pose.append((-x if side == 'right' else x, y, z))
    joints = np.tile(np.array(pose), (frames, persons, 1, 1))
    joints[..., 0] += np.linspace(0, walk, frames)[:, None, None]
    joints[:, 1:, :, 0] += 1.2
    valid = np.ones((frames, persons), bool)
    valid[320:340] = False
    motion = Motion(joints.astype(np.float32), FPS, 'uiprmd22', valid)
    return records.from_motion(motion, name=name)


def scores(frames=400):
    """Returns scores: 1 for walk in the first 100 frames, 0.6 for wave from 120 to 200."""
    values = np.zeros((frames, 4), np.float32)
    values[:100, 0] = 1
    values[120:200, 2] = 0.6
    return values
