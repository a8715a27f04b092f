"""PRECOG 2016 as records; README.md defines every config frame for frame."""

import collections
import dataclasses

from etils import epath
import tensorflow_datasets as tfds

from skeljax import skeleton
from skeljax.data import building, records
from skeljax.errors import FormatError, InputError
from skeljax.formats import precog

HOMEPAGE = 'https://github.com/DavidJardim/precog_dataset_16'
PEOPLE = range(1, 13)
SEQUENCES = range(1, 7)
# People of the test and of the validation split; all others train.
HELD_OUT = {
    'default': ((3, 6, 8, 11), (9,)),
    'fold1': ((1, 2, 3), (12,)),
    'fold2': ((4, 5, 6), (3,)),
    'fold3': ((7, 8, 9), (6,)),
    'fold4': ((10, 11, 12), (9,)),
    'orders': ((3, 6, 8, 11), (9,)),
}
UNSEEN = (1, 4)  # sequences of the config `orders` that its test split alone has
FROZEN = ('Seq2_10', 'Seq4_10')  # in the corpus every row of these is the same


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """A way to split the recordings.

    Attributes:
        unseen: sequences that the test split alone has, and no others; empty for all of them
            in every split.
    """

    unseen: tuple[int, ...] = ()


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds PRECOG 2016."""

    # TFDS would look for it by the module's name, which in a checkout is not its path.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.0.0')
    RELEASE_NOTES = {'1.0.0': 'First release.'}
    BUILDER_CONFIGS = [
        Config(name='default', description='Four people in the test split.'),
        Config(name='fold1', description='People 1 to 3 in the test split.'),
        Config(name='fold2', description='People 4 to 6 in the test split.'),
        Config(name='fold3', description='People 7 to 9 in the test split.'),
        Config(name='fold4', description='People 10 to 12 in the test split.'),
        Config(
            name='orders',
            unseen=UNSEEN,
            description='People and orders of actions in the test split that training lacks.',
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f'Clone {HOMEPAGE}: its folder Dataset/CSV; files may be gzipped one by one.'
    )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.work = building.Work()

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
            raise InputError('\n'.join(missing))
        jobs = collections.defaultdict(list)
        for take in found:
            jobs[self._split(take)].append(take)
        return {
            split: self._generate_examples(jobs[split])
            for split in ('train', 'validation', 'test')
        }

    def _split(self, take: precog.Take) -> str | None:
        """Finds the split of a recording; notes why it has none."""
        test, validation = HELD_OUT[self.builder_config.name]
        split = 'train'
        if take.person in test:
            split = 'test'
        elif take.person in validation:
            split = 'validation'
        unseen = self.builder_config.unseen
        why = ''
        if take.name in FROZEN:
            why = 'every row is the same'
        elif take.person not in PEOPLE or take.sequence not in SEQUENCES:
            why = 'in no split'
        elif unseen and (take.sequence in unseen) != (split == 'test'):
            why = f'its order is not for the {split} split'
        if why:
            self.work.skipped[take.name] = why
        return None if why else split

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
