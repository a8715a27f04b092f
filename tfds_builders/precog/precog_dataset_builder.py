"""PRECOG 2016 as records; README.md defines every config frame for frame."""

import collections
import dataclasses

from etils import epath
import tensorflow_datasets as tfds

from skeljax.data import beam_jobs, records
from skeljax.errors import FormatError, InputError
from skeljax.formats import precog
from skeljax.skeletons import skeleton

HOMEPAGE = 'https://github.com/DavidJardim/precog_dataset_16'
PEOPLE = range(1, 13)
SEQUENCES = range(1, 7)
FROZEN = ('Seq2_10', 'Seq4_10')  # all rows are equal in the corpus


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """A way to split the recordings.

    Attributes:
        test: people of the test split.
        validation: people of the validation split; all others are in the training split.
        unseen: sequences in the test split only, which has no others; () for all sequences in
            all splits.
    """

    test: tuple[int, ...] = (3, 6, 8, 11)
    validation: tuple[int, ...] = (9,)
    unseen: tuple[int, ...] = ()


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds PRECOG 2016."""

    # TFDS derives it from the module's name, which differs from the path in a checkout.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.0.0')
    RELEASE_NOTES = {'1.0.0': 'First release.'}
    BUILDER_CONFIGS = [
        Config(name='default', description='Four people in the test split.'),
        *(
            Config(
                name=f'fold{1 + first // 3}',
                test=(first, first + 1, first + 2),
                validation=(first - 1 or 12,),
                description=f'People {first} to {first + 2} in the test split.',
            )
            for first in (1, 4, 7, 10)
        ),
        Config(
            name='orders',
            unseen=(1, 4),
            description='People and orders of actions in the test split that training lacks.',
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f'Clone {HOMEPAGE}: its folder Dataset/CSV; files may be gzipped one by one.'
    )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.work = beam_jobs.Work()

    def _info(self) -> tfds.core.DatasetInfo:
        layout = precog.LAYOUT
        metadata = {'classes': list(precog.CLASSES), 'layout': layout, 'fps': precog.FPS}
        return self.dataset_info_from_configs(
            features=records.features(1, skeleton.get(layout).num_joints),
            homepage=HOMEPAGE,
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager):
        found = precog.takes(dl_manager.manual_dir)
        there = {(take.sequence, take.person) for take in found}
        missing = [
            f'no recording Seq{sequence}_{person}'
            for sequence in SEQUENCES
            for person in PEOPLE
            if (sequence, person) not in there
        ]
        if missing:
            raise InputError.of_lines(missing)
        jobs, left_out = collections.defaultdict(list), collections.Counter()
        for take in found:
            split = self._split(take)
            if take.name in FROZEN:
                self.work.skipped[take.name] = 'every row is the same'
            elif take.person not in PEOPLE or take.sequence not in SEQUENCES:
                self.work.skipped[take.name] = 'in no split'
            elif self._of_another_split(take, split):
                left_out[split] += 1
            else:
                jobs[split].append(take)
        for split, count in left_out.items():
            what = f'{count} recordings of people of the {split} split'
            self.work.skipped[what] = 'sequences that this split does not have'
        return {
            split: self._generate_examples(jobs[split])
            for split in ('train', 'validation', 'test')
        }

    def _split(self, take: precog.Take) -> str:
        """Returns the split of the person of a recording."""
        config = self.builder_config
        if take.person in config.test:
            return 'test'
        return 'validation' if take.person in config.validation else 'train'

    def _of_another_split(self, take: precog.Take, split: str) -> bool:
        """Returns whether a split excludes the sequence of a recording."""
        unseen = self.builder_config.unseen
        return bool(unseen) and (take.sequence in unseen) != (split == 'test')

    def _generate_examples(self, takes):
        return self.work.examples(_make, takes)


def _make(take: precog.Take) -> list[records.Recording]:
    motion, labels = precog.read_labeled(take.path)
    if len(motion.joints) > 1 and (motion.joints == motion.joints[0]).all():
        raise FormatError(f'{take.path}: every row is the same, expected a motion')
    return [
        records.from_motion(
            motion,
            name=take.name,
            segments=precog.segments(labels),
            num_classes=len(precog.CLASSES),
        )
    ]
