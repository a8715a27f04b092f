"""Tables and files of animal trackers: DeepLabCut, LightningPose, SLEAP, Anipose, movement, NWB."""

from pathlib import Path
import pickle
import tempfile

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.errors import InputError
from skeljax.skeletons import skeleton
from tests.formats.damage import damaged, sound_or_told, told

h5py = pytest.importorskip('h5py', reason='needs h5py (pip install skeljax[hdf5])')
PARTS = ('snout', 'leftear', 'rightear', 'tail')
FRAMES = 5


def _points(persons=2, coordinates=2, seed=0) -> np.ndarray:
    points = np.round(
        np.random.default_rng(seed).uniform(1, 400, (FRAMES, persons, len(PARTS), coordinates)), 3
    )
    points[2, 0, 1] = np.nan
    return points


def _scores(persons=2) -> np.ndarray:
    scores = np.full((FRAMES, persons, len(PARTS)), 0.9)
    scores[3, 0, 2] = 0
    return scores


def _columns(persons: int, coords=('x', 'y', 'likelihood')) -> list[tuple]:
    who = [f'm{n}' for n in range(persons)] if persons > 1 else ['']
    return [(w, part, coord) for w in who for part in PARTS for coord in coords]


def _values(points, scores, columns) -> np.ndarray:
    axis = {'x': 0, 'y': 1, 'z': 2}
    cell = lambda n, w, part, c: (
        points[n, w, PARTS.index(part), axis[c]] if c in axis
        else scores[n, w, PARTS.index(part)] if c == 'likelihood' else 7.0
    )
    return np.array(
        [
            [cell(n, int(who[1:] or 0), part, c) for who, part, c in columns]
            for n in range(len(points))
        ]
    )


def _dlc_csv(points, scores, coords=('x', 'y', 'likelihood'), lead=('{n}',)) -> str:
    columns = _columns(points.shape[1], coords)
    blank = [''] * (len(lead) - 1)
    head = lambda name, cells: ','.join([name, *blank, *cells])
    lines = [head('scorer', ['DLC_r'] * len(columns))]
    if points.shape[1] > 1:
        lines.append(head('individuals', [c[0] for c in columns]))
    lines += [head('bodyparts', [c[1] for c in columns]), head('coords', [c[2] for c in columns])]
    for n, row in enumerate(_values(points, scores, columns)):
        cells = ['' if np.isnan(v) else repr(float(v)) for v in row]
        lines.append(','.join([*(word.format(n=n) for word in lead), *cells]))
    return '\n'.join(lines) + '\n'


def _check(motion, points, scores=None, flat=True):
    """Compares a motion with points [T, M, V, C] of which those seen must be equal."""
    seen = np.isfinite(points).all(-1) & (True if scores is None else scores > 0)
    expected = points * ([1, -1] if flat else [1, 1, 1])
    count = expected.shape[-1]
    np.testing.assert_allclose(motion.joints[..., :count][seen], expected[seen], rtol=1e-6)
    found = np.ones(seen.shape, bool) if motion.joint_valid is None else motion.joint_valid
    np.testing.assert_array_equal(found, seen)


def _write(folder, text, name) -> Path:
    path = Path(folder) / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize('persons', [1, 2])
@pytest.mark.parametrize('lead', [('{n}',), ('labeled-data', 'vid', 'img{n}.png')])
def test_deeplabcut_single_and_several_animals(tmp_path, persons, lead):
    points, scores = _points(persons), _scores(persons)
    path = _write(tmp_path, _dlc_csv(points, scores, lead=lead), 'vidDLC_resnet50.csv')
    motion = formats.read(path, fps=50)
    _check(motion, points, scores)
    assert motion.fps == 50 and motion.subject == ('m0 m1' if persons == 2 else '')
    layout = skeleton.get(motion.layout)
    assert layout.joints == PARTS and (motion.joints[..., 2] == 0).all()
    assert 'no frame rate, expected the option fps' in told(formats.read, path)
    if persons == 2:
        _check(formats.read(path, fps=50, subject='m1'), points[:, 1:], scores[:, 1:])


