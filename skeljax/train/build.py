"""Builds modules, steps and states from a config."""

from collections.abc import Callable
import functools

from flax import linen as nn
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from skeljax import plugins
from skeljax.contrast import negative_sources, queue
from skeljax.contrast.methods import ContrastiveMethod
from skeljax.contrast.snippet import SnippetLoss
from skeljax.data.label_counts import Counts
from skeljax.data.label_sets import LabelSets
from skeljax.errors import InputError
from skeljax.localize import protocols
from skeljax.models import boundary, fusers, heads, remat
from skeljax.skeletons import skeleton, streams
from skeljax.train import bounds, finetune, optimizer, parallel, pretrain
from skeljax.train.frame_loss import EVEN, FrameLoss

QUIRKS = (  # described in configs/default.py
    'warmup_overshoot', 'snippet_pointer', 'key_init', 'augmentation', 'input_norm', 'partition',
    'momentum_freeze', 'parts_temperature', 'causal',
)

# Those that change what the weights of a backbone compute.
_MEANT = {'agcn': ('input_norm',), 'stgcn': ('partition',), 'gru': ('causal',)}

# Packages, and groups of entry points, of what a config names.
METHODS, BACKBONES = 'skeljax.contrast.methods', 'skeljax.models'
FUSER_PLUGINS = 'skeljax.models.fusers'
FUSERS = {'u': fusers.Fuser, 'pyramid': fusers.Pyramid}


def quirk(config: ConfigDict, name: str) -> bool:
    """Returns whether a quirk of the release is repeated."""
    return name in config.faithful


def check(config: ConfigDict):
    """Raises InputError at the first field with a wrong value; the message names the field."""
    bounds.check(config)
    for name in config.faithful:
        if name and name not in QUIRKS:
            raise InputError(f'config.faithful: unknown {name!r}, known: {", ".join(QUIRKS)}')
    if config.model.remat not in remat.POLICIES:
        known, found = ', '.join(remat.POLICIES), config.model.remat
        raise InputError(f'config.model.remat is {found!r}, known: {known}')
    snippet_loss(config)
    for field, look in (
        ('model.name', lambda: backbone_class(config.model.name)),
        ('finetune.fuser_kind', lambda: fuser_class(config.finetune.fuser_kind)),
        ('pretrain.method', lambda: plugins.resolve(config.pretrain.method, METHODS, 'Method')),
    ):
        try:
            look()
        except InputError as error:
            message = str(error)
            raise InputError(
                message if message.startswith('config.') else f'config.{field}: {message}'
            ) from error
    frame_loss(config)
    if config.finetune.multi_label and config.finetune.protocol in protocols.PROTOCOLS:
        if protocols.reads_segments(config.finetune.protocol):
            raise InputError(
                f'config.finetune.protocol is {config.finetune.protocol!r}, whose decoder finds '
                'one class a frame, expected another one with config.finetune.multi_label'
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
    """Builds the backbone for a joint layout; its own options are in the group of its name."""
    name = config.model.name
    return backbone_class(name)(
        layout=layout,
        base_channels=config.model.base_channels,
        dropout=config.model.dropout,
        faithful=tuple(config.faithful),
        axis_name=_axis(config),
        dtype=jnp.dtype(config.model.dtype),
        remat=config.model.remat,
        **_options(config.model, name),
    )


def backbone_class(name: str) -> type[nn.Module]:
    """Returns the class of a backbone, see `skeljax.plugins.resolve`.

    Raises:
        InputError: there is none of this name, or it is no Flax module.
    """
    return _network(plugins.resolve(name, BACKBONES, 'Backbone'), 'config.model.name', name)


def fuser_class(name: str) -> type[nn.Module]:
    """Returns the class of a fuser; raises InputError as `backbone_class`."""
    found = plugins.resolve(name, FUSER_PLUGINS, 'Fuser', FUSERS)
    return _network(found, 'config.finetune.fuser_kind', name)


def _network(found: object, field: str, name: str) -> type[nn.Module]:
    if isinstance(found, type) and issubclass(found, nn.Module):
        return found
    raise InputError(f'{field} is {name!r:.100}, which is no class of Flax modules')


def _options(group: ConfigDict, name: str) -> dict:
    """Returns the options of a method or backbone: the group of its name, if there is one."""
    own = plugins.option_group(name)
    return dict(group[own]) if own in group else {}


def architecture_options(config: ConfigDict) -> list[str]:
    """Returns the command-line options that build a backbone for the same weights."""
    name = config.model.name
    group = plugins.option_group(name)
    own = {f'model.{group}.{key}': value for key, value in _options(config.model, name).items()}
    options = {'model.name': name, 'model.base_channels': config.model.base_channels, **own}
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
    made = plugins.resolve(chosen.method, METHODS, 'Method')(
        temperature=chosen.temperature,
        faithful=tuple(config.faithful),
        **_options(chosen, chosen.method),
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
    chosen, ring, otherwise = (
        config.pretrain,
        "config.pretrain.negatives_impl 'ring'",
        "use 'gather'",
    )
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
        queue.check_size(size, chosen.batch_size)
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
        fused = fuser_class(chosen.fuser_kind)(
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
    operations = {**config.finetune.augment, 'faithful': quirk(config, 'augmentation')}
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
    overshoot = stage == 'pretrain' and quirk(config, 'warmup_overshoot')
    settings = optimizer.OptimizerConfig(**chosen.optimizer)
    tx = optimizer.make(settings, chosen.num_steps, warmup_overshoot=overshoot)
    if stage == 'finetune' and (chosen.backbone_lr_scale != 1 or chosen.unfreeze_at):
        after = round(chosen.unfreeze_at * chosen.num_steps)
        tx = optimizer.by_part(tx, 'backbone', chosen.backbone_lr_scale, after=after)
    return tx


def _axis(config: ConfigDict) -> str | None:
    return parallel.AXIS if config.model.sync_bn else None
