"""The temporal convolution in the form that is fastest on CPU for its size.

Most convolutions take the spectral form (`spectral_conv`). The others are direct convolutions,
written so that XLA's CPU compiler has no slow case: a stride is folded into the channels,
because the gradient of a strided convolution is slow, and the input has at least as many frames
as the kernel.
"""

from jax import lax
import jax.numpy as jnp

from skeljax.models import implementation as implementations
from skeljax.models.cpu import spectral_conv


def temporal_conv(x, kernel, stride: int = 1, dilation: int = 1, axis: int = 1):
    """Returns the convolution of x with a kernel, see `layers.temporal_conv`."""
    if stride % dilation == 0:  # no tap falls on the frames in between
        x, stride, dilation = lax.slice_in_dim(x, 0, None, dilation, axis), stride // dilation, 1
    first = len(kernel) // 2 * dilation  # frames before a result's center
    if stride > 1 and axis == 1:
        x, kernel, first = _fold_stride(x, _dilate(kernel, dilation), stride)
        stride, dilation = 1, 1
    if _is_spectral(x, kernel):
        y = spectral_conv.convolve(x.swapaxes(0, axis), kernel, first, stride, dilation)
        return y.swapaxes(0, axis)
    if axis == 0:
        return temporal_conv(x.swapaxes(0, 1), kernel, stride, dilation).swapaxes(0, 1)
    return _direct_conv(x, _dilate(kernel, dilation), first)


def _is_spectral(x, kernel) -> bool:
    """Returns whether the spectral form is the faster one (measured)."""
    is_large = len(kernel) > 3 and len(kernel) * min(kernel.shape[1:]) >= 144
    return implementations.is_cpu_form('cpu', x) and is_large


def _dilate(kernel, dilation: int):
    """Returns the kernel with `dilation - 1` zeros between two taps."""
    if dilation == 1:
        return kernel
    _, channels, features = kernel.shape
    kernel = jnp.pad(kernel[:, None], [(0, 0), (0, dilation - 1), (0, 0), (0, 0)])
    return kernel.reshape(-1, channels, features)[: 1 - dilation]


def _fold_stride(x, kernel, stride: int):
    """Joins each `stride` frames to one frame with as many times the channels.

    Returns:
        float[N, ceil(T / stride), stride · C], the kernel for it, and how many of the joined
        frames the kernel begins before a result's center.
    """
    n, t, channels = x.shape
    taps, _, features = kernel.shape
    x = jnp.pad(x, [(0, 0), (0, -t % stride), (0, 0)]).reshape(n, -1, stride * channels)
    lead = -(taps // 2) % stride  # zero taps, so that the first tap is a joined frame's first
    kernel = jnp.pad(kernel, [(lead, -(taps + lead) % stride), (0, 0), (0, 0)])
    return x, kernel.reshape(-1, stride * channels, features), (taps // 2 + lead) // stride


def _direct_conv(x, kernel, first: int):
    """Correlates float[N, T, C] with float[K, C, D], which begins `first` frames earlier."""
    taps = len(kernel)
    padding = [(first, taps - 1 - first)]
    convolve = lambda x: lax.conv_general_dilated(
        x, kernel, (1,), padding, dimension_numbers=('NWC', 'WIO', 'NWC')
    )
    missing = taps - x.shape[1]
    if missing <= 0:
        return convolve(x)
    # XLA's CPU compiler exchanges kernel and input where the kernel is the longer one, which
    # takes 20 times as long. The barriers keep it from making these zeros the convolution's
    # padding, forward and backward.
    x = lax.optimization_barrier(jnp.pad(x, [(0, 0), (0, missing), (0, 0)]))
    return lax.optimization_barrier(convolve(x))[:, :-missing]