def test_lightning_pose_and_three_coordinates(tmp_path):
    points, scores = _points(1), _scores(1)
    coords = ('x', 'y', 'likelihood', 'x_ens_median', 'x_ens_var')
    path = _write(tmp_path, _dlc_csv(points, scores, coords), 'pred.csv')
    _check(formats.read(path, fps=30), points, scores)
    points = _points(1, 3)
    path = _write(tmp_path, _dlc_csv(points, scores, ('x', 'y', 'z')), 'space.csv')
    _check(formats.read(path, fps=30), points, flat=False)


def test_frames_that_a_table_leaves_out_are_empty(tmp_path):
    points, scores = _points(1), _scores(1)
    lines = _dlc_csv(points, scores).splitlines()
    path = _write(tmp_path, '\n'.join(lines[:4] + lines[5:]), 'a.csv')
    assert formats.read(path, fps=30).valid[:, 0].tolist() == [True, False, True, True, True]


def _appended(path, columns, values, pickled=None):
    """Writes HDF5 as pandas' format `table` does."""
    scorer = [('r', *column) if column[0] else ('r', *column[1:]) for column in columns]
    with h5py.File(path, 'w') as file:
        group = file.create_group('df_with_missing')
        kind = np.dtype([('index', 'i8'), ('values_block_0', 'f8', (values.shape[1],))])
        table = np.zeros(len(values), kind)
        table['index'], table['values_block_0'] = np.arange(len(values)), values
        group['table'] = table
        text = pickle.dumps(scorer, 0) if pickled is None else pickled
        group['table'].attrs['values_block_0_kind'] = np.bytes_(text)


def _fixed(path, columns, values):
    """Writes HDF5 as pandas' format `fixed` does."""
    levels = [('r', *column) if column[0] else ('r', *column[1:]) for column in columns]
    with h5py.File(path, 'w') as file:
        group = file.create_group('df_with_missing')
        group['block0_values'] = values
        group['axis1'] = np.arange(len(values))
        for number, level in enumerate(zip(*levels, strict=True)):
            known = sorted(set(level))
            group[f'block0_items_level{number}'] = np.array(known, 'S20')
            group[f'block0_items_label{number}'] = np.array([known.index(w) for w in level], 'i1')


@pytest.mark.parametrize('persons', [1, 2])
@pytest.mark.parametrize('write', [_appended, _fixed])
def test_deeplabcut_in_hdf5(tmp_path, persons, write):
    points, scores = _points(persons), _scores(persons)
    columns = _columns(persons)
    path = tmp_path / 'a.h5'
    write(path, columns, _values(points, scores, columns))
    motion = formats.read(path, fps=30)
    _check(motion, points, scores)
    assert motion.subject == ('m0 m1' if persons == 2 else '')


def test_names_in_hdf5_run_nothing(tmp_path):
    class Harm:
        def __reduce__(self):
            return (Path.write_text, (tmp_path / 'harm', 'x'))

    columns = _columns(1)
    path = tmp_path / 'a.h5'
    _appended(path, columns, _values(_points(1), _scores(1), columns), pickle.dumps([Harm()], 0))
    told(lambda p: formats.read(p, fps=30), path)
    assert not (tmp_path / 'harm').exists()


@pytest.mark.parametrize('dims', [None, ('frame', 'track', 'node', 'xy')])
def test_the_analysis_of_sleap_with_its_skeleton(tmp_path, dims):
    points, scores = _points(), _scores()
    usual = ('track', 'xy', 'node', 'frame')
    order = dims or usual
    path = tmp_path / 'a.analysis.h5'
    with h5py.File(path, 'w') as file:
        file['tracks'] = points.transpose(
            [('frame', 'track', 'node', 'xy').index(d) for d in order]
        )
        own = [d for d in order if d != 'xy']
        file['point_scores'] = scores.transpose([('frame', 'track', 'node').index(d) for d in own])
        if dims:
            file['tracks'].attrs['dims'] = '["frame", "track", "node", "xy"]'
            file['point_scores'].attrs['dims'] = '["frame", "track", "node"]'
        file['node_names'], file['track_names'] = (
            np.array(PARTS, 'S10'),
            np.array(['a', 'b'], 'S10'),
        )
        file['edge_inds'] = np.array([[1, 0], [1, 2]])
    motion = formats.read(path, fps=25)
    _check(motion, points, scores)
    layout = skeleton.get(motion.layout)
    assert layout.parents == (1, -1, 1, 1) and layout.name == 'sleap' and motion.subject == 'a b'
    with h5py.File(path, 'a') as file:
        file['point_scores'][...] = 0  # what people labeled
    _check(formats.read(path, fps=25), points)


