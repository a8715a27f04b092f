"""Builds modules, steps and states from a config."""

from collections.abc import Callable
import functools

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from skeljax.contrast import negative_sources, queue
from skeljax.contrast.methods import ContrastiveMethod
from skeljax.contrast.snippet import SnippetLoss
from skeljax.data.label_counts import Counts
from skeljax.data.label_sets import LabelSets
from skeljax.errors import InputError
from skeljax.models import boundary, heads, remat
from skeljax.skeletons import skeleton, streams
from skeljax.train import bounds, finetune, named_classes, optimizer, parallel, pretrain, quirks
from skeljax.train.frame_loss import EVEN, FrameLoss

# Quirks that change the function of the weights of a backbone.
_QUIRKS_OF = {'agcn': ('input_norm',), 'stgcn': ('partition',), 'gru': ('causal',)}


def check(config: ConfigDict):
    """Raises InputError at the first field with a wrong value; the message names the field."""
    bounds.check(config)
    quirks.check(config)
    remat.check(config.model.remat)
    snippet_loss(config)
    named_classes.check(config)
    frame_loss(config)
    negative_sources.check(tuple(config.pretrain.negatives), config.pretrain.negatives_impl)


def backbone(config: ConfigDict, layout: str):
    """Builds the backbone for a joint layout; its own options are in the group of its name."""
    name = config.model.name
    return named_classes.backbone(name)(
        layout=layout,
        base_channels=config.model.base_channels,
        dropout=config.model.dropout,
        faithful=tuple(config.faithful),
        axis_name=_axis(config),
        dtype=jnp.dtype(config.model.dtype),
        remat=config.model.remat,
        **named_classes.options(config.model, name),
    )


def architecture_options(config: ConfigDict) -> list[str]:
    """Returns the command-line options that build a backbone for the same weights."""
    name = config.model.name
    group = named_classes.option_group(name)
    chosen = named_classes.options(config.model, name)
    own = {f'model.{group}.{key}': value for key, value in chosen.items()}
    options = {'model.name': name, 'model.base_channels': config.model.base_channels, **own}
    if name in _QUIRKS_OF:
        found = tuple(quirk for quirk in _QUIRKS_OF[name] if quirks.repeated(config, quirk))
        options['faithful'] = found or ('',)
    quoted = lambda value: f'"{value}"' if isinstance(value, tuple) else value
    return [f'--config.{key}={quoted(value)}' for key, value in options.items()]


def method(config: ConfigDict, layout: str) -> ContrastiveMethod:
    """Builds the contrastive method.

    Raises:
        InputError: an option out of its range, or the layout, streams, views or negatives are not
            what the method needs.
    """
    chosen = config.pretrain
    made = named_classes.method(chosen.method)(
        temperature=chosen.temperature,
        faithful=tuple(config.faithful),
        **named_classes.options(chosen, chosen.method),
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
        negative_sources.check_ring(
            tuple(chosen.negatives), chosen.method, needs_logits=made.needs_logits,
            mines=snippet_loss(config).mines,
        )
    for view in chosen.snippet.views if chosen.snippet.weight else ():
        if view not in made.views:
            known = ', '.join(made.views)
            raise InputError(f'config.pretrain.snippet.views: {named} has no {view!r}, but {known}')
    return made


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
        queue.check_size(size, chosen.batch_size)
    faithful = quirks.repeated(config, 'augmentation')
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
        snippet_queue_advances=not quirks.repeated(config, 'snippet_pointer'),
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
    tx = make_optimizer(config, 'pretrain')
    settings = pretrain_settings(config, contrast, layout)
    state = pretrain.init(
        jax.random.key(config.seed),
        made,
        contrast,
        tx,
        _example(chosen.crop.length, persons, layout),
        settings,
        queue_size=chosen.queue_size,
        copy_key=not quirks.repeated(config, 'key_init'),
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
    """Builds the fine-tuning step of one device, its first state and the model.

    Args:
        config: a whole config.
        layout: of joints.
        persons: M of the recordings.
        num_classes: L.
        pretrained: returns the encoder's variables, given their shapes; None: random ones.
        counts: frames of each class in the labeled training recordings; None: equal weights.
        sets: of classes in the frames; None if a frame has one label.
    """
    model = localizer(config, layout, num_classes)
    tx = make_optimizer(config, 'finetune')
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
    """Builds the network that scores frames."""
    chosen, fused = config.finetune, None
    streams.check(chosen.stream, layout)
    if chosen.fuser and chosen.clip_level:
        raise InputError('config.finetune: a fuser scores frames, not recordings as a whole')
    if chosen.fuser:
        fused = named_classes.fuser(chosen.fuser_kind)(
            feature_strides=tuple(chosen.feature_strides),
            axis_name=_axis(config),
            dtype=jnp.dtype(config.model.dtype),
        )
    encoder = backbone(config, layout)
    limited = not getattr(encoder, 'any_length', True)
    return heads.FrameClassifier(
        backbone=encoder,
        fuser=fused,
        head=heads.FrameHead(num_outputs=num_classes + 1),
        stream=chosen.stream,
        frozen=chosen.backbone_lr_scale == 0,
        clip_level=chosen.clip_level,
        max_length=chosen.crop.length if limited and not chosen.clip_level else None,
        boundary=_boundary_head(config),
        multi_label=chosen.multi_label,
    )


def _boundary_head(config: ConfigDict) -> boundary.BoundaryHead | None:
    """Builds the head that predicts label changes; None if its loss has no weight."""
    loss = frame_loss(config)
    if not loss.boundary_weight:
        return None
    if config.finetune.clip_level:
        raise InputError(
            f'config.finetune.loss.boundary_weight is {loss.boundary_weight}, but with '
            'config.finetune.clip_level a recording has one label and no boundary; expected 0'
        )
    return boundary.BoundaryHead(
        width=2 * loss.boundary_radius, radius=loss.pool_radius, strength=loss.pool_strength
    )


def frame_loss(config: ConfigDict) -> FrameLoss:
    """Builds the loss of a frame.

    Raises:
        InputError: a field is out of its range, or excludes several labels in a frame.
    """
    loss = FrameLoss(**config.finetune.loss)
    if config.finetune.multi_label:
        loss.check_multi_label()
    return loss


def finetune_settings(
    config: ConfigDict, layout: str, counts: Counts | None = None
) -> finetune.Settings:
    """Returns the settings of the fine-tuning step; `counts` as in `finetuning`."""
    operations = {**config.finetune.augment, 'faithful': quirks.repeated(config, 'augmentation')}
    loss = frame_loss(config)
    return finetune.Settings(
        layout=layout,
        augment=operations,
        crop=dict(config.finetune.crop),
        loss=loss,
        balance=EVEN if counts is None else loss.balance(*counts),
    )


def make_optimizer(config: ConfigDict, stage: str):
    """Builds the optimizer of a stage."""
    chosen = config[stage]
    overshoot = stage == 'pretrain' and quirks.repeated(config, 'warmup_overshoot')
    settings = optimizer.OptimizerConfig(**chosen.optimizer)
    tx = optimizer.make(settings, chosen.num_steps, warmup_overshoot=overshoot)
    if stage == 'finetune' and (chosen.backbone_lr_scale != 1 or chosen.unfreeze_at):
        after = round(chosen.unfreeze_at * chosen.num_steps)
        tx = optimizer.by_part(tx, 'backbone', chosen.backbone_lr_scale, after=after)
    return tx


def _axis(config: ConfigDict) -> str | None:
    return parallel.AXIS if config.model.sync_bn else None
