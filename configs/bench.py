"""Benchmarks on random inputs, compared with a baseline: the rows of `python -m benchmarks`.

    python -m benchmarks step --config configs/bench.py:stgcn16 --against torch
    python -m benchmarks step --config configs/bench.py:pair,host=aimclr --against video
    python -m benchmarks pairs
    python -m benchmarks infer --config configs/bench.py:evaluation --against torch
    python -m benchmarks augment --against numpy
    python -m benchmarks resident --against constant
    python -m benchmarks rows --platform gpu
    python -m benchmarks stream --config configs/bench.py:agcn64

Steps do not augment, in neither framework: users of PyTorch do that in other processes, which the
row `augment` measures. The two views of a step differ in dropout only. The goal of a row is an
upper bound of the ratio of medians.
"""

from ml_collections import ConfigDict

from skeljax.configs import default


def get_config(arg: str = '') -> ConfigDict:
    """Returns a row.

    Args:
        arg: name of the row, a key of `ROWS` (default: the first). `pair` also has host= and
            backbone=.

    Raises:
        ValueError: an unknown row or option.
    """
    name, _, more = (arg or next(iter(ROWS))).partition(',')
    if name not in ROWS:
        raise ValueError(f'unknown row {name!r}, known: {", ".join(ROWS)}')
    chosen = default.choose(more)
    if chosen and (name != 'pair' or not chosen.keys() <= {'host', 'backbone'}):
        raise ValueError(f'{arg!r}: only the row pair takes more, host= and backbone=')
    return ROWS[name](**chosen)


def _stgcn16() -> ConfigDict:
    config = _contrast('backbone=stgcn', batch=64, frames=50, persons=2, goal=0.45)
    config.faithful = ('partition',)
    config.pretrain.snippet.weight = 0.0
    config.bench.formulations = True
    return config


def _agcn64() -> ConfigDict:
    return _contrast('backbone=agcn', batch=16, frames=150, goal=0.6)


def _pair(host: str = 'skeletonclr', backbone: str = 'agcn') -> ConfigDict:
    """Any method on any backbone; the step with the snippet term is compared with one without."""
    frames = 128 if host == 'rvtclr' else 64  # a view of RVTCLR is half of the clip
    arg = f'host={host},backbone={backbone}'
    config = _contrast(arg, batch=16, frames=frames, against='video', goal=1.08)
    # Of 8 frames each, for every backbone, as the release's 19 snippets of 150 frames.
    config.pretrain.snippet.count = 8
    return config


def _rvtclr() -> ConfigDict:
    """Clips of 300 frames, from which views of 150 frames are made at two tempos."""
    arg = 'backbone=agcn,host=rvtclr'
    config = _contrast(arg, batch=128, frames=300, platform='gpu', goal=0.4)
    config.model.dtype = 'bfloat16'
    return config


def _resident() -> ConfigDict:
    """Steps on windows that the device cuts; the goal is 3 % above steps on a constant batch."""
    config = _contrast(
        'backbone=agcn', what='resident', against='constant', batch=128, frames=150,
        platform='gpu', goal=1.03,
    )
    config.model.dtype = 'bfloat16'
    return config


def _finetune() -> ConfigDict:
    config = _row('backbone=agcn,setting=fuser', stage='finetune', platform='gpu', goal=0.4)
    config.model.dtype = 'bfloat16'
    config.finetune.update(dict(batch=8, window=1000, crop=dict(length=1000)))
    _constant_rate(config.finetune)
    return config


def _evaluation() -> ConfigDict:
    arg = 'backbone=stgcn,setting=recognition'
    config = _row(arg, what='infer', persons=2, clips=64, frames=64, goal=0.6)
    config.faithful = ('partition',)
    return config


def _augment() -> ConfigDict:
    """The views of AimCLR, of clips as in the publication (configs/published.py)."""
    arg = 'host=aimclr,backbone=stgcn'
    config = _row(arg, what='augment', against='numpy', persons=2, goal=0.5)
    config.pretrain.update(dict(batch=128, window=50, crop=dict(length=50)))
    return config


def _recording() -> ConfigDict:
    """Ten minutes at 30 frames per second; the goal is a third of the time."""
    arg = 'backbone=agcn,setting=fuser'
    return _row(arg, what='infer', frames=18_000, platform='gpu', goal=1 / 3)


# Name -> function that builds the row.
ROWS = dict(
    stgcn16=_stgcn16,
    agcn64=_agcn64,
    pair=_pair,
    rvtclr=_rvtclr,
    finetune=_finetune,
    resident=_resident,
    augment=_augment,
    evaluation=_evaluation,
    recording=_recording,
)


def _row(
    arg: str, *, what='step', against='torch', stage='pretrain', persons=1, clips=1, frames=0,
    platform='cpu', goal=0.0,
) -> ConfigDict:
    config = default.get_config(arg)
    config.data.layout = 'ntu25'
    with config.unlocked():
        config.bench = ConfigDict(
            dict(
                what=what,  # 'step', 'infer', 'augment' or 'resident'
                against=against,  # value of --against that the goal refers to
                stage=stage,  # whose step is measured, 'pretrain' or 'finetune'
                persons=persons,
                classes=60,
                clips=clips,  # number of clips, of `infer`
                frames=frames,  # of each clip
                platform=platform,  # of the goal
                goal=goal,  # upper bound of the ratio; 0 for none
                formulations=False,  # True: also run PyTorch with skeljax's formulations
            )
        )
    return config


def _contrast(arg: str, *, batch: int, frames: int, **options) -> ConfigDict:
    config = _row(arg, **options)
    config.pretrain.update(dict(batch=batch, window=frames, crop=dict(length=frames, pad_ratio=0)))
    for view in config.pretrain.views.values():
        for operation in view:
            view[operation] = type(view[operation])(0)
    _constant_rate(config.pretrain)
    return config


def _constant_rate(stage: ConfigDict):
    """Sets a constant learning rate, as in the baseline."""
    stage.optimiser.update(dict(warmup=0.0, decay_at=()))
