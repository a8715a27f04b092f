"""Logs a run to Weights & Biases as well, if `config.wandb` names a project."""

import importlib.util
from pathlib import Path
import secrets

from skeljax.errors import InputError
from skeljax.train import run_dir as workdirs

_ID = 'wandb_id.txt'  # in the folder of a run; a resumed run keeps it


def check(project: str):
    """Checks that runs can be logged to a project; '' is none.

    Raises:
        InputError: the package is not installed.
    """
    if project and importlib.util.find_spec('wandb') is None:
        raise InputError('config.wandb needs the package wandb: pip install skeljax[wandb]')


def start(project: str, folder, *, quiet: bool = False):
    """Starts a run of a project, or resumes that of this folder.

    The run has the name of the folder and the contents of `run.json`: config, corpus, versions.
    Metrics are plotted over `step`, which may repeat after a resume. $WANDB_MODE=offline needs no
    account and keeps everything in the folder, for `wandb sync`.

    Args:
        project: its name.
        folder: of the run.
        quiet: wandb prints nothing.

    Returns:
        wandb's run, with `log` and `finish`.

    Raises:
        InputError: the package is not installed, or there is no login.
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
        advice = 'run `wandb login`, or set WANDB_MODE=offline, which needs no account'
        raise InputError(f'config.wandb={project}: {text} ({advice})') from None
    run.define_metric('*', step_metric='step')
    return run
