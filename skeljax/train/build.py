"""Modules and settings from a config; a name is a module of this library."""

from collections.abc import Callable
import functools
import importlib

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from skeljax.contrast import negative_sources, queue
from skeljax.contrast.methods import ContrastiveMethod
from skeljax.contrast.snippet import SnippetLoss
from skeljax.data.label_counts import Counts
from skeljax.data.label_sets import LabelSets
from skeljax.errors import InputError
from skeljax.localize import protocols
from skeljax.models import boundary, fusers, heads, pyramid, remat
from skeljax.skeletons import skeleton, streams
from skeljax.train import bounds, finetune, optimizer, parallel, pretrain
from skeljax.train.frame_loss import EVEN, FrameLoss

QUIRKS = (
    'warmup_overshoot', 'snippet_pointer', 'key_init', 'augmentation', 'input_norm', 'partition',
    'momentum_freeze', 'parts_temperature', 'causal',
)

# Those of them that say what the weights of a backbone mean.
_MEANT = {'agcn': ('input_norm',), 'stgcn': ('partition',), 'gru': ('causal',)}

DTYPES = ('float32', 'float16', 'bfloat16')  # of a resident corpus

FUSERS = {'u': fusers.Fuser, 'pyramid': pyramid.Pyramid}


def quirk(config: ConfigDict, name: str) -> bool:
    """Says whether a quirk of the release is to be repeated."""
    return name in config.faithful


def check(config: ConfigDict):
    """Raises InputError for values that no part of the library knows."""
    bounds.check(config)
    for name in config.faithful:
        if name and name not in QUIRKS:
            raise InputError(f'config.faithful: unknown {name!r}, known: {", ".join(QUIRKS)}')
    if config.parallel not in parallel.FORMS:
        known = ' and '.join(map(repr, parallel.FORMS))
        raise InputError(f'config.parallel is {config.parallel!r}, there are {known}')
    if config.steps_per_call < 1:
        raise InputError(f'config.steps_per_call is {config.steps_per_call}, expected 1 or more')
    if config.data.resident_dtype not in DTYPES:
        known, found = ', '.join(DTYPES), config.data.resident_dtype
        raise InputError(f'config.data.resident_dtype is {found!r}, known: {known}')
    if config.model.bn_axis not in ('all', 'none'):
        raise InputError(f"config.model.bn_axis is {config.model.bn_axis!r}, not 'all' or 'none'")
    if config.model.remat not in remat.POLICIES:
        known, found = ', '.join(remat.POLICIES), config.model.remat
        raise InputError(f'config.model.remat is {found!r}, known: {known}')
    snippet_loss(config)
    if config.finetune.fuser_kind not in FUSERS:
        known, found = ', '.join(FUSERS), config.finetune.fuser_kind
        raise InputError(f'config.finetune.fuser_kind is {found!r}, known: {known}')
    frame_loss(config)
    if config.finetune.multi_label and config.finetune.protocol in protocols.PROTOCOLS:
        if protocols.reads_segments(config.finetune.protocol):
            raise InputError(
                f'config.finetune.protocol is {config.finetune.protocol!r}, whose decoder finds one '
                'class a frame, expected another one with config.finetune.multi_label'
            )
    sources = tuple(config.pretrain.negatives)
    if not sources or set(sources) - set(negative_sources.SOURCES):
        known = ', '.join(negative_sources.SOURCES)
        raise InputError(f'config.pretrain.negatives is {sources}, name some of: {known}')
    impl = config.pretrain.negatives_impl
    if impl not in negative_sources.IMPLS:
        known = ', '.join(negative_sources.IMPLS)
        raise InputError(f'config.pretrain.negatives_impl is {impl!r}, known: {known}')
    for stage in ('pretrain', 'finetune'):
        window, length = config[stage].window, config[stage].crop.length
        if length > window:
            raise InputError(
                f'config.{stage}.crop.length is {length} frames, more than its window of {window}'
            )


def backbone(config: ConfigDict, layout: str):
    """Makes the backbone for a joint layout; `config.model` holds its own options by its name."""
    name = config.model.name
    module = _module('models', name)
    if name not in config.model:
        raise InputError(f'config.model.name: {name} is no backbone')
    return module.Backbone(
        layout=layout,
        width=config.model.width,
        dropout=config.model.dropout,
        faithful=tuple(config.faithful),
        axis_name=_axis(config),
        dtype=jnp.dtype(config.model.dtype),
        remat=config.model.remat,
        **dict(config.model[name]),
    )


def architecture_options(config: ConfigDict) -> list[str]:
    """Lists the options that make a backbone for the same weights."""
    name = config.model.name
    own = {f'model.{name}.{key}': value for key, value in dict(config.model[name]).items()}
    options = {'model.name': name, 'model.width': config.model.width, **own}
    if name in _MEANT:
        options['faithful'] = tuple(q for q in _MEANT[name] if quirk(config, q)) or ('',)
    quoted = lambda value: f'"{value}"' if isinstance(value, tuple) else value
    return [f'--config.{key}={quoted(value)}' for key, value in options.items()]


