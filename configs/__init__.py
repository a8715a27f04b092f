"""Experiments: each file's `get_config(arg)` returns one for `--config FILE:arg`."""
