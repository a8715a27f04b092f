"""Starts skeljax in processes of its own, and reads what the runs left."""

import json
import os
from pathlib import Path
import subprocess
import sys

from skeljax.train import checkpoint

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ('-P', '-m', 'skeljax')


def environment(devices: int) -> dict[str, str]:
    """Tells the environment of a process with so many fake devices."""
    return {
        **os.environ,
        'JAX_NUM_CPU_DEVICES': str(devices),
        'JAX_NUMPY_DTYPE_PROMOTION': 'standard',
        'PYTHONPATH': str(ROOT),
    }


def alone(devices: int, words, program=PROGRAM):
    """Runs a command in one process of so many devices; its output as text."""
    return subprocess.run(
        [sys.executable, *program, *words], env=environment(devices), capture_output=True, text=True
    )


def make_venv(folder: Path, program=PROGRAM) -> Path:
    """Makes what launch scripts take for an environment; its `skeljax` is this one."""
    venv = folder / 'venv'
    (venv / 'bin').mkdir(parents=True)
    script = venv / 'bin' / 'skeljax'
    script.write_text(f'#!/usr/bin/env bash\nexec {sys.executable} {" ".join(program)} "$@"\n')
    script.chmod(0o755)
    told = subprocess.run(
        ['cksum'], input=(ROOT / 'pyproject.toml').read_bytes(), capture_output=True, check=True
    )
    (venv / f'skeljax-{told.stdout.split()[0].decode()}-run').touch()
    return venv


def pod(venv: Path, count: int, devices: int, words):
    """Runs launch/pod_sim.sh: so many processes of so many devices."""
    return subprocess.run(
        ['bash', str(ROOT / 'launch' / 'pod_sim.sh'), str(count), str(devices), *words],
        env={**environment(devices), 'SKELJAX_VENV': str(venv), 'PYTHON': sys.executable},
        capture_output=True, text=True, timeout=400,
    )


def metrics(workdir: Path) -> list[dict]:
    """Reads the metrics of a run, without speeds."""
    lines = (workdir / 'metrics.jsonl').read_text().splitlines()
    return [{k: v for k, v in json.loads(x).items() if 'per_second' not in k} for x in lines]


def state(folder: Path) -> dict:
    """Restores the newest checkpoint of a folder."""
    with checkpoint.manager(folder) as mngr:
        return dict(mngr.restore(mngr.latest_step()).items())
