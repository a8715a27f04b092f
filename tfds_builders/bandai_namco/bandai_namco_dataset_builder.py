"""Bandai Namco Research motion datasets as records; README.md defines every config."""

import collections
from collections.abc import Iterator
import dataclasses
from pathlib import Path

from etils import epath
import numpy as np
import tensorflow_datasets as tfds

from skeljax.data import beam_jobs, compose, records
from skeljax.errors import FormatError, InputError
from skeljax.formats import bvh, texts
from skeljax.formats.chain import Chain, about, forward, frames
from skeljax.formats.motion import Motion
from skeljax.skeletons import skeleton

HOMEPAGE = 'https://github.com/BandaiNamcoResearchInc/Bandai-Namco-Research-Motiondataset'
FPS = 30.0
LAYOUT = 'bandai22'
SEED = 'skeljax-1'
_CENTIMETRE = 0.01

# The contents of each set that exist in all styles, and the styles of each split. The files do not
# name performers; README.md explains why those of training and test probably differ.
CONTENTS = {
    1: (
        'walk', 'run', 'dash', 'walk-back', 'walk-left', 'walk-right', 'bow', 'bye', 'guide',
        'byebye',
    ),
    2: (
        'walk', 'walk-turn-left', 'walk-turn-right', 'run', 'wave-both-hands', 'wave-left-hand',
        'wave-right-hand', 'raise-up-both-hands', 'raise-up-left-hand', 'raise-up-right-hand',
    ),
}
STYLES = {
    1: {
        'train': (
            'normal', 'happy', 'sad', 'angry', 'proud', 'not-confident', 'feminine', 'musical',
        ),
        'validation': ('old', 'giant'),
        'test': ('masculinity', 'childish', 'tired', 'active', 'chimpira'),
    },
    2: {
        'train': ('active', 'elderly', 'exhausted'),
        'validation': ('feminine', 'youthful'),
        'test': ('masculine', 'normal'),
    },
}


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """Options of a config.

    Attributes:
        number: of the dataset, 1 or 2.
        composed: joins the clips of one style; else each clip is one recording.
    """

    number: int = 1
    composed: bool = False


@dataclasses.dataclass(frozen=True)
class Clip:
    """One file: content and style."""

    name: str
    content: str
    style: str
    path: Path


