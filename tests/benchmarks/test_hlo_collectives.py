"""Bytes that devices exchange, compared with counts by hand."""

import json
import math

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import __main__ as command, hlo_collectives, scaling_model
from skeljax.cli import config_args
from skeljax.contrast import sharded
from skeljax.errors import InputError
from skeljax.train import build, parallel

# A network that compiles quickly, with crops as long as the windows.
SMALL = [
    '--config.model.name=gru', '--config.model.base_channels=8', '--config.model.gru.num_layers=1',
    '--config.pretrain.batch_size=16', '--config.pretrain.queue_size=16',
    '--config.pretrain.snippet.weight=1.5', '--config.pretrain.window=16',
    '--config.pretrain.crop.length=16',
]


def _found(step, batch, devices=4):
    program = parallel.data_parallel(step, jax.devices()[:devices])
    rows = jax.ShapeDtypeStruct((devices, *batch), np.float32)
    text = program.lower(jnp.zeros(()), rows, jax.random.key(0)).compile().as_text()
    return hlo_collectives.parse_hlo(text)


def test_each_kind_is_counted_with_the_bytes_that_a_ring_sends():
    def step(state, batch, rng):
        everyone = parallel.gather(batch)  # float32[12, 7]
        part = lax.psum_scatter(everyone, parallel.AXIS, tiled=True)
        swapped = lax.all_to_all(everyone, parallel.AXIS, 0, 0, tiled=True)
        return state, {'x': lax.psum(everyone.sum(0) + part.sum(0) + swapped[-1], parallel.AXIS)}

    found = {one.kind: one for one in _found(step, (3, 7))}
    block = 3 * 7 * 4  # bytes of a device's rows
    assert {kind: (one.bytes, one.sent) for kind, one in found.items()} == {
        'all-gather': (4 * block, 3 * block),
        'reduce-scatter': (block, 3 * block),
        'all-to-all': (4 * block, 3 * block),
        'all-reduce': (7 * 4, 2 * 3 / 4 * 7 * 4),
    }
    assert all((one.group, one.times) == (4, 1) for one in found.values())


def test_a_loop_counts_as_often_as_it_runs_and_loops_multiply():
    def step(state, batch, rng):
        def outer(block, _):
            block, _ = lax.scan(
                lambda x, _: (sharded.shift(x, parallel.AXIS) * 2, None), block, None, length=5
            )
            return lax.psum(block, parallel.AXIS), None

        block, _ = lax.scan(outer, batch, None, length=3)
        return state, {'x': lax.pmean(block.sum(), parallel.AXIS)}

    found = {(one.kind, one.bytes): one for one in _found(step, (3, 7))}
    passed, added = found['collective-permute', 84], found['all-reduce', 84]
    assert (passed.times, passed.group, passed.sent) == (15, 4, 15 * 84)
    assert (added.times, added.sent) == (3, 3 * 84 * 1.5)
    assert passed.purpose == 'ring'


def test_of_branches_the_one_that_sends_most_counts():
    def step(state, batch, rng):
        reduce = lambda times: lax.psum(jnp.tile(batch, times), parallel.AXIS).sum()
        total = lax.cond(state > 0, lambda: reduce(1), lambda: reduce(2))
        return state, {'x': total}

    assert [one.bytes for one in _found(step, (5,))] == [2 * 5 * 4]


def test_a_loop_of_unknown_length_is_refused():
    def step(state, batch, rng):
        more = lambda x: x.sum() < 100
        return state, {'x': lax.while_loop(more, lambda x: lax.psum(x, parallel.AXIS), batch)}

    with pytest.raises(InputError, match='all-reduce .* loop of unknown length'):
        _found(step, (5,))


def test_what_starts_and_ends_apart_counts_once():
    """As on accelerators: a start's shape holds operands too."""
    text = """HloModule m, num_partitions=8

ENTRY %main (p: bf16[2,4]) -> bf16[16,4] {
  %p = bf16[2,4]{1,0} parameter(0)
  %go = (bf16[2,4]{1,0}, bf16[16,4]{1,0}) all-gather-start(%p), replica_groups=[2,4]<=[8]
  %sum = f32[3]{0:T(128)} all-reduce(f32[3]{0} %x), replica_groups={}, to_apply=%add
  ROOT %end = bf16[16,4]{1,0} all-gather-done(%go)
}
"""
    gathered, added = hlo_collectives.parse_hlo(text)
    assert (gathered.kind, gathered.bytes, gathered.group) == ('all-gather', 128, 4)
    assert (added.bytes, added.group, added.sent) == (12, 8, 12 * 2 * 7 / 8)


