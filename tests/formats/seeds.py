"""Small sound files of every kind that is read, as the fuzz tests change them."""

from collections.abc import Callable
import functools
import gzip
import io
import json
from pathlib import Path
import pickle
import tempfile
from typing import NamedTuple
import warnings

import numpy as np

from skeljax import documents, formats
from skeljax.data import folder_options
from skeljax.formats import archive, asf, babel, labels, pickled, texts, torch_file, wire
from skeljax.localize import exchange
from skeljax.localize.segments import Segments
from skeljax.skeletons import skeleton
from skeljax.viz import saved_eval
from tests import kinect_files
from tests.formats import test_amc, test_bvh, test_torch_file


class Seed(NamedTuple):
    """Sound files of one kind.

    Attributes:
        read: reads a path.
        name: of the file.
        whole: contents, each of which is read.
        beside: further files of its folder: name -> content.
        binary: whether mutations change bytes, not words.
    """

    read: Callable
    name: str
    whole: tuple[bytes, ...]
    beside: dict[str, bytes] = {}  # noqa: RUF012
    binary: bool = False


def _joints(frames=4, count=25):
    return np.random.default_rng(0).normal(size=(frames, 1, count, 3)).astype(np.float32)


def _npz(save=np.savez, **arrays) -> bytes:
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def _npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _json(document) -> bytes:
    return json.dumps(document).encode()


def _c3d() -> bytes:
    from tests.formats import test_c3d

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return test_c3d._write(
            Path(folder) / 'a.c3d', test_c3d._points(3), test_c3d.SOME
        ).read_bytes()


def _table() -> bytes:
    names = [f'{joint}_{axis}' for joint in ('Head', 'Neck', 'Hip') for axis in 'xyz']
    rows = [','.join(map(str, (i, i / 30, *range(9)))) for i in range(4)]
    return '\n'.join([','.join(['frame', 'time', *names]), *rows]).encode()


def _by_joint() -> bytes:
    rows = [f'{i},{joint},{i},1.5,2' for i in range(3) for joint in ('Head', 'Hip')]
    return '\n'.join(['frame,joint,x,y,z', *rows]).encode()


def _mediapipe() -> bytes:
    point = lambda i: {'x': i / 33, 'y': 0.5, 'z': 0.1, 'visibility': 0.9}
    return _json({'fps': 30, 'frames': [{'landmarks': [point(i) for i in range(33)]}] * 2})


def _openpose() -> bytes:
    return _json([{'people': [{'pose_keypoints_2d': [float(i % 7 + 1) for i in range(75)]}]}] * 2)


def _coco() -> bytes:
    item = lambda n: {'image_id': n, 'keypoints': [1.5] * 51, 'score': 0.9, 'category_id': 1}
    return _json([item(0), item(1)])



def _kept() -> bytes:
    some = Segments([0, 5], [3, 9], [0, 1], [0.5, 0.25])
    with tempfile.TemporaryDirectory() as folder:
        path = saved_eval.write(
            Path(folder) / 'a.npz',
            saved_eval.SavedSegments({'a': some}, {'p': {'a': some}}, {'a': 9}),
        )
        return path.read_bytes()


def _wire(kind: str, path: Path):
    parser = wire.KINDS[kind](2, 5)
    data = path.read_bytes()
    return [*parser.push(data[:77]), *parser.push(data[77:]), *parser.finish()]


def _frames() -> bytes:
    bodies = np.random.default_rng(0).normal(size=(3, 2, 5, 3)).tolist()
    bodies[1][1] = bodies[2][0][3] = None
    return b'\n'.join(map(_json, bodies))


def _layout(path: Path):
    # Without its memory of layouts, which would grow with every input.
    return skeleton.get.__wrapped__(texts.read(path).strip())


