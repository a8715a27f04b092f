"""PKU-MMD as records; README.md defines splits, frames and labels."""

import dataclasses
from pathlib import Path

from etils import epath
import tensorflow_datasets as tfds

from skeljax.data import beam_jobs, compose, records
from skeljax.errors import FormatError, InputError
from skeljax.formats import pku
from skeljax.skeletons import skeleton
from skeljax.tfds_builders.pku_mmd import files

PERSONS = 2
SEED = 'skeljax-1/pku_mmd'


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """A part and a way to divide it.

    Attributes:
        part: 1 or 2.
        protocol: official list that separates training and test: 'subject' or 'view'.
        frame_base: meaning of the frames of labels: 0 for [start, end) counted from 0, 1 for
            start to end, inclusive, counted from 1.
        hold_out: removes the validation takes from training; otherwise they are in both.
    """

    part: int = 1
    protocol: str = 'subject'
    frame_base: int = 0
    hold_out: bool = True


def _configs() -> list[Config]:
    return [
        Config(
            name=f'part{part}_{short}' + ('' if hold_out else '_full') + ('_base1' if base else ''),
            part=part,
            protocol=protocol,
            frame_base=base,
            hold_out=hold_out,
            description=f'Part {part}, cross-{protocol}'
            + ('' if hold_out else ', validation takes in training too')
            + (', frames of labels counted from 1' if base else ''),
        )
        for base in (0, 1)
        for hold_out in (True, False)
        for part in (1, 2)
        for short, protocol in (('xsub', 'subject'), ('xview', 'view'))
    ]


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds PKU-MMD."""

    # TFDS derives it from the module's name, which differs from the path in a checkout.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.0.0')
    RELEASE_NOTES = {'1.0.0': 'First release.'}
    BUILDER_CONFIGS = _configs()
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        'Request PKU-MMD (https://struct002.github.io/PKUMMD) and unpack the skeletons, the labels '
        '(below a folder with "label" in its name) and the split lists (cross-subject.txt, '
        'cross-view.txt; of part II cross_subject_v2.txt, cross_view_v2.txt) into one folder.'
    )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.work = beam_jobs.Work()
        # Part II has 41 of the 51 classes.
        self.may_lack_classes = self.builder_config.part == 2

    def _info(self) -> tfds.core.DatasetInfo:
        metadata = {'classes': list(pku.CLASSES), 'layout': pku.LAYOUT, 'fps': pku.FPS}
        return self.dataset_info_from_configs(
            features=records.features(PERSONS, skeleton.get(pku.LAYOUT).num_joints),
            homepage='https://struct002.github.io/PKUMMD',
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager):
        config, folder = self.builder_config, dl_manager.manual_dir
        found = files.find(folder, config.part)
        path, split = files.split(found, folder, config.part, config.protocol)
        self.work.skipped = found.skipped
        self._note(found, path, {*split.training, *split.validation})
        held = [video for video in split.training if _held_out(video)]
        kept = [video for video in split.training if not config.hold_out or not _held_out(video)]
        splits = {'train': kept, 'validation': held, 'test': split.validation}
        for name, videos in splits.items():
            if not videos:
                raise InputError(f'{path}: no video of the {name} split is listed')
        return {
            name: self._generate_examples(sorted(videos), found, str(folder))
            for name, videos in splits.items()
        }

    def _note(self, found: files.Found, path, listed: set[str]):
        """Notes unlisted videos, and overlapping labels."""
        strange = sorted(found.videos.keys() - listed)
        if strange:
            what = f'{len(strange)} videos such as {found.videos[strange[0]]}'
            self.work.skipped[what] = f'not listed in {path}'
        for video in sorted(listed & found.labels.keys()):
            try:
                actions = pku.read_actions(
                    found.labels[video], frame_base=self.builder_config.frame_base
                )
            except FormatError:
                continue  # reported by the job that reads it
            lines = ','.join(map(str, pku.overlapping(actions)))
            if lines:
                what = f'frame labels of the actions that {found.labels[video]}:{lines} overlap'
                why = 'a frame has the label of the later; all segments are kept'
                self.work.skipped[what] = why

    def _generate_examples(self, videos, found, folder):
        base = self.builder_config.frame_base
        jobs = (Job(v, found.videos.get(v), found.labels.get(v), base, folder) for v in videos)
        return self.work.examples(_make, jobs)


@dataclasses.dataclass(frozen=True)
class Job:
    """The task of making one recording.

    Attributes:
        video: its name.
        skeletons, labels: its files, None if missing.
        frame_base: see `Config`.
        folder: that was searched.
    """

    video: str
    skeletons: Path | None
    labels: Path | None
    frame_base: int
    folder: str


def _held_out(video: str) -> bool:
    """Returns whether a training video is in validation: one take in ten, with all views."""
    return compose.number(SEED, files.take(video)) % 10 == 0


def _make(job: Job) -> list[records.Recording]:
    for kind, path in (('skeletons', job.skeletons), ('labels', job.labels)):
        if path is None:
            raise InputError(f'{job.folder}: no {kind} of video {job.video}, which a list names')
    motion = pku.read(job.skeletons)
    actions = pku.read_actions(job.labels, frame_base=job.frame_base, frames=len(motion.joints))
    segments = [(action.start, action.end, action.label) for action in actions]
    classes = len(pku.CLASSES)
    return [records.from_motion(motion, name=job.video, segments=segments, num_classes=classes)]
