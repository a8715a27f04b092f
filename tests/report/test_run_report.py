"""A report as HTML and as Markdown: what is in it, and that it holds what it shows."""

from html.parser import HTMLParser
import re

from matplotlib.image import imread
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.viz.report import chapters, files, markdown, page
from skeljax.viz.report.elements import Details, Facts, Heading, Link, Pictures, Table, Text
from skeljax.viz.viewer import page as viewer
from tests import made_report


@pytest.fixture(scope='module')
def blocks():
    return chapters.compose([made_report.run()])


@pytest.fixture(scope='module')
def text(blocks):
    return page.render(blocks, title='a & b')


def _tables(blocks) -> dict:
    """Finds tables by their first two heads."""
    tables = [block for block in blocks if isinstance(block, Table)]
    tables += [block.table for block in blocks if isinstance(block, Pictures) and block.table]
    return {tuple(table.heads[:2]): table for table in tables}


def test_the_parts_come_in_order(blocks):
    assert [block.text for block in blocks if isinstance(block, Heading)] == [
        'Summary', 'Configuration', 'Figures of babel_clean', 'Classes', 'Mistakes',
        'Best and worst recordings', 'What the encoder sees', 'Curves of pretraining', 'Curves of fine-tuning',
    ]
    assert blocks[1] == Text('something <is> missing', note=True)


def test_figures_of_the_segments_come_first(blocks):
    (facts,) = [block.facts for block in blocks if isinstance(block, Facts)]
    # 9 of 10 predicted segments are right, of 11 true; one recording lacks one of its three.
    assert [(fact.name, fact.value) for fact in facts[:6]] == [
        ('F1@50', f'{100 * 18 / 21:.1f} %'), ('edit score', f'{100 * (8 + 2 / 3) / 9:.1f} %'),
        ('segments', '9 of 11 found, 2 missed, 1 wrong'), ('ends off by', '0.00 s, 0.00 s'),
        ('frames right', f'{100 * (1 - 150 / 2700):.1f} %'),
        ('mean mAP', f'{100 * made_report.run().measured["mean"]:.1f} %'),
    ]
    # One of nine starts and one of nine ends is 5 frames off, at 10 frames a second.
    assert '90 % of the starts are off by at most 0.10 s, of the ends by 0.10 s' in facts[3].meaning


def test_whose_segments_are_judged_is_told():
    run = made_report.run()
    told = lambda: dict(_tables(chapters.compose([run]))['', ''].rows)['segments']
    assert told() == 'of the sequence decoder'
    run.decoding = 'babel_clean'
    assert told() == 'of the decoder of babel_clean, less those that a better one covers by half'


def test_classes_are_told_with_their_figures(blocks):
    rows = {row[1]: row[2:] for row in _tables(blocks)['', 'class'].rows}
    # Of walk 4 of the sevens and one with 0.9 overlap; sit is taken for wave in 80 of its frames.
    assert rows['walk'] == ('100.0', '100.0', '5', '5', '5', 'none, 2 %')
    assert rows['sit & <wait>'][2:] == ('4', '3', '3', 'wave, 25 %')
    assert rows['wave'][2:] == ('2', '2', '1', 'none, 38 %')


def test_recordings_lead_to_the_viewer_where_it_shows_them(blocks):
    rows = _tables(blocks)['', 'recording'].rows
    assert [row[0] for row in rows] == ['worst'] * 4 + ['best'] * 4
    # 1 of 2 found and of 3 true is right: 1 - 2 / 5.
    assert rows[0][1:] == (Link('a b', 'report_files/recordings.html#recording=a%20b'), '60.0', '1 of 3', '1')
    assert rows[1][1] == Link('clean', 'report_files/recordings.html#recording=clean')
    assert rows[4][1:] == ('more 6', '0.0', '1 of 1', '0')
    assert len({str(row[1]) for row in rows}) == 8


def test_kinds_of_mistakes_are_counted(blocks):
    rows = {row[0]: row[1] for row in _tables(blocks)['kind', 'segments'].rows}
    assert rows == {
        'correct': '9', 'missed': '1', 'wrong label': '1', 'boundary off': '0', 'double': '0',
        'false alarm': '0',
    }


def test_curves_are_those_of_terms_and_not_of_speed(blocks):
    names = [one.name for block in blocks if isinstance(block, Pictures) for one in block.pictures]
    assert [name for name in names if 'pretraining' in name or 'fine-tuning' in name] == [
        'run-1-pretraining-loss', 'run-1-pretraining-snippet', 'run-1-fine-tuning-loss',
        'run-1-fine-tuning-validation-selection',
    ]
    assert len(set(names)) == len(names)


def test_the_config_is_told_whole(blocks):
    (held,) = [block for block in blocks if isinstance(block, Details)]
    assert 'finetune.label_fraction = 0.1' in held.lines and 'seed = 3' in held.lines


