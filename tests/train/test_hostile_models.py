"""Model folders of unknown origin: a changed value is an error of one line or harmless."""

import copy
import hashlib
import io
import json
import pickle
import shutil
import zipfile

import numpy as np
import pytest

import skeljax
from skeljax.cli import main
from skeljax.errors import InputError
from skeljax.inference import predictor, run_loader
from skeljax.train import run_dir
from tests import untrained

BAD = [
    None,
    -1,
    10**400,
    1e308,
    float('nan'),
    '',
    '../../x',
    'a\x1b[2J',
    [],
    [[]],
    {},
    {'a': 1},
    True,
]


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return untrained.make(tmp_path_factory.mktemp('runs') / 'tuned')


@pytest.fixture(scope='module')
def model(run, tmp_path_factory):
    out = tmp_path_factory.mktemp('models') / 'model'
    assert main.main(['export', str(run), '--out', str(out)]) == 0
    return out


@pytest.fixture
def hostile(model, tmp_path):
    """A copy of the model whose description can be changed."""
    shutil.copytree(model, tmp_path / 'model')
    return tmp_path / 'model'


def _leaves(tree, path=()):
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield (*path, name)
            yield from _leaves(value, (*path, name))
    elif isinstance(tree, list):
        for place, value in enumerate(tree[:2]):
            yield (*path, place)
            yield from _leaves(value, (*path, place))


def _loads(folder) -> bool:
    """Says whether a model is loaded; sees that the error is one line where it is not."""
    try:
        skeljax.load(folder)
    except InputError as error:
        assert '\n' not in str(error) and '\x1b' not in str(error) and len(str(error)) < 1500
        return False
    return True


def _changed(hostile, told, places):
    """Writes descriptions with one value changed; yields where and what."""
    for place in places:
        for value in (*BAD, 'missing'):
            changed = copy.deepcopy(told)
            inner = changed
            for name in place[:-1]:
                inner = inner[name]
            if value == 'missing' and isinstance(inner, dict):
                del inner[place[-1]]
            else:
                inner[place[-1]] = value
            (hostile / 'model.json').write_text(json.dumps(changed))
            yield place, value


def test_a_description_with_a_part_that_is_none(hostile):
    told = json.loads((hostile / 'model.json').read_text())
    needed = (
        'format',
        'version',
        'classes',
        'layout',
        'fps',
        'normalization',
        'step',
        'decoding',
        'config',
        'weights',
    )
    for place, value in _changed(hostile, told, [(name,) for name in needed]):
        # Steps may be any number; those before the network may be missing.
        harmless = place[0] in ('step', 'version') or (place[0], value) in (
            ('normalization', []),
            ('fps', 1e308),
            ('fps', True),
        )
        assert not _loads(hostile) or harmless, (place, value)


@pytest.mark.slow
def test_every_value_of_a_description_may_be_any(hostile):
    told = json.loads((hostile / 'model.json').read_text())
    found = [_loads(hostile) for _ in _changed(hostile, told, list(_leaves(told)))]
    tried, loaded = len(found), sum(found)
    assert tried > 1000
    print(
        f'{tried} descriptions: {tried - loaded} refused in a line, {loaded} loaded, none else'
    )


def _weights(hostile, data: bytes):
    (hostile / 'weights.npz').write_bytes(data)
    told = json.loads((hostile / 'model.json').read_text())
    told['weights']['sha256'] = hashlib.sha256(data).hexdigest()
    (hostile / 'model.json').write_text(json.dumps(told))


def test_weights_whose_hash_fits_may_be_anything(hostile, tmp_path):
    whole = (hostile / 'weights.npz').read_bytes()
    with np.load(io.BytesIO(whole)) as stored:
        arrays = dict(stored)
    name = next(iter(arrays))
    rng = np.random.default_rng(0)
    for _ in range(6):
        raw = bytearray(whole)
        for place in rng.integers(0, len(raw), 3):
            raw[place] = rng.integers(256)
        _weights(hostile, bytes(raw))
        _loads(hostile)

    def packed(**changes):
        buffer = io.BytesIO()
        np.savez(buffer, **{**arrays, **changes})
        return buffer.getvalue()

    class Harm:
        def __reduce__(self):
            return open, (str(tmp_path / 'victim'), 'w')

    objects = np.array([Harm()], dtype=object)
    for changes in (
        {name: objects},
        {name: np.array(['x'])},
        {name: arrays[name].astype('c8')},
        {'more': np.ones(2)},
    ):
        _weights(hostile, packed(**changes))
        assert not _loads(hostile), changes
    for data in (b'', b'PK', pickle.dumps(Harm())):
        _weights(hostile, data)
        assert not _loads(hostile)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr(f'{name}.npy', bytes(1 << 26))
        bomb.writestr('../../victim', 'x')
    _weights(hostile, buffer.getvalue())
    assert not _loads(hostile)
    _weights(hostile, whole)
    assert _loads(hostile)
    assert not (tmp_path / 'victim').exists()


def test_a_function_in_stablehlo_is_not_read_by_loading(hostile):
    (hostile / 'scores.stablehlo').write_bytes(b'\xff' * 1000)
    (hostile / 'model.py').write_text('raise SystemExit')
    assert _loads(hostile)


@pytest.mark.parametrize(
    'content',
    [
        '',
        '{',
        '[]',
        '3',
        'null',
        '{}',
        '[' * 100_000,
        '{"stage": "finetune"}',
        '{"stage": [], "config": {}, "corpus": {}}',
        '{"stage": "finetune", "config": {}, "corpus": {}}',
        '{"stage": "finetune", "config": {"model": 3}, "corpus": {}}',
    ],
)
def test_a_run_of_garbage_is_told_by_all_who_read_it(run, tmp_path, content, capsys):
    shutil.copytree(run, tmp_path / 'run')
    (tmp_path / 'run' / 'run.json').write_text(content)
    for read in (run_loader.load, predictor.of_run):
        with pytest.raises(InputError) as caught:
            read(tmp_path / 'run')
        assert '\n' not in str(caught.value)
    if 'stage' not in content:
        with pytest.raises(InputError, match='run.json'):
            run_dir.read(tmp_path / 'run')
    for words in (
        ['runs', str(tmp_path)],
        ['evaluate', '--workdir', str(tmp_path / 'run'), '--split', 'test'],
        ['report', str(tmp_path / 'run'), '--out', str(tmp_path / 'r.html')],
    ):
        main.main(words)
        said = capsys.readouterr().err
        assert 'Traceback' not in said


@pytest.mark.parametrize(
    'place, value',
    [
        (('corpus',), {}),
        (('corpus', 'classes'), 7),
        (('corpus', 'classes'), [1]),
        (('corpus', 'layout'), 7),
        (('corpus', 'layout'), 'ants6'),
        (('corpus', 'fps'), 'fast'),
        (('corpus', 'fps'), -1),
        (('corpus', 'fps'), None),
        (('config', 'model', 'base_channels'), -1),
        (('config', 'model', 'name'), '../evil'),
        (('config', 'finetune', 'protocol'), 'none'),
        (('config', 'data', 'normalization'), ['rm -rf']),
    ],
)
def test_a_run_with_a_value_that_cannot_be(run, tmp_path, place, value):
    told = json.loads((run / 'run.json').read_text())
    inner = told
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    shutil.copytree(run, tmp_path / 'run')
    (tmp_path / 'run' / 'run.json').write_text(json.dumps(told))
    with pytest.raises(InputError) as caught:
        predictor.of_run(tmp_path / 'run')
    assert '\n' not in str(caught.value)
