"""Small trees of corpora that need a licence, in their official formats: made-up bodies."""

import itertools
from pathlib import Path

import numpy as np

from tests import kinect_files


def ntu_rgbd(folder: Path, actions: int = 60, frames: int = 12) -> Path:
    """Writes NTU RGB+D: one clip of each action for three subjects, one of each split."""
    folder.mkdir(parents=True)
    for subject, action in itertools.product((1, 3, 9), range(1, actions + 1)):
        name = f'S{1 + action % 17:03}C001P{subject:03}R001A{action:03}'
        body = kinect_files.motion(frames, seed=100 * subject + action)
        (folder / f'{name}.skeleton').write_bytes(kinect_files.skeleton(body))
    return folder


def pku_mmd(folder: Path, frames: int = 160) -> Path:
    """Writes part 1 of PKU-MMD: 24 takes of one view, three frames of every action in each."""
    data, labels = (
        folder / 'Data' / 'PKU_Skeleton_Renew',
        folder / 'Label' / 'Train_Label_PKU_final',
    )
    takes = [f'{number:04}-M' for number in range(2, 26)]
    for path in (data, labels, folder / 'Split'):
        path.mkdir(parents=True)
    rows = ''.join(f'{label},{3 * label},{3 * label + 3},2\n' for label in range(1, 52))
    for number, take in enumerate(takes):
        (data / f'{take}.txt').write_bytes(
            kinect_files.table(kinect_files.motion(frames, seed=number))
        )
        (labels / f'{take}.txt').write_text(rows)
    parts = ', '.join(takes[1::4] + takes[2::4] + takes[3::4]), ', '.join(takes[::4])
    text = 'Training videos: \n{}, \nValidataion videos: \n{}'.format(*parts)
    for how in ('subject', 'view'):
        (folder / 'Split' / f'cross-{how}.txt').write_text(text)
    return folder


def ui_prmd(folder: Path, frames: int = 40) -> Path:
    """Writes UI-PRMD as the Kinect saw it: ten persons do each movement once, well and not."""
    rng = np.random.default_rng(0)
    offsets = rng.uniform(-0.2, 0.2, 66)
    line = lambda numbers: ','.join(f'{number:.4f}' for number in numbers) + '\n'
    turns = {movement: rng.uniform(-40, 40, 66) for movement in range(1, 11)}
    for movement, person, well in itertools.product(range(1, 11), range(1, 11), (True, False)):
        where = (
            folder / ('Segmented Movements' if well else 'Incorrect Segmented Movements') / 'Kinect'
        )
        for kind in ('positions', 'angles'):
            path = (
                where
                / kind.title()
                / f'm{movement:02}_s{person:02}_e01_{kind}{"" if well else "_inc"}.txt'
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            sway = np.sin(np.linspace(0, np.pi, frames)) * (1 if well else 0.6)
            rows = (
                [offsets] * frames if kind == 'positions' else [turns[movement] * s for s in sway]
            )
            path.write_text(''.join(map(line, rows)))
    return folder