@dataclasses.dataclass(frozen=True)
class Job:
    """The task of making one recording: clips in order, their classes, frames between each two."""

    name: str
    clips: list[Clip]
    labels: list[int]
    pauses: list[int]


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds the Bandai Namco Research motion datasets."""

    # TFDS derives it from the module's name, which differs from the path in a checkout.
    pkg_dir_path = epath.Path(__file__).parent
    VERSION = tfds.core.Version('1.0.0')
    RELEASE_NOTES = {'1.0.0': 'First release.'}
    BUILDER_CONFIGS = [
        Config(name='clips1', description='Dataset 1, one recording per clip.'),
        Config(name='clips2', number=2, description='Dataset 2, one recording per clip.'),
        Config(name='composed1', composed=True, description='Dataset 1, clips joined.'),
        Config(name='composed2', number=2, composed=True, description='Dataset 2, clips joined.'),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f'Clone {HOMEPAGE} and unpack data.zip of each dataset so that its data/ '
        'stands beside its cfg/.'
    )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.work = beam_jobs.Work()

    def _info(self) -> tfds.core.DatasetInfo:
        classes = list(CONTENTS[self.builder_config.number])
        metadata = {'classes': classes, 'layout': LAYOUT, 'fps': FPS}
        return self.dataset_info_from_configs(
            features=records.features(1, skeleton.get(LAYOUT).num_joints),
            homepage=HOMEPAGE,
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager):
        number = self.builder_config.number
        pools, skipped = collections.defaultdict(list), collections.Counter()
        known = {style for styles in STYLES[number].values() for style in styles}
        clips, repeated = _clips(Path(dl_manager.manual_dir), number)
        self.work.troubles += repeated
        for clip in clips:
            if clip.content not in CONTENTS[number]:
                skipped[f'{clip.content!r}', 'not performed in every style'] += 1
            elif clip.style not in known:
                skipped[f'in style {clip.style!r}', 'in no split'] += 1
            else:
                pools[clip.style].append(clip)
        for (what, why), count in skipped.items():
            self.work.skipped[f'{count} clips {what}'] = why
        return {
            split: self._generate_examples([pools[style] for style in styles if pools[style]])
            for split, styles in STYLES[number].items()
        }

    def _generate_examples(self, pools):
        plan = self._joined if self.builder_config.composed else self._single
        return self.work.examples(_make, (job for pool in pools for job in plan(pool)))

    def _label(self, clip: Clip) -> int:
        return CONTENTS[self.builder_config.number].index(clip.content)

    def _single(self, pool: list[Clip]) -> Iterator[Job]:
        for clip in pool:
            yield Job(clip.name, [clip], [self._label(clip)], [])

    def _joined(self, pool: list[Clip]) -> Iterator[Job]:
        """Yields the jobs of one style, in which all of its clips occur once."""
        style = pool[0].style
        seed = f'{SEED}/{self.builder_config.name}/{style}'
        names, labels = [clip.name for clip in pool], [self._label(clip) for clip in pool]
        try:
            order = compose.arrange(names, labels, seed)
            parts = compose.sizes(len(order), seed)
        except InputError as error:  # too few clips
            self.work.skipped[f'style {style}'] = str(error)
            return
        place = 0
        for number, size in enumerate(parts):
            chosen = order[place : place + size]
            place += size
            pauses = [
                compose.pause(seed, names[a], names[b])
                for a, b in zip(chosen, chosen[1:], strict=False)
            ]
            name = f'{self.builder_config.name}_{style}_r{number:02}'
            yield Job(name, [pool[i] for i in chosen], [labels[i] for i in chosen], pauses)


def _clips(folder: Path, number: int) -> tuple[list[Clip], list[str]]:
    """Returns the clips of one dataset, sorted; plain files are preferred to gzipped ones.

    Returns:
        The clips, and a line for each clip that is also in another folder.

    Raises:
        InputError: there is no clip, or one lacks its labels.
    """
    found: dict[str, Path] = {}
    repeated = []
    for path in sorted(folder.rglob(f'dataset-{number}_*.bvh*')):
        if path.name.endswith(('.bvh', '.bvh.gz')):
            first = found.setdefault(path.name.partition('.')[0], path)
            if path.parent != first.parent:
                repeated.append(f'{path}: a clip again, as in {first}')
    if not found:
        raise InputError(f'{folder}: no dataset-{number}_CONTENT_STYLE_ID.bvh below it')
    names: dict[Path, tuple[list[str], list[str]]] = {}
    clips = []
    for name, path in sorted(found.items()):
        cfg = path.parent.parent / 'cfg'
        if cfg not in names:
            names[cfg] = tuple(
                [name.removeprefix(f'dataset-{number}_') for name in texts.read(file).split()]
                for file in (cfg / 'content_label.txt', cfg / 'style_label.txt')
            )
        content, style = _labels(path.parent / f'{name}.json', *names[cfg])
        clips.append(Clip(name, content, style, path))
    return clips, repeated


def _labels(path: Path, contents: list[str], styles: list[str]) -> tuple[str, str]:
    """Reads {"content": i, "style": j} and returns the names of both."""
    label = texts.document(path)
    try:
        content, style = label['content'], label['style']
        if min(content, style) < 0:
            raise IndexError
        return contents[content], styles[style]
    except (TypeError, KeyError, IndexError):
        expected = f'{{"content": 0 to {len(contents) - 1}, "style": 0 to {len(styles) - 1}}}'
        raise FormatError(f'{path}: no labels as expected: {expected}') from None


def _make(job: Job) -> list[records.Recording]:
    whole, spans = compose.join([_read(clip.path) for clip in job.clips], job.pauses)
    joints = forward(whole, skeleton.get(LAYOUT).parents)[:, None].astype(np.float32)
    motion = Motion(
        joints=joints,
        fps=FPS,
        layout=LAYOUT,
        valid=np.ones(joints.shape[:2], bool),
        source=' '.join(clip.name for clip in job.clips),
    )
    segments = [(*span, label) for span, label in zip(spans, job.labels, strict=True)]
    classes = len(CONTENTS[1])  # both sets have as many
    return [records.from_motion(motion, name=job.name, segments=segments, num_classes=classes)]


def _read(path: Path) -> Chain:
    """Reads a clip; moves its root to the floor below the hips, with their heading."""
    take = bvh.read_take(path, unit=_CENTIMETRE)
    if (take.layout, take.fps) != (LAYOUT, FPS):
        found = f'{take.fps:g} fps of layout {skeleton.get(take.layout).name}'
        raise FormatError(f'{path}: {found}, expected {FPS:g} of {LAYOUT}')
    joints, turned = frames(take.chain, take.parents)
    root, hips = 0, 1
    heading = np.arctan2(turned[:, hips, 0, 2], turned[:, hips, 2, 2])
    offsets, rotations = take.chain.offsets.copy(), take.chain.rotations.copy()
    offsets[:, hips] = joints[:, hips] * [0, 1, 0]
    rotations[:, root] = about('y', heading)
    rotations[:, hips] = np.swapaxes(rotations[:, root], -1, -2) @ turned[:, hips]
    return Chain(joints[:, hips] * [1, 0, 1], offsets, rotations)
