"""Builds the systems of PyTorch."""

import functools
import time

from ml_collections import ConfigDict
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import memory, random_inputs
from benchmarks.torch_baselines import (
    backbones,
    frame_classifier,
    pretraining,
    rvtclr,
    stgcn_fast,
)
from skeljax.errors import InputError


class TorchSystem:
    """Runs a PyTorch function repeatedly.

    Args:
        call: function without arguments; a result of one element is the loss in `figures`.
        compiled: the function is compiled in its first run.
        begun: `time.perf_counter()` when the building of the function began.
    """

    def __init__(self, call, *, compiled: bool, begun: float):
        self._call, self._result, self._first = call, None, None
        self._build_seconds = time.perf_counter() - begun
        self._compile_seconds = self.time() if compiled else 0.0

    def time(self) -> float:
        """Runs the function; returns seconds."""
        start = time.perf_counter()
        self._result = self._call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        end = time.perf_counter()
        self._first = self._first or self._build_seconds + end - start
        return end - start

    def figures(self) -> dict:
        """Returns compilation, memory, the loss, and the operations of products if not compiled."""
        on_gpu = torch.cuda.is_available()
        peak = torch.cuda.max_memory_allocated() / 2**20 if on_gpu else memory.peak_mib()
        figures = {
            'platform': 'gpu' if on_gpu else 'cpu',
            'threads': torch.get_num_threads(),
            'version': torch.__version__,
            'compile_seconds': self._compile_seconds,
            'first_step_seconds': self._first,
            'peak_memory_mib': peak,
        }
        if self._result is not None and self._result.numel() == 1:
            figures['loss'] = self._result.item()
        if not self._compile_seconds:
            with FlopCounterMode(display=False) as counter:
                self._call()
            figures['flops'] = counter.get_total_flops()
        return figures


def make(
    config: dict, *, what: str, stage: str, compiled: bool, threads: int, formulations=False
) -> TorchSystem:
    """Builds the system that performs the work of `skeljax_systems.make` for the same config.

    Args:
        config: a row of `configs/bench.py`, as a dict.
        what: 'step' or 'infer'.
        stage: 'pretrain' or 'finetune', of a step.
        compiled: use `torch.compile`.
        threads: of the CPU.
        formulations: use those of skeljax, see `stgcn_fast`.

    Raises:
        InputError: the row has a setting that the baseline does not support.
    """
    row, begun = ConfigDict(config), time.perf_counter()
    torch.set_num_threads(threads)
    torch.manual_seed(row.seed)
    torch.set_float32_matmul_precision('high')
    torch._dynamo.config.recompile_limit = 64  # the blocks of a class differ in size
    on = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    if what == 'step' and stage == 'pretrain':
        call = _pretrain(row, on, compiled, formulations)
    elif formulations:
        raise InputError("PyTorch has skeljax's formulations for pretraining steps only")
    else:
        call = (_infer if what == 'infer' else _finetune)(row, on, compiled)
    return TorchSystem(call, compiled=compiled, begun=begun)


def backbone(config: ConfigDict, *, formulations=False) -> tuple[backbones.Backbone, int]:
    """Builds the backbone of a config; returns it and the channels of its last block.

    Args:
        config: the row.
        formulations: use those of skeljax, see `stgcn_fast`.

    Raises:
        InputError: an unsupported backbone.
    """
    model = config.model
    if config.data.layout != 'ntu25':
        raise InputError(f'the PyTorch baseline supports layout ntu25, not {config.data.layout!r}')
    if model.name == 'stgcn' and 'partition' in config.faithful:
        kind = stgcn_fast.FastStgcn if formulations else backbones.Stgcn
        network = kind(model.base_channels, model.stgcn.out_channels, dropout=model.dropout)
        return network, model.stgcn.out_channels
    if formulations:
        raise InputError(f"PyTorch does not have skeljax's formulations of {model.name}")
    if model.name == 'agcn' and not model.dropout and not any(config.faithful):
        return backbones.Agcn(model.base_channels, model.agcn.down_stages), 4 * model.base_channels
    raise InputError(
        f"the PyTorch baseline supports stgcn, faithful in 'partition', and agcn without dropout, "
        f'not {model.name} with dropout {model.dropout}, faithful in {tuple(config.faithful)}'
    )


_METHODS = dict(skeletonclr=pretraining.Contrast, rvtclr=rvtclr.Rvtclr)


