"""What `skeljax bench step`, `infer` and `augment` measure on made-up inputs, beside others if asked.

    skeljax bench step --config configs/bench.py:stgcn16 --against torch
    skeljax bench step --config configs/bench.py:pair,method=aimclr,backbone=gru --against video
    skeljax bench pairs
    skeljax bench infer --config configs/bench.py:evaluation --against torch
    skeljax bench augment --against numpy
    skeljax bench resident --against constant
    skeljax bench rows --platform gpu
    skeljax bench stream --config configs/bench.py:agcn64

In steps nothing is augmented, on either side: PyTorch's users do that in other processes, which
the row `augment` measures. The two views of a step are equal in all but dropout. Rows with a goal are promises about the ratio of medians.
"""

from ml_collections import ConfigDict

from skeljax.configs import default


def get_config(arg: str = '') -> ConfigDict:
    """Returns a row.

    Args:
        arg: its name, of `ROWS`; by default the first. `pair` takes method= and backbone= too.
    """
    name, _, more = (arg or next(iter(ROWS))).partition(',')
    if name not in ROWS:
        raise ValueError(f'unknown row {name!r}, known: {", ".join(ROWS)}')
    chosen = default.choose(more)
    if chosen and (name != 'pair' or not chosen.keys() <= {'method', 'backbone'}):
        raise ValueError(f'{arg!r}: only the row pair takes more, method= and backbone=')
    return ROWS[name](**chosen)


def _stgcn16() -> ConfigDict:
    config = _contrast('backbone=stgcn', batch=64, frames=50, persons=2, goal=0.45)
    config.faithful = ('partition',)
    config.pretrain.snippet.weight = 0.0
    config.bench.formulations = True
    return config


def _agcn64() -> ConfigDict:
    return _contrast('backbone=agcn', batch=16, frames=150, goal=0.6)


def _pair(method: str = 'skeletonclr', backbone: str = 'agcn') -> ConfigDict:
    """Any method on any backbone, with the snippet term beside without it."""
    frames = 128 if method == 'rvtclr' else 64  # of which it shows half
    arg = f'method={method},backbone={backbone}'
    config = _contrast(arg, batch=16, frames=frames, against='video', goal=1.08)
    config.pretrain.snippet.num_snippets = 8  # 8 frames each, as 19 of 150 in the release
    return config


def _rvtclr() -> ConfigDict:
    """Cut to 300 frames, of which views at a clip's own tempo and at the other show 150."""
    arg = 'backbone=agcn,method=rvtclr'
    config = _contrast(arg, batch=128, frames=300, platform='gpu', goal=0.4)
    config.model.dtype = 'bfloat16'
    return config


def _resident() -> ConfigDict:
    """Steps on windows that the device cuts, within 3 % of those on a constant batch."""
    config = _contrast(
        'backbone=agcn', what='resident', against='constant', batch=128, frames=150, platform='gpu',
        goal=1.03,
    )
    config.model.dtype = 'bfloat16'
    return config


def _finetune() -> ConfigDict:
    config = _row('backbone=agcn,setting=fuser', stage='finetune', platform='gpu', goal=0.4)
    config.model.dtype = 'bfloat16'
    config.finetune.update(dict(batch=8, window=1000, crop=dict(length=1000)))
    _constant(config.finetune)
    return config


def _evaluation() -> ConfigDict:
    arg = 'backbone=stgcn,setting=recognition'
    config = _row(arg, what='infer', persons=2, clips=64, frames=64, goal=0.6)
    config.faithful = ('partition',)
    return config


def _augment() -> ConfigDict:
    """AimCLR's views of clips as it was published with (configs/published.py)."""
    arg = 'method=aimclr,backbone=stgcn'
    config = _row(arg, what='augment', against='numpy', persons=2, goal=0.5)
    config.pretrain.update(dict(batch=128, window=50, crop=dict(length=50)))
    return config


def _recording() -> ConfigDict:
    """Ten minutes at 30 frames a second; three times the frames a second are asked for."""
    arg = 'backbone=agcn,setting=fuser'
    return _row(arg, what='infer', frames=18_000, platform='gpu', goal=1 / 3)


# Name -> what makes it.
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
    config.pretrain.snippet.mining_start = 1.0  # PyTorch's side has no mining
    config.bench = ConfigDict(
        dict(
            what=what,  # 'step', 'infer', 'augment' or 'resident'
            against=against,  # of `skeljax bench --against`, what the goal is
            stage=stage,  # whose step is measured
            persons=persons,
            classes=60,
            clips=clips,  # of `infer`
            frames=frames,  # of each
            platform=platform,  # that the goal is for
            goal=goal,  # the ratio to stay below; 0 for none
            formulations=False,  # True: beside PyTorch's twin runs one that computes as ours does
        )
    )
    return config


def _contrast(arg: str, *, batch: int, frames: int, **told) -> ConfigDict:
    config = _row(arg, **told)
    config.pretrain.update(dict(batch=batch, window=frames, crop=dict(length=frames, pad_ratio=0)))
    for view in config.pretrain.views.values():
        for operation in view:
            view[operation] = type(view[operation])(0)
    _constant(config.pretrain)
    return config


def _constant(stage: ConfigDict):
    """Learns at one rate, as the other side does."""
    stage.optimiser.update(dict(warmup=0.0, decay_at=()))