def test_several_runs_are_compared_first():
    runs = [made_report.run('one'), made_report.run('two')]
    runs[1].measured = runs[1].judged = None
    blocks = chapters.compose(runs)
    assert [block.text for block in blocks if isinstance(block, Heading) and block.level == 1] == [
        'All runs', 'one', 'two'
    ]
    assert list(blocks[1].heads) == ['run', 'F1@50, %', 'edit, %', 'frames, %', 'mean, %']
    same = 'start first; stage finetune; corpus made/up; protocol babel_clean'
    assert f'{same}; segments of the sequence decoder.' in blocks[2].text
    rows = blocks[1].rows
    assert [row[0] for row in rows] == ['one', 'two']
    # 9 of 10 found, of 11 true.
    assert rows[0][1] == f'{100 * 18 / 21:.1f}' and rows[1][1:] == ['–'] * 4
    runs[1].told = runs[1].told | {
        'config': made_report.CONFIG | {'finetune': made_report.CONFIG['finetune'] | {'init_from': ''}}
    }
    table, said = chapters.compose(runs)[1:3]
    assert table.heads[5:] == ['start'] and [row[5] for row in table.rows] == ['first', 'scratch']
    assert 'start' not in said.text
    runs[1].decoding = 'pkummd'
    table = chapters.compose(runs)[1]
    assert table.heads[5:] == ['start', 'segments']
    assert table.rows[0][6] == 'of the sequence decoder'


def test_runs_that_differ_in_their_pretraining_alone_are_told_apart():
    runs = [made_report.run('one'), made_report.run('two'), made_report.run('three')]
    assert 'What they are set to' not in [b.text for b in chapters.compose(runs) if isinstance(b, Heading)]
    pretrain = {'method': 'aimclr', 'queue_size': 64, 'snippet': {'weight': 1.5}, 'log_every': 5}
    runs[0].origin = {'config': {'seed': 3, 'pretrain': pretrain}}
    # `mined` is a field that one alone has.
    other = {'snippet': {'weight': 0.0}, 'log_every': 7, 'aimclr': {'mined': 1}}
    runs[1].origin = {'config': {'seed': 4, 'pretrain': pretrain | other}}
    blocks = chapters.compose(runs[:2])
    at = [block.text if isinstance(block, Heading) else '' for block in blocks].index('What they are set to')
    assert [list(row) for row in blocks[at + 1].rows] == [
        ['one', 'seed of pretraining = 3; pretrain.snippet.weight = 1.5'],
        ['two', 'seed of pretraining = 4; pretrain.snippet.weight = 0.0'],
    ]
    assert not isinstance(blocks[at + 2], Details)
    # One that started from nothing has none of it; many fields are told in the details.
    for number, run in enumerate(runs[:2]):
        run.origin = {'config': {'pretrain': {f'field{place}': place + number for place in range(9)}}}
    blocks = chapters.compose(runs)
    (told,) = [block for block in blocks if isinstance(block, Details) and 'differ' in block.title]
    assert told.title == 'All 9 fields that differ'
    assert 'field8 = 8' in told.lines[0] and told.lines[2] == 'three: '


def test_a_run_of_pretraining_names_its_classes_and_shows_its_encoder_in_one_row():
    run = made_report.run(classes=[f'action {number}' for number in range(1, 12)])
    run.progress = run.progress._replace(stage='pretrain')
    run.measured = run.judged = None
    run.encoded = run.encoded[:1]
    blocks = chapters.compose([run])
    (said,) = [block.text for block in blocks if isinstance(block, Text) and 'deepest layer' in block.text]
    assert '1 action 1; 2 action 2' in said and '11 action 11.' in said
    rows = [[one.name for one in block.pictures] for block in blocks if isinstance(block, Pictures)]
    assert rows[0] == ['run-1-snippets-pretrained', 'run-1-similarity-pretrained']


def test_next_to_nothing_is_not_told_as_what_a_class_was_taken_for():
    run = made_report.run()
    run.judged.confusion[0] = [999, 1, 0, 0]
    rows = _tables(chapters.compose([run]))['', 'class'].rows
    assert rows[0][-1] == '–' and rows[1][-1] != '–'


def test_a_run_without_its_corpus_has_what_is_left():
    run = made_report.run()
    run.encoded, run.sample, run.viewer, run.shown, run.size = [], None, '', (), None
    blocks = chapters.compose([run])
    assert all(isinstance(row[1], str) for row in _tables(blocks)['', 'recording'].rows)
    run.measured = run.judged = None
    told = [block.text for block in chapters.compose([run]) if isinstance(block, Heading)]
    assert told == ['Summary', 'Configuration', 'Curves of pretraining', 'Curves of fine-tuning']


