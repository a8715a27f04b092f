"""What a reader of the documentation has, and the commands that a test is to run."""

import pytest

from skeljax.cli import main
from skeljax.data.corpus import Corpus
from tests import documented, untrained

# Networks so small, and so few steps, that what they find means nothing; all else is as for a user.
_SMALL = ['--quiet', '--config.model.base_channels=4']
FEW = {
    'pretrain': [
        *_SMALL,
        '--config.pretrain.num_steps=2',
        '--config.pretrain.batch_size=8',
        '--config.pretrain.queue_size=16',
        '--config.pretrain.checkpoint_every=2',
    ],
    'finetune': [
        *_SMALL,
        '--config.finetune.num_steps=2',
        '--config.finetune.validate_every=2',
        '--config.finetune.checkpoint_every=2',
    ],
    'knn': ['--config.model.base_channels=4'],
}


class Told:
    """The commands of a test, each to be run once."""

    def __init__(self, commands, capsys, monkeypatch):
        self.left, self._capsys, self._setenv = commands, capsys, monkeypatch.setenv

    def take(self, part='') -> list[documented.Command]:
        """Returns the commands with this part, as those that are run now."""
        taken = [command for command in self.left if part in command.text]
        assert taken, f'no command is left with {part!r}'
        self.left = [command for command in self.left if command not in taken]
        return taken

    def skeljax(self, *more: str, part='', instead=()) -> str:
        """Runs commands with further words, others instead of some; returns what they print."""
        instead = dict(instead)
        self._capsys.readouterr()
        for command in self.take(part):
            for name, value in command.environment().items():
                self._setenv(name, value)
            program, *given = [instead.get(word, word) for word in command.words()]
            given += [*FEW.get(given[0], ()), *more]
            assert documented.PROGRAMS[program](given) == 0, (
                f'{command.text}\n{self._capsys.readouterr().err}'
            )
        return self._capsys.readouterr().out


@pytest.fixture
def told(request, capsys, monkeypatch):
    """The commands that the test's marker names."""
    commands = {}
    for marker in request.node.iter_markers('documented'):
        for command in documented.chosen(*marker.args):
            commands.setdefault(command.text, command)
    told = Told(list(commands.values()), capsys, monkeypatch)
    yield told
    assert not told.left, f'not run: {told.left}'


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tuned(here, tiny):
    """A run in runs/tuned, its model in model/, what it found in a recording in predictions/."""
    corpus = Corpus(tiny, 'synthetic/tiny', 'test')
    untrained.make(here / 'runs' / 'tuned', corpus=corpus, data={'data_dir': str(tiny)})
    assert main.main(['export', 'runs/tuned', '--out', 'model/']) == 0
    name = f'synthetic/tiny:test:{corpus[0].name}'
    given = [
        '--workdir',
        'runs/tuned',
        '--out',
        'predictions',
        '--min-score',
        '0',
        '--decoder',
        'argmax',
    ]
    assert main.main(['predict', name, *given, '--quiet']) == 0
    (here / 'labels.csv').write_text(
        f'recording,start,end,label\n{corpus[0].name},1,2,{corpus.classes[0]}\n'
    )
    return here
