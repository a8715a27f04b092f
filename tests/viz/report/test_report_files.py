"""Tests HTML and Markdown files of a report: valid, self-contained, not overwritten."""

from html.parser import HTMLParser
import re

from matplotlib.image import imread
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.viz.report import compose, html_page, markdown, output_files
from skeljax.viz.report.elements import Paragraph
from skeljax.viz.viewer import page as viewer
from tests.viz.report import made_report


@pytest.fixture(scope='module')
def elements():
    return compose.compose([made_report.run()])


@pytest.fixture(scope='module')
def text(elements):
    return html_page.render(elements, title='a & b')


class _Elements(HTMLParser):
    """Checks that elements are closed in order; collects ids and references to them."""

    EMPTY = ('meta', 'path', 'use', 'image', 'rect', 'circle', 'line', 'br')

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.used = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in ('meta', 'br'):
            self.open.append(tag)
        self._note(attributes)

    def handle_startendtag(self, tag, attributes):
        self._note(attributes)

    def _note(self, attributes):
        for name, value in attributes:
            if name == 'id':
                self.ids.append(value)
            self.used += re.findall(r'url\(#([^)]+)\)', value or '')
            if name == 'xlink:href' and value.startswith('#'):
                self.used.append(value[1:])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, self.getpos()


def test_the_page_holds_all_and_reaches_out_for_nothing(text):
    assert (
        '<title>a &amp; b</title>' in text and '{{' not in text and 'sit &amp; &lt;wait&gt;' in text
    )
    seen = _Elements()
    seen.feed(text)
    seen.close()
    assert not seen.open
    assert len(set(seen.ids)) == len(seen.ids) and set(seen.used) <= set(seen.ids)
    addresses = re.findall(r'(?:src|href)="([^"#][^"]*)"', text)
    assert set(addresses) == {
        a
        for a in addresses
        if a.startswith(('data:image/png;base64,', 'report_files/recordings.html#'))
    }
    outside = re.sub(r'xmlns(:xlink)?="[^"]*"', '', text)
    assert not re.search(r'https?://|@import', outside)
    assert "default-src 'none'" in text


def test_pictures_take_the_colors_of_the_page(text):
    drawn = ''.join(re.findall(r'<svg.*?</svg>', text, re.S))
    assert 'var(--ink)' in drawn and 'var(--line)' in drawn and 'var(--class-0)' in drawn
    assert '#2b2b2b' not in drawn and 'DejaVu' not in drawn
    for theme in (':root {', ":root[data-theme='dark'] {"):
        known = ''.join(part.split('}')[0] for part in text.split(theme)[1:])
        assert all(f'{name}:' in known for name in set(re.findall(r'var\((--[\w-]+)\)', text)))


def test_classes_are_told_apart_on_either_paper():
    """WCAG requires 3:1 for graphics; two light colors of the scheme have less on white."""
    known = dict(
        re.findall(r'--([\w-]+): (#\w{6})', html_page.style().split("'dark'] {")[-1].split('}')[0])
    )
    paper = dict(
        re.findall(
            r'--([\w-]+): (#\w{6})', viewer.asset('style.css').split("'dark'] {")[1].split('}')[0]
        )
    )

    def luminance(color):
        parts = np.array([int(color[i:i + 2], 16) for i in (1, 3, 5)]) / 255
        parts = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return parts @ [0.2126, 0.7152, 0.0722]

    assert len(known) == 10
    for color in known.values():
        assert (luminance(color) + 0.05) / (luminance(paper['paper']) + 0.05) >= 3, color


def test_a_page_is_the_same_each_time(text):
    assert html_page.render(compose.compose([made_report.run()]), title='a & b') == text


def test_markdown_shows_the_same_and_means_what_it_says(elements):
    text = markdown.render(elements, title='a_b', folder='r_files')
    assert text.startswith('# a\\_b\n\n## Summary\n\n> something \\<is\\> missing\n')
    assert '| 2 | sit \\& \\<wait\\> |' in text
    assert '[a b](report_files/recordings.html#recording=a%20b)' in text
    tables = re.findall(r'(?:^\|.*\|\n)+', text, re.M)
    assert len(tables) == 6
    for table in tables:
        columns = {len(re.findall(r'(?<!\\)\|', line)) for line in table.splitlines()}
        assert len(columns) == 1, table


def test_markdown_puts_its_pictures_beside(elements, tmp_path):
    target = output_files.check(tmp_path / 'r.md')
    output_files.write(target, elements, title='t', pages={'recordings.html': 'viewer'})
    names = re.findall(r'!\[[^\]]*\]\(r_files/([^)]+)\)', target.page.read_text())
    assert len(names) == 11
    assert {path.name for path in target.folder.iterdir()} == {*names, 'recordings.html'}
    for name in names:
        height, width, _ = imread(target.folder / name).shape
        assert width == 720 and height > 300


def test_nothing_is_overwritten_unless_forced(tmp_path):
    target = output_files.Target(tmp_path / 'r.html', tmp_path / 'r_files')
    target.page.write_text('mine')
    with pytest.raises(InputError, match=r'r\.html: exists; .*--force'):
        output_files.check(target.page)
    assert output_files.check(target.page, force=True) == target
    output_files.write(target, [Paragraph('new')], title='t', pages={})
    assert 'new' in target.page.read_text() and sorted(tmp_path.iterdir()) == [target.page]
    target.page.unlink()
    target.folder.mkdir()
    with pytest.raises(InputError, match=r'r_files: exists; .*--force'):
        output_files.check(target.page)
    target.folder.rmdir()
    target.folder.write_text('')
    with pytest.raises(InputError, match='is a file, expected the folder'):
        output_files.check(target.page, force=True)


@pytest.mark.parametrize(
    ('name', 'told'), [('r.pdf', r"found \.pdf"), ('r', 'found no suffix')]
)
def test_an_unknown_suffix_is_told(tmp_path, name, told):
    with pytest.raises(
        InputError, match=rf'{name}: expected a name that ends in \.html or \.md, {told}'
    ):
        output_files.check(tmp_path / name)


def test_a_folder_is_no_report(tmp_path):
    (tmp_path / 'r.html').mkdir()
    with pytest.raises(InputError, match='is a folder'):
        output_files.check(tmp_path / 'r.html', force=True)


def test_many_classes_are_drawn():
    """Matplotlib warns if the layout of a plot fails, and warnings are errors here."""
    classes = tuple(f'a movement with number {n}' for n in range(60))
    text = html_page.render(compose.compose([made_report.run(classes=classes)]), title='t')
    assert all(name in text for name in classes)
