"""UI-PRMD as records; README.md defines every config frame for frame."""

import collections
import dataclasses

from etils import epath
import numpy as np
import tensorflow_datasets as tfds

from skeljax import skeleton
from skeljax.data import building, compose, records
from skeljax.errors import InputError
from skeljax.formats import ui_prmd
from skeljax.formats.chain import concatenate, forward
from skeljax.formats.motion import Motion

PERSONS = {'train': range(1, 7), 'validation': range(7, 8), 'test': range(8, 11)}
SEED = 'skeljax-1'


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """A way to make recordings.

    Attributes:
        composed: joins repetitions of all movements; else each take is one.
        incorrect: takes the movements done wrongly in, as classes of their own.
    """

    composed: bool = True
    incorrect: bool = False


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds UI-PRMD."""

    # TFDS would look for it by the module's name, which in a checkout is not its path.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.2.0')
    RELEASE_NOTES = {
        '1.0.0': 'First release.',
        '1.2.0': 'Coordinates are multiples of 2**-12 m; which joints were measured.',
    }
    BUILDER_CONFIGS = [
        Config(name='takes', composed=False, description='Continuous takes of one movement.'),
        Config(name='composed10', description='Ten movements done correctly, joined.'),
        Config(name='composed20', incorrect=True, description='Movement x correctness, joined.'),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        'Download UI-PRMD (https://webpages.uidaho.edu/ui-prmd/) and unpack "Segmented Movements" '
        'and "Incorrect Segmented Movements" into one folder; files may be gzipped one by one.'
    )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.work = building.Work()

    def _info(self) -> tfds.core.DatasetInfo:
        wrong = [f'{name}, incorrect' for name in ui_prmd.MOVEMENTS]
        classes = [*ui_prmd.MOVEMENTS, *(wrong if self.builder_config.incorrect else [])]
        metadata = {'classes': classes, 'layout': ui_prmd.LAYOUT, 'fps': ui_prmd.FPS}
        return self.dataset_info_from_configs(
            features=records.features(1, skeleton.get(ui_prmd.LAYOUT).num_joints),
            homepage='https://webpages.uidaho.edu/ui-prmd/',
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager):
        pools = self._pools(ui_prmd.repetitions(dl_manager.manual_dir))
        for person in (p for persons in PERSONS.values() for p in persons):
            self._check(person, pools[person])
        return {
            split: self._generate_examples([pools[person] for person in persons])
            for split, persons in PERSONS.items()
        }

    def _pools(self, found):
        """Gathers repetitions by person and tells which are not used, and why."""
        pools, skipped = collections.defaultdict(list), collections.Counter()
        known = {person for persons in PERSONS.values() for person in persons}
        for repetition in found:
            if not repetition.correct and not self.builder_config.incorrect:
                skipped['done wrongly', f'not in config {self.builder_config.name}'] += 1
            elif repetition.person not in known:
                skipped[f'by person {repetition.person}', 'in no split'] += 1
            else:
                pools[repetition.person].append(repetition)
        for (what, why), count in skipped.items():
            self.work.skipped[f'{count} repetitions {what}'] = why
        return pools

    def _check(self, person: int, pool):
        """Raises InputError where a person lacks a class."""
        seen = {self._label(repetition) for repetition in pool}
        for label, name in enumerate(self.info.metadata['classes']):
            if label not in seen:
                raise InputError(f'person {person}: no repetition of {name!r} (class {label})')

    def _label(self, repetition) -> int:
        return repetition.movement - 1 + (0 if repetition.correct else len(ui_prmd.MOVEMENTS))

    def _generate_examples(self, pools):
        plan = self._composed if self.builder_config.composed else self._takes
        return self.work.examples(_make, (job for pool in pools for job in plan(pool)))

    def _composed(self, pool):
        """Plans the recordings of one person from all repetitions, each used once."""
        seed = f'{SEED}/{self.builder_config.name}/s{pool[0].person:02}'
        names = [repetition.name for repetition in pool]
        order = compose.arrange(names, [self._label(r) for r in pool], seed)
        place = 0
        for number, size in enumerate(compose.sizes(len(order), seed)):
            chosen = [pool[index] for index in order[place : place + size]]
            place += size
            pauses = [
                compose.pause(seed, a.name, b.name)
                for a, b in zip(chosen, chosen[1:], strict=False)
            ]
            name = f'{self.builder_config.name}_s{pool[0].person:02}_r{number:02}'
            yield Job(name, chosen, [self._label(r) for r in chosen], pauses)

    def _takes(self, pool):
        """Plans one recording of the consecutive repetitions of each movement."""
        takes = collections.defaultdict(list)
        for repetition in pool:
            takes[repetition.movement].append(repetition)
        for movement, chosen in sorted(takes.items()):
            chosen.sort(key=lambda r: r.episode)
            for a, b in zip(chosen, chosen[1:], strict=False):
                if b.episode != a.episode + 1:
                    raise InputError(f'{a.name} is followed by {b.name}: the take would jump')
            name = f'take_m{movement:02}_s{chosen[0].person:02}'
            yield Job(name, chosen, [self._label(r) for r in chosen], None)


@dataclasses.dataclass(frozen=True)
class Job:
    """One recording to be made.

    Attributes:
        name: of the recording.
        chosen: repetitions, in order.
        labels: class of each.
        pauses: frames of the transition between each two; None where one
            repetition goes straight on into the next.
    """

    name: str
    chosen: list[ui_prmd.Repetition]
    labels: list[int]
    pauses: list[int] | None


def _make(job: Job) -> list[records.Recording]:
    chains = [ui_prmd.read_chain(r.positions, r.angles) for r in job.chosen]
    if job.pauses is None:
        ends = np.cumsum([len(chain) for chain in chains])
        chain = concatenate(chains)
        spans = [(int(e) - len(c), int(e)) for c, e in zip(chains, ends, strict=True)]
    else:
        chain, spans = compose.join(chains, job.pauses)
    joints = forward(chain, skeleton.get(ui_prmd.LAYOUT).parents)[:, None].astype(np.float32)
    motion = Motion(
        joints=joints,
        fps=ui_prmd.FPS,
        layout=ui_prmd.LAYOUT,
        valid=np.ones(joints.shape[:2], bool),
        source=' '.join(repetition.name for repetition in job.chosen),
        subject=f's{job.chosen[0].person:02}',
    )
    segments = [(*span, label) for span, label in zip(spans, job.labels, strict=True)]
    classes = 2 * len(ui_prmd.MOVEMENTS)
    return [records.from_motion(motion, name=job.name, segments=segments, num_classes=classes)]