class _Elements(HTMLParser):
    """Sees that elements are closed in order, and keeps ids and what refers to them."""

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
    assert '<title>a &amp; b</title>' in text and '{{' not in text and 'sit &amp; &lt;wait&gt;' in text
    seen = _Elements()
    seen.feed(text)
    seen.close()
    assert not seen.open
    assert len(set(seen.ids)) == len(seen.ids) and set(seen.used) <= set(seen.ids)
    addresses = re.findall(r'(?:src|href)="([^"#][^"]*)"', text)
    assert set(addresses) == {
        a for a in addresses if a.startswith(('data:image/png;base64,', 'report_files/recordings.html#'))
    }
    outside = re.sub(r'xmlns(:xlink)?="[^"]*"', '', text)
    assert not re.search(r'https?://|@import', outside)
    assert "default-src 'none'" in text


def test_pictures_take_the_colours_of_the_page(text):
    drawn = ''.join(re.findall(r'<svg.*?</svg>', text, re.S))
    assert 'var(--ink)' in drawn and 'var(--line)' in drawn and 'var(--class-0)' in drawn
    assert '#2b2b2b' not in drawn and 'DejaVu' not in drawn
    for theme in (':root {', ":root[data-theme='dark'] {"):
        known = ''.join(part.split('}')[0] for part in text.split(theme)[1:])
        assert all(f'{name}:' in known for name in set(re.findall(r'var\((--[\w-]+)\)', text)))


def test_classes_are_told_apart_on_either_paper():
    """WCAG asks 3 to 1 of what is drawn; the two light hues of the scheme have less on white."""
    known = dict(re.findall(r'--([\w-]+): (#\w{6})', page._asset('page.css').split("'dark'] {")[1].split('}')[0]))
    paper = dict(re.findall(r'--([\w-]+): (#\w{6})', viewer.asset('style.css').split("'dark'] {")[1].split('}')[0]))

    def luminance(colour):
        parts = np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)]) / 255
        parts = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return parts @ [0.2126, 0.7152, 0.0722]

    assert len(known) == 10
    for colour in known.values():
        assert (luminance(colour) + 0.05) / (luminance(paper['paper']) + 0.05) >= 3, colour


def test_a_page_is_the_same_each_time(text):
    assert page.render(chapters.compose([made_report.run()]), title='a & b') == text


def test_markdown_shows_the_same_and_means_what_it_says(blocks):
    text = markdown.render(blocks, title='a_b', folder='r_files')
    assert text.startswith('# a\\_b\n\n## Summary\n\n> something \\<is\\> missing\n')
    assert '| 2 | sit \\& \\<wait\\> |' in text
    assert '[a b](report_files/recordings.html#recording=a%20b)' in text
    tables = re.findall(r'(?:^\|.*\|\n)+', text, re.M)
    assert len(tables) == 6
    for table in tables:
        columns = {len(re.findall(r'(?<!\\)\|', line)) for line in table.splitlines()}
        assert len(columns) == 1, table


def test_markdown_puts_its_pictures_beside(blocks, tmp_path):
    target = files.check(tmp_path / 'r.md')
    files.write(target, blocks, title='t', pages={'recordings.html': 'viewer'})
    names = re.findall(r'!\[[^\]]*\]\(r_files/([^)]+)\)', target.page.read_text())
    assert len(names) == 11
    assert {path.name for path in target.folder.iterdir()} == {*names, 'recordings.html'}
    for name in names:
        height, width, _ = imread(target.folder / name).shape
        assert width == 720 and height > 300


def test_nothing_is_overwritten_unless_forced(tmp_path):
    target = files.Target(tmp_path / 'r.html', tmp_path / 'r_files')
    target.page.write_text('mine')
    with pytest.raises(InputError, match=r'r\.html: exists; .*--force'):
        files.check(target.page)
    assert files.check(target.page, force=True) == target
    files.write(target, [Text('new')], title='t', pages={})
    assert 'new' in target.page.read_text() and sorted(tmp_path.iterdir()) == [target.page]
    target.page.unlink()
    target.folder.mkdir()
    with pytest.raises(InputError, match=r'r_files: exists; .*--force'):
        files.check(target.page)
    target.folder.rmdir()
    target.folder.write_text('')
    with pytest.raises(InputError, match='is no folder'):
        files.check(target.page, force=True)


@pytest.mark.parametrize(
    ('name', 'told'), [('r.pdf', "not '.pdf'"), ('r', "not 'without suffix'")]
)
def test_an_unknown_suffix_is_told(tmp_path, name, told):
    with pytest.raises(InputError, match=rf'{name}: a report is \.html or \.md, {told}'):
        files.check(tmp_path / name)


def test_a_folder_is_no_report(tmp_path):
    (tmp_path / 'r.html').mkdir()
    with pytest.raises(InputError, match='is a folder'):
        files.check(tmp_path / 'r.html', force=True)


def test_many_classes_are_drawn():
    """Matplotlib would warn where a picture cannot be laid out."""
    classes = tuple(f'a movement with number {n}' for n in range(60))
    text = page.render(chapters.compose([made_report.run(classes=classes)]), title='t')
    assert all(name in text for name in classes)