def method(config: ConfigDict, layout: str) -> ContrastiveMethod:
    """Builds the contrastive method.

    Raises:
        InputError: an option out of its range, or the layout, streams, views or negatives are not
            what the method needs.
    """
    chosen = config.pretrain
    module = _module('contrast.methods', chosen.method)
    made = module.Method(
        temperature=chosen.temperature,
        faithful=tuple(config.faithful),
        **(dict(chosen[chosen.method]) if chosen.method in chosen else {}),
    )
    named = f'config.pretrain.method {chosen.method!r}'
    if len(chosen.streams) < made.min_streams or len(set(chosen.streams)) < len(chosen.streams):
        raise InputError(
            f'{named} needs {made.min_streams} or more streams, all different; '
            f'config.pretrain.streams is {tuple(chosen.streams)}'
        )
    for stream in chosen.streams:
        streams.check(stream, layout)
    needed = {view.shares_crop_with or name for name, view in made.views.items()}
    for view in sorted(needed - set(chosen.views)):
        raise InputError(f'{named} needs a view {view!r} in config.pretrain.views')
    made.check_layout(layout)
    if chosen.negatives_impl == 'ring':
        _check_ring(config, made)
    for view in chosen.snippet.views if chosen.snippet.weight else ():
        if view not in made.views:
            known = ', '.join(made.views)
            raise InputError(f'config.pretrain.snippet.views: {named} has no {view!r}, but {known}')
    return made


def _check_ring(config: ConfigDict, method: ContrastiveMethod):
    """Raises InputError where a ring has no keys to move, or single logits are needed."""
    chosen, ring, otherwise = config.pretrain, "config.pretrain.negatives_impl 'ring'", "use 'gather'"
    if tuple(chosen.negatives) == ('queue',):
        raise InputError(
            f"{ring} moves the batch's keys, but config.pretrain.negatives is ('queue',): "
            f"add 'batch' or 'subject', or {otherwise}"
        )
    if method.needs_logits:
        raise InputError(
            f'{ring} has sums over negatives, but config.pretrain.method {chosen.method!r} needs '
            f'single logits; {otherwise}'
        )
    if snippet_loss(config).mines:
        raise InputError(
            f'{ring} has sums over negatives, but config.pretrain.snippet.num_mined needs single '
            f'logits; set config.pretrain.snippet.mining_start=1.0 or {otherwise}'
        )


def snippet_loss(config: ConfigDict) -> SnippetLoss:
    """Builds the snippet loss.

    Raises:
        InputError: an option out of its range.
    """
    return SnippetLoss(**config.pretrain.snippet)


def encoder(config: ConfigDict, layout: str, method: ContrastiveMethod) -> pretrain.Encoder:
    """Builds the pretraining modules of a method."""
    chosen = config.pretrain
    snippets = None
    if chosen.snippet.weight:
        snippets = heads.SnippetHead(chosen.snippet.num_snippets or None, chosen.embed_dim)
    made = method.heads(embed_dim=chosen.embed_dim, layout=layout, axis_name=_axis(config))
    return pretrain.Encoder(backbone(config, layout), made, snippets)


def pretrain_settings(
    config: ConfigDict, method: ContrastiveMethod, layout: str
) -> pretrain.Settings:
    """Returns the settings of the pretraining step."""
    chosen = config.pretrain
    for size in (chosen.queue_size, chosen.snippet.queue_size):
        queue.check_size(size, chosen.batch)
    faithful = quirk(config, 'augmentation')
    crops = dict.fromkeys(view.shares_crop_with or name for name, view in method.views.items())
    return pretrain.Settings(
        layout=layout,
        views={crop: {**chosen.views[crop], 'faithful': faithful} for crop in crops},
        crop=dict(chosen.crop),
        num_steps=chosen.num_steps,
        streams=tuple(chosen.streams),
        negatives=tuple(chosen.negatives),
        negatives_impl=chosen.negatives_impl,
        temperature=chosen.temperature,
        momentum=chosen.momentum,
        snippet=snippet_loss(config),
        snippet_queue_advances=not quirk(config, 'snippet_pointer'),
    )


def pretraining(config: ConfigDict, layout: str, persons: int):
    """Makes the per-device step of pretraining and its first state.

    Args:
        config: the whole one.
        layout: of joints.
        persons: M of the videos.
    """
    chosen = config.pretrain
    contrast = method(config, layout)
    made = encoder(config, layout, contrast)
    tx = optimiser(config, 'pretrain')
    settings = pretrain_settings(config, contrast, layout)
    state = pretrain.init(
        jax.random.key(config.seed),
        made,
        contrast,
        tx,
        _example(chosen.crop.length, persons, layout),
        settings,
        queue_size=chosen.queue_size,
        copy_key=not quirk(config, 'key_init'),
    )
    step = functools.partial(
        pretrain.step, encoder=made, method=contrast, tx=tx, settings=settings
    )
    return step, state


