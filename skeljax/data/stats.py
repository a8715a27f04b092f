"""The recordings of a folder: read as its owner wants them, and held against each other."""

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

_SLACK = 0.01  # of a frame rate: clocks are not exact


@dataclasses.dataclass(frozen=True)
class Brief:
    """What the records of a corpus need to know of one recording beforehand."""

    name: str
    path: Path
    fps: float
    layout: str
    persons: int
    subject: str
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Survey:
    """What all recordings of a corpus have in common.

    Attributes:
        briefs: recording -> what it is.
        fps: frames a second.
        layout: joint layout, as text.
        persons: most of any recording.
    """

    briefs: dict[str, Brief]
    fps: float
    layout: str
    persons: int

    @property
    def num_joints(self) -> int:
        return skeleton.get(self.layout).num_joints


@dataclasses.dataclass(frozen=True)
class Job:
    """One recording to be made.

    Attributes:
        name: of the recording.
        path: of its file.
        options: of the corpus.
        layout: that the corpus calls its own; None leaves that of the file.
        persons: slots of every recording; None leaves those of the file.
        subject: who moves, where a table tells.
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
    """Reads one recording as its owner wants it: unit, layout, persons."""
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


def take(told: Plan, work: beam_jobs.Work) -> Survey:
    """Reads all recordings once and holds them against each other.

    Args:
        told: the plan.
        work: does it, and notes what is damaged.

    Raises:
        InputError: two recordings differ in layout or frame rate (names both), or
            all are damaged.
    """
    briefs = list(work.each(_brief, jobs(told, told.files)))
    if not briefs:
        raise InputError.of_lines(['every recording is damaged', *work.troubles])
    first = briefs[0]
    fps = statistics.median_low([brief.fps for brief in briefs])
    for brief in briefs:
        if not same_joints(brief.layout, first.layout):
            names = [_name(b) for b in (first, brief)]
            raise InputError(
                f'{first.path} has the joints of {names[0]}, {brief.path} of {names[1]}: expected '
                'one layout; corpus.json may ask for one by "remap": NAME'
            )
        if abs(brief.fps - fps) > _SLACK * fps:
            other = next(b for b in briefs if b.fps == fps)
            raise InputError(
                f'{other.path} has {fps:g} frames a second, {brief.path} {brief.fps:g}: expected '
                f'one rate; corpus.json may ask for one by "resample": {fps:g}'
            )
    persons = max(brief.persons for brief in briefs)
    work.notes += _together(briefs)
    return Survey({brief.name: brief for brief in briefs}, fps, first.layout, persons)


def jobs(told: Plan, names: Iterable[str], survey: Survey | None = None) -> Iterator[Job]:
    """Plans the recordings of these names; without a survey each as its file has it."""
    for name in names:
        yield Job(
            name=name,
            path=told.files[name],
            options=told.options,
            layout=survey and survey.layout,
            persons=survey and survey.persons,
            subject=told.subjects.get(name, ''),
            labels=tuple(told.labels.get(name, ())),
            classes=told.classes,
        )


def make(job: Job) -> list[records.Recording]:
    """Makes one recording."""
    return [recording for recording, _ in make_noted(job)]


def make_noted(job: Job) -> list[tuple[records.Recording, tuple[str, ...]]]:
    """Makes one recording; returns the notes of its reader too."""
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


def subjects(told: Plan, survey: Survey) -> dict[str, str]:
    """Returns recording -> who moves; a table tells before a file does, '' is unknown."""
    return {n: told.subjects.get(n, '') or brief.subject for n, brief in survey.briefs.items()}


def _brief(job: Job) -> list[Brief]:
    """Makes the recording, so that all that is wrong with it or its labels is told now."""
    return [
        Brief(job.name, job.path, made.fps, made.layout, made.joints.shape[1], made.subject, notes)
        for made, notes in make_noted(job)
    ]


def _together(briefs: list[Brief]) -> list[str]:
    """Lists the notes of the readers, each kind once with the number of recordings."""
    of: dict[str, list[tuple[str, str]]] = {}
    for brief in briefs:
        for note in brief.notes:
            # What follows the colon are figures of the one recording.
            of.setdefault(note.partition(':')[0], []).append((brief.name, note))
    more = lambda some: f' and {len(some) - 1} more' if len(some) > 1 else ''
    return [f'{some[0][0]}{more(some)}: {some[0][1]}' for some in of.values()]


def _remapped(motion: Motion, layout: str) -> Motion:
    """Turns the joints into those of another layout."""
    joints, measured = remap.remap(motion.joints, motion.layout, layout, motion.joint_valid)
    joints = np.where(motion.valid[..., None, None], joints, 0)
    return dataclasses.replace(motion, joints=joints, layout=layout, joint_valid=measured)


def _with_persons(motion: Motion, persons: int) -> Motion:
    """Keeps or adds slots of persons; added ones are absent."""
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
    """Says whether two layouts differ in no more than their name."""
    return _nameless(first) == _nameless(second)


def _nameless(text: str) -> skeleton.Layout:
    return dataclasses.replace(skeleton.get(text), name='')


def _name(brief: Brief) -> str:
    layout = skeleton.get(brief.layout)
    return f'{layout.name} ({layout.num_joints})'
