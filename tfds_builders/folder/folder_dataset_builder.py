"""A folder of recordings as records; README.md defines its contents."""

import collections
import dataclasses

from etils import epath
import tensorflow_datasets as tfds

from skeljax.data import beam_jobs, folder, records, stats
from skeljax.data.folder import Plan
from skeljax.data.stats import CorpusStats


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """The name of the records of a folder."""


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds the records of one folder; any name is a config.

    The schema depends on the recordings, so that they are read when the builder is created.
    Without `manual_dir` it only opens existing records.
    """

    # TFDS derives it from the module's name, which differs from the path in a checkout.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.0.0')
    RELEASE_NOTES = {'1.0.0': 'First release.'}
    NAMED_BY_USER = True
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        'a folder of recordings (.bvh, .csv, .npz, .json, ...), with labels.csv '
        '(recording,start,end,label in seconds) if they are labeled.'
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
            self.work.notes.append('the labels name no class: the corpus is for pretraining only')
        splits = folder.assign(self._plan, stats.subjects(self._plan, self._stats))
        names = collections.defaultdict(list)
        for name, split in splits.items():
            names[split].append(name)
        for split in ('train', 'validation', 'test'):
            if not names[split]:
                why = 'no recording is in it; splits.csv defines splits'
                self.work.skipped[f'split {split}'] = why
        return {
            split: self._generate_examples(names[split])
            for split in ('train', 'validation', 'test')
            if names[split]
        }

    def _generate_examples(self, names: list[str]):
        jobs = stats.jobs(self._plan, names, self._stats)
        return self.work.examples(stats.make, jobs)
