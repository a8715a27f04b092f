"""Makes the sides of PyTorch for `skeljax.bench`."""

import functools
import time

from ml_collections import ConfigDict
import torch
from torch.utils.flop_counter import FlopCounterMode

from skeljax.bench import inputs, memory
from skeljax.bench.twins import formulated, localizing, networks, tempo, training
from skeljax.errors import InputError


class Side:
    """Runs a call of PyTorch over and over.

    Args:
        call: takes nothing; what it returns is told by `figures` as the loss where it is a number.
        compiled: the call compiles when it first runs.
        begun: when the making of the call began, of `time.perf_counter`.
    """

    def __init__(self, call, *, compiled: bool, begun: float):
        self._call, self._result, self._first = call, None, None
        self._made = time.perf_counter() - begun
        self._compile_seconds = self.time() if compiled else 0.0

    def time(self) -> float:
        start = time.perf_counter()
        self._result = self._call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        end = time.perf_counter()
        self._first = self._first or self._made + end - start
        return end - start

    def figures(self) -> dict:
        """Tells compilation, products' operations (counted eagerly), memory."""
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
) -> Side:
    """Makes the side that does what `ours.make` does for the same config.

    Args:
        config: a row of `configs/bench.py`, as a dict.
        what: 'step' or 'infer'.
        stage: 'pretrain' or 'finetune', of a step.
        compiled: through `torch.compile`.
        threads: of the CPU.
        formulations: ours, see `formulated`.

    Raises:
        InputError: the row asks for what the twin does not know.
    """
    row, begun = ConfigDict(config), time.perf_counter()
    torch.set_num_threads(threads)
    torch.manual_seed(row.seed)
    torch.set_float32_matmul_precision('high')
    torch._dynamo.config.recompile_limit = 64  # blocks of one class, each of its own sizes
    on = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    if what == 'step' and stage == 'pretrain':
        call = _pretrain(row, on, compiled, formulations)
    elif formulations:
        raise InputError('the PyTorch twin has formulations of ours for pretraining steps')
    else:
        call = (_infer if what == 'infer' else _finetune)(row, on, compiled)
    return Side(call, compiled=compiled, begun=begun)


def backbone(config: ConfigDict, *, formulations=False) -> tuple[networks.Network, int]:
    """Makes the network of a config; returns it and the channels of its last block.

    Args:
        config: the row.
        formulations: computed as ours is, see `formulated`.

    Raises:
        InputError: a network that it does not know.
    """
    model = config.model
    if config.data.layout != 'ntu25':
        raise InputError(f'the PyTorch twin knows layout ntu25, not {config.data.layout!r}')
    if model.name == 'stgcn' and 'partition' in config.faithful:
        made = formulated.Stgcn if formulations else networks.Stgcn
        network = made(model.width, model.stgcn.features, dropout=model.dropout)
        return network, model.stgcn.features
    if formulations:
        raise InputError(f'the PyTorch twin of {model.name} has no formulations of ours')
    if model.name == 'agcn' and not model.dropout and not any(config.faithful):
        return networks.Agcn(model.width, model.agcn.strides), 4 * model.width
    raise InputError(
        f"the PyTorch twin knows stgcn, faithful in 'partition', and agcn without dropout, "
        f'not {model.name} with dropout {model.dropout}, faithful in {tuple(config.faithful)}'
    )


# Name of a method -> its model.
_METHODS = dict(skeletonclr=training.Contrast, rvtclr=tempo.Tempo)


def contrast(config: ConfigDict, device='cpu', *, formulations=False) -> training.Contrast:
    """Makes the model of a pretraining step, see `backbone`.

    Raises:
        InputError: a setting that it does not know.
    """
    chosen, dense = config.pretrain, config.pretrain.snippet
    known = {
        'method': (chosen.method, chosen.method if chosen.method in _METHODS else ' or '.join(_METHODS)),
        'streams': (tuple(chosen.streams), ('joint',)),
        'negatives': (tuple(chosen.negatives), ('queue',)),
    }
    if dense.weight:
        known |= {
            'snippet.views': (dense.views[1], 'other' if chosen.method == 'rvtclr' else 'key'),
            'snippet.num_snippets': (dense.num_snippets, 0),
            'snippet.match': (dense.match, 'similarity'),
            'snippet.min_gap': (dense.min_gap, 0),
            'snippet.negatives': (dense.negatives, 'average'),
            'snippet.mining_start': (dense.mining_start, 1.0),
        }
    for name, (found, expected) in known.items():
        if found != expected:
            raise InputError(
                f'config.pretrain.{name} is {found!r}, the PyTorch twin knows {expected!r}'
            )
    network, channels = backbone(config, formulations=formulations)
    model = _METHODS[chosen.method](network, channels, chosen, autocast=_autocast(config))
    return model.to(device)


def optimiser(config: ConfigDict, stage: str, parameters):
    """Makes the optimiser of a stage at its peak rate."""
    chosen = config[stage].optimiser
    options = dict(lr=chosen.peak, weight_decay=chosen.weight_decay, fused=True)
    if chosen.name == 'sgd':
        return torch.optim.SGD(parameters, momentum=0.9, **options)
    return torch.optim.Adam(parameters, **options)


def shown(joints, device):
    """Puts joints float[B, T, M, V, 3] as published, float[B, 3, T, V, M]."""
    return torch.from_numpy(joints).permute(0, 4, 1, 3, 2).contiguous().to(device)


def _pretrain(config, device, compiled, formulations):
    model = contrast(config, device, formulations=formulations)
    rate = optimiser(config, 'pretrain', model.query.parameters())
    x = shown(inputs.batch(config, 'pretrain')['joints'], device)
    views = x, x.clone()
    if config.pretrain.method == 'rvtclr':
        fast = torch.arange(len(x), device=device) % 2 > 0
        views = tempo.paced(x, fast), x, tempo.paced(x, fast), tempo.paced(x, ~fast)
    loss_of = torch.compile(model) if compiled else model
    return functools.partial(training.pretraining_step, model, rate, loss_of, views)


def _finetune(config, device, compiled):
    model = localizer(config, device)
    rate = optimiser(config, 'finetune', model.parameters())
    made = inputs.batch(config, 'finetune')
    x, labels = shown(made['joints'], device), torch.from_numpy(made['labels']).long().to(device)
    loss_of = functools.partial(localizing.loss, torch.compile(model) if compiled else model)
    return functools.partial(localizing.step, rate, loss_of, x, labels)


def localizer(config: ConfigDict, device='cpu') -> localizing.Localizer:
    """Makes the network that scores frames.

    Raises:
        InputError: a setting that it does not know.
    """
    chosen = config.finetune
    if chosen.fuser and (chosen.fuser_kind != 'u' or tuple(chosen.levels)):
        raise InputError("the PyTorch twin knows the fuser of kind 'u' with its usual levels")
    if not chosen.fuser and not chosen.whole:
        raise InputError('the PyTorch twin scores by the fuser or recordings as a whole')
    network, channels = backbone(config)
    model = localizing.Localizer(
        network, channels, config.model.width, config.bench.classes + 1, fused=chosen.fuser,
        autocast=_autocast(config),
    )
    return model.to(device)


def _infer(config, device, compiled):
    model = localizer(config, device).eval()
    run = torch.compile(model) if compiled else model
    joints = inputs.clips(config)

    @torch.inference_mode()
    def infer():
        return run(shown(joints, device)).softmax(-1).cpu()

    return infer


def _autocast(config):
    return torch.bfloat16 if config.model.dtype == 'bfloat16' else None
