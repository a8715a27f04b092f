"""What devices send each other in a step, read from the compiled program; nothing is run."""

from collections.abc import Iterator
import re
import statistics
from typing import NamedTuple

import jax
from ml_collections import ConfigDict
import numpy as np

from skeljax.errors import InputError
from skeljax.skeletons import skeleton
from skeljax.train import build, parallel

# Kind -> bytes that a device sends over those of its result, in a ring of n devices
# (Patarasuk and Yuan, J. Parallel Distrib. Comput. 69, 2009).
SENT = {
    'all-reduce': lambda n: 2 * (n - 1) / n,
    'all-gather': lambda n: (n - 1) / n,
    'reduce-scatter': lambda n: n - 1,
    'all-to-all': lambda n: (n - 1) / n,
    'collective-permute': lambda n: 1,
}
# What stands in the name that JAX gives an operation -> what it is there for.
_PURPOSES = {
    'batch_statistics': 'batch statistics',
    'gradients': 'gradients',
    'queue_push': 'queue push',
    'ppermute': 'ring',
    'all_gather': 'gathered keys',
    'reduce_scatter': 'gathered keys',
}
OTHER = 'loss and metrics'

_SIZES = {'pred': 1, 's8': 1, 'u8': 1, 's16': 2, 'u16': 2, 'f16': 2, 'bf16': 2, 's32': 4,
          'u32': 4, 'f32': 4, 's64': 8, 'u64': 8, 'f64': 8}  # fmt: skip
_SHAPE = re.compile(r'\b([a-z]+\d*)\[([\d,]*)\]')
_COMPUTATION = re.compile(r'^(ENTRY )?%?([^ ]+) \(.*\{$')
_OPERATION = re.compile(r'^\s+(?:ROOT )?%?([^ ]+) = (\(.*?\)|[^ ]+) ([a-z][a-z\d-]*)\((.*)$')
_CALLED = re.compile(r'\b(?:calls|to_apply|body|true_computation|false_computation)=%?([^ ,}]+)')
_BRANCHES = re.compile(r'branch_computations=\{([^}]*)\}')
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')


class Collective(NamedTuple):
    """A collective operation of a compiled program.

    Attributes:
        kind: of `SENT`.
        purpose: what it is there for; what most of it is, where the compiler made one of several.
        bytes: of the result on one device.
        group: devices that take part together.
        times: that it runs in a step.
    """

    kind: str
    purpose: str
    bytes: int
    group: int
    times: int

    @property
    def sent(self) -> float:
        """Bytes that each device sends in a step."""
        return self.times * self.bytes * SENT[self.kind](self.group)


def listed(text: str) -> list[Collective]:
    """Lists the collectives of a program, those of loops with their number of rounds.

    Of the branches of a condition those count that send most.

    Args:
        text: HLO of one device, as `.compile().as_text()` of a jitted function gives it.

    Raises:
        InputError: one is in a loop whose rounds the compiler does not know.
    """
    computations, entry = _computations(text)
    partitions = re.search(r'num_partitions=(\d+)', text)
    found = _of(entry, computations, int(partitions[1]) if partitions else 1)
    return [one for one in found if one.group > 1]


