"""Counts the bytes that devices exchange in a step.

The collectives are read from the compiled program (HLO); nothing is run.
"""

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

# Kind -> bytes that a device sends, as a multiple of the bytes of its result, in a ring of n
# devices (Patarasuk and Yuan, J. Parallel Distrib. Comput. 69, 2009).
SENT_RATIO = {
    'all-reduce': lambda n: 2 * (n - 1) / n,
    'all-gather': lambda n: (n - 1) / n,
    'reduce-scatter': lambda n: n - 1,
    'all-to-all': lambda n: (n - 1) / n,
    'collective-permute': lambda n: 1,
}
# Part of the name that JAX gives an operation -> its purpose.
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
        kind: of `SENT_RATIO`.
        purpose: one of `_PURPOSES` or `OTHER`; where the compiler merged several operations, the
            most frequent one.
        bytes: of the result on one device.
        group: number of devices that take part together.
        times: how often it runs in a step.
    """

    kind: str
    purpose: str
    bytes: int
    group: int
    times: int

    @property
    def sent(self) -> float:
        """Bytes that each device sends in a step."""
        return self.times * self.bytes * SENT_RATIO[self.kind](self.group)


def parse_hlo(text: str) -> list[Collective]:
    """Lists the collectives of a program; those in loops with the number of iterations.

    Of the branches of a condition the one that sends most is counted.

    Args:
        text: HLO of one device, from `.compile().as_text()` of a jitted function.

    Raises:
        InputError: a collective is in a loop of unknown length, or the text is no program.
    """
    computations, entry = _computations(text)
    partitions = re.search(r'num_partitions=(\d+)', text)
    found = _collectives(entry, computations, int(partitions[1]) if partitions else 1)
    return [one for one in found if one.group > 1]


def of_step(config: ConfigDict, layout: str, persons: int, devices: int) -> list[Collective]:
    """Compiles a pretraining step for some of the local devices and lists its collectives.

    Args:
        config: the whole config; `pretrain.batch_size` is the global batch of these devices.
        layout: of joints.
        persons: M of the videos.
        devices: number of devices.

    Raises:
        InputError: fewer devices are available, or the batch is not divisible by them.
    """
    cfg, available = config.pretrain, jax.local_devices()
    if not 0 < devices <= len(available):
        raise InputError(
            f'{devices} devices: {len(available)} are available '
            '(JAX_NUM_CPU_DEVICES=N makes N of a CPU)'
        )
    if cfg.batch_size % devices:
        raise InputError(f'batch of {cfg.batch_size} is not divisible by {devices} devices')
    steps = []

    def init():
        step, state = build.pretraining(config, layout, persons)
        steps.append(step)
        return state

    state, key = jax.eval_shape(init), jax.eval_shape(lambda: jax.random.key(0))
    shaped = lambda *shape, dtype=np.float32: jax.ShapeDtypeStruct(
        (devices, cfg.batch_size // devices, *shape), dtype
    )
    videos = cfg.window, persons
    batch = {
        'joints': shaped(*videos, skeleton.get(layout).num_joints, 3),
        'mask': shaped(*videos, dtype=bool),
        'index': shaped(dtype=np.int32),
        'subject': shaped(dtype=np.int32),
    }
    mapped = parallel.data_parallel(steps[0], available[:devices], config.parallel)
    lowered = mapped.lower(state, batch, key)
    # Collectives are final before machine code is generated, and the code is not run.
    quick = {'xla_backend_optimization_level': 0, 'xla_llvm_disable_expensive_passes': True}
    on_cpu = jax.default_backend() == 'cpu'
    return parse_hlo(lowered.compile(quick if on_cpu else None).as_text())


def totals(found: list[Collective]) -> dict[tuple[str, str], dict]:
    """Sums the collectives of each purpose and kind.

    Returns:
        (purpose, kind) -> calls, bytes (of the results of all calls), sent (bytes by each
        device); the largest first.
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
    """Splits a program into its computations; returns them and the name of the entry."""
    found: dict[str, list[_Line]] = {}
    entry = ''
    for line in text.splitlines():
        if head := _COMPUTATION.match(line):
            lines = found[head[2]] = []
            entry = head[2] if head[1] else entry
        elif found and (operation := _OPERATION.match(line)):
            lines.append(_Line(*operation.groups()))
    if not entry:
        raise InputError('not the HLO of a compiled program: it has no ENTRY')
    return found, entry


def _collectives(name: str, computations: dict, partitions: int) -> Iterator[Collective]:
    lines = computations[name]
    shapes = {line.name: line.shape for line in lines if line.kind.endswith('-done')}
    for line in lines:
        kind = line.kind.removesuffix('-start')
        if kind in SENT_RATIO:
            shape = line.shape
            if kind != line.kind:  # the shape of a start includes the operands, that of its end not
                ends = [
                    other for other in lines
                    if other.kind == f'{kind}-done' and _first_operand(other) == line.name
                ]
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
    trips = _TRIPS.search(line.rest)
    for called in _CALLED.findall(line.rest):
        for one in _collectives(called, computations, partitions):
            if line.kind == 'while' and not trips:
                raise InputError(
                    f'{one.kind} ({one.purpose}) is in a loop of unknown length: {line.name}'
                )
            yield one._replace(times=one.times * (int(trips[1]) if trips else 1))


def _most(branches: list[str], computations: dict, partitions: int) -> list[Collective]:
    each = [list(_collectives(branch, computations, partitions)) for branch in branches]
    return max(each, key=lambda found: sum(one.sent for one in found))


def _first_operand(line: _Line) -> str:
    return re.match(r'[^%]*%?([^ ,)]+)', line.rest)[1]


def _bytes(shape: str) -> int:
    sizes = ((_SIZES[kind], dims) for kind, dims in _SHAPE.findall(shape))
    return sum(size * int(np.prod([int(n) for n in dims.split(',') if n])) for size, dims in sizes)


def _group(attributes: str, partitions: int) -> int:
    """Returns the number of devices in the first group; all where no group is given."""
    if pairs := re.search(r'source_target_pairs=\{(.*?)\}\}', attributes):
        return len(pairs[1].split('},'))
    if groups := re.search(r'replica_groups=\[\d+,(\d+)\]', attributes):
        return int(groups[1])
    groups = re.search(r'replica_groups=\{\{([\d,]+)\}', attributes)
    return len(groups[1].split(',')) if groups else partitions


def _purpose(name: re.Match | None) -> str:
    """Reads the purpose from JAX's name; merged operations are named (a:b:c) in it."""
    path = name[1] if name else ''
    joined = re.match(r'(.*?/)?\((.*:.*)\)(.*)$', path)
    head, inner, tail = joined.groups('') if joined else ('', path, '')
    each = [_one_purpose(f'{head}{piece}{tail}') for piece in inner.split(':')]
    return statistics.mode(each)


def _one_purpose(name: str) -> str:
    return next((purpose for part, purpose in _PURPOSES.items() if part in name), OTHER)
