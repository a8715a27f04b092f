"""A corpus on the devices: the same batches, the same training; told where it does not fit."""

import dataclasses
import json
import re

import jax
from jax import lax
import jax.numpy as jnp
from ml_collections import ConfigDict
import numpy as np
import pytest

from skeljax.data import device_pack
from skeljax.data.batches import Batches
from skeljax.data.corpus import Corpus
from skeljax.data.records import Recording
from skeljax.errors import InputError
from skeljax.train import device_dataset, loop, parallel, step_runner
from tests.train import test_steps


@dataclasses.dataclass
class _Ragged:
    """Recordings of some lengths, two persons who come and go, far from the origin."""

    lengths: tuple
    name: str = 'ragged'
    split: str = 'train'
    reach: float = 1.0  # meters, either way

    def __post_init__(self):
        self.lengths = np.array(self.lengths, int)

    def __len__(self):
        return len(self.lengths)

    def __getitem__(self, index) -> Recording:
        rng, frames = np.random.default_rng((index, len(self.name))), int(self.lengths[index])
        there = rng.random((frames, 2)) < 0.8
        joints = np.array([40, -3, 0.5]) + rng.uniform(-self.reach, self.reach, (frames, 2, 5, 3))
        joints = np.where(there[..., None, None], joints, 0).astype(np.float32)
        none = np.zeros(0, np.int32)
        measured, seen = np.ones(joints.shape[:3], bool), rng.random(frames) < 0.9
        return Recording(f'r{index}', joints, seen, there, measured, 30.0, '', none, none, none)

    def labels(self, index):
        return np.arange(1, self.lengths[index] + 1, dtype=np.int32)


def _windows(labeled=False, **options):
    corpora = [_Ragged((7, 40, 16, 1)), _Ragged((25, 16, 3), name='others')]
    chosen = [np.array([0, 1, 3]), np.array([0, 2])]
    if labeled:
        corpora, chosen = corpora[:1], chosen[:1]
    return Batches(
        corpora, chosen=chosen, length=16, batch=8, seed=3, labeled=labeled, **options
    )


def _cut(windows, dtype, steps):
    """Cuts batches as a step does, on the device."""
    corpus, rows = (
        jax.device_put(device_pack.pack(windows, dtype)),
        device_pack.PlaceBatches(windows),
    )
    cut = jax.jit(device_dataset.cut, static_argnames='length')
    return [jax.device_get(cut(corpus, rows(step), length=windows.length)) for step in steps]


@pytest.mark.parametrize('options', [{}, {'labeled': True}, {'process': (1, 2)}])
def test_batches_are_those_of_the_host_bit_for_bit(options):
    windows, steps, short = _windows(**options), range(12), 0
    for step, found in zip(steps, _cut(windows, np.float32, steps), strict=True):
        expected = windows(step)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name].dtype == value.dtype
            assert found[name].tobytes() == value.tobytes(), (step, name)
        short += (~expected['joints'].any((2, 3, 4))[:, -1]).sum()
    assert short  # recordings shorter than the window were among them


@pytest.mark.parametrize(('dtype', 'millimeters'), [('float16', 0.5), ('bfloat16', 4)])
def test_what_half_the_digits_cost(dtype, millimeters):
    """Coordinates within a meter of a recording's middle, 40 meters from the origin."""
    windows, steps, largest = _windows(), range(12), 0
    for step, found in zip(steps, _cut(windows, jnp.dtype(dtype), steps), strict=True):
        expected = windows(step)
        assert found['joints'].dtype == np.float32
        for name in ('mask', 'subject', 'index'):
            np.testing.assert_array_equal(found[name], expected[name])
        seen = expected['mask']
        assert not found['joints'][~seen].any()
        off = np.abs(found['joints'] - expected['joints'])[seen]
        largest = max(largest, off.max())
    bound = float(jnp.finfo(dtype).eps) / 2 * 1 + 40 * 2.0**-23  # of float32 at 40 meters itself
    assert bound / 4 < largest < bound < 1.02 * millimeters / 1000


def test_coordinates_that_a_dtype_cannot_hold_are_refused():
    windows = Batches([_Ragged((20,), reach=1e5)], length=8, batch=2, seed=0)
    with pytest.raises(
        InputError, match=r'ragged train: r0: a coordinate is .*too large for float16'
    ):
        device_pack.pack(windows, np.float16)
    device_pack.pack(windows, jnp.dtype('bfloat16'))


def test_what_is_needed_is_told_beforehand():
    windows = _windows(labeled=True)
    for dtype in map(jnp.dtype, ('float32', 'float16')):
        packed = device_pack.pack(windows, dtype)
        told = {name: (made.shape, made.dtype) for name, made in packed.items()}
        assert told == device_pack.shapes(windows, dtype)
        total = sum(made.nbytes for made in packed.values())
        assert device_dataset.needed(windows, dtype, 'gpu') == total
        rows = len(packed['joints'])  # of 2 x 5 x 3 numbers, which a TPU pads to 128
        more = (128 - 30) * rows * dtype.itemsize + ('offset' in packed) * 125 * 4 * 3
        assert device_dataset.needed(windows, dtype, 'tpu') == total + more


