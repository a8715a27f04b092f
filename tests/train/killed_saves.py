"""A small training run that kills itself (`kill -9`) inside one of its saves.

    python tests/train/killed_saves.py FOLDER SEED STEPS

SEED chooses which save and how far into it; a SEED below 0 lets the run end.
"""

import os
from pathlib import Path
import random
import signal
import sys
import threading
import time

import jax
import numpy as np

from skeljax.cli import main as commands
from skeljax.train import loop

UNFINISHED = 'orbax-checkpoint-tmp'
_LONGEST = 0.03  # seconds into a save; all but a few saves take longer


def step(state, batch, rng):
    """Adds noise to the weights."""
    noise = jax.random.normal(rng, (100,)) + batch['x'].mean()
    weights = {name: w + noise for name, w in state['weights'].items()}
    return {'weights': weights}, {'loss': noise.mean()}


def state() -> dict:
    """Makes the first state: as many arrays as a small network has."""
    return {'weights': {f'w{i}': np.zeros(100, 'f') for i in range(20)}}


class Batches:
    """Batches that depend on their number alone."""

    def iterate(self, start):
        while True:
            yield {'x': np.random.default_rng(start).normal(size=(4, 2)).astype('f')}
            start += 1

    def places(self, number):
        return [{'batch': number}]


def unfinished(folder: Path) -> set[str]:
    """Lists saves that are under way, or were when the process was killed."""
    names = os.listdir(folder) if folder.exists() else ()
    return {name for name in names if UNFINISHED in name}


def _kill_inside_a_save(folder: Path, seed: int):
    """Waits for a save to begin, then a moment, and kills this process if it is still under way."""
    moments = random.Random(seed)
    skipped = moments.randrange(3)
    before = unfinished(folder)
    while True:
        while not unfinished(folder) - before:
            time.sleep(0.0002)
        begun = unfinished(folder) - before
        if skipped <= 0:
            time.sleep(moments.uniform(0, _LONGEST))
            if begun <= unfinished(folder):
                os.kill(os.getpid(), signal.SIGKILL)
        skipped, before = skipped - 1, before | begun


def main(folder: Path, seed: int, steps: int):
    """Trains with a save after every step."""
    commands.quiet_libraries()
    if seed >= 0:
        watch = threading.Thread(
            target=_kill_inside_a_save, args=(folder / 'checkpoints', seed), daemon=True
        )
        watch.start()
    plan = loop.LoopConfig(num_steps=steps, batch=4, checkpoint_every=1, log_every=1)
    folder.mkdir(exist_ok=True)
    loop.train(step, state(), Batches(), plan, folder, quiet=True, devices=jax.devices()[:1])


if __name__ == '__main__':
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
