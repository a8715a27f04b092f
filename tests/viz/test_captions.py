"""Tests ELAN and WebVTT files, and the selection of non-overlapping segments."""

import datetime
import re
from xml.etree import ElementTree

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.localize import Segments, non_overlapping
from skeljax.viz import elan, webvtt

CLASSES = ('sit & stand', 'walk <fast>')
FOUND = Segments([30, 0], [75, 30], [1, 0], [0.5, 0.875])
# Of the schema of EAF 3.0: element -> attributes that must be, that may be, children in order.
NEEDED = {
    'ANNOTATION_DOCUMENT': (
        {'AUTHOR', 'DATE', 'VERSION'}, {'FORMAT'},
        ('LICENSE', 'HEADER', 'TIME_ORDER', 'TIER', 'LINGUISTIC_TYPE', 'LOCALE', 'LANGUAGE',
         'CONSTRAINT', 'CONTROLLED_VOCABULARY', 'LEXICON_REF', 'REF_LINK_SET', 'EXTERNAL_REF'),
    ),
    'HEADER': (set(), {'MEDIA_FILE', 'TIME_UNITS'},
               ('MEDIA_DESCRIPTOR', 'LINKED_FILE_DESCRIPTOR', 'PROPERTY')),
    'PROPERTY': (set(), {'NAME'}, ()),
    'TIME_ORDER': (set(), set(), ('TIME_SLOT',)),
    'TIME_SLOT': ({'TIME_SLOT_ID'}, {'TIME_VALUE'}, ()),
    'TIER': ({'TIER_ID', 'LINGUISTIC_TYPE_REF'},
             {'PARTICIPANT', 'ANNOTATOR', 'DEFAULT_LOCALE', 'PARENT_REF', 'EXT_REF', 'LANG_REF'},
             ('ANNOTATION',)),
    'ANNOTATION': (set(), set(), ('ALIGNABLE_ANNOTATION', 'REF_ANNOTATION')),
    'ALIGNABLE_ANNOTATION': ({'ANNOTATION_ID', 'TIME_SLOT_REF1', 'TIME_SLOT_REF2'},
                             {'SVG_REF', 'EXT_REF', 'LANG_REF', 'CVE_REF'}, ('ANNOTATION_VALUE',)),
    'ANNOTATION_VALUE': (set(), set(), ()),
    'LINGUISTIC_TYPE': ({'LINGUISTIC_TYPE_ID'},
                        {'TIME_ALIGNABLE', 'CONSTRAINTS', 'GRAPHIC_REFERENCES',
                         'CONTROLLED_VOCABULARY_REF', 'EXT_REF', 'LEXICON_REF'}, ()),
    'LANGUAGE': ({'LANG_ID'}, {'LANG_DEF', 'LANG_LABEL'}, ()),
    'CONTROLLED_VOCABULARY': ({'CV_ID'}, {'EXT_REF'}, ('DESCRIPTION', 'CV_ENTRY_ML')),
    'DESCRIPTION': ({'LANG_REF'}, set(), ()),
    'CV_ENTRY_ML': ({'CVE_ID'}, {'EXT_REF'}, ('CVE_VALUE',)),
    'CVE_VALUE': ({'LANG_REF'}, {'DESCRIPTION'}, ()),
}


def _valid(element):
    needed, allowed, children = NEEDED[element.tag]
    own = {name for name in element.attrib if not name.startswith('{')}
    assert needed <= own <= needed | allowed, element.tag
    places = [children.index(child.tag) for child in element]
    assert places == sorted(places), element.tag
    for child in element:
        _valid(child)


def test_elan(tmp_path):
    path = tmp_path / 'a.eaf'
    date = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)
    told = {'recording': 'a'}
    elan.write(path, FOUND, classes=CLASSES, fps=30, tier='model', properties=told, date=date)
    assert path.read_bytes().startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    root = ElementTree.parse(path).getroot()
    _valid(root)
    assert root.get('FORMAT') == '3.0' and root.get('DATE') == '2026-05-01T12:00:00+00:00'
    slots = {s.get('TIME_SLOT_ID'): int(s.get('TIME_VALUE')) for s in root.iter('TIME_SLOT')}
    (tier,) = root.iter('TIER')
    rows = [
        (*(slots[a.get(f'TIME_SLOT_REF{n}')] for n in (1, 2)), a[0].text, a.get('CVE_REF'))
        for a in tier.iter('ALIGNABLE_ANNOTATION')
    ]
    assert rows == [(0, 1000, CLASSES[0], 'cve0'), (1000, 2500, CLASSES[1], 'cve1')]
    entries = {e.get('CVE_ID'): e[0].text for e in root.iter('CV_ENTRY_ML')}
    assert entries == {'cve0': CLASSES[0], 'cve1': CLASSES[1]}
    assert tier.get('TIER_ID') == 'model'
    (kind,) = root.iter('LINGUISTIC_TYPE')
    assert kind.get('LINGUISTIC_TYPE_ID') == tier.get('LINGUISTIC_TYPE_REF')
    (vocabulary,) = root.iter('CONTROLLED_VOCABULARY')
    assert vocabulary.get('CV_ID') == kind.get('CONTROLLED_VOCABULARY_REF')
    told = {p.get('NAME'): p.text for p in root.iter('PROPERTY')}
    assert told == {'recording': 'a', 'lastUsedAnnotationId': '2'}


