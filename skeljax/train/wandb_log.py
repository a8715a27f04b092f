"""Logs a run to Weights & Biases too, where the config names a project of it."""

import importlib.util
from pathlib import Path
import secrets

from skeljax.errors import InputError
from skeljax.train import run_dir as workdirs

_ID = 'wandb_id.txt'  # in the folder of a run: under it the run goes on


def check(project: str):
    """Sees that runs can be logged to a project; '' is none.

    Raises:
        InputError: the package is not installed.
    """
    if project and importlib.util.find_spec('wandb') is None:
        raise InputError('config.wandb needs the package wandb: pip install skeljax[wandb]')


def start(project: str, folder, *, quiet: bool = False):
    """Begins a run of a project, or goes on with that of this folder.

    It has the folder's name and what `run.json` tells: config, corpus, versions. What is
    logged is drawn over `step`, which may come again after a resume. $WANDB_MODE=offline
    needs no account and keeps all in the folder, for `wandb sync`.

    Args:
        project: its name.
        folder: of the run.
        quiet: says nothing of its own.

    Returns:
        wandb's run, with `log` and `finish`.

    Raises:
        InputError: the package is not installed; nobody is logged in.
    """
    check(project)
    import wandb

    folder = Path(folder)
    place = folder / _ID
    if not place.exists():
        place.write_text(secrets.token_hex(4) + '\n')
    try:
        run = wandb.init(
            project=project, name=folder.resolve().name, id=place.read_text().strip(),
            resume='allow', dir=str(folder), config=workdirs.read(folder),
            settings=wandb.Settings(console='off', silent=quiet),
        )
    except wandb.Error as error:
        text = str(error).splitlines()[0]
        told = 'run `wandb login`, or set WANDB_MODE=offline, which needs no account'
        raise InputError(f'config.wandb={project}: {text} ({told})') from None
    run.define_metric('*', step_metric='step')
    return run
