"""Kinder-Gator as records; README.md defines every config frame for frame."""

from collections.abc import Iterator
import dataclasses

from etils import epath
import numpy as np
import tensorflow_datasets as tfds

from skeljax.data import beam_jobs, compose, records
from skeljax.errors import FormatError, InputError
from skeljax.formats import kinder_gator
from skeljax.formats.chain import forward, from_positions
from skeljax.formats.motion import Motion
from skeljax.skeletons import skeleton

HOMEPAGE = 'https://github.com/hayeesha/Kinder-Gator'
# Children, then adults. Fold 0 is the default split.
SPLITS = {
    0: {
        'train': (103, 169, 290, 337, 595, 644, 565, 604, 734, 888, 934, 976),
        'validation': (474, 921),
        'test': (106, 342, 723, 577, 876, 970),
    }
}
# People of each group, ordered by age, assigned to the four folds in rotation.
FOLDS = {
    1: (337, 342, 723, 604, 888),
    2: (595, 474, 644, 976, 921),
    3: (106, 169, 565, 734, 970),
    4: (290, 103, 577, 876, 934),
}
# The youngest child and adult of the next fold.
VALIDATION = {1: (595, 976), 2: (106, 565), 3: (290, 577), 4: (337, 604)}
for _fold, _test in FOLDS.items():
    _held_out = {*_test, *VALIDATION[_fold]}
    _train = (person for people in FOLDS.values() for person in people)
    SPLITS[_fold] = {
        'train': tuple(person for person in _train if person not in _held_out),
        'validation': VALIDATION[_fold],
        'test': _test,
    }
MISSING = {(565, 'Jump-as-high-as-you-can')}  # lost by a software error, according to the corpus
COMPOSED = 'composed58'  # the folds consist of the recordings of this config
SEED = f'skeljax-1/{COMPOSED}'
SIZE = 15  # trials per recording
PAUSE = 15  # frames between two trials


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """Options of a config.

    Attributes:
        composed: joins trials of one person; else each trial is one recording.
        fold: number of the fold in the test split; 0 is the default split.
    """

    composed: bool = True
    fold: int = 0


@dataclasses.dataclass(frozen=True)
class Job:
    """The task of making one recording: its name and its trials, in order."""

    name: str
    trials: list[kinder_gator.Trial]


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds Kinder-Gator."""

    # TFDS derives it from the module's name, which differs from the path in a checkout.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.0.0')
    RELEASE_NOTES = {'1.0.0': 'First release.'}
    BUILDER_CONFIGS = [
        Config(name='trials', composed=False, description='One recording per trial.'),
        Config(name=COMPOSED, description='Trials of one person joined, 15 per recording.'),
        *(
            Config(
                name=f'{COMPOSED}_fold{fold}',
                fold=fold,
                description=f'The recordings of {COMPOSED}, tested on the people of fold {fold}.',
            )
            for fold in FOLDS
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f'Clone {HOMEPAGE}: its folders Adults and Children; files may be gzipped one by one.'
    )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.work = beam_jobs.Work()

    def _info(self) -> tfds.core.DatasetInfo:
        layout = kinder_gator.LAYOUT
        classes = [kinder_gator.action_name(action) for action in kinder_gator.ACTIONS]
        metadata = {'classes': classes, 'layout': layout, 'fps': kinder_gator.FPS}
        return self.dataset_info_from_configs(
            features=records.features(1, skeleton.get(layout).num_joints),
            homepage=HOMEPAGE,
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager):
        splits = SPLITS[self.builder_config.fold]
        pools: dict[int, list[kinder_gator.Trial]] = {
            person: [] for people in splits.values() for person in people
        }
        others: dict[int, int] = {}
        for trial in kinder_gator.trials(dl_manager.manual_dir):
            if trial.person in pools:
                pools[trial.person].append(trial)
            else:
                others[trial.person] = others.get(trial.person, 0) + 1
        for person, count in others.items():
            self.work.skipped[f'{count} trials of person {person}'] = 'in no split'
        self._check(pools)
        return {
            split: self._generate_examples([pools[person] for person in people])
            for split, people in splits.items()
        }

    def _check(self, pools):
        """Raises InputError with a line for each missing trial that the corpus has."""
        troubles = []
        for person, pool in sorted(pools.items()):
            there = {trial.action for trial in pool}
            missing = [action for action in kinder_gator.ACTIONS if action not in there]
            if not pool:
                troubles.append(f'person {person}: no trial')
                continue
            for action in missing:
                what = f'person {person}: no trial of {action!r}'
                if (person, action) in MISSING:
                    self.work.skipped[what] = 'not in the corpus'
                else:
                    troubles.append(what)
        if troubles:
            raise InputError.of_lines(troubles)

    def _generate_examples(self, pools):
        plan = _composed if self.builder_config.composed else _single
        return self.work.examples(_make, (job for pool in pools for job in plan(pool)))


def _single(pool: list[kinder_gator.Trial]) -> Iterator[Job]:
    """Yields one job per trial."""
    for trial in pool:
        yield Job(f'trial_p{trial.person}_{trial.action.rstrip("-")}', [trial])


def _composed(pool: list[kinder_gator.Trial]) -> Iterator[Job]:
    """Yields the jobs of one person, in which all trials occur once."""
    person = pool[0].person
    actions = [trial.action for trial in pool]
    order = compose.arrange(actions, actions, f'{SEED}/p{person}')
    for number, start in enumerate(range(0, len(order), SIZE)):
        chosen = [pool[index] for index in order[start : start + SIZE]]
        yield Job(f'{COMPOSED}_p{person}_r{number:02}', chosen)


def _make(job: Job) -> list[records.Recording]:
    layout = skeleton.get(kinder_gator.LAYOUT)
    chains = [from_positions(_read(trial)[:, 0], layout.parents) for trial in job.trials]
    whole, spans = compose.join(chains, [PAUSE] * (len(chains) - 1))
    joints = forward(whole, layout.parents)[:, None].astype(np.float32)
    motion = Motion(
        joints=joints,
        fps=kinder_gator.FPS,
        layout=layout.name,
        valid=np.ones(joints.shape[:2], bool),
        source=' '.join(f'p{t.person}_{t.number:02}-{t.action}' for t in job.trials),
        subject=f'p{job.trials[0].person}',
    )
    labels = [kinder_gator.ACTIONS.index(trial.action) for trial in job.trials]
    segments = [(*span, label) for span, label in zip(spans, labels, strict=True)]
    classes = len(kinder_gator.ACTIONS)
    return [records.from_motion(motion, name=job.name, segments=segments, num_classes=classes)]


def _read(trial: kinder_gator.Trial) -> np.ndarray:
    """Reads the joints of a trial, float32[T, 1, 20, 3]; the file must name its person."""
    motion = kinder_gator.read(trial.path)
    if motion.subject != f'p{trial.person}':
        raise FormatError(f'{trial.path}: rows of {motion.subject}, expected p{trial.person}')
    return motion.joints
