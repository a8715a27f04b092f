"""Files of the first Kinect as Kinder-Gator and PRECOG have them, written by tests."""

import gzip
from pathlib import Path

import numpy as np

JOINTS = (
    'HipCenter', 'Spine', 'ShoulderCenter', 'Head',
    'ShoulderLeft', 'ElbowLeft', 'WristLeft', 'HandLeft',
    'ShoulderRight', 'ElbowRight', 'WristRight', 'HandRight',
    'HipLeft', 'KneeLeft', 'AnkleLeft', 'FootLeft',
    'HipRight', 'KneeRight', 'AnkleRight', 'FootRight',
)


def write(path: Path, text: str) -> Path:
    """Writes a file, gzipped where its name ends with .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = text.encode()
    path.write_bytes(gzip.compress(raw, 1) if path.suffix == '.gz' else raw)
    return path


def trial(joints: np.ndarray, person: int, action: str, times=None) -> str:
    """Returns the text of a trial of Kinder-Gator, of joints float[T, 20, 3]."""
    columns = [f'{joint}{axis}' for joint in JOINTS for axis in 'XYZ']
    times = 1000 + np.arange(len(joints)) * 100 / 3 if times is None else times
    lines = ['Timestamp,' + ','.join(columns) + ',User-ID,Action,']
    for time, row in zip(times, joints.reshape(len(joints), 60), strict=True):
        numbers = ','.join(f'{value:.7g}' for value in row)
        lines.append(f'{time:.4f},{numbers},{person},{action},')
    return '\n'.join(lines) + '\n'


def sequence(joints: np.ndarray, labels) -> str:
    """Returns the text of a recording of PRECOG, of joints float[T, 20, 3] and labels int[T]."""
    lines = ['; '.join(JOINTS)]
    for pose, label in zip(joints, labels, strict=True):
        cells = (' '.join(f'{value:.7g}' for value in joint) for joint in pose)
        lines.append(';'.join([*cells, str(label)]))
    return '\n'.join(lines) + '\n'
