"""A folder of someone's own recordings as records; README.md tells what it may hold."""

import collections
import dataclasses

from etils import epath
import tensorflow_datasets as tfds

from skeljax.data import beam_jobs, folder, records, stats
from skeljax.data.folder import Plan
from skeljax.data.stats import CorpusStats


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """The name that a folder's records go by."""


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds the records of one folder; any name is a config.

    What the records look like follows from the recordings, so these are read when
    the builder is made: without `manual_dir` it only knows where the records are.
    """

    # TFDS would look for it by the module's name, which in a checkout is not its path.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.0.0')
    RELEASE_NOTES = {'1.0.0': 'First release.'}
    NAMED_BY_USER = True
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        'a folder of recordings (.bvh, .csv, .npz, .json, ...), with labels.csv '
        '(recording,start,end,label in seconds) where they are labelled.'
    )

    def __init__(self, *, config=None, manual_dir=None, processes: int = 1, **kwargs):
        self.work = beam_jobs.Work(processes)
        self._plan: Plan | None = None
        self._stats: CorpusStats | None = None
        if manual_dir is not None:
            self._plan = folder.plan(manual_dir)
            self._stats = stats.collect(self._plan, self.work)
        config = Config(name=config) if isinstance(config, str) else config
        super().__init__(config=config, **kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        if self._stats is None:
            return self.dataset_info_from_configs(features=None)
        metadata = {
            'classes': list(self._plan.classes),
            'layout': self._stats.layout,
            'fps': self._stats.fps,
        }
        return self.dataset_info_from_configs(
            features=records.features(self._stats.persons, self._stats.num_joints),
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager):
        self.work.skipped.update(self._plan.skipped)
        self.work.notes += self._plan.notes
        if self._plan.labels and not self._plan.classes:
            self.work.notes.append('the labels name no class: the corpus serves pretraining alone')
        splits = folder.assign(self._plan, stats.subjects(self._plan, self._stats))
        names = collections.defaultdict(list)
        for name, split in splits.items():
            names[split].append(name)
        for split in ('train', 'validation', 'test'):
            if not names[split]:
                self.work.skipped[f'split {split}'] = 'no recording is in it; splits.csv tells them'
        return {
            split: self._generate_examples(names[split])
            for split in ('train', 'validation', 'test')
            if names[split]
        }

    def _generate_examples(self, names: list[str]):
        jobs = stats.jobs(self._plan, names, self._stats)
        return self.work.examples(stats.make, jobs)