def of_step(config: ConfigDict, layout: str, persons: int, devices: int) -> list[Collective]:
    """Compiles a step of pretraining for some of the devices at hand and lists its collectives.

    Args:
        config: the whole one; `pretrain.batch_size` is of all these devices.
        layout: of joints.
        persons: M of the videos.
        devices: how many.

    Raises:
        InputError: there are fewer, or the batch does not fit.
    """
    chosen, at_hand = config.pretrain, jax.local_devices()
    if not 0 < devices <= len(at_hand):
        raise InputError(
            f'{devices} devices: {len(at_hand)} are at hand (JAX_NUM_CPU_DEVICES=N makes N of a CPU)'
        )
    if chosen.batch_size % devices:
        raise InputError(f'batch of {chosen.batch_size} is not divisible by {devices} devices')
    made = []

    def first():
        step, state = build.pretraining(config, layout, persons)
        made.append(step)
        return state

    state, key = jax.eval_shape(first), jax.eval_shape(lambda: jax.random.key(0))
    shaped = lambda *shape, dtype=np.float32: jax.ShapeDtypeStruct(
        (devices, chosen.batch_size // devices, *shape), dtype
    )
    videos = chosen.window, persons
    batch = {
        'joints': shaped(*videos, skeleton.get(layout).num_joints, 3),
        'mask': shaped(*videos, dtype=bool),
        'index': shaped(dtype=np.int32),
        'subject': shaped(dtype=np.int32),
    }
    mapped = parallel.data_parallel(made[0], at_hand[:devices], config.parallel)
    lowered = mapped.lower(state, batch, key)
    # Collectives are settled before machine code is made, which may be poor: nobody runs it.
    quick = {'xla_backend_optimization_level': 0, 'xla_llvm_disable_expensive_passes': True}
    on_cpu = jax.default_backend() == 'cpu'
    return listed(lowered.compile(quick if on_cpu else None).as_text())


def totals(found: list[Collective]) -> dict[tuple[str, str], dict]:
    """Adds up collectives of one purpose and kind.

    Returns:
        (purpose, kind) -> calls, bytes (of the results of all calls), sent; most sent first.
    """
    total: dict[tuple[str, str], dict] = {}
    for one in found:
        so_far = total.setdefault((one.purpose, one.kind), dict(calls=0, bytes=0, sent=0.0))
        so_far['calls'] += one.times
        so_far['bytes'] += one.times * one.bytes
        so_far['sent'] += one.sent
    return dict(sorted(total.items(), key=lambda item: -item[1]['sent']))


class _Line(NamedTuple):
    name: str
    shape: str
    kind: str
    rest: str  # operands and attributes


def _computations(text: str) -> tuple[dict[str, list[_Line]], str]:
    """Splits a program into its computations; returns them and the name of the first to run."""
    found: dict[str, list[_Line]] = {}
    entry = ''
    for line in text.splitlines():
        if head := _COMPUTATION.match(line):
            lines = found[head[2]] = []
            entry = head[2] if head[1] else entry
        elif found and (operation := _OPERATION.match(line)):
            lines.append(_Line(*operation.groups()))
    if not entry:
        raise InputError('no HLO of a compiled program: it has no ENTRY')
    return found, entry


def _of(name: str, computations: dict, partitions: int) -> Iterator[Collective]:
    lines = computations[name]
    shapes = {line.name: line.shape for line in lines if line.kind.endswith('-done')}
    for line in lines:
        kind = line.kind.removesuffix('-start')
        if kind in SENT:
            shape = line.shape
            if kind != line.kind:  # the result alone is that of the end, not of the start
                ends = [o for o in lines if o.kind == f'{kind}-done' and _first(o) == line.name]
                shape = shapes[ends[0].name]
            purpose = _purpose(re.search(r'op_name="([^"]*)"', line.rest))
            group = _group(line.rest, partitions)
            yield Collective(kind, purpose, _bytes(shape), group, 1)
        elif branches := _BRANCHES.search(line.rest):
            each = [re.sub(r'[%\s]', '', branch) for branch in branches[1].split(',')]
            yield from _most(each, computations, partitions)
        elif kind == 'conditional':
            yield from _most(_CALLED.findall(line.rest), computations, partitions)
        elif not line.kind.endswith(('-done', '-update')):
            yield from _called(line, computations, partitions)


def _called(line: _Line, computations: dict, partitions: int) -> Iterator[Collective]:
    rounds = _TRIPS.search(line.rest)
    for called in _CALLED.findall(line.rest):
        for one in _of(called, computations, partitions):
            if line.kind == 'while' and not rounds:
                raise InputError(
                    f'{one.kind} ({one.purpose}) is in a loop of unknown length: {line.name}'
                )
            yield one._replace(times=one.times * (int(rounds[1]) if rounds else 1))


def _most(branches: list[str], computations: dict, partitions: int) -> list[Collective]:
    each = [list(_of(branch, computations, partitions)) for branch in branches]
    return max(each, key=lambda found: sum(one.sent for one in found))


def _first(line: _Line) -> str:
    return re.match(r'[^%]*%?([^ ,)]+)', line.rest)[1]


def _bytes(shape: str) -> int:
    sizes = ((_SIZES[kind], dims) for kind, dims in _SHAPE.findall(shape))
    return sum(size * int(np.prod([int(n) for n in dims.split(',') if n])) for size, dims in sizes)


def _group(attributes: str, partitions: int) -> int:
    """Reads the devices that take part: of the first group, all of them where none is told."""
    if pairs := re.search(r'source_target_pairs=\{(.*?)\}\}', attributes):
        return len(pairs[1].split('},'))
    if groups := re.search(r'replica_groups=\[\d+,(\d+)\]', attributes):
        return int(groups[1])
    groups = re.search(r'replica_groups=\{\{([\d,]+)\}', attributes)
    return len(groups[1].split(',')) if groups else partitions


def _purpose(name: re.Match | None) -> str:
    """Reads the purpose from JAX's name; of several made one, (a:b:c) stands in it."""
    told = name[1] if name else ''
    joined = re.match(r'(.*?/)?\((.*:.*)\)(.*)$', told)
    head, inner, tail = joined.groups('') if joined else ('', told, '')
    each = [_one_purpose(f'{head}{piece}{tail}') for piece in inner.split(':')]
    return statistics.mode(each)


def _one_purpose(name: str) -> str:
    return next((purpose for part, purpose in _PURPOSES.items() if part in name), OTHER)
