"""Measures sides in turn; those of a row of `configs/bench.py` each in a process of its own."""

from collections.abc import Iterator
import contextlib

from ml_collections import ConfigDict

from skeljax.bench import compare, remote, twins
from skeljax.errors import InputError

# What ours is run against -> name of a side -> the module that makes it, its own arguments.
_OURS, _TWINS = 'skeljax.bench.ours', 'skeljax.bench.twins.sides'
OTHERS = {
    'torch': {
        'torch': (_TWINS, dict(compiled=False)),
        'torch compiled': (_TWINS, dict(compiled=True)),
    },
    'numpy': {'numpy, 2 processes': ('skeljax.bench.loaders', {})},
    'constant': {
        'a constant batch': (_OURS, dict(what='constant')),
        'cut by the host': (_OURS, dict(what='cut')),
    },
    'video': {'without snippets': (_OURS, dict(what='video'))},
}
# What is measured -> those of them that do the same work.
FITTING = dict(
    step=('torch', 'video'), infer=('torch',), augment=('numpy',), resident=('constant',)
)
# Run beside those: no user has them, but they tell what is the framework's part of a ratio.
BESIDE = {
    'torch, as ours': (_TWINS, dict(compiled=False, formulations=True)),
    'torch compiled, as ours': (_TWINS, dict(compiled=True, formulations=True)),
}


def run(sides: dict, *, rounds: int, dtype: str) -> dict:
    """Runs sides in turn, after and before the peaks are measured.

    Args:
        sides: name -> side, `compare.OURS` among them, which has `peaks(dtype)` too.
        rounds: that count.
        dtype: of the matrices whose product gives the peak.

    Returns:
        rounds, platform, sides (name -> seconds, low, high, each round's, what the side tells,
        and the shares of the peaks), peaks; with other sides than ours also `ratio`,
        `ratio_by_round`, against and, of processor seconds where sides tell them, `cpu_ratio`;
        the same in `beside` of those of `BESIDE`, where there are any.

    Raises:
        InputError: sides ran on different platforms.
    """
    ours = sides[compare.OURS]
    peaks = ours.peaks(dtype)
    seconds = compare.interleave(sides, rounds)
    peaks = {key: max(value, peaks[key]) for key, value in ours.peaks(dtype).items()}
    told = {name: _told(seconds[name], side.figures(), peaks) for name, side in sides.items()}
    platforms = {name: found['platform'] for name, found in told.items()}
    if len(set(platforms.values())) > 1:
        raise InputError(f'the sides ran on different platforms: {platforms}')
    figures = {
        'rounds': rounds, 'platform': platforms[compare.OURS], 'sides': told, 'peaks': peaks
    }
    plain = [name for name in sides if name not in BESIDE]
    if len(plain) > 1:
        figures |= _compared(seconds, told, plain)
    beside = [name for name in sides if name in BESIDE]
    if beside:
        figures['beside'] = _compared(seconds, told, [compare.OURS, *beside])
    return figures


def _compared(seconds: dict, told: dict, names: list[str]) -> dict:
    """Compares ours with the others of some sides."""
    found = compare.ratio({name: seconds[name] for name in names})
    processor = [told[name].get('cpu_seconds') for name in (compare.OURS, found['against'])]
    return found | ({'cpu_ratio': processor[0] / processor[1]} if all(processor) else {})


def row(
    config: ConfigDict, *, what: str, stage: str, rounds: int, threads: int = 0,
    against: str | None = None,
) -> dict:
    """Measures a row, alone or beside others.

    Args:
        config: the row.
        what: 'step', 'infer', 'augment' or 'resident'.
        stage: 'pretrain' or 'finetune', of a step.
        rounds: that count.
        threads: of each side; 0 for as many as there are cores.
        against: of `OTHERS`, one that is `FITTING`, or None.

    Returns:
        As `run`, and threads, goal, `rates`, and in left_out what did not run and why.

    Raises:
        InputError: a setting that does not fit, or PyTorch is missing.
    """
    if against not in (None, *FITTING[what]):
        raise InputError(f'bench {what} runs against {" or ".join(FITTING[what])}, not {against}')
    if against == 'video' and (stage != 'pretrain' or not config.pretrain.snippet.weight):
        raise InputError('bench step runs against video where pretraining has the snippet term')
    if against == 'torch':
        twins.check()
    on = remote.cores(threads)
    plan = {compare.OURS: (_OURS, dict(what=what, stage=stage))}
    others: dict = OTHERS[against] if against else {}
    if against == 'torch' and config.bench.formulations:
        others = others | BESIDE
    for name, (module, own) in others.items():
        if against == 'torch':
            own = dict(what=what, stage=stage, threads=len(on), **own)
        elif against in ('constant', 'video'):
            own = dict(stage=stage, **own)
        plan[name] = module, own
    with _started(plan, config.to_dict(), on) as (sides, left_out):
        figures = run(sides, rounds=rounds, dtype=config.model.dtype)
    chosen, told = config[stage], config.bench
    shape = (told.clips, told.frames) if what == 'infer' else (chosen.batch_size, chosen.crop.length)
    figures |= {'threads': len(on), 'goal': told.goal, 'left_out': left_out}
    return figures | rates(figures, *shape)


def rates(figures: dict, examples: int, frames: int) -> dict:
    """Tells how many examples, and frames of them, ours takes a second."""
    seconds = figures['sides'][compare.OURS]['seconds']
    return {
        'examples': examples,
        'frames_per_example': frames,
        'examples_per_second': examples / seconds,
        'frames_per_second': examples * frames / seconds,
    }


@contextlib.contextmanager
def _started(plan: dict, config: dict, on: list[int]) -> Iterator[tuple[dict, dict]]:
    """Starts the processes; a compiled twin or one of `BESIDE` that cannot be had is left out, with
    the reason."""
    with contextlib.ExitStack() as stack:
        sides, left_out = {}, {}
        for name, (module, told) in plan.items():
            try:
                side = remote.Remote(name, module, {'config': config, **told}, on)
            except InputError as error:
                if name not in BESIDE and not told.get('compiled'):
                    raise
                left_out[name] = str(error)
                continue
            stack.callback(side.close)
            sides[name] = side
        yield sides, left_out


def _told(seconds: list[float], figures: dict, peaks: dict) -> dict:
    around = compare.spread(seconds)
    median = around.pop('median')
    told = {'seconds': median, **around, 'each_round': seconds, **figures}
    return told | compare.shares(median, figures, peaks)
