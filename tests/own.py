"""Writes folders of recordings as users have them: files of several formats, tables beside."""

import json
from pathlib import Path

import numpy as np

from skeljax.data import synthetic
from skeljax.formats.motion import Motion
from skeljax.skeletons import skeleton


def write(folder, count: int, formats=('csv', 'npz'), **tables) -> dict[str, tuple[Motion, list]]:
    """Writes recordings of synthetic people, two of each, in turn in these formats.

    Args:
        folder: made if absent.
        count: of recordings: r00, r01, ...
        formats: 'csv', 'npz', 'npy' or 'bvh'.
        tables: text of `labels`, `subjects` or `splits` (.csv), or `corpus` (.json); the
            first is made of what was written by default, None for no such table.

    Returns:
        Recording -> its motion and segments.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for index in range(count):
        motion, segments = synthetic.recording(
            3, 'train', index // 2, index % 2, actions=4, noise=0.0
        )
        name, form = f'r{index:02}', formats[index % len(formats)]
        {'csv': csv, 'npz': npz, 'npy': npy, 'bvh': bvh}[form](folder / f'{name}.{form}', motion)
        made[name] = motion, segments
    tables = {'labels': labels(made)} | tables
    for name, text in tables.items():
        if name == 'corpus':
            (folder / 'corpus.json').write_text(json.dumps(text))
        elif text is not None:
            (folder / f'{name}.csv').write_text(text)
    return made


def labels(made) -> str:
    rows = [
        f'{name},{start / motion.fps:.3f},{end / motion.fps:.3f},{synthetic.CLASSES[label]}'
        for name, (motion, segments) in made.items()
        for start, end, label in segments
    ]
    return '\n'.join(['recording,start,end,label', *rows, ''])


def npz(path: Path, motion: Motion):
    told = {'fps': motion.fps, 'layout': motion.layout, 'subject': motion.subject}
    np.savez(path, joints=motion.joints, **told)


def npy(path: Path, motion: Motion):
    np.save(path, motion.joints)


def csv(path: Path, motion: Motion):
    """One row a frame with its time; coordinates of a tenth of a millimetre."""
    joints = skeleton.get(motion.layout).joints
    rows = [['time', *(f'{joint}_{axis}' for joint in joints for axis in 'xyz')]]
    for frame, values in enumerate(motion.joints):
        rows.append([f'{frame / motion.fps:.3f}', *(f'{v:.4f}' for v in values.ravel())])
    path.write_text(''.join(','.join(row) + '\n' for row in rows))


def bvh(path: Path, motion: Motion):
    """Centimetres; every joint has a position of its own and is never turned."""
    layout = skeleton.get(motion.layout)
    order, lines = [], ['HIERARCHY']

    def add(joint: int, deep: int):
        order.append(joint)
        kind = 'JOINT' if deep else 'ROOT'
        lines.extend([f'{kind} {layout.joints[joint]}', '{', 'OFFSET 0.0 0.0 0.0'])
        lines.append(
            'CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation'
        )
        children = [child for parent, child in layout.bones if parent == joint]
        for child in children:
            add(child, deep + 1)
        if not children:
            lines.extend(['End Site', '{', 'OFFSET 0.0 0.0 0.0', '}'])
        lines.append('}')

    add(layout.parents.index(-1), 0)
    lines += ['MOTION', f'Frames: {len(motion.joints)}', f'Frame Time: {1 / motion.fps:.7f}']
    for pose in motion.joints[:, 0].astype(float) * 100:
        values = []
        for joint in order:
            parent = layout.parents[joint]
            values += [*(pose[joint] - (pose[parent] if parent >= 0 else 0)), 0, 0, 0]
        lines.append(' '.join(f'{v:.3f}' for v in values))
    path.write_text('\n'.join(lines) + '\n')
