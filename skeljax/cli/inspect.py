"""Tell and show what a prepared corpus or raw recordings hold.

    skeljax inspect folder/mine --data-dir data --out sheet.png
    skeljax inspect DIR                     (a folder of raw recordings)
    skeljax inspect walk.npy --fps 30 --layout ntu25

Prints, for each split, recordings, minutes, persons, lengths, how much is labelled or
missing, and instances of each class; --out draws poses of every class.
"""

from collections.abc import Iterator
import dataclasses
import os
from pathlib import Path

from skeljax import formats
from skeljax.cli import raw
from skeljax.data import building, corpus, folder, handedness, records, survey
from skeljax.data.corpus import Corpus
from skeljax.data.records import Recording
from skeljax.errors import InputError, shown
from skeljax.report import sheet, tally


def add_arguments(parser):
    parser.add_argument('data', metavar='DATA', help='a prepared NAME, a folder or a file')
    parser.add_argument('--data-dir', default='data', help='of prepared corpora (default: data)')
    parser.add_argument('--out', metavar='PNG', help='draws a sheet of skeletons')
    cores = os.cpu_count()
    parser.add_argument('--processes', type=int, default=cores, help='that read raw files')
    raw.add_arguments(parser)


def run(args) -> int:
    work = building.Work(processes=args.processes)
    classes, recordings = _open(args, work)
    tallies: dict[str, tally.Tally] = {}
    strips = sheet.Sheet()
    mirrored: list[str] = []
    for split, recording in recordings:
        if handedness.find(recording).mirrored:
            mirrored.append(recording.name)
        tallies.setdefault(split, tally.Tally()).add(recording, classes)
        strips.add(recording)
    if not tallies:
        raise InputError.of_lines([f'{args.data}: nothing to inspect', *work.troubles])
    print(tally.describe(tallies, classes))
    if mirrored:
        count = f'{len(mirrored)} of {sum(len(t.seconds) for t in tallies.values())} recordings'
        print(
            f'left and right contradict the layout in {count}, e.g. {shown(mirrored[0])}: '
            'knees and feet point backward (mirrored coordinates, or exchanged sides)'
        )
    for what, why in work.skipped.items():
        print(shown(f'left out {what}: {why}'))
    for trouble in work.troubles:
        print(shown(f'damaged: {trouble}'))
    if args.out:
        some = next(iter(tallies.values()))
        title = f'{args.data}: {", ".join(sorted(some.layouts))}'
        print(sheet.draw(args.out, strips.choose(), classes=classes, title=title))
    return 0


def _open(args, work) -> tuple[tuple[str, ...], Iterator[tuple[str, Recording]]]:
    """Finds out what DATA is; returns its classes and (split, recording) one by one."""
    path = Path(args.data)
    prepared = any((Path(args.data_dir) / args.data).glob('*/dataset_info.json'))
    if prepared or not path.exists():
        return _prepared(args.data_dir, args.data)
    if path.is_file() or any(path.glob('*_keypoints.json')):
        motion = formats.read(path, **raw.options(args))
        recording = records.from_motion(motion, name=formats.stem(path))
        return (), iter([('all', recording)])
    told = folder.plan(path)
    given = {name: value for name, value in raw.options(args).items() if value is not None}
    told = dataclasses.replace(told, options=dataclasses.replace(told.options, **given))
    work.skipped.update(told.skipped)
    jobs = survey.jobs(told, told.files)
    made = work.each(survey.make, jobs)
    return told.classes, ((told.splits.get(r.name, 'all'), r) for r in made)


def _prepared(data_dir, name: str) -> tuple[tuple[str, ...], Iterator[tuple[str, Recording]]]:
    splits = corpus.splits(data_dir, name)
    opened = [Corpus(data_dir, name, split, keep=False) for split in splits]
    return opened[0].classes, ((c.split, recording) for c in opened for recording in c)
