"""The documentation: its site builds without a warning, its commands parse and are run."""

import ast
from pathlib import Path
import re
import subprocess
import sys

from ml_collections import ConfigDict
import pytest

from benchmarks import __main__ as benchmarks
import skeljax
from skeljax.cli import config_args, main
from skeljax.configs import bench, default
from skeljax.sweep import definition as sweeps
from skeljax.viz import config_reference
from tests import documented

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = {
    'skeljax': (main.VERBS, main.parsers), 'benchmarks': (benchmarks.COMMANDS, benchmarks.parsers)
}


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    pytest.importorskip('mkdocs', reason='needs MkDocs (pip install skeljax[docs])')
    pytest.importorskip('mkdocstrings', reason='needs mkdocstrings (pip install skeljax[docs])')
    folder = tmp_path_factory.mktemp('site')
    command = ['-m', 'mkdocs', 'build', '--strict', '-f', '.mkdocs.yml', '-d', str(folder)]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_builds_without_a_warning(site):
    assert (site / 'index.html').is_file() and (site / 'method.svg').is_file()
    assert not list(site.rglob('*.py'))


def test_pages_are_made_from_the_code(site):
    text = lambda name: (site / name).read_text()
    assert all(f'skeljax {verb}' in text('commands.html') for verb in main.VERBS)
    fields = re.findall(r'^\| `([^`]+)`', config_reference.markdown(), re.MULTILINE)
    assert len(fields) > 100 and all(field in text('configuration.html') for field in fields)
    assert 'id="skeljax.inference.predictor.Model.localize"' in text('api.html')
    builders = {path.parent.name for path in (ROOT / 'tfds_builders').glob('*/README.md')}
    assert builders == {path.stem for path in (site / 'corpora').glob('*.html')}
    assert 'href="corpora/pku_mmd.html"' in text('files.html')
    shown = re.sub('<[^>]+>', '', text('notebooks/first_steps.html'))  # code is colored
    assert 'skeljax prepare synthetic/tiny' in shown
    assert (site / 'notebooks' / 'first_steps.ipynb').is_file()


@pytest.mark.parametrize('page', documented.PAGES)
def test_commands_of_a_page_parse(page):
    for command in documented.commands(page):
        words = command.words()
        args = documented.parsed(words) if words else None
        if not args:
            continue
        verb = args.command if words[0] == 'benchmarks' else args.verb
        assert verb == words[1]
        if isinstance(getattr(args, 'config_file', None), str):
            base = sweeps.load(args.sweep).base if verb == 'ablate' else args.config_file
            if base:
                config_args.load(base, args.overrides)  # every field is there, and of its type


@pytest.mark.parametrize('page', documented.PAGES)
def test_options_within_sentences_are_those_of_their_verbs(page):
    for span in documented.spans(page):
        words = documented.Command(page, span).words()
        names, parsers = PROGRAMS[words[0]] if words else ((), None)
        if words and words[1] in names:
            known = parsers({words[1]})[1][words[1]]._option_string_actions
            strange = {w.partition('=')[0] for w in words if w.startswith('--')} - {
                *known,
                '--help',
            }
            assert not {option for option in strange if not option.startswith('--config.')}, span


def test_fields_that_pages_name_are_there():
    # Rows of configs/bench.py have one part more; `--config.key=value` is how help tells it.
    config = {**default.get_config(), 'bench': bench.get_config().bench, 'key': 0}
    for page in documented.PAGES:
        for name in re.findall(
            r'(?<![\w/.])config\.([a-z_]+(?:\.[a-z_]+)*)', (ROOT / page).read_text()
        ):
            if hasattr(ConfigDict, name):
                continue  # a method, as config.unlocked()
            held = config
            for part in name.split('.'):
                assert isinstance(held, (dict, ConfigDict)) and part in held, (
                    f'{page}: config.{name}'
                )
                held = held[part]


def _run_by_tests() -> dict[str, str]:
    """Finds which commands tests are marked to run; tests/cli/pages checks that they do."""
    found = {}
    for path in sorted((ROOT / 'tests' / 'cli' / 'pages').glob('test_*.py')):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == 'pytest.mark.documented':
                given = map(ast.literal_eval, node.args)
                found |= {command.text: path.name for command in documented.chosen(*given)}
    return found


def _lost(commands) -> set[str]:
    run = _run_by_tests()
    return {
        f'{c.page}: {c.text}' for c in commands if c.text not in run and not documented.not_run(c)
    }


def test_every_command_is_run_by_a_test_or_has_a_reason_not_to_be():
    told = documented.commands()
    lost = sorted(_lost(told))
    assert not lost, f'run them in tests/cli/pages, or say in tests/documented.py why not: {lost}'
    idle = [
        part for part in documented.NOT_RUN if not any(part in command.text for command in told)
    ]
    assert not idle, f'no page tells them: {idle}'
    assert len(_run_by_tests()) > 80


def test_a_command_that_nobody_runs_is_seen():
    new = documented.Command(
        'README.md', 'skeljax predict walk.bvh --model model/ --out elsewhere/'
    )
    assert _lost([new]) == {f'README.md: {new.text}'}


def test_the_figures_of_the_readme_are_those_of_the_page_on_decoding():
    told = (ROOT / 'README.md').read_text().split('## What it reaches')[1].split('\n## ')[0]
    page = (ROOT / 'docs' / 'decoding.md').read_text()
    cells = lambda line: [cell.strip(' *') for cell in line.split('|')[1:-1]]
    rows = [cells(line) for line in told.splitlines() if re.match(r'\| \[', line)]
    for name, ratio, f1, edit, start in rows:
        corpus = re.match(r'\[`(.+)`\]', name)[1]
        share = re.search(r', (\d+) %', name)[1]
        table = next(
            part for part in page.split('\n**')
            if re.match(rf'{re.escape(corpus)}(/default)?, {share} %', part)
        )
        found = {row[0]: row for row in map(cells, table.splitlines()) if row}
        raw, fitted = found['runs of the most probable class'], found['sequence, fitted']
        for shown, column in ((ratio, 1), (f1, 5), (edit, 3)):
            assert shown.replace('*', '') == f'{fitted[column]} ({raw[column]})'
        assert start == f'{fitted[7].split(" /")[0]} s'
    assert len(rows) == 4


def test_the_citation_is_of_this_version_and_names_the_paper():
    yaml = pytest.importorskip('yaml')
    told = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert told['cff-version'] == '1.2.0' and told['message'] and told['authors']
    assert (told['title'].partition(':')[0], told['version']) == ('skeljax', skeljax.__version__)
    (paper,) = told['references']
    assert paper['identifiers'][0]['value'] == 'arXiv:2512.16504'
    assert paper['url'].endswith('2512.16504')
