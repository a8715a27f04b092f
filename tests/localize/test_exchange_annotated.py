"""Files of annotation programs as truths and predictions; BORIS and NWB as they are written."""

import json

import numpy as np
import pytest

import skeljax
from skeljax.errors import FormatError
from skeljax.formats import annotations
from skeljax.localize import exchange
from skeljax.localize.exchange import SegmentSet
from skeljax.localize.segments import Segments
from skeljax.viz import bouts, elan

CLASSES = ('sit', 'wave')


def _set(**segments) -> SegmentSet:
    made = {n: Segments(*zip(*s)) if s else Segments([], [], []) for n, s in segments.items()}
    return SegmentSet(made, CLASSES, 30.0)


def _rows(found: SegmentSet) -> dict:
    return {
        name: [
            (start, end, found.classes[label])
            for start, end, label in zip(of.start.tolist(), of.end.tolist(), of.label.tolist())
        ]
        for name, of in found.segments.items()
    }


def test_a_project_of_boris_reads_back_what_was_written(tmp_path):
    written = _set(a=[(0, 30, 0), (30, 60, 0), (45, 90, 1)], b=[])
    exchange.write(tmp_path / 'found.boris', written)
    found = exchange.read(tmp_path / 'found.boris', fps=30)
    assert _rows(found) == {'a': [(0, 30, 'sit'), (30, 60, 'sit'), (45, 90, 'wave')], 'b': []}
    project = json.loads((tmp_path / 'found.boris').read_text())
    assert [c['code'] for c in project['behaviors_conf'].values()] == ['sit', 'wave']
    assert {c['type'] for c in project['behaviors_conf'].values()} == {'State event'}
    assert len(project['observations']['a']['events']) == 6


def test_segments_of_one_class_that_overlap_are_one_state(tmp_path):
    exchange.write(tmp_path / 'found.boris', _set(a=[(0, 30, 0), (20, 60, 0), (25, 40, 0)]))
    found = exchange.read(tmp_path / 'found.boris', fps=30)
    assert _rows(found) == {'a': [(0, 60, 'sit')]}


def test_elan_is_a_truth_alone_or_in_a_folder(tmp_path):
    true = Segments([0, 60], [30, 90], [0, 1])
    for name in ('mon/a', 'b'):
        path = tmp_path / 'truth' / f'{name}.eaf'
        path.parent.mkdir(parents=True, exist_ok=True)
        elan.write(path, true, classes=CLASSES, fps=30.0, tier='t')
    (tmp_path / 'found.csv').write_text(
        'recording,label,start,end,score\nmon/a,sit,0,1,0.9\nmon/a,wave,2,3,0.8\nb,sit,0,1,0.7\n'
    )
    result = skeljax.evaluate(tmp_path / 'found.csv', tmp_path / 'truth', protocol='thumos', fps=30)
    assert result.num_true == 4 and result.map[0] == pytest.approx((1 + 0.5) / 2)
    found = exchange.read(tmp_path / 'truth' / 'b.eaf', fps=30)
    assert _rows(found) == {'b': [(0, 30, 'sit'), (60, 90, 'wave')]}


def test_a_tier_is_chosen_and_events_of_no_length_are_a_frame(tmp_path):
    rows = 'one,{who},jump,POINT,1.0\n'
    (tmp_path / 'a.csv').write_text(
        'Observation id,Subject,Behavior,Behavior type,Time\n'
        + ''.join(rows.format(who=w) for w in ('Ann', 'Bo'))
    )
    read = exchange.read(tmp_path / 'a.csv', fps=30, tier='Bo')
    assert _rows(read) == {'one': [(30, 31, 'jump')]}


def test_frames_and_seconds_do_not_mix_and_damage_is_told(tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'x.json').write_text(json.dumps([{
        'video': 'x.mp4', 'what': [{'ranges': [{'start': 1, 'end': 30}], 'timelinelabels': ['sit']},
                                   {'start': 1, 'end': 2, 'labels': ['wave']}]}]))
    with pytest.raises(FormatError, match='in frames, but .* in seconds; expected one'):
        exchange.read(tmp_path / 'a' / 'x.json', fps=30)
    (tmp_path / 'b.vtt').write_text('WEBVTT\n\n00:02.000 --> 00:01.000\nsit\n')
    with pytest.raises(FormatError, match='b.vtt:3: from 2 to 1 s'):
        exchange.read(tmp_path / 'b.vtt', fps=30)


def test_bouts_of_nwb_read_back_what_was_written(tmp_path):
    pytest.importorskip('ndx_ethogram', reason='needs ndx-ethogram (pip install skeljax[nwb])')
    pytest.importorskip('h5py', reason='needs h5py (pip install skeljax[hdf5])')
    path = tmp_path / 'a.nwb'
    bouts.write(path, Segments([60, 0], [90, 70], [1, 0], [0.5, 0.9]), classes=CLASSES, fps=30.0,
                recording='a', software='skeljax')
    (some,) = annotations.read(path).segments.values()
    expected = [(0.0, pytest.approx(70 / 30), 'sit'), (2.0, 3.0, 'wave')]
    assert [(m.start, m.end, m.name) for m in some] == expected
    assert _rows(exchange.read(path, fps=30)) == {'a': [(0, 70, 'sit'), (60, 90, 'wave')]}
    import pynwb

    with pynwb.NWBHDF5IO(str(path), 'r') as file:
        table = file.read().processing['behavior']['bouts']
        assert table.labeling_method == 'automated' and list(table['label'][:]) == ['sit', 'wave']
        np.testing.assert_allclose(table['score'][:], [0.9, 0.5])
        assert list(table.ethogram['behavior'][:]) == list(CLASSES)


def test_a_missing_library_is_told_with_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, 'ndx_ethogram', None)
    with pytest.raises(skeljax.errors.InputError, match=r'pip install skeljax\[nwb\]'):
        bouts.write(tmp_path / 'a.nwb', Segments([0], [1], [0]), classes=CLASSES, fps=30.0,
                    recording='a', software='x')