def _tables() -> dict[str, Seed]:
    csv = b'recording,start,end,label,score\nwalk,0.5,1.5,sit,0.9\nwalk,2,3,"a, b",1\nrun,,,,\n'
    database = {
        'r': {
            'subset': 'val',
            'duration': 9.5,
            'annotations': [{'label': 'a', 'segment': [0, 1.5]}],
        }
    }
    results = {'r': [{'label': 'a', 'score': 0.5, 'segment': [0, 1]}]}
    found = {
        'recording': 'r',
        'fps': 30,
        'frames': 90,
        'segments': [
            {
                'label': 'a',
                'start_frame': 0,
                'end_frame': 9,
                'start_seconds': 0,
                'end_seconds': 0.3,
                'score': 0.5,
            }
        ],
    }
    sets = functools.partial(exchange.read, fps=30.0)
    own = {
        'fps': 30,
        'layout': 'ntu25',
        'unit': 'cm',
        'persons': 1,
        'classes': ['a', 'b'],
        'split': 'subject',
        'seed': 1,
    }
    entry = {
        'feat_p': 'K/K/4/walk_poses.npz',
        'dur': 2.5,
        'seq_ann': None,
        'frame_ann': {'labels': [{'start_t': 0, 'end_t': 1, 'act_cat': ['walk']}]},
    }
    return {
        'labels.csv': Seed(labels.read, 'labels.csv', (csv,)),
        'labels.json': Seed(labels.read, 'labels.json', (_json({'database': database}),)),
        'corpus.json': Seed(
            lambda path: folder_options.read(path.parent), 'corpus.json', (_json(own),)
        ),
        'segments as a table': Seed(
            sets, 'a.csv', (csv, csv.replace(b'start,end', b'start_frame,end_frame'))
        ),
        'segments of ActivityNet': Seed(
            sets, 'a.json', (_json({'database': database}), _json({'results': results}))
        ),
        'segments of PKU-MMD': Seed(sets, 'a.txt', (b'1,0,30,0.5\n2,30,60,1\n',)),
        'segments of predict': Seed(sets, 'a.json', (_json(found),)),
        'kept segments': Seed(saved_eval.read, 'a.npz', (_kept(),), binary=True),
        'BABEL': Seed(babel.sequences, 'val.json', (_json({'7': entry}),)),
        'JSON': Seed(documents.read, 'a.json', (_json(found),)),
        'a layout': Seed(
            _layout,
            'a.txt',
            (
                skeleton.describe(
                    skeleton.infer('own', ('Hips', 'LeftUpLeg', 'RightUpLeg'), (-1, 0, 0))
                ).encode(),
            ),
        ),
    }


def all_kinds() -> dict[str, Seed]:
    """Returns the seeds by the name of what reads them."""
    joints = _joints()
    table = {
        'joints': joints,
        'fps': np.float64(30),
        'layout': np.array('ntu25'),
        'subject': np.array('x'),
    }
    own = {
        'joints': joints[:, :, :3],
        'fps': np.array(30),
        'joint_names': np.array(['a', 'b', 'c']),
        'parents': np.array([-1, 0, 1]),
        'unit': np.array('cm'),
        'valid': np.ones((4, 1), bool),
    }
    rated = functools.partial(formats.read, fps=30.0)
    told = functools.partial(rated, layout='ntu25')
    state = test_torch_file._table(
        a=test_torch_file._tensor((2, 3), (3, 1)), b=test_torch_file._tensor((), ())
    )
    matrix = {'a': np.arange(6.0).reshape(2, 3)}
    zeros = '\n'.join([','.join(['0.5'] * 66)] * 2).encode()
    return {
        'bvh': Seed(formats.read, 'a.bvh', (test_bvh.SMALL.encode(),)),
        'amc': Seed(
            formats.read, '07_01.amc', (test_amc.AMC.encode(),), {'07.asf': test_amc.ASF.encode()}
        ),
        'asf': Seed(asf.read, '07.asf', (test_amc.ASF.encode(),)),
        'ui_prmd': Seed(
            formats.read, 'm01_s01_e01_positions.txt', (zeros,), {'m01_s01_e01_angles.txt': zeros}
        ),
        'ntu': Seed(
            formats.read,
            'S001C002P003R001A004.skeleton',
            (kinect_files.skeleton(kinect_files.motion(2, 2)),),
        ),
        'pku': Seed(formats.read, '0002-L.txt', (kinect_files.table(kinect_files.motion(3)),)),
        'c3d': Seed(formats.read, 'a.c3d', (_c3d(),), binary=True),
        'npz': Seed(
            formats.read,
            'a.npz',
            (_npz(**table), _npz(**own), _npz(np.savez_compressed, **table)),
            binary=True,
        ),
        'npy': Seed(
            told, 'a.npy', (_npy(joints), _npy(joints[:, 0, :, :2].astype('>f8'))), binary=True
        ),
        'table': Seed(rated, 'a.csv', (_table(),)),
        'table by joint': Seed(rated, 'a.csv', (_by_joint(),)),
        'gzip': Seed(rated, 'a.csv.gz', (gzip.compress(_table(), mtime=0),), binary=True),
        'keypoints': Seed(rated, 'a.json', (_mediapipe(), _openpose(), _coco())),
        'torch': Seed(
            torch_file.state,
            'a.pt',
            (test_torch_file._zipped(state), test_torch_file._in_a_row(state)),
            binary=True,
        ),
        'pickle': Seed(
            functools.partial(pickled.arrays, names=('a',)),
            'a.pkl',
            tuple(pickle.dumps(matrix, protocol=protocol) for protocol in (0, 2, 4, 5)),
            binary=True,
        ),
        'archive': Seed(
            functools.partial(archive.arrays, names=('a',)), 'a.npz', (_npz(**matrix),), binary=True
        ),
        'stream of JSON': Seed(functools.partial(_wire, 'json'), 'a.txt', (_frames(),)),
        'stream of float32': Seed(
            functools.partial(_wire, 'float32'),
            'a.f32',
            (np.random.default_rng(0).normal(size=(3, 2, 5, 3)).astype('<f4').tobytes(),),
            binary=True,
        ),
        **_tables(),
    }
