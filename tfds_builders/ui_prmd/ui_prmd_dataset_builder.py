"""UI-PRMD as records; README.md defines every config frame for frame."""

import collections
import dataclasses

from etils import epath
import numpy as np
import tensorflow_datasets as tfds

from skeljax.data import beam_jobs, compose, records
from skeljax.errors import InputError
from skeljax.formats import ui_prmd
from skeljax.formats.chain import concatenate, forward
from skeljax.formats.motion import Motion
from skeljax.skeletons import skeleton

PERSONS = {'train': range(1, 7), 'validation': range(7, 8), 'test': range(8, 11)}
SEED = 'skeljax-1'


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """Options of a config.

    Attributes:
        sensor: 'Kinect' or 'Vicon'.
        composed: joins repetitions of all movements; otherwise one recording per take.
        correct: includes the movements done correctly.
        incorrect: includes the movements done incorrectly, as separate classes.
    """

    sensor: str = 'Kinect'
    composed: bool = True
    correct: bool = True
    incorrect: bool = False


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds UI-PRMD."""

    # TFDS derives it from the module's name, which differs from the path in a checkout.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.3.0')
    RELEASE_NOTES = {
        '1.0.0': 'First release.',
        '1.2.0': 'Coordinates are multiples of 2**-12 m; which joints were measured.',
        '1.3.0': 'Takes of the incorrect set and of the Vicon.',
    }
    BUILDER_CONFIGS = [
        Config(name='takes', composed=False, description='Continuous takes of one movement.'),
        Config(
            name='takes_incorrect',
            composed=False,
            correct=False,
            incorrect=True,
            description='Continuous takes of one movement done wrongly.',
        ),
        Config(
            name='takes_vicon',
            sensor='Vicon',
            composed=False,
            description='Continuous takes of one movement, optical markers.',
        ),
        Config(name='composed10', description='Ten movements done correctly, joined.'),
        Config(name='composed20', incorrect=True, description='Movement x correctness, joined.'),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        'Download UI-PRMD (https://webpages.uidaho.edu/ui-prmd/) and unpack "Segmented Movements" '
        'and "Incorrect Segmented Movements" into one folder; files may be gzipped one by one.'
    )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.work = beam_jobs.Work()

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        wrong = [f'{name}, incorrect' for name in ui_prmd.MOVEMENTS]
        classes = [
            *(ui_prmd.MOVEMENTS if config.correct else []),
            *(wrong if config.incorrect else []),
        ]
        layout = ui_prmd.LAYOUTS[config.sensor]
        metadata = {'classes': classes, 'layout': layout, 'fps': ui_prmd.FPS[config.sensor]}
        return self.dataset_info_from_configs(
            features=records.features(1, skeleton.get(layout).num_joints),
            homepage='https://webpages.uidaho.edu/ui-prmd/',
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager):
        sensor = self.builder_config.sensor
        pools = self._pools(ui_prmd.repetitions(dl_manager.manual_dir, sensor))
        for person in (p for persons in PERSONS.values() for p in persons):
            self._check(person, pools[person])
        return {
            split: self._generate_examples([pools[person] for person in persons])
            for split, persons in PERSONS.items()
        }

    def _pools(self, found):
        """Returns the repetitions of each person; notes those that are not used."""
        pools, skipped = collections.defaultdict(list), collections.Counter()
        known = {person for persons in PERSONS.values() for person in persons}
        for repetition in found:
            kind, wanted = 'done wrongly', self.builder_config.incorrect
            if repetition.correct:
                kind, wanted = 'done correctly', self.builder_config.correct
            if not wanted:
                skipped[kind, f'not in config {self.builder_config.name}'] += 1
            elif repetition.person not in known:
                skipped[f'by person {repetition.person}', 'in no split'] += 1
            else:
                pools[repetition.person].append(repetition)
        for (what, why), count in skipped.items():
            self.work.skipped[f'{count} repetitions {what}'] = why
        return pools

    def _check(self, person: int, pool):
        """Raises InputError if a person lacks a class; takes of the Vicon may be missing."""
        seen = {self._label(repetition) for repetition in pool}
        for label, name in enumerate(self.info.metadata['classes']):
            if label in seen:
                continue
            what = f'person {person}: no repetition of {name!r} (class {label})'
            if self.builder_config.sensor == 'Kinect':
                raise InputError(what)
            self.work.skipped[what] = 'missing'

    def _label(self, repetition) -> int:
        both = self.builder_config.correct and not repetition.correct
        return repetition.movement - 1 + (len(ui_prmd.MOVEMENTS) if both else 0)

    def _generate_examples(self, pools):
        plan = self._composed if self.builder_config.composed else self._takes
        return self.work.examples(_make, (job for pool in pools for job in plan(pool)))

    def _composed(self, pool):
        """Yields the jobs of one person, in which all repetitions occur once."""
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
        """Yields one job per run of consecutive repetitions of each movement.

        A missing repetition ends a run.
        """
        runs = []
        for repetition in sorted(pool, key=lambda r: (r.movement, r.episode)):
            last = runs[-1][-1] if runs else None
            expected = (last.movement, last.episode + 1) if last else None
            if expected == (repetition.movement, repetition.episode):
                runs[-1].append(repetition)
            else:
                runs.append([repetition])
        for chosen in runs:
            first = chosen[0]
            kind = '' if first.correct else '_inc'
            later = '' if first.episode == 1 else f'_e{first.episode:02}'
            name = f'take_m{first.movement:02}_s{first.person:02}{kind}{later}'
            yield Job(name, chosen, [self._label(r) for r in chosen], None)


@dataclasses.dataclass(frozen=True)
class Job:
    """The task of making one recording.

    Attributes:
        name: of the recording.
        chosen: repetitions, in order.
        labels: class of each.
        pauses: frames of the transitions between them; None if the repetitions are contiguous.
    """

    name: str
    chosen: list[ui_prmd.Repetition]
    labels: list[int]
    pauses: list[int] | None


def _make(job: Job) -> list[records.Recording]:
    sensor = 'Vicon' if job.chosen[0].angles is None else 'Kinect'
    joints, measured, spans = _optical(job) if sensor == 'Vicon' else _kinect(job)
    motion = Motion(
        joints=joints,
        fps=ui_prmd.FPS[sensor],
        layout=ui_prmd.LAYOUTS[sensor],
        valid=np.ones(joints.shape[:2], bool),
        source=' '.join(repetition.name for repetition in job.chosen),
        subject=f's{job.chosen[0].person:02}',
        joint_valid=measured,
    )
    segments = [(*span, label) for span, label in zip(spans, job.labels, strict=True)]
    classes = 2 * len(ui_prmd.MOVEMENTS)
    return [records.from_motion(motion, name=job.name, segments=segments, num_classes=classes)]


def _kinect(job: Job):
    """Returns joints float32[T, 1, 22, 3], None, and [start, end) of each repetition."""
    chains = [ui_prmd.read_chain(r.positions, r.angles) for r in job.chosen]
    if job.pauses is None:
        whole, spans = concatenate(chains), _spans([len(chain) for chain in chains])
    else:
        whole, spans = compose.join(chains, job.pauses)
    parents = skeleton.get(ui_prmd.LAYOUTS['Kinect']).parents
    return forward(whole, parents)[:, None].astype(np.float32), None, spans


def _optical(job: Job):
    """Returns joints float32[T, 1, 39, 3], bool[T, 1, 39] if measured, and the spans."""
    motions = [ui_prmd.read_vicon(repetition.positions) for repetition in job.chosen]
    joints = np.concatenate([motion.joints for motion in motions])
    measured = np.concatenate([motion.joint_valid for motion in motions])
    return joints, measured, _spans([len(motion.joints) for motion in motions])


def _spans(lengths: list[int]) -> list[tuple[int, int]]:
    """Returns [start, end) of each of several consecutive motions."""
    ends = np.cumsum(lengths).tolist()
    return [(end - length, end) for end, length in zip(ends, lengths, strict=True)]