@pytest.mark.parametrize('space', [('x', 'y'), ('x', 'y', 'z')])
@pytest.mark.parametrize('names', [('keypoints', 'individuals'), ('keypoint', 'individual')])
def test_the_netcdf_of_movement(tmp_path, space, names):
    points, scores = _points(2, len(space)), _scores()
    path = tmp_path / 'a.nc'
    axes = ('time', 'space', *names)
    with h5py.File(path, 'w') as file:
        told_of = {'time': np.arange(FRAMES) / 40, 'space': np.array(space, 'S1'),
                   names[0]: np.array(PARTS, 'S10'), names[1]: np.array(['m0', 'm1'], 'S2')}
        for name, values in told_of.items():
            file[name] = values
            file[name].make_scale(name)
        file['position'] = points.transpose(0, 3, 2, 1)
        file['confidence'] = scores.transpose(0, 2, 1)
        for dataset, own in (('position', axes), ('confidence', ('time', *names))):
            for index, name in enumerate(own):
                file[dataset].dims[index].attach_scale(file[name])
        file.attrs['time_unit'] = 'seconds'
    motion = formats.read(path)
    _check(motion, points, scores, flat=len(space) == 2)
    assert motion.fps == 40 and motion.subject == 'm0 m1'
    with h5py.File(path, 'a') as file:
        file.attrs['fps'] = 50.0
    assert formats.read(path).fps == 50


def _nwb(path, points, scores, times, starting=None):
    with h5py.File(path, 'w') as file:
        skeleton_of = file.create_group('processing/behavior/Skeletons/mouse')
        skeleton_of.attrs['neurodata_type'] = 'Skeleton'
        skeleton_of['nodes'] = np.array(PARTS, 'S10')
        skeleton_of['edges'] = np.array([[3, 0], [0, 1]], 'u1')
        for person in range(points.shape[1]):
            pose = file.create_group(f'processing/behavior/track={person}')
            pose.attrs['neurodata_type'] = 'PoseEstimation'
            pose['mouse'] = h5py.SoftLink('/processing/behavior/Skeletons/mouse')
            for joint, part in enumerate(PARTS):
                series = pose.create_group(part)
                series.attrs['neurodata_type'] = 'PoseEstimationSeries'
                series['data'], series['confidence'] = (
                    points[:, person, joint],
                    scores[:, person, joint],
                )
                if starting is None:
                    series['timestamps'] = times
                else:
                    series['starting_time'] = 3.0
                    series['starting_time'].attrs['rate'] = starting


def test_the_poses_of_an_nwb_file_are_put_together_by_their_times(tmp_path):
    points, scores = _points(), _scores()
    path = tmp_path / 'a.nwb'
    _nwb(path, points, scores, 7 + np.arange(FRAMES) / 20)
    motion = formats.read(path)
    _check(motion, points, scores)
    assert motion.fps == 20 and motion.subject == 'track=0 track=1'
    assert skeleton.get(motion.layout).parents == (3, 0, 3, -1)
    _nwb(path, points, scores, None, starting=40.0)
    _check(formats.read(path), points, scores)
    _nwb(path, points, scores, None, starting=1.0)  # as SLEAP writes
    motion = formats.read(path, fps=30)
    _check(motion, points, scores)
    assert motion.fps == 30
    _nwb(path, points, scores, np.array([0, 1, 2, 4, 5]) / 20)
    assert formats.read(path).valid[:, 0].tolist() == [True, True, True, False, True, True]


