"""Benchmarks of skeljax: part of a checkout and of the source archive, not of the wheel.

    python -m benchmarks COMMAND      times steps, inference, readers, evaluators ... (`--help`)
    python -m benchmarks.decoding     compares decoders on the scores of fine-tuned runs

A *system* performs one piece of work repeatedly. `system.time()` performs it once and returns
seconds; `system.figures()` returns other measurements, a dict with keys such as
`compile_seconds`, `flops`, `bytes` and `peak_memory_mib`. `skeljax_systems`, `torch_baselines`
and `numpy_loader` build systems, `subprocess_system` runs one in a process of its own, and
`measure` runs several alternately and compares them.
"""

if __name__ != 'benchmarks':  # `skeljax.__path__` contains the root of a checkout
    raise ImportError(f'{__name__}: import this package as `benchmarks`')
