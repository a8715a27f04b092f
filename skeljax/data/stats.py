"""Reads the recordings of a folder by its options, and collects what they have in common."""

from collections.abc import Iterable, Iterator
import dataclasses
from pathlib import Path
import statistics

import numpy as np

from skeljax import formats
from skeljax.data import beam_jobs, records, timing
from skeljax.data.folder import Plan
from skeljax.data.folder_options import Options
from skeljax.errors import InputError
from skeljax.formats import labels
from skeljax.formats.labels import Label
from skeljax.formats.motion import Motion
from skeljax.skeletons import remap, skeleton

_SLACK = 0.01  # relative tolerance of frame rates: clocks are not exact


@dataclasses.dataclass(frozen=True)
class RecordingInfo:
    """Properties of one recording."""

    name: str
    path: Path
    fps: float
    layout: str
    persons: int
    subject: str
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class CorpusStats:
    """Properties of all recordings of a corpus.

    Attributes:
        infos: recording -> its properties.
        fps: frames per second.
        layout: joint layout, as text.
        persons: largest number of persons in a recording.
    """

    infos: dict[str, RecordingInfo]
    fps: float
    layout: str
    persons: int

    @property
    def num_joints(self) -> int:
        return skeleton.get(self.layout).num_joints


@dataclasses.dataclass(frozen=True)
class Job:
    """The task of making one recording.

    Attributes:
        name: of the recording.
        path: of its file.
        options: of the corpus.
        layout: of the corpus; None keeps that of the file.
        persons: number of persons M; None keeps that of the file.
        subject: given in a table, else ''.
        labels: of the recording.
        classes: of the corpus.
    """

    name: str
    path: Path
    options: Options
    layout: str | None
    persons: int | None
    subject: str
    labels: tuple[Label, ...]
    classes: tuple[str, ...]


def read(path: Path, options: Options) -> Motion:
    """Reads one recording with the options of its folder."""
    motion = formats.read(
        path,
        fps=options.fps,
        layout=options.layout,
        unit=options.unit,
        up=options.up,
        subject=options.subject,
    )
    if options.remap and not same_joints(motion.layout, options.remap):
        try:
            motion = _remapped(motion, options.remap)
        except InputError as error:
            raise InputError(f'{path}: {error}') from None
    if options.persons and motion.joints.shape[1] > options.persons:
        motion = _with_persons(motion, options.persons)
    return motion


def collect(plan: Plan, work: beam_jobs.Work) -> CorpusStats:
    """Reads all recordings once and compares them.

    Args:
        plan: the contents of the folder.
        work: runs the jobs and collects errors.

    Raises:
        InputError: two recordings differ in layout or frame rate (names both), or all are
            damaged.
    """
    infos = list(work.each(_info, jobs(plan, plan.files)))
    if not infos:
        raise InputError.of_lines(['every recording is damaged', *work.troubles])
    first = infos[0]
    fps = statistics.median_low([info.fps for info in infos])
    for info in infos:
        if not same_joints(info.layout, first.layout):
            names = [_name(b) for b in (first, info)]
            raise InputError(
                f'{first.path} has the joints of {names[0]}, {info.path} of {names[1]}: expected '
                'one layout; set "remap": NAME in corpus.json'
            )
        if abs(info.fps - fps) > _SLACK * fps:
            other = next(b for b in infos if b.fps == fps)
            raise InputError(
                f'{other.path} has {fps:g} frames per second, {info.path} {info.fps:g}: expected '
                f'one rate; set "resample": {fps:g} in corpus.json'
            )
    persons = max(info.persons for info in infos)
    work.notes += _together(infos)
    return CorpusStats({info.name: info for info in infos}, fps, first.layout, persons)


def jobs(
    plan: Plan, names: Iterable[str], corpus_stats: CorpusStats | None = None
) -> Iterator[Job]:
    """Yields the jobs of some recordings; without stats they keep layout and persons."""
    for name in names:
        yield Job(
            name=name,
            path=plan.files[name],
            options=plan.options,
            layout=corpus_stats and corpus_stats.layout,
            persons=corpus_stats and corpus_stats.persons,
            subject=plan.subjects.get(name, ''),
            labels=tuple(plan.labels.get(name, ())),
            classes=plan.classes,
        )


def make(job: Job) -> list[records.Recording]:
    """Returns the recording of a job."""
    return [recording for recording, _ in make_noted(job)]


def make_noted(job: Job) -> list[tuple[records.Recording, tuple[str, ...]]]:
    """Returns the recording of a job and the notes of its reader."""
    motion = read(job.path, job.options)
    notes = motion.notes
    segments = labels.to_frames(
        job.labels,
        fps=motion.fps,
        frames=len(motion.joints),
        classes=job.classes,
        overlaps=job.options.overlaps,
    )
    motion = dataclasses.replace(
        _with_persons(motion, job.persons or motion.joints.shape[1]),
        layout=job.layout or motion.layout,
        subject=job.subject or motion.subject,
    )
    classes = len(job.classes)
    recording = records.from_motion(
        motion, name=job.name, segments=segments, num_classes=classes
    )
    if job.options.resample:
        recording = timing.resample(recording, job.options.resample)
    return [(recording, notes)]


def subjects(plan: Plan, corpus_stats: CorpusStats) -> dict[str, str]:
    """Returns recording -> subject, '' if unknown; tables take precedence over files."""
    return {n: plan.subjects.get(n, '') or info.subject for n, info in corpus_stats.infos.items()}


def _info(job: Job) -> list[RecordingInfo]:
    """Reads the recording of a job, so that errors in it or its labels are reported early."""
    return [
        RecordingInfo(
            job.name, job.path, made.fps, made.layout, made.joints.shape[1], made.subject, notes
        )
        for made, notes in make_noted(job)
    ]


def _together(infos: list[RecordingInfo]) -> list[str]:
    """Returns the notes of the readers, each kind once with the number of recordings."""
    of: dict[str, list[tuple[str, str]]] = {}
    for info in infos:
        for note in info.notes:
            # The text after the colon has numbers of the recording.
            of.setdefault(note.partition(':')[0], []).append((info.name, note))
    more = lambda some: f' and {len(some) - 1} more' if len(some) > 1 else ''
    return [f'{some[0][0]}{more(some)}: {some[0][1]}' for some in of.values()]


def _remapped(motion: Motion, layout: str) -> Motion:
    """Maps a motion to another layout."""
    joints, measured = remap.remap(motion.joints, motion.layout, layout, motion.joint_valid)
    joints = np.where(motion.valid[..., None, None], joints, 0)
    return dataclasses.replace(motion, joints=joints, layout=layout, joint_valid=measured)


def _with_persons(motion: Motion, persons: int) -> Motion:
    """Drops persons, or adds absent ones."""
    found = motion.joints.shape[1]
    if found == persons:
        return motion

    def fit(array):
        if array is None or found > persons:
            return array if array is None else array[:, :persons]
        return np.pad(array, [(0, 0), (0, persons - found)] + [(0, 0)] * (array.ndim - 2))

    return dataclasses.replace(
        motion,
        joints=fit(motion.joints),
        valid=fit(motion.valid),
        joint_valid=fit(motion.joint_valid),
    )


def same_joints(first: str, second: str) -> bool:
    """Returns whether two layouts are equal except for their names."""
    return _nameless(first) == _nameless(second)


def _nameless(text: str) -> skeleton.Layout:
    return dataclasses.replace(skeleton.get(text), name='')


def _name(info: RecordingInfo) -> str:
    layout = skeleton.get(info.layout)
    return f'{layout.name} ({layout.num_joints})'
