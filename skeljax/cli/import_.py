"""Import an encoder that was published as a PyTorch checkpoint; PyTorch is not needed.

    skeljax import aimclr.pt --as stgcn --out runs/aimclr
    skeljax finetune --config ... --workdir runs/tuned --config.finetune.init_from=runs/aimclr

Reads checkpoints of AimCLR, CrosSCLR, HiCLR and ActCLR (stgcn), 2s-AGCN and SnipCLR (agcn), and
CTR-GCN (ctrgcn). No code in the file is run. Prints the use of every tensor, and the options
with which `finetune` builds the same network.
"""

from __future__ import annotations

import functools
from pathlib import Path
from types import SimpleNamespace

from ml_collections import ConfigDict
import numpy as np

import skeljax.configs.default
from skeljax.errors import InputError
from skeljax.formats import torch_file
from skeljax.models import imported
from skeljax.models.imported.translate import Translation, translate
from skeljax.skeletons import skeleton

STREAMS = ('joint', 'motion', 'bone')  # of skeljax.skeletons.streams, which loads JAX


def add_arguments(parser):
    parser.add_argument('checkpoint', help='file written by torch.save')
    parser.add_argument(
        '--as', dest='architecture', required=True, choices=imported.ARCHITECTURES,
        help='backbone of the checkpoint',
    )
    parser.add_argument('--out', required=True, help='folder to create, as of a pretraining run')
    parser.add_argument(
        '--layout', default='ntu25', help='joint layout of its training data (default: ntu25)'
    )
    parser.add_argument(
        '--stream', default='joint', choices=STREAMS,
        help='stream of its training data (default: joint)'
    )
    parser.add_argument(
        '--prefix',
        help='prefix of the tensors of the encoder (default: the query encoder, or the only one)',
    )
    parser.add_argument(
        '--allow-missing', action='store_true', help='initialize randomly where tensors are missing'
    )


def run(args) -> int:
    translation, config = convert(
        args.checkpoint, args.architecture, args.out, layout=args.layout, stream=args.stream,
        prefix=args.prefix, allow_missing=args.allow_missing,
    )
    print(describe(translation, config, args.out))
    return 0


def convert(
    source,
    architecture: str,
    out,
    *,
    layout: str = 'ntu25',
    stream: str = 'joint',
    prefix: str | None = None,
    allow_missing: bool = False,
) -> tuple[Translation, ConfigDict]:
    """Creates a folder with the encoder of a PyTorch checkpoint, from which fine-tuning can start.

    Returns:
        The use of each tensor, and the config of the network.

    Raises:
        InputError: the file, the architecture, the layout or the folder do not fit,
            or tensors are missing.
    """
    import jax

    if Path(out).is_file() or (Path(out).exists() and any(Path(out).iterdir())):
        raise InputError(f'{out}: no empty folder; choose another --out')
    tensors = torch_file.state(source)
    try:
        encoder = imported.find(tensors, architecture, prefix)
        network = imported.describe(encoder, layout)
        config = configure(architecture, network, layout, stream)
        init = _init(config, layout)
        shapes = {path: x.shape for path, x in _flat(jax.eval_shape(init)).items()}
        translation = translate(encoder, shapes, tensors)
    except InputError as error:
        raise InputError(f'{source}: {error}') from None
    arrays = dict(translation.arrays)
    if translation.missing and not allow_missing:
        names = [name for names in translation.missing.values() for name in names]
        some = ', '.join(names[:5]) + (', ...' if names[5:] else '')
        raise InputError(f'{source}: {len(names)} tensors missing: {some} (see --allow-missing)')
    if translation.missing:
        # The rest is not even computed.
        fresh = jax.jit(lambda: {path: _flat(init())[path] for path in translation.missing})
        arrays |= jax.device_get(fresh())
    described = {'file': Path(source).name, 'as': architecture, 'prefix': encoder.prefix}
    _write(out, config, arrays, described)
    return translation, config


def configure(
    architecture: str, network: imported.Network, layout: str, stream: str
) -> ConfigDict:
    """Returns the config of a pretraining run that yields an encoder of this form."""
    config = skeljax.configs.default.get_config()
    module = imported.of(architecture)
    config.faithful = network.faithful or ('',)
    config.data.update(layout=layout, normalization=(module.NORMALIZATION,))
    config.model.update(
        name=architecture, base_channels=network.base_channels, dropout=module.DROPOUT
    )
    config.model[architecture].update(network.options)
    config.pretrain.streams = (stream,)
    config.pretrain.snippet.weight = 0.0
    return config


def describe(translation: Translation, config: ConfigDict, out) -> str:
    """Returns a list of all tensors, a summary and the command for fine-tuning."""
    from skeljax.train import build

    used, unused, missing = translation.used, translation.unused, translation.missing
    lines = [f'used     {name} -> {path}' for name, path in used.items()]
    lines += [f'unused   {name}: {why}' for name, why in unused.items()]
    lines += [f'missing  {" + ".join(names)} -> {path}' for path, names in missing.items()]
    anew = f'{len(missing)} arrays initialized'
    lines.append(f'{len(used)} tensors used, {len(unused)} unused, {anew}')
    if translation.persons > 1:
        lines.append(
            f'note: its data_bn has separate parameters for each of {translation.persons} persons; '
            'those of the first are used for all'
        )
    (stream,), (normalization,) = config.pretrain.streams, config.data.normalization
    options = [f'--config.finetune.init_from={out}', f'--config.finetune.stream={stream}']
    lines += [
        f'trained on layout {config.data.layout}, clips normalized as {normalization!r}',
        f'next: skeljax finetune {" ".join(options + build.architecture_options(config))}',
    ]
    return '\n'.join(lines)


def _init(config: ConfigDict, layout: str):
    """Returns a function that initializes the backbone's variables."""
    import jax
    import jax.numpy as jnp

    from skeljax.train import build

    backbone = build.backbone(config, layout)
    joints = jnp.zeros((1, 8, 1, skeleton.get(layout).num_joints, 3))
    mask = jnp.ones(joints.shape[:3], bool)
    return functools.partial(backbone.init, jax.random.key(0), joints, mask, train=False)


def _flat(tree) -> dict:
    """Returns arrays by their path."""
    import jax

    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator='/'): x for path, x in leaves}


def _write(out, config: ConfigDict, arrays: dict, described: dict):
    """Writes a run folder with the backbone alone."""
    from skeljax.train import checkpoint, run_dir

    backbone: dict = {}
    for path, array in arrays.items():
        collection, *names, last = path.split('/')
        place = backbone.setdefault(collection, {}).setdefault('backbone', {})
        for name in names:
            place = place.setdefault(name, {})
        place[last] = np.asarray(array)
    layout, (stream,) = config.data.layout, config.pretrain.streams
    corpus = SimpleNamespace(name=described['file'], classes=(), layout=layout, fps=None)
    run = run_dir.check(out, 'pretrain', config, corpus)
    run_dir.create_run_dir(out, {**run, 'imported': described})
    with checkpoint.manager(Path(out) / 'checkpoints') as mngr:
        checkpoint.save(mngr, 0, {'backbone': {stream: backbone}})
