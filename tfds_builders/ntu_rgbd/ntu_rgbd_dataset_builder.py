"""NTU RGB+D 60 and 120 as records; README.md defines splits and persons."""

import collections
import dataclasses

from etils import epath
import numpy as np
import tensorflow_datasets as tfds

from skeljax.data import beam_jobs, records
from skeljax.errors import InputError
from skeljax.formats import ntu
from skeljax.formats.motion import Motion
from skeljax.skeletons import skeleton
from skeljax.tfds_builders.ntu_rgbd import files
from skeljax.tfds_builders.ntu_rgbd.classes import CLASSES

PERSONS = 2
# Of NTU RGB+D 60 those up to 40, of 120 all.
TRAINING_SUBJECTS = frozenset({
    1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38, 45, 46, 47, 49, 50,
    52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86, 89, 91, 92, 93, 94, 95,
    97, 98, 100, 103,
})
TRAINING_CAMERAS = frozenset({2, 3})


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """A way to divide the corpus.

    Attributes:
        actions: 60 or 120, the first of the classes.
        protocol: what divides training from test: 'subject', 'camera' or 'setup'.
        hold_out: removes the validation subjects from training; otherwise they are in both.
    """

    actions: int = 60
    protocol: str = 'subject'
    hold_out: bool = True


def _configs() -> list[Config]:
    protocols = [
        ('xsub60', 60, 'subject', 'NTU RGB+D 60, cross-subject'),
        ('xview60', 60, 'camera', 'NTU RGB+D 60, cross-view'),
        ('xsub120', 120, 'subject', 'NTU RGB+D 120, cross-subject'),
        ('xset120', 120, 'setup', 'NTU RGB+D 120, cross-setup'),
    ]
    return [
        Config(
            name=name if hold_out else f'{name}_full',
            actions=actions,
            protocol=protocol,
            hold_out=hold_out,
            description=text if hold_out else f'{text}, validation subjects in training too',
        )
        for hold_out in (True, False)
        for name, actions, protocol, text in protocols
    ]


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds NTU RGB+D."""

    # TFDS derives it from the module's name, which differs from the path in a checkout.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.0.0')
    RELEASE_NOTES = {'1.0.0': 'First release.'}
    BUILDER_CONFIGS = _configs()
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        'Request NTU RGB+D (https://rose1.ntu.edu.sg/dataset/actionRecognition/) and put '
        'nturgbd_skeletons_s001_to_s017.zip, for 120 actions also '
        'nturgbd_skeletons_s018_to_s032.zip, or the .skeleton files out of them, and the lists '
        '*_samples_with_missing_skeletons.txt into one folder.'
    )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.work = beam_jobs.Work()

    def _info(self) -> tfds.core.DatasetInfo:
        classes = list(CLASSES[: self.builder_config.actions])
        metadata = {'classes': classes, 'layout': ntu.LAYOUT, 'fps': ntu.FPS}
        return self.dataset_info_from_configs(
            features=records.features(PERSONS, skeleton.get(ntu.LAYOUT).num_joints),
            homepage='https://rose1.ntu.edu.sg/dataset/actionRecognition/',
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager):
        config = self.builder_config
        clips, self.work.skipped = files.find(dl_manager.manual_dir)
        clips = self._used(clips, files.missing(dl_manager.manual_dir))
        pools = {split: [] for split in ('train', 'validation', 'test')}
        for clip in clips:
            for split in _splits(clip, config):
                pools[split].append(clip)
        for split, pool in pools.items():
            if not pool:
                raise InputError(
                    f'{dl_manager.manual_dir}: none of {len(clips)} recordings is of the '
                    f'{split} split of {config.name}'
                )
        return {split: self._generate_examples(pool) for split, pool in pools.items()}

    def _used(self, clips, missing) -> list[files.Clip]:
        """Removes recordings of other actions or listed as missing, and notes them."""
        actions = self.builder_config.actions
        counts, used = collections.Counter(), []
        for clip in clips:
            if not 1 <= clip.action <= actions:
                counts[f'of other actions than A001 to A{actions:03}', 'not in this config'] += 1
            elif clip.name in missing:
                why = 'their skeletons are missing or incomplete'
                counts[f'listed in {missing[clip.name]}', why] += 1
            else:
                used.append(clip)
        for (what, why), count in counts.items():
            self.work.skipped[f'{count} recordings {what}'] = why
        return used

    def _generate_examples(self, clips):
        return self.work.examples(_make, ((clip, self.builder_config.actions) for clip in clips))


def _splits(clip: files.Clip, config: Config) -> list[str]:
    """Returns the splits of a recording."""
    training = {
        'subject': clip.subject in TRAINING_SUBJECTS,
        'camera': clip.camera in TRAINING_CAMERAS,
        'setup': clip.setup % 2 == 0,
    }[config.protocol]
    if not training:
        return ['test']
    if clip.subject % 10 != 9:
        return ['train']
    return ['validation'] if config.hold_out else ['train', 'validation']


def _make(job) -> list[records.Recording]:
    clip, actions = job
    motion = _two(files.read(clip))
    segments = [(0, len(motion.joints), clip.action - 1)]
    return [records.from_motion(motion, name=clip.name, segments=segments, num_classes=actions)]


def _two(motion: Motion) -> Motion:
    """Keeps the two persons with the most motion, in their order; adds absent ones."""
    joints, valid, measured = motion.joints, motion.valid, motion.joint_valid
    if valid.shape[1] > PERSONS:
        energy = [joints[valid[:, m], m].std((0, 1)).sum() for m in range(valid.shape[1])]
        kept = np.sort(np.argsort(energy, kind='stable')[-PERSONS:])
        joints, valid, measured = joints[:, kept], valid[:, kept], measured[:, kept]
    absent = PERSONS - valid.shape[1]
    pad = lambda array: np.pad(array, [(0, 0), (0, absent)] + [(0, 0)] * (array.ndim - 2))
    return dataclasses.replace(
        motion, joints=pad(joints), valid=pad(valid), joint_valid=pad(measured)
    )
