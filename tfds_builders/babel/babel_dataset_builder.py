"""BABEL as records; README.md defines every config."""

import collections
import dataclasses
from pathlib import Path

from etils import epath
import numpy as np
import tensorflow_datasets as tfds

from skeljax.data import beam_jobs, compose, records
from skeljax.errors import InputError
from skeljax.formats import amass, babel, smplh
from skeljax.formats.motion import Motion
from skeljax.localize import segments
from skeljax.skeletons import skeleton

LAYOUT = 'ntu25'
GENDER = 'male'  # one body for all
LONGEST = 1000  # labeled frames
TOLERANCE = 1.0  # seconds by which a motion may be shorter than its annotation
_SEED = 'skeljax-1/babel'


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """Options of a config.

    Attributes:
        classes: labeled classes; () includes all motions without labels.
        faithful: computes joints and labels as the published scripts do.
    """

    classes: tuple[str, ...] = ()
    faithful: bool = False


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds BABEL."""

    # TFDS derives it from the module's name, which differs from the path in a checkout.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.0.0')
    RELEASE_NOTES = {'1.0.0': 'First release.'}
    BUILDER_CONFIGS = [
        *(
            Config(
                name=f'{name}_faithful' if faithful else name,
                classes=classes,
                faithful=faithful,
                description=f'{", ".join(classes)}{how}.',
            )
            for faithful, how in ((False, ''), (True, ', as the published scripts make them'))
            for name, classes in babel.SUBSETS.items()
        ),
        Config(name='all', description='Every motion, unlabeled, for pretraining.'),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        'Into one folder put BABEL\'s JSON files (https://babel.is.tue.mpg.de), "amass" with the '
        'SMPL+H datasets of AMASS (https://amass.is.tue.mpg.de) and "smplh" with male/model.npz, '
        'the extended SMPL+H model (https://mano.is.tue.mpg.de).'
    )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.work = beam_jobs.Work()

    def _info(self) -> tfds.core.DatasetInfo:
        metadata = {
            'classes': list(self.builder_config.classes), 'layout': LAYOUT, 'fps': babel.FPS,
        }
        return self.dataset_info_from_configs(
            features=records.features(1, skeleton.get(LAYOUT).num_joints),
            homepage='https://babel.is.tue.mpg.de',
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager):
        root = Path(dl_manager.manual_dir)
        folder = _annotations(root)
        # Loaded here, so that a missing model is reported once.
        amass.body_model(root / 'amass', GENDER)
        splits = self._splits(folder)
        for split, sequences in splits.items():
            if not sequences:
                raise InputError(f'{folder}: no sequence for the split {split!r}')
            # TFDS does not support empty splits.
            if not any(amass.locate(root / 'amass', sequence.file) for sequence in sequences):
                first = f'{len(sequences)} motions of the split {split!r}, e.g. {sequences[0].file}'
                raise InputError(f'{root / "amass"}: has none of the {first}')
        return {
            split: self._generate_examples(root, sequences) for split, sequences in splits.items()
        }

    def _splits(self, folder: Path) -> dict[str, list[babel.Sequence]]:
        """Assigns the sequences to splits; notes those that are not used."""
        skipped = collections.Counter()
        test, training = (self._usable(folder, name, skipped) for name in ('val', 'train'))
        tested = {sequence.file for sequence in test}
        splits = {'train': [], 'validation': [], 'test': test}
        for sequence in training:
            if sequence.file in tested:
                skipped['train.json with a motion of the test split'] += 1
            else:
                splits[_split(amass.subject(sequence.file))].append(sequence)
        for what, count in skipped.items():
            why = f'not in config {self.builder_config.name}'
            self.work.skipped[f'{count} sequences of {what}'] = why
        return splits

    def _usable(self, folder: Path, name: str, skipped) -> list[babel.Sequence]:
        """Reads the sequences that this config can use; counts the others in `skipped`."""
        found = babel.sequences(folder / f'{name}.json')
        extra = folder / f'extra_{name}.json'
        if not self.builder_config.classes and extra.is_file():
            found += babel.sequences(extra)
        usable, motions = [], set()
        for sequence in found:
            unfit = self._unfit(sequence, motions)
            if unfit:
                skipped[f'{name}.json {unfit}'] += 1
            else:
                usable.append(sequence)
                motions.add(sequence.file)
        return usable

    def _unfit(self, sequence: babel.Sequence, motions: set[str]) -> str:
        """Returns why a sequence cannot be used, '' if it can."""
        config = self.builder_config
        if not config.classes:
            return 'with the motion of another' if sequence.file in motions else ''
        if sequence.spans is None:
            return 'without frame labels'
        labels, covered = babel.paint(sequence, config.classes, faithful=config.faithful)
        if covered.sum() > LONGEST:
            return f'with more than {LONGEST} labeled frames'
        return '' if (labels < len(config.classes)).any() else 'without a frame of the classes'

    def _generate_examples(self, root: Path, sequences):
        jobs = (Job(root, sequence, self.builder_config) for sequence in sequences)
        return self.work.examples(_make, jobs)


@dataclasses.dataclass(frozen=True)
class Job:
    """The task of making one recording.

    Attributes:
        root: of the raw files.
        sequence: the annotated motion.
        config: of the builder.
    """

    root: Path
    sequence: babel.Sequence
    config: Config


def _make(job: Job) -> list[records.Recording]:
    sequence, config = job.sequence, job.config
    path = amass.locate(job.root / 'amass', sequence.file)
    if path is None:
        missing = job.root / 'amass' / sequence.file
        raise InputError(f'{missing}: no such file, expected for sequence {sequence.sid}')
    capture = amass.load(path)
    try:
        frames = amass.resampled(len(capture.poses), capture.fps, babel.FPS)
        labels = _labels(sequence, config, len(frames))
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    joints = _joints(job, capture, frames[: len(labels)])[:, None].astype(np.float32)
    motion = Motion(
        joints=joints,
        fps=babel.FPS,
        layout=LAYOUT,
        valid=np.ones(joints.shape[:2], bool),
        source=sequence.file,
        subject=amass.subject(sequence.file),
    )
    runs = segments.from_frame_labels(labels, len(config.classes))
    spans = zip(runs.start.tolist(), runs.end.tolist(), runs.label.tolist(), strict=True)
    name = f'babel_{sequence.sid}'
    classes = len(config.classes)
    return [records.from_motion(motion, name=name, segments=spans, num_classes=classes)]


def _labels(sequence: babel.Sequence, config: Config, frames: int) -> np.ndarray:
    """Returns the labels of a recording's frames, int64[T], T at most `frames`.

    Raises:
        InputError: the motion is shorter than its annotation by a second or more.
    """
    if not config.classes:
        return np.zeros(frames, np.int64)  # of no class: background is 0
    if sequence.frames - frames >= TOLERANCE * babel.FPS:
        lasts = f'{frames / babel.FPS:.2f} s of motion'
        expected = f'expected {sequence.duration:.2f} s of sequence {sequence.sid}'
        raise InputError(f'{lasts}, {expected}')
    labels, covered = babel.paint(sequence, config.classes, faithful=config.faithful)
    # The published scripts drop uncovered frames, so that labels after a gap are too early.
    return (labels[covered] if config.faithful else labels)[:frames]


def _joints(job: Job, capture: amass.Capture, frames: np.ndarray) -> np.ndarray:
    """Returns the poses of one body shape, float64[T, 25, 3]."""
    faithful = job.config.faithful
    body = amass.body_model(job.root / 'amass', GENDER)
    trans = None if faithful else capture.trans[frames]
    points = smplh.forward(body, capture.poses[frames], trans=trans, mean_hands=faithful)
    if faithful:
        return points[:, amass.NTU25_PUBLISHED]
    return amass.upright(points[:, amass.NTU25])


def _annotations(root: Path) -> Path:
    """Returns the folder of train.json: the given one or one in it.

    Raises:
        InputError: there is none, or several.
    """
    found = [path.parent for path in (root / 'train.json', *sorted(root.glob('*/train.json')))
             if path.is_file()]
    if len(found) != 1:
        raise InputError(f'{root}: {len(found)} files train.json of BABEL, expected one')
    return found[0]


def _split(subject: str) -> str:
    """Returns the split of a subject: one in ten is in validation."""
    return 'validation' if compose.number(_SEED, subject) % 10 == 0 else 'train'