def test_a_step_sends_its_gradients_and_its_keys():
    config = config_args.load('bench', SMALL)
    _, state = build.pretraining(config, config.data.layout, config.bench.persons)
    found = hlo_collectives.totals(
        hlo_collectives.of_step(config, config.data.layout, config.bench.persons, 4)
    )
    trained = [part['joint']['params'] for part in (state.backbone, state.heads)]
    weights = sum(x.nbytes for x in jax.tree.leaves(trained))
    gradients = found['gradients', 'all-reduce']
    # Three numbers of the loss travel with them.
    assert 0 <= gradients['bytes'] - weights <= 12 and gradients['sent'] == 1.5 * gradients['bytes']
    # The method's key and the average of the snippets' of each of 16 videos.
    embed = sum(held['vectors'].shape[1] for held in state.queues['joint'].values())
    pushed = found['queue push', 'all-gather']
    assert pushed['bytes'] == 16 * embed * 4 and pushed['sent'] == 0.75 * 16 * embed * 4
    assert found['batch statistics', 'all-reduce']['calls'] >= 1


def test_the_command_extrapolates_the_counts(tmp_path, capsys):
    out = tmp_path / 'collectives.json'
    words = ['collectives', '--devices', '8', '2', '4', '--step-ms', '10', '--json', str(out)]
    assert command.main([*words, *SMALL, '--config.pretrain.snippet.weight=0.0']) == 0
    shown, figures = capsys.readouterr().out, json.loads(out.read_text())
    assert figures['videos_per_device'] == 2 and 'not run' in shown
    pushed = {
        row['devices']: row['bytes']
        for row in figures['collectives'] if row['purpose'] == 'queue push'
    }
    assert pushed[8] == 2 * pushed[4] == 4 * pushed[2]
    first, *_, last = figures['predicted']
    assert first['devices'] == 1 and not any(first['sent'].values())
    assert last['devices'] == 1024
    assert last['sent']['queue push'] == pytest.approx(1023 / 2 * pushed[2])
    assert first['TPU v5e']['efficiency'] == 1
    taken = sum(last['TPU v5e']['seconds'].values())
    assert last['TPU v5e']['efficiency'] == pytest.approx(0.01 / (0.01 + taken))


@pytest.mark.parametrize(('words', 'line'), [
    (['--devices', '16'], '16 devices: 8 are available'),
    (['--devices', '3'], 'batch of 16 is not divisible by 3 devices'),
    (['--step-ms', '0'], '--step-ms 0'), (['--step-ms', 'nan'], '--step-ms nan'),
])
def test_impossible_numbers_are_refused(words, line, capsys):
    assert command.main(['collectives', *words, *SMALL]) == 2
    assert line in capsys.readouterr().err


def test_growth_is_a_line_or_is_refused():
    counted = lambda size: {('ring', 'collective-permute'): dict(calls=3, bytes=size)}
    found = scaling_model.growth({2: counted(10), 4: counted(30), 8: counted(70)})
    assert found['ring', 'collective-permute'].at(1024) == (3, 10 * 1023)
    with pytest.raises(InputError, match='lies on the line'):
        scaling_model.growth({2: counted(10), 4: counted(31), 8: counted(70)})
    with pytest.raises(InputError, match='three or more'):
        scaling_model.growth({1: {}, 4: counted(30), 8: counted(70)})


def test_time_is_the_sum_of_both_levels():
    links = scaling_model.Interconnect(near=8, fast=100.0, slow=10.0, fast_hop=0.5, slow_hop=2.0)
    within = 2 * 7 / 8 * 800 / 100 + 2 * 3 * 0.5
    assert math.isclose(scaling_model.seconds('all-reduce', 1, 800, 8, links), within)
    across = 2 * 3 / 4 * 800 / 8 / 10 + 2 * 2 * 2.0
    assert math.isclose(scaling_model.seconds('all-reduce', 1, 800, 32, links), within + across)
    assert scaling_model.seconds('collective-permute', 3, 60, 32, links) == 3 * 2.0 + 60 / 10
    assert scaling_model.seconds('all-gather', 1, 800, 1, links) == 0
