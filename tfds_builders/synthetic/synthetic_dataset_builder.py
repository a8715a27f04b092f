"""Generated motion as records; see `skeljax.data.synthetic`."""

import dataclasses
import itertools

from etils import epath
import tensorflow_datasets as tfds

from skeljax.data import beam_jobs, records, synthetic
from skeljax.skeletons import skeleton


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """Size of the corpus.

    Attributes:
        persons: number in the training, validation and test split.
        recordings: per person.
        actions: number of draws from the deck of movements per recording.
        noise: sensor noise, meters.
        seed: of all random numbers.
    """

    persons: tuple[int, int, int] = (20, 4, 8)
    recordings: int = 3
    actions: int = 4
    noise: float = 0.01
    seed: int = 0


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds the synthetic corpus."""

    # TFDS derives it from the module's name, which differs from the path in a checkout.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.2.0')
    RELEASE_NOTES = {
        '1.0.0': 'First release.',
        '1.1.0': 'Coordinates are multiples of 2**-12 m.',
        '1.2.0': 'Which joints were measured.',
    }
    BUILDER_CONFIGS = [
        Config(name='default', description='The demo: 60 + 12 + 24 recordings of 8 to 20 seconds.'),
        Config(
            name='tiny',
            persons=(4, 1, 2),
            recordings=2,
            description='For tests: 8 + 2 + 4 recordings.',
        ),
    ]

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.work = beam_jobs.Work()

    def _info(self) -> tfds.core.DatasetInfo:
        metadata = {
            'classes': list(synthetic.CLASSES),
            'layout': synthetic.LAYOUT,
            'fps': synthetic.FPS,
        }
        return self.dataset_info_from_configs(
            features=records.features(1, skeleton.get(synthetic.LAYOUT).num_joints),
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager):
        splits = zip(('train', 'validation', 'test'), self.builder_config.persons, strict=True)
        return {split: self._generate_examples(split, persons) for split, persons in splits}

    def _generate_examples(self, split: str, persons: int):
        config = self.builder_config
        each = itertools.product(range(persons), range(config.recordings))
        return self.work.examples(_make, ((config, split, *numbers) for numbers in each))


def _make(job) -> list[records.Recording]:
    config, split, person, index = job
    motion, segments = synthetic.recording(
        config.seed, split, person, index, actions=config.actions, noise=config.noise
    )
    name = f'{split}_p{person:02}_r{index}'
    classes = len(synthetic.CLASSES)
    return [records.from_motion(motion, name=name, segments=segments, num_classes=classes)]
