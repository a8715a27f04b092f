"""Measures systems alternately; those of a row of `configs/bench.py` each in its own process."""

from collections.abc import Iterator
import contextlib

from ml_collections import ConfigDict

from benchmarks import ratios, subprocess_system, torch_baselines
from skeljax.errors import InputError

# Value of --against -> name of a system -> the module that builds it, its own arguments.
_SKELJAX, _TORCH = 'benchmarks.skeljax_systems', 'benchmarks.torch_baselines.systems'
OTHERS = {
    'torch': {
        'torch': (_TORCH, dict(compiled=False)),
        'torch compiled': (_TORCH, dict(compiled=True)),
    },
    'numpy': {'numpy, 2 processes': ('benchmarks.numpy_loader', {})},
    'constant': {
        'a constant batch': (_SKELJAX, dict(what='constant')),
        'cut by the host': (_SKELJAX, dict(what='cut')),
    },
    'video': {'without snippets': (_SKELJAX, dict(what='video'))},
}
# Command -> values of --against that do the same work.
COMPARABLE = dict(
    step=('torch', 'video'), infer=('torch',), augment=('numpy',), resident=('constant',)
)
# PyTorch with skeljax's formulations. Users do not have these; they separate what the
# formulation contributes to a ratio from what the framework contributes.
REFORMULATED = {
    'torch, reformulated': (_TORCH, dict(compiled=False, formulations=True)),
    'torch compiled, reformulated': (_TORCH, dict(compiled=True, formulations=True)),
}


def run(systems: dict, *, rounds: int, dtype: str) -> dict:
    """Runs systems alternately. The peak rates are measured before and after.

    Args:
        systems: name -> system; `ratios.SKELJAX` is among them and has `peaks(dtype)` too.
        rounds: number of counted rounds.
        dtype: of the matrices whose product gives the peak.

    Returns:
        rounds, platform, systems (name -> seconds, low, high, each_round, the system's figures
        and its shares of the peaks) and peaks. With several systems also ratio, ratio_by_round,
        against and, if the systems return processor seconds, cpu_ratio; the same of
        `REFORMULATED` in reformulated, if there are any.

    Raises:
        InputError: the systems ran on different platforms.
    """
    own = systems[ratios.SKELJAX]
    peaks = own.peaks(dtype)
    seconds = ratios.interleave(systems, rounds)
    peaks = {key: max(value, peaks[key]) for key, value in own.peaks(dtype).items()}
    found = {name: _summary(seconds[name], one.figures(), peaks) for name, one in systems.items()}
    platforms = {name: row['platform'] for name, row in found.items()}
    if len(set(platforms.values())) > 1:
        raise InputError(f'the systems ran on different platforms: {platforms}')
    figures = {
        'rounds': rounds, 'platform': platforms[ratios.SKELJAX], 'systems': found, 'peaks': peaks
    }
    usual = [name for name in systems if name not in REFORMULATED]
    if len(usual) > 1:
        figures |= _compare(seconds, found, usual)
    if len(usual) < len(systems):
        others = [name for name in systems if name in REFORMULATED]
        figures['reformulated'] = _compare(seconds, found, [ratios.SKELJAX, *others])
    return figures


def row(
    config: ConfigDict, *, what: str, stage: str, rounds: int, threads: int = 0,
    against: str | None = None,
) -> dict:
    """Measures a row, alone or against others.

    Args:
        config: the row.
        what: 'step', 'infer', 'augment' or 'resident'.
        stage: 'pretrain' or 'finetune', of a step.
        rounds: number of counted rounds.
        threads: of each system; 0 for the number of cores.
        against: key of `OTHERS` that is `COMPARABLE`, or None.

    Returns:
        The result of `run`, and threads, goal, the result of `rates`, and left_out (name ->
        reason) of the systems that could not be built.

    Raises:
        InputError: an invalid combination, or PyTorch is not installed.
    """
    if against not in (None, *COMPARABLE[what]):
        raise InputError(f'{what} runs against {" or ".join(COMPARABLE[what])}, not {against}')
    if against == 'video' and (stage != 'pretrain' or not config.pretrain.snippet.weight):
        raise InputError('--against video needs pretraining with the snippet term')
    if against == 'torch':
        torch_baselines.check()
    cores = subprocess_system.cores(threads)
    plan = {ratios.SKELJAX: (_SKELJAX, dict(what=what, stage=stage))}
    others: dict = OTHERS[against] if against else {}
    if against == 'torch' and config.bench.formulations:
        others = others | REFORMULATED
    for name, (module, options) in others.items():
        if against == 'torch':
            options = dict(what=what, stage=stage, threads=len(cores), **options)
        elif against in ('constant', 'video'):
            options = dict(stage=stage, **options)
        plan[name] = module, options
    with _started(plan, config.to_dict(), cores) as (systems, left_out):
        figures = run(systems, rounds=rounds, dtype=config.model.dtype)
    cfg, row = config[stage], config.bench
    shape = (row.clips, row.frames) if what == 'infer' else (cfg.batch_size, cfg.crop.length)
    figures |= {'threads': len(cores), 'goal': row.goal, 'left_out': left_out}
    return figures | rates(figures, *shape)


def rates(figures: dict, examples: int, frames: int) -> dict:
    """Computes the examples and frames per second of skeljax.

    Args:
        figures: result of `run`.
        examples: number of examples in a run.
        frames: of each.
    """
    seconds = figures['systems'][ratios.SKELJAX]['seconds']
    return {
        'examples': examples,
        'frames_per_example': frames,
        'examples_per_second': examples / seconds,
        'frames_per_second': examples * frames / seconds,
    }


def _compare(seconds: dict, found: dict, names: list[str]) -> dict:
    """Compares skeljax with the other systems among the names."""
    result = ratios.ratio({name: seconds[name] for name in names})
    processor = [found[name].get('cpu_seconds') for name in (ratios.SKELJAX, result['against'])]
    return result | ({'cpu_ratio': processor[0] / processor[1]} if all(processor) else {})


@contextlib.contextmanager
def _started(plan: dict, config: dict, cores: list[int]) -> Iterator[tuple[dict, dict]]:
    """Starts the processes; yields the systems and the reasons of those that are left out.

    A compiled baseline or one of `REFORMULATED` that cannot be built is left out.
    """
    with contextlib.ExitStack() as stack:
        systems, left_out = {}, {}
        for name, (module, options) in plan.items():
            arguments = {'config': config, **options}
            try:
                system = subprocess_system.SubprocessSystem(name, module, arguments, cores)
            except InputError as error:
                if name not in REFORMULATED and not options.get('compiled'):
                    raise
                left_out[name] = str(error)
                continue
            stack.callback(system.close)
            systems[name] = system
        yield systems, left_out


def _summary(seconds: list[float], figures: dict, peaks: dict) -> dict:
    spread = ratios.spread(seconds)
    median = spread.pop('median')
    summary = {'seconds': median, **spread, 'each_round': seconds, **figures}
    return summary | ratios.shares(median, figures, peaks)
