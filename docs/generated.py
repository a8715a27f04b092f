"""Pages of the site that are made from the code (a hook of MkDocs), so that they cannot drift."""

import ast
import json
import keyword
from pathlib import Path
import re

from mkdocs.structure.files import File

from skeljax.cli import main
from skeljax.viz import config_reference

ROOT = Path(__file__).resolve().parents[1]
BUILDERS = sorted(path.parent.name for path in (ROOT / 'tfds_builders').glob('*/README.md'))


def on_config(config):
    """Lists a page for each corpus."""
    pages = [f'corpora/{name}.md' for name in BUILDERS]
    for section in config.nav:
        for entry in next(iter(section.values())) if isinstance(section, dict) else ():
            if isinstance(entry, dict) and entry.get('Corpora') == 'corpora/':
                entry['Corpora'] = pages
    return config


def on_files(files, config):
    """Adds the pages."""
    add = lambda name, text: files.append(File.generated(config, name, content=text))
    add('commands.md', commands())
    add('configuration.md', config_reference.markdown())
    for path in sorted((ROOT / 'docs' / 'notebooks').glob('*.ipynb')):
        add(f'notebooks/{path.stem}.md', notebook(path))
    add('changes.md', _linked(ROOT / 'CHANGELOG.md'))
    for name in BUILDERS:
        add(f'corpora/{name}.md', _linked(ROOT / 'tfds_builders' / name / 'README.md'))
    return files


def on_page_markdown(markdown, **_):
    """Leads links to what stands elsewhere in the repository to the page of it."""
    return re.sub(r'\.\./tfds_builders/(\w+)/README\.md', r'corpora/\1.md', markdown)


def commands() -> str:
    """Writes what `skeljax VERB --help` tells first of every verb, without importing it."""
    parts = ['# Commands\n', '`skeljax VERB --help` lists all options.\n']
    for verb in main.VERBS:
        path = ROOT / 'skeljax' / 'cli' / f'{verb}{"_" * keyword.iskeyword(verb)}.py'
        text = ast.get_docstring(ast.parse(path.read_text()))
        parts.append(f'## skeljax {verb}\n\n```text\n{text}\n```\n')
    return '\n'.join(parts)


def notebook(path: Path) -> str:
    """Writes a notebook as a page; its outputs are made by who runs it."""
    parts = []
    for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
        text = ''.join(cell['source'])
        if cell['cell_type'] == 'code':
            kind = 'bash' if text.startswith('!') else 'python'
            text = f'```{kind}\n{re.sub("^!", "", text, flags=re.MULTILINE)}\n```'
        parts.append(text)
    link = f'To run it yourself: [{path.name}]({path.name}), opened in Jupyter.'
    return '\n\n'.join([parts[0], link, *parts[1:]]) + '\n'


def _linked(path: Path) -> str:
    """Reads a page that stands elsewhere; its links become those of the site."""
    text = path.read_text(encoding='utf-8')
    return re.sub(r'\]\((?:\.\./)*docs/', '](' if path.parent == ROOT else '](../', text)
