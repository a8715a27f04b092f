"""The launch scripts among stand-ins for the programs that they call."""

import json
import os
from pathlib import Path
import shlex
import subprocess
import sys

ROOT = Path(__file__).resolve().parents[1]


class Cloud:
    """The launch scripts among stand-ins for gcloud, sbatch and others, and a worker's home.

    Attributes:
        there: the home of a worker, in which `skeljax` is a checkout.
    """

    def __init__(self, folder: Path):
        self._folder, self.there = folder, folder / 'there'
        (folder / 'bin').mkdir(parents=True)
        self.there.mkdir()
        self.stand_in('gcloud', 'sbatch', 'gcsfuse', 'nvidia-smi', 'sleep')
        self.answer()

    def stand_in(self, *names: str):
        """Puts programs on the path that write down how they are called, and answer as told."""
        for name in names:
            words = shlex.join([sys.executable, '-S', *self._stand_in(name)])
            self.tool(name, f'exec {words} "$@"')

    def _stand_in(self, name: str) -> list[str]:
        code = Path(__file__).parent / 'launch' / 'stand_in.py'
        return ['-c', f'import sys; sys.argv[0] = {name!r}; exec(open({str(code)!r}).read())']

    def tool(self, name: str, script: str):
        """Puts a program on the path."""
        path = self._folder / 'bin' / name
        path.write_text(f'#!/usr/bin/env bash\n{script}\n')
        path.chmod(0o755)

    def answer(self, *answers: dict):
        """Says how the stand-ins answer from now on."""
        (self._folder / 'answers.json').write_text(json.dumps(answers))

    def run(self, script: str, *words: str, text: str = '', **environment: str):
        """Runs a launch script of this checkout."""
        return self.bash(str(ROOT / 'launch' / script), *words, text=text, **environment)

    def bash(self, *words: str, text: str = '', cwd: Path | None = None, **environment: str):
        """Runs bash where the stand-ins are."""
        known = {
            'PATH': f'{self._folder / "bin"}:{os.environ["PATH"]}',
            'CALLS': str(self._folder),
            'HOME_THERE': str(self.there),
            'SKELJAX_WAIT': '1',
            'SKELJAX_POLL': '7',
        }
        return subprocess.run(
            ['bash', *words], env={**os.environ, **known, **environment}, cwd=cwd,
            input=text, capture_output=True, text=True, timeout=60,
        )

    def calls(self, *names: str) -> list[list[str]]:
        """Returns the calls so far, of these programs (of all but `sleep` by default)."""
        path = self._folder / 'calls.jsonl'
        lines = path.read_text().splitlines() if path.exists() else []
        every = [json.loads(line) for line in lines]
        return [call for call in every if (call[0] in names if names else call[0] != 'sleep')]