def test_elan_without_a_segment_and_with_overlapping_ones(tmp_path):
    path = tmp_path / 'a.eaf'
    elan.write(path, Segments([], [], []), classes=CLASSES, fps=30, tier='m')
    _valid(ElementTree.parse(path).getroot())
    both = Segments([0, 5], [10, 9], [0, 1])
    with pytest.raises(InputError, match='segments overlap'):
        elan.write(path, both, classes=CLASSES, fps=30, tier='m')


def test_webvtt(tmp_path):
    path = tmp_path / 'a.vtt'
    late = Segments([30, 0, 30 * 3661], [75, 30, 30 * 3661 + 1], [1, 0, 0], [0.5, 0.875, 1])
    webvtt.write(path, late, classes=CLASSES, fps=30, notes=['by --> us'])
    assert path.read_text() == (
        'WEBVTT\n\nNOTE by --&gt; us\n\n'
        '00:00:00.000 --> 00:00:01.000\nsit &amp; stand 88%\n\n'
        '00:00:01.000 --> 00:00:02.500\nwalk &lt;fast&gt; 50%\n\n'
        '01:01:01.000 --> 01:01:01.033\nsit &amp; stand 100%\n'
    )
    assert len(re.findall('-->', path.read_text())) == 3
    with pytest.raises(InputError, match='label outside'):
        webvtt.write(path, FOUND, classes=CLASSES[:1], fps=30)


def test_milliseconds_are_never_none():
    assert webvtt.milliseconds(5, 6, 4000) == (1, 2)


def test_side_by_side_by_hand():
    """The best segment is kept; others are cut to their longest free part, if at least half."""
    score = [0.9, 0.8, 0.7, 0.6, 0.5]
    segments = Segments([0, 8, 12, 5, 2], [10, 20, 14, 11, 30], [0, 1, 2, 3, 4], score)
    found = non_overlapping(segments)
    # [8, 20) loses two frames; [12, 14) lies in it; [5, 11) is covered; [2, 30) has ten of 28 left.
    assert list(zip(found.start, found.end, found.label)) == [(0, 10, 0), (10, 20, 1)]
    found = non_overlapping(segments, keep=0.3)
    assert (found.start[-1], found.end[-1]) == (20, 30)
    with pytest.raises(InputError, match='to keep'):
        non_overlapping(segments, keep=0)


@hypothesis.given(
    st.lists(st.tuples(*(st.integers(*ends) for ends in ((0, 30), (1, 12), (0, 2), (0, 5)))))
)
def test_side_by_side_never_overlaps_and_keeps_the_best(rows):
    start, length, label, score = np.array(rows, np.int64).reshape(-1, 4).T
    found = non_overlapping(Segments(start, start + length, label, score))
    assert (found.start[1:] >= found.end[:-1]).all() and (found.end > found.start).all()
    assert bool(len(found)) == bool(rows)
    if rows:
        assert found.score.max() == score.max()
    again = non_overlapping(found)
    assert again.start.tolist() == found.start.tolist() and again.end.tolist() == found.end.tolist()


def test_a_reader_of_elans_files_finds_the_same(tmp_path):
    pympi = pytest.importorskip(
        'pympi', reason='reads ELAN’s files (pip install pympi-ling)', exc_type=ImportError
    )
    path = tmp_path / 'a.eaf'
    elan.write(path, FOUND, classes=CLASSES, fps=30, tier='model', properties={'recording': 'a'})
    read = pympi.Eaf(path)
    assert list(read.get_tier_names()) == ['model']
    assert read.get_annotation_data_for_tier('model') == [
        (0, 1000, CLASSES[0]),
        (1000, 2500, CLASSES[1]),
    ]
    kind = read.get_parameters_for_tier('model')['LINGUISTIC_TYPE_REF']
    assert read.get_parameters_for_linguistic_type(kind)['CONTROLLED_VOCABULARY_REF'] == 'classes'
    entries = read.get_cv_entries('classes')
    assert {key: [text for text, *_ in values] for key, (values, _) in entries.items()} == {
        'cve0': [CLASSES[0]], 'cve1': [CLASSES[1]]
    }
    assert ('recording', 'a') in read.get_properties()