def finetuning(
    config: ConfigDict, layout: str, persons: int, num_classes: int,
    pretrained: Callable[[dict], dict] | None = None, counts: Counts | None = None,
    sets: LabelSets | None = None,
):
    """Makes the per-device step of fine-tuning, its first state and the model.

    Args:
        config: the whole one.
        layout: of joints.
        persons: M of the recordings.
        num_classes: L.
        pretrained: makes the encoder's item, told what it is to be like; None begins anew.
        counts: frames of the labeled training recordings; None weighs all classes alike.
        sets: of classes that frames show; None where a frame has one label.
    """
    model = localizer(config, layout, num_classes)
    tx = optimiser(config, 'finetune')
    settings = finetune_settings(config, layout, counts)
    if sets is not None:
        settings = settings._replace(label_sets=sets.table)
    example = _example(config.finetune.crop.length, persons, layout)
    init = functools.partial(finetune.init, jax.random.key(config.seed), model, tx, example)
    state = init(pretrained(jax.eval_shape(init).backbone)) if pretrained else init()
    return functools.partial(finetune.step, model=model, tx=tx, settings=settings), state, model


def _example(length: int, persons: int, layout: str):
    return jnp.zeros((2, length, persons, skeleton.get(layout).num_joints, 3), jnp.float32)


def localizer(config: ConfigDict, layout: str, num_classes: int):
    """Makes the network that scores frames."""
    chosen, fused = config.finetune, None
    streams.check(chosen.stream, layout)
    if chosen.fuser and chosen.whole:
        raise InputError('config.finetune: a fuser scores frames, not recordings as a whole')
    if chosen.fuser:
        fused = FUSERS[chosen.fuser_kind](
            levels=tuple(chosen.levels),
            axis_name=_axis(config),
            dtype=jnp.dtype(config.model.dtype),
        )
    encoder = backbone(config, layout)
    limited = not getattr(encoder, 'any_length', True)
    return heads.Localizer(
        backbone=encoder,
        fuser=fused,
        head=heads.FrameHead(num_outputs=num_classes + 1),
        stream=chosen.stream,
        frozen=chosen.backbone_rate == 0,
        whole=chosen.whole,
        span=chosen.crop.length if limited and not chosen.whole else None,
        boundary=_boundary_head(config),
        multi_label=chosen.multi_label,
    )


def _boundary_head(config: ConfigDict) -> boundary.BoundaryHead | None:
    """Makes the head that finds label changes; None where its loss weighs nothing."""
    loss = frame_loss(config)
    if not loss.boundary_weight:
        return None
    if config.finetune.whole:
        raise InputError(
            f'config.finetune.loss.boundary_weight is {loss.boundary_weight}, but with '
            'config.finetune.whole a recording has one label and no boundary; expected 0'
        )
    return boundary.BoundaryHead(
        width=2 * loss.boundary_radius, radius=loss.pool_radius, strength=loss.pool_strength
    )


def frame_loss(config: ConfigDict) -> FrameLoss:
    """Makes the loss of a frame.

    Raises:
        InputError: a field is out of its range, or does not go with several labels a frame.
    """
    loss = FrameLoss(**config.finetune.loss)
    if config.finetune.multi_label:
        loss.check_multi_label()
    return loss


def finetune_settings(
    config: ConfigDict, layout: str, counts: Counts | None = None
) -> finetune.Settings:
    """Collects what the fine-tuning step is told; `counts` as in `finetuning`."""
    operations = {**config.finetune.augment, 'faithful': quirk(config, 'augmentation')}
    loss = frame_loss(config)
    return finetune.Settings(
        layout=layout,
        augment=operations,
        crop=dict(config.finetune.crop),
        loss=loss,
        balance=EVEN if counts is None else loss.balance(*counts),
    )


def optimiser(config: ConfigDict, stage: str):
    """Makes the optimiser of a stage."""
    chosen = config[stage]
    overshoot = stage == 'pretrain' and quirk(config, 'warmup_overshoot')
    tx = optimizer.optimiser(chosen.optimiser, chosen.num_steps, warmup_overshoot=overshoot)
    if stage == 'finetune' and (chosen.backbone_rate != 1 or chosen.backbone_after):
        after = round(chosen.backbone_after * chosen.num_steps)
        tx = optimizer.by_part(tx, 'backbone', chosen.backbone_rate, after=after)
    return tx


def _axis(config: ConfigDict) -> str | None:
    return parallel.AXIS if config.model.bn_axis == 'all' else None


def _module(folder: str, name: str):
    try:
        return importlib.import_module(f'skeljax.{folder}.{name}')
    except ModuleNotFoundError as error:
        if error.name != f'skeljax.{folder}.{name}':
            raise
        raise InputError(f'no skeljax/{folder}/{name}.py: unknown {name!r}') from None