class _Device:
    platform = 'gpu'

    def __init__(self, limit, used):
        self._stats = {'bytes_limit': limit, 'bytes_in_use': used}

    def memory_stats(self):
        return self._stats


def test_the_fullest_device_counts():
    assert device_dataset.available([_Device(100, 20), _Device(100, 70)]) == 30
    alone, shared = (device_dataset.available(jax.devices()[:n]) for n in (1, 4))
    assert 0 < shared < alone / 2


def test_recordings_that_do_not_fit_are_refused():
    data = ConfigDict({'data': {'device_dataset': True, 'device_dataset_dtype': 'float32'}})
    told = (
        'need 11,284 bytes on each device in float32, 11,283 are free; '
        'use config.data.device_dataset=False or'
    )
    with pytest.raises(InputError, match=told) as raised:
        device_dataset.hold(None, _windows(), data, [_Device(20_000, 8717)])
    assert '\n' not in str(raised.value)


def _lines(workdir):
    lines = [json.loads(line) for line in (workdir / 'metrics.jsonl').read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != 'examples_per_second'} for line in lines]


def _trained(make, corpus, held):
    """Takes two steps on two devices, one a call or, of a resident corpus, both in one."""
    step, state = make()
    windows = Batches([corpus], length=40, batch=8, seed=2, labeled=True)
    devices = jax.devices()[:2]
    data = ConfigDict({'data': {'device_dataset': held, 'device_dataset_dtype': 'float32'}})
    step, batches, frames = device_dataset.hold(step, windows, data, devices)
    run, state = (
        step_runner.StepRunner(step, 1, frames, devices=devices),
        parallel.replicate(state, devices),
    )
    if held:
        return jax.device_get(run(1, state, [batches(0), batches(1)]))
    state, first = run(1, state, [batches(0)])
    state, second = run(2, state, [batches(1)])
    return jax.device_get((state, jax.tree.map(lambda *x: jnp.stack(x), first, second)))


@pytest.mark.parametrize(
    'make', [test_steps._pretraining, pytest.param(test_steps._finetuning, marks=pytest.mark.slow)]
)
def test_training_is_the_same_several_steps_a_call_too(tiny, make):
    corpus = Corpus(tiny, 'synthetic/tiny', 'train', normalization=('center', 'align', 'size'))
    host, device = (_trained(make, corpus, held) for held in (False, True))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=3e-6), host, device)


def _step(state, batch, rng):
    """Adds up what a batch shows, and noise."""
    shown = jnp.where(batch['mask'][..., None, None], batch['joints'], 0).mean()
    noise = jax.random.normal(jax.random.fold_in(rng, state['step']), ())
    loss = lax.pmean(shown, parallel.AXIS) + noise
    return {'step': state['step'] + 1, 'sum': {'x': state['sum']['x'] + loss}}, {'loss': loss}


def _run(workdir, num_steps, *, held=True, form='pmap', **options):
    data = ConfigDict({'data': {'device_dataset': held, 'device_dataset_dtype': 'float32'}})
    step, batches, corpus = device_dataset.hold(_step, _windows(), data)
    plan = loop.LoopConfig(num_steps=num_steps, batch=8, checkpoint_every=2, log_every=1, **options)
    workdir.mkdir(exist_ok=True)
    state = {'step': np.zeros((), 'i4'), 'sum': {'x': np.zeros((), 'f')}}
    return loop.train(step, state, batches, plan, workdir, quiet=True, corpus=corpus, form=form)


@pytest.mark.parametrize('form', parallel.FORMS)
def test_a_resumed_run_equals_an_uninterrupted_one_wherever_the_corpus_lies(tmp_path, form):
    whole = _run(tmp_path / 'whole', 7, held=False)
    for steps, held in ((2, True), (4, False), (7, True)):
        parts = _run(tmp_path / 'parts', steps, held=held, form=form)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), parts, whole)
    assert _lines(tmp_path / 'parts') == [
        pytest.approx(line, rel=1e-6) for line in _lines(tmp_path / 'whole')
    ]


def test_a_loss_that_is_not_finite_is_told_with_the_places_of_its_batch(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), '_step', lambda s, b, r: (s, {'loss': jnp.float32(jnp.nan)}))
    with pytest.raises(InputError, match='step 1: the loss is nan'):
        _run(tmp_path, 2)
    rows = json.loads((tmp_path / 'not_finite.json').read_text())['batch']
    assert rows == _windows().places(0) and all(re.fullmatch(r'r\d', row['name']) for row in rows)
