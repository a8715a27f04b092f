"""CMU motion capture as records; README.md defines splits and labels."""

import collections
import dataclasses
import itertools
from pathlib import Path
import re

from etils import epath
import tensorflow_datasets as tfds

from skeljax.data import beam_jobs, records
from skeljax.errors import FormatError, InputError
from skeljax.formats import amc, texts
from skeljax.skeletons import skeleton

LAYOUT = 'cmu31'
# Numbered from 1 in the labels.
EXERCISES = (
    'JumpJack', 'Jog', 'Squat', 'KneeRaise', 'ArmCircle', 'Twist', 'SideReach', 'Box', 'UpDown',
    'ToeTouchOneHand', 'SideBend', 'ToeTouchTwoHands',
)
CLASSES = EXERCISES[:6]  # performed by both labeled subjects
_TENTH = 12  # frames
_TRIAL = re.compile(r'([0-9]+_[0-9]+)\.amc(\.gz)?', re.IGNORECASE)
_LABELS = re.compile(r'([0-9]+_[0-9]+)\.txt')


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """Options of a config.

    Attributes:
        labeled: uses only trials with labels; otherwise all trials, without labels.
    """

    labeled: bool = True


@dataclasses.dataclass(frozen=True)
class Job:
    """One trial: the files of its motion and, for labeled configs, of its labels."""

    name: str
    motion: Path
    labels: Path | None


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds CMU motion capture."""

    # TFDS derives it from the module's name, which differs from the path in a checkout.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.0.0')
    RELEASE_NOTES = {'1.0.0': 'First release.'}
    BUILDER_CONFIGS = [
        Config(name='routines', description='Exercise routines with natural transitions.'),
        Config(name='all', labeled=False, description='Every trial, unlabeled.'),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        'Download trials (.amc) and skeletons (.asf) from http://mocap.cs.cmu.edu, and '
        'truelabels/*.txt from https://github.com/michaelchughes/mocap6dataset, into one folder; '
        'each may be gzipped.'
    )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.work = beam_jobs.Work()

    def _info(self) -> tfds.core.DatasetInfo:
        classes = list(CLASSES) if self.builder_config.labeled else []
        metadata = {'classes': classes, 'layout': LAYOUT, 'fps': amc.FPS}
        return self.dataset_info_from_configs(
            features=records.features(1, skeleton.get(LAYOUT).num_joints),
            homepage='http://mocap.cs.cmu.edu',
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager):
        splits = collections.defaultdict(list)
        for job in self._jobs(Path(dl_manager.manual_dir)):
            splits[_split(job.name)].append(job)
        if not splits['train']:
            raise InputError(f'{dl_manager.manual_dir}: no trial for training below it')
        return {split: self._generate_examples(jobs) for split, jobs in splits.items()}

    def _generate_examples(self, jobs: list[Job]):
        return self.work.examples(_make, jobs)

    def _jobs(self, folder: Path) -> list[Job]:
        """Returns the trials, sorted; plain files are preferred to gzipped ones."""
        motions = self._find(folder, _TRIAL)
        if not self.builder_config.labeled:
            return [Job(name, path, None) for name, path in sorted(motions.items())]
        labels = self._find(folder, _LABELS)
        for name in sorted(labels.keys() - motions.keys()):
            self.work.skipped[f'labels of trial {name}'] = 'its motion is not there'
        unlabeled = len(motions.keys() - labels.keys())
        if unlabeled:
            self.work.skipped[f'{unlabeled} trials'] = 'without labels'
        both = sorted(motions.keys() & labels.keys())
        return [Job(name, motions[name], labels[name]) for name in both]

    def _find(self, folder: Path, pattern: re.Pattern) -> dict[str, Path]:
        """Returns trial -> file; reports trials that are also in another folder."""
        found: dict[str, Path] = {}
        for path in sorted(folder.rglob('*')):
            if match := pattern.fullmatch(path.name):
                first = found.setdefault(match[1], path)
                if path.parent != first.parent:
                    self.work.troubles.append(f'{path}: trial {match[1]} again, as in {first}')
        return found


def _split(name: str) -> str:
    """Returns the split of a trial."""
    if name == '13_30':
        return 'validation'
    return 'test' if name.startswith('14_') else 'train'


def _make(job: Job) -> list[records.Recording]:
    motion = amc.read(job.motion)
    if motion.layout != LAYOUT:
        raise FormatError(f'{amc.find_skeleton(job.motion)}: bones other than those of {LAYOUT}')
    segments = _segments(job.labels, len(motion.joints)) if job.labels else []
    known = [(start, end, number - 1) for start, end, number in segments if number <= len(CLASSES)]
    return [records.from_motion(motion, name=job.name, segments=known, num_classes=len(CLASSES))]


def _segments(path: Path, frames: int) -> list[tuple[int, int, int]]:
    """Reads labels of a trial of so many frames: [start, end) in frames, number of the exercise.

    Two forms: one line with a number for each tenth of a second, 0 for none; or one segment per
    line: start and end in seconds, number.
    """
    lines = [(n, line.split()) for n, line in enumerate(texts.read(path).splitlines(), 1)]
    lines = [(n, words) for n, words in lines if words]
    tenths = -(-frames // _TENTH)
    counts = (tenths, tenths + 1)  # 14_20 has a label after its last frame
    if len(lines) == 1 and (len(lines[0][1]) in counts or len(lines[0][1]) != 3):
        numbers = [_exercise(path, lines[0][0], word) for word in lines[0][1]]
        if len(numbers) not in counts:
            found = f'{len(numbers)} labels, expected {tenths} for {frames} frames'
            raise FormatError(f'{path}:{lines[0][0]}: {found}')
        return _runs(numbers[:tenths], frames)
    segments = []
    for line, words in lines:
        if len(words) != 3:
            raise FormatError(f'{path}:{line}: {len(words)} words, expected start end exercise')
        start, end = (round(s * amc.FPS) for s in texts.row(path, line, words[:2]))
        # An end in tenths of a second may lie up to one tenth after the last frame.
        end = min(end, frames) if end - frames < _TENTH else end
        if not 0 <= start < end <= frames:
            found = f'{words[0]} to {words[1]} s is not inside 0 to {frames / amc.FPS:g} s'
            raise FormatError(f'{path}:{line}: {found}')
        segments.append((start, end, _exercise(path, line, words[2])))
    if not segments:
        raise FormatError(f'{path}: empty, expected labels')
    return sorted(segment for segment in segments if segment[2])


def _runs(numbers: list[int], frames: int) -> list[tuple[int, int, int]]:
    """Returns the runs of equal numbers."""
    segments, tenth = [], 0
    for number, run in itertools.groupby(numbers):
        start, tenth = tenth, tenth + len(list(run))
        if number:
            segments.append((start * _TENTH, min(tenth * _TENTH, frames), number))
    return segments


def _exercise(path, line: int, word: str) -> int:
    """Reads the number of an exercise, or its name."""
    if word in EXERCISES:
        return EXERCISES.index(word) + 1
    if not re.fullmatch('[0-9]{1,2}', word) or int(word) > len(EXERCISES):
        expected = f'expected 0 to {len(EXERCISES)}'
        raise FormatError(f'{path}:{line}: {word!r:.40} is no exercise, {expected}')
    return int(word)
