"""The commands of the documentation: what its pages tell to type, and what of it no test runs.

A command is a line of a shell block, or stands within a sentence with its arguments. A test runs
commands that it names by the marker `documented(page, *parts)`: those of the page that hold one
of the parts, all of the page without. tests/test_docs.py sees that every command is run by a
test or has a reason here.
"""

import contextlib
import io
from pathlib import Path
import re
import shlex
from typing import NamedTuple

from benchmarks import __main__ as benchmarks
from skeljax.cli import main

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    'README.md',
    *(p.relative_to(ROOT).as_posix() for p in sorted((ROOT / 'docs').glob('*.md'))),
    *(p.relative_to(ROOT).as_posix() for p in sorted((ROOT / 'tfds_builders').glob('*/README.md'))),
]

# Program -> what runs its words, what parses them.
PROGRAMS = {'skeljax': main.main, 'benchmarks': benchmarks.main}
PARSERS = {'skeljax': lambda words: main.parse(words)[0], 'benchmarks': benchmarks.parse}

# What a reader puts something in the place of; others, as FILE, are as good as any name.
PLACEHOLDERS = {'VERB': 'predict', 'SHELL': 'bash'}

# What no test runs, and why. The words of skeljax in them are parsed all the same.
NOT_RUN = {
    'pip install': 'fetches packages; the environment that the tests run in was made so',
    'xpk ': 'a program of Google’s that makes paid machines',
    'python -m pytest': 'the tests themselves, some of which take hours',
    'docker ': 'needs a Docker daemon and a registry of images',
    'python -m benchmarks step --against torch': 'needs PyTorch, and takes minutes',
    'python -m benchmarks pairs': 'two hours; tests/benchmarks/test_main.py replaces the steps',
    'skeljax ablate configs/ablations/decoding.py': 'two hours; tests/sweep plans the sweep',
    'python -m benchmarks.decoding': 'the runs of that sweep; tests/benchmarks/test_decoding.py',
    'skeljax evaluate --distributed': 'in a cluster only; tests/cli/test_processes.py starts two',
}


class Command(NamedTuple):
    """A command: the page that it stands on, and its line without the comment."""

    page: str
    text: str

    def words(self) -> list[str]:
        """Returns the words from `skeljax` or `benchmarks` on; none for another program."""
        program = r'(?:^|[\s|"])(?:python -m )?((?:skeljax|(?<=-m )benchmarks) \S.*)'
        found = re.search(program, self.text)
        if not found or re.match(r'(bash|docker|pip) ', self.text):
            return []
        words = shlex.split(found[1].rstrip('"') if '"skeljax' in self.text else found[1])
        words = words[: words.index('>')] if '>' in words else words
        return [PLACEHOLDERS.get(word, re.sub(r'=S$', '=0', word)) for word in words]

    def environment(self) -> dict[str, str]:
        """Returns the variables that are set before it."""
        return dict(
            pair.split('=', 1) for pair in re.match(r'((?:[A-Z_]+=\S+ )*)', self.text)[1].split()
        )


def blocks(page: str, language='bash') -> list[str]:
    """Lists the blocks of a language on a page, as they stand there."""
    text = (ROOT / page).read_text()
    return re.findall(rf'^```{language}\n(.*?)^```', text, re.DOTALL | re.MULTILINE)


def commands(*pages: str) -> list[Command]:
    """Lists the commands of pages (of all), in their order: of blocks, then of sentences."""
    return [
        Command(page, text) for page in pages or PAGES
        for text in dict.fromkeys([*_of_blocks(page), *filter(_is_whole, spans(page))])
    ]


def chosen(page: str, *parts: str) -> list[Command]:
    """Lists the commands of a page that contain one of the parts; all without parts."""
    found = commands(page)
    for part in parts:
        assert any(part in command.text for command in found), f'{page} no longer tells {part}'
    return [
        c for c in found if not not_run(c) and (not parts or any(part in c.text for part in parts))
    ]


def spans(page: str) -> list[str]:
    """Lists what stands as code within the sentences of a page and has arguments."""
    text = re.sub(r'^```.*?^```', '', (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE)
    found = (' '.join(span.split()) for span in re.findall(r'`([^`]+)`', text))
    programs = r'(skeljax \S+ |python -m benchmarks \S|bash |pip install )'
    return [span for span in found if re.match(rf'([A-Z_]+=\S+ )*{programs}', span)]


def parsed(words: list[str]):
    """Parses words as their command line does; None where they only ask for help.

    Raises:
        ValueError: they are refused, or lack something.
    """
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
            return PARSERS[words[0]](words[1:])
    except SystemExit as left:
        if left.code:
            raise ValueError(f'{shlex.join(words)}: {told.getvalue().strip()}') from None


def not_run(command: Command) -> str:
    """Tells why no test runs a command; '' where one should."""
    return next((why for part, why in NOT_RUN.items() if part in command.text), '')


def _of_blocks(page: str):
    for block in blocks(page):
        for line in block.replace('\\\n', ' ').splitlines():
            text = ' '.join(re.sub(r'(^|\s)#\s.*', '', line).split())
            if text:
                yield text


def _is_whole(span: str) -> bool:
    """Whether it can be typed as it is; else it names an option within a sentence."""
    words = Command('', span).words()
    try:
        return not words or bool(parsed(words)) or '--help' in words
    except ValueError:
        return False
