"""Names of recordings and files that lead elsewhere, break lines, or are links to anything."""

import os
import zipfile

import numpy as np
import pytest

from skeljax import formats
from skeljax.cli import main
from skeljax.data import folder
from skeljax.errors import FormatError, InputError
from skeljax.formats import texts
from skeljax.localize import exchange
from skeljax.localize.exchange import SegmentSet
from skeljax.localize.segments import Segments
from skeljax.tfds_builders.ntu_rgbd import files
from skeljax.viz.report import markdown
from skeljax.viz.report.elements import Heading, Paragraph, Table

LEADING = ['../a', '/tmp/a', 'a/../../b', 'a\0b', 'a\nb', 'a\x1b[2J', '', '\ud800', 'a/..']


@pytest.mark.parametrize('name', LEADING)
@pytest.mark.parametrize('kind', ['pku', 'predict'])
def test_no_segments_are_written_outside_of_their_folder(tmp_path, name, kind):
    found = SegmentSet({name: Segments([0], [3], [0])}, ('walk',), fps=30.0)
    with pytest.raises(InputError) as caught:
        exchange.write(tmp_path / 'out', found, kind=kind)
    assert '\n' not in str(caught.value) and str(caught.value).isprintable()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('name', ['a\nb', 'a\x1b[2J', 'a\0b', 'a\u202eb'])
def test_names_with_control_characters_are_refused_where_they_are_read(tmp_path, name):
    path = tmp_path / 'a.csv'
    path.write_text(f'recording,start,end,label\n"x",0,1,"{name}"\n', newline='')
    with pytest.raises(FormatError, match='control character'):
        exchange.read(path, fps=30)
    path.write_text(f'recording,start,end,label\n"{name}",0,1,walk\n', newline='')
    with pytest.raises(FormatError, match='control character'):
        exchange.read(path, fps=30)


def test_links_are_recordings_only_where_they_lead_to_files(tmp_path):
    joints = np.random.default_rng(0).normal(size=(4, 25, 3)).astype(np.float32)
    np.savez(tmp_path / 'real.npz', joints=joints, fps=30.0, layout='ntu25')
    (tmp_path / 'linked.npz').symlink_to('real.npz')
    (tmp_path / 'broken.npz').symlink_to('none.npz')
    (tmp_path / 'self.npz').symlink_to('self.npz')
    (tmp_path / 'zero.npz').symlink_to('/dev/zero')
    (tmp_path / 'round').symlink_to('.')
    os.mkfifo(tmp_path / 'pipe.npz')
    assert sorted(folder.find(tmp_path)[0]) == ['linked', 'real']
    for name in ('broken', 'self', 'zero', 'pipe'):
        with pytest.raises(InputError, match=f'{name}.npz: no such file'):
            formats.read(tmp_path / f'{name}.npz')


def test_files_with_strange_names_are_shown_in_one_line(tmp_path, capsys):
    joints = np.random.default_rng(0).normal(size=(4, 25, 3)).astype(np.float32)
    np.savez(tmp_path / 'a\nb\x1b[2J.npz', joints=joints, fps=30.0, layout='ntu25')
    (tmp_path / 'c\x1b[2J.npz').write_bytes(b'damaged')
    (tmp_path / 'd\nskeljax: all is well.xyz').write_bytes(b'')
    assert main.main(['inspect', str(tmp_path), '--processes', '1']) == 0
    shown = capsys.readouterr()
    assert '\x1b' not in shown.out + shown.err and '\nskeljax: all is well' not in shown.out


def test_a_member_of_a_zip_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    name = 'S001C001P001R001A001.skeleton'
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f'../../{name}', b'0' * 100_000)
    clips, _ = files.find(tmp_path)
    monkeypatch.setattr(texts, 'UNPACKED', 1 << 10)
    with pytest.raises(FormatError, match='unpacks to 100000 bytes, more than'):
        files.read(clips[0])
    assert [path.name for path in tmp_path.rglob('*')] == [
        'a.zip'
    ]  # nothing is unpacked to a place


def test_markdown_of_a_report_holds_names_as_they_are():
    name = '<script>x</script>\n# a [b](javascript:c) | `d` ![e](f) *g*'
    text = markdown.render(
        [Heading(1, name), Paragraph(name), Table((name,), [(name,)])],
        title=name,
        folder='pictures',
    )
    for line in text.splitlines():
        plain = line.replace('\\<', '').replace('\\[', '').replace('\\|', '').replace('\\`', '')
        assert '<script' not in plain and '[b](' not in plain and '`d' not in plain
    assert len(text.splitlines()) == 9
