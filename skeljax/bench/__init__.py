"""Speed: what is measured, how sides are compared, and the PyTorch twins.

A side is something that is run over and over. It has `time()`, which runs it once and returns
seconds, and `figures()`, a dict of what else there is to tell: `compile_seconds`, `flops`,
`bytes`, `peak_memory_mib` and the like. `ours` makes those of skeljax, `twins` those of PyTorch,
`remote` runs one in a process of its own, and `measure` runs several in turn and compares them.
"""
