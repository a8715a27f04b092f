"""The documentation: that its site builds without a warning, and that its commands parse."""

from pathlib import Path
import re
import shlex
import subprocess
import sys

import pytest

import skeljax
from skeljax.cli import main
from skeljax.report import settings

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md')),
    *sorted((ROOT / 'tfds_builders').glob('*/README.md')),
]


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
    fields = re.findall(r'^\| `([^`]+)`', settings.markdown(), re.MULTILINE)
    assert len(fields) > 100 and all(field in text('configuration.html') for field in fields)
    assert 'id="skeljax.train.ready.Model.localize"' in text('api.html')
    builders = {path.parent.name for path in (ROOT / 'tfds_builders').glob('*/README.md')}
    assert builders == {path.stem for path in (site / 'corpora').glob('*.html')}
    assert 'href="corpora/pku_mmd.html"' in text('files.html')
    shown = re.sub('<[^>]+>', '', text('notebooks/first_steps.html'))  # code is coloured
    assert 'skeljax prepare synthetic/tiny' in shown
    assert (site / 'notebooks' / 'first_steps.ipynb').is_file()


def _commands(page: Path) -> list[str]:
    """Lists the commands of a page's shell blocks, several lines of one joined."""
    blocks = re.findall(r'^```bash\n(.*?)^```', page.read_text(), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace('\\\n', ' ').splitlines()]
    return [line[line.index('skeljax'):] for line in lines if re.match(r'([A-Z_]+=\S+ )*skeljax ', line)]


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_parse(page):
    for command in _commands(page):
        words = shlex.split(command.replace('...', ''), comments=True)
        if '>' in words:
            words = words[: words.index('>')]
        args, verb = main.parse(words[1:])
        assert args.verb == words[1] and verb.run


def test_the_figures_of_the_readme_are_those_of_the_results():
    rows = lambda text: [[cell.strip() for cell in line.split('|')[1:-1]] for line in text.splitlines() if '±' in line]
    told = rows((ROOT / 'README.md').read_text().split('## What it reaches')[1].split('\n## ')[0])
    results = (ROOT / 'docs' / 'results.md').read_text()
    parts = [results.split(f'**{name}**')[1].split('\n\n')[1] for name in ('composed10', 'composed20')]
    for labels, start, *figures in told:
        for figure, part in zip(figures, parts, strict=True):
            fitting = [r for r in rows(part) if r[:3] == [labels, start, 'U-shaped fuser']]
            assert [row[3] for row in fitting] == [figure]
    assert len(told) == 5


def test_there_are_commands_to_parse():
    assert len(_commands(ROOT / 'README.md')) > 10 and len(_commands(ROOT / 'docs' / 'own-data.md')) > 8


def test_the_citation_is_of_this_version_and_names_the_paper():
    yaml = pytest.importorskip('yaml')
    told = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert told['cff-version'] == '1.2.0' and told['message'] and told['authors']
    assert (told['title'].partition(':')[0], told['version']) == ('skeljax', skeljax.__version__)
    (paper,) = told['references']
    assert paper['identifiers'][0]['value'] == 'arXiv:2512.16504'
    assert paper['url'].endswith('2512.16504')
