"""Work of a builder: parallel equals serial, damage is collected, nothing is named twice."""

import itertools

import numpy as np
import pytest

from skeljax.data import beam_jobs, records
from skeljax.errors import FormatError, InputError
from skeljax.formats import texts
from skeljax.formats.motion import Motion


def _make(job):
    name, frames = job
    if frames < 0:
        raise FormatError(f'{name}.txt:1: {frames} frames')
    joints = np.full((frames, 1, 25, 3), len(name), np.float32)
    motion = Motion(joints, 30.0, 'ntu25', np.ones((frames, 1), bool))
    return [records.from_motion(motion, name=name)]


@pytest.mark.parametrize('processes', [1, 2])
def test_damaged_jobs_are_collected_and_the_others_come_in_order(processes):
    jobs = [(f'r{i}', -1 if i % 7 == 3 else i + 1) for i in range(20)]
    work = beam_jobs.Work(processes=processes)
    found = list(work.examples(_make, jobs))
    assert [name for name, _ in found] == [f'r{i}' for i in range(20) if i % 7 != 3]
    assert [len(example['joints']) for _, example in found] == [n for _, n in jobs if n > 0]
    assert work.troubles == [f'r{i}.txt:1: -1 frames' for i in (3, 10, 17)]


def test_no_process_is_none_that_works():
    with pytest.raises(InputError, match='^0 processes, expected at least one'):
        list(beam_jobs.Work(processes=0).examples(_make, [('a', 3)]))


def test_a_name_given_twice_is_damage():
    work = beam_jobs.Work()
    found = list(work.examples(_make, [('a', 3), ('b', 2), ('a', 5)]))
    assert [(name, len(e['joints'])) for name, e in found] == [('a', 3), ('b', 2)]
    assert work.troubles == ['a: a second recording of this name']


def test_jobs_are_read_only_as_they_are_needed():
    endless = ((f'r{i}', 1) for i in itertools.count())
    assert len(list(itertools.islice(beam_jobs.Work().examples(_make, endless), 3))) == 3


def test_a_split_without_a_recording_is_told_with_all_that_went_wrong():
    work = beam_jobs.Work()
    with pytest.raises(InputError) as caught:
        list(work.examples(_make, [('a', -1), ('b', -2)]))
    told = ['a split without a recording', 'a.txt:1: -1 frames', 'b.txt:1: -2 frames']
    assert str(caught.value).splitlines() == told


def test_whatever_a_reader_raises_is_damage(monkeypatch):
    """Such as a SystemError of NumPy's; the other files of the folder are read."""
    monkeypatch.setattr(texts, 'row', lambda *_: 1 / 0)

    def make(job):
        if job[1] < 0:
            texts.table('a.txt', [(1, 'x')], 1)
        return _make(job)

    work = beam_jobs.Work()
    assert [name for name, _ in work.examples(make, [('a', 1), ('b', -1), ('c', 1)])] == ['a', 'c']
    assert work.troubles == ["('b', -1): cannot be read: ZeroDivisionError: division by zero"]


def test_a_defect_of_the_library_is_not_taken_for_damage():
    def broken(job):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(beam_jobs.Work().examples(broken, [('a', 1)]))
