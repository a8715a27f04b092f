"""The commands of `python -m benchmarks`, one module each; they share `options` and `row`."""