def test_anipose_in_space(tmp_path):
    points, scores = _points(1, 3)[:, 0], _scores(1)[:, 0]
    kinds = ('x', 'y', 'z', 'error', 'ncams', 'score')
    names = [f'{part}_{kind}' for part in PARTS for kind in kinds]
    lines = [','.join([*names, 'M_00', 'center_0', 'fnum'])]
    for n in range(FRAMES):
        cells = [
            '' if np.isnan(v) else f'{v}'
            for joint in range(len(PARTS)) for v in (*points[n, joint], 0.5, 3, scores[n, joint])
        ]
        lines.append(','.join([*cells, '1', '0', str(n)]))
    path = _write(tmp_path, '\n'.join(lines), 'a.csv')
    _check(formats.read(path, fps=100), points[:, None], scores[:, None], flat=False)


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('a.csv', 'scorer,r,r\nbodyparts,a,a\n', ':1: no rows scorer, bodyparts and coords'),
        ('a.csv', 'scorer,r,r\nbodyparts,a,a\ncoords,x,y\n', 'no frame below its header'),
        ('a.csv', 'scorer,r,r\nbodyparts,a,a\ncoords,x,x\n0,1,2\n', "two columns 'a x'"),
        ('a.csv', 'scorer,r,r\nbodyparts,a,a\ncoords,x,y\n0,1,b\n', ":4: 'b', expected a number"),
        ('a.csv', 'scorer,r,r\nbodyparts,a,a\ncoords,x,y\n1,1,2\n0,1,2\n', ':5: frame 0 after 1'),
        ('a.csv', 'scorer,r,r\nbodyparts,a,a\ncoords,x,y\n0,1,2,3\n', ':4: 3 columns, expected 2'),
        ('a.csv', 'a_x,a_ncams\n1,2\n', ':1: no NAME_x, NAME_y, NAME_z and rows, expected Anipose'),
        ('a.h5', 'hello', 'cannot be read as HDF5'),
        ('a.nc', '', 'cannot be read as HDF5'),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path, name, text, message):
    path = _write(tmp_path, text, name)
    found = told(lambda p: formats.read(p, fps=30), path)
    assert found.startswith(f'{path}:') and message in found


def test_other_hdf5_and_absent_individuals_are_told(tmp_path):
    path = tmp_path / 'a.h5'
    with h5py.File(path, 'w') as file:
        file['data'] = [1.0]
    assert 'no table of pandas, expected DeepLabCut' in told(formats.read, path)
    points = _points()
    points[:, 1] = np.nan
    columns = _columns(2)
    _appended(path, columns, _values(points, _scores(), columns))
    motion = formats.read(path, fps=30)
    assert motion.subject == 'm0' and motion.notes == (
        "left out 'm1': no point of theirs was measured",
    )
    assert "no individual 'x', found 'm0', 'm1'" in told(
        lambda p: formats.read(p, fps=30, subject='x'), path
    )
    points[:] = np.nan
    _appended(path, columns, _values(points, _scores(), columns))
    assert 'no point was measured in 5 frames' in told(lambda p: formats.read(p, fps=30), path)


@pytest.mark.parametrize(('module', 'name', 'extra'), [
    ('h5py', 'a.h5', 'hdf5'), ('sleap_io', 'a.slp', 'sleap'), ('pose_format', 'a.pose', 'pose'),
])
def test_a_missing_library_is_told_with_what_to_install(tmp_path, monkeypatch, module, name, extra):
    import sys

    monkeypatch.setitem(sys.modules, module, None)
    path = _write(tmp_path, b'', name)
    assert f'pip install skeljax[{extra}]' in told(formats.read, path, error=InputError)


SAMPLE = _dlc_csv(_points(), _scores()).encode()


@settings(max_examples=80, deadline=None)
@given(damaged(SAMPLE))
def test_a_damaged_table_is_sound_or_told(raw):
    with tempfile.TemporaryDirectory() as folder:
        path = _write(folder, raw, 'a.csv')
        sound_or_told(lambda p: formats.read(p, fps=30), path)


@pytest.fixture(scope='module')
def raw_hdf5(tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp('hdf5')
    columns = _columns(2)
    _appended(folder / 'a.h5', columns, _values(_points(), _scores(), columns))
    _nwb(folder / 'a.nwb', _points(), _scores(), np.arange(FRAMES) / 20)
    return {name: (folder / name).read_bytes() for name in ('a.h5', 'a.nwb')}


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_damaged_hdf5_is_sound_or_told(raw_hdf5, data):
    name = data.draw(st.sampled_from(sorted(raw_hdf5)))
    raw = bytearray(raw_hdf5[name])
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = _write(folder, bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))]), name)
        sound_or_told(lambda p: formats.read(p, fps=30), path)