def contrast(config: ConfigDict, device='cpu', *, formulations=False) -> pretraining.Contrast:
    """Builds the model of a pretraining step, see `backbone`.

    Raises:
        InputError: an unsupported setting.
    """
    cfg, snippet = config.pretrain, config.pretrain.snippet
    supported = {
        'method': (cfg.method, cfg.method if cfg.method in _METHODS else ' or '.join(_METHODS)),
        'streams': (tuple(cfg.streams), ('joint',)),
        'negatives': (tuple(cfg.negatives), ('queue',)),
    }
    if snippet.weight:
        supported |= {
            'snippet.views': (snippet.views[1], 'other' if cfg.method == 'rvtclr' else 'key'),
            'snippet.num_snippets': (snippet.num_snippets, 0),
            'snippet.match': (snippet.match, 'similarity'),
            'snippet.min_gap': (snippet.min_gap, 0),
            'snippet.negatives': (snippet.negatives, 'average'),
            'snippet.mining_start': (snippet.mining_start, 1.0),
        }
    for name, (found, expected) in supported.items():
        if found != expected:
            raise InputError(
                f'config.pretrain.{name} is {found!r}, the PyTorch baseline supports {expected!r}'
            )
    network, channels = backbone(config, formulations=formulations)
    model = _METHODS[cfg.method](network, channels, cfg, autocast=_autocast(config))
    return model.to(device)


def optimizer(config: ConfigDict, stage: str, parameters):
    """Builds the optimizer of a stage, at its peak learning rate."""
    cfg = config[stage].optimizer
    options = dict(lr=cfg.peak_lr, weight_decay=cfg.weight_decay, fused=True)
    if cfg.name == 'sgd':
        return torch.optim.SGD(parameters, momentum=0.9, **options)
    return torch.optim.Adam(parameters, **options)


def to_tensor(joints, device):
    """Converts joints float[B, T, M, V, 3] to the published layout, float[B, 3, T, V, M]."""
    return torch.from_numpy(joints).permute(0, 4, 1, 3, 2).contiguous().to(device)


def _pretrain(config, device, compiled, formulations):
    model = contrast(config, device, formulations=formulations)
    updates = optimizer(config, 'pretrain', model.query.parameters())
    x = to_tensor(random_inputs.batch(config, 'pretrain')['joints'], device)
    views = x, x.clone()
    if config.pretrain.method == 'rvtclr':
        fast = torch.arange(len(x), device=device) % 2 > 0
        tempo = rvtclr.change_tempo
        views = tempo(x, fast), x, tempo(x, fast), tempo(x, ~fast)
    loss_fn = torch.compile(model) if compiled else model
    return functools.partial(pretraining.pretraining_step, model, updates, loss_fn, views)


def _finetune(config, device, compiled):
    model = classifier(config, device)
    updates = optimizer(config, 'finetune', model.parameters())
    batch = random_inputs.batch(config, 'finetune')
    x = to_tensor(batch['joints'], device)
    labels = torch.from_numpy(batch['labels']).long().to(device)
    run = torch.compile(model) if compiled else model
    loss_fn = functools.partial(frame_classifier.loss, run)
    return functools.partial(frame_classifier.step, updates, loss_fn, x, labels)


def classifier(config: ConfigDict, device='cpu') -> frame_classifier.FrameClassifier:
    """Builds the frame classifier of a config.

    Raises:
        InputError: an unsupported setting.
    """
    cfg = config.finetune
    if cfg.fuser and (cfg.fuser_kind != 'u' or tuple(cfg.feature_strides)):
        raise InputError("the PyTorch baseline supports the fuser 'u' with its default levels")
    if not cfg.fuser and not cfg.clip_level:
        raise InputError('the PyTorch baseline supports the fuser and clip-level scores only')
    network, channels = backbone(config)
    model = frame_classifier.FrameClassifier(
        network, channels, config.model.base_channels, config.bench.classes + 1, fused=cfg.fuser,
        autocast=_autocast(config),
    )
    return model.to(device)


def _infer(config, device, compiled):
    model = classifier(config, device).eval()
    run = torch.compile(model) if compiled else model
    joints = random_inputs.clips(config)

    @torch.inference_mode()
    def infer():
        return run(to_tensor(joints, device)).softmax(-1).cpu()

    return infer


def _autocast(config):
    return torch.bfloat16 if config.model.dtype == 'bfloat16' else None
