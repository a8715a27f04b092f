"""Procedural motion as records; `skeljax.data.synthetic` makes it."""

import dataclasses

from etils import epath
import tensorflow_datasets as tfds

from skeljax import skeleton
from skeljax.data import records, synthetic


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """How much to make.

    Attributes:
        persons: of the training, validation and test split.
        recordings: of each person.
        actions: turns of the deck of movements in a recording.
        noise: of the sensor, metres.
        seed: of everything.
    """

    persons: tuple[int, int, int] = (20, 4, 8)
    recordings: int = 3
    actions: int = 4
    noise: float = 0.01
    seed: int = 0


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds the synthetic corpus."""

    # TFDS would look for it by the module's name, which in a checkout is not its path.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.0.0')
    RELEASE_NOTES = {'1.0.0': 'First release.'}
    BUILDER_CONFIGS = [
        Config(name='default', description='The demo: 60 + 12 + 24 recordings of 8 to 20 seconds.'),
        Config(
            name='tiny',
            persons=(4, 1, 2),
            recordings=2,
            description='For tests: 8 + 2 + 4 recordings.',
        ),
    ]

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
        for number in range(persons):
            for index in range(config.recordings):
                motion, segments = synthetic.recording(
                    config.seed, split, number, index, actions=config.actions, noise=config.noise
                )
                name = f'{split}_p{number:02}_r{index}'
                recording = records.from_motion(
                    motion, name=name, segments=segments, num_classes=len(synthetic.CLASSES)
                )
                yield name, records.example(recording)
