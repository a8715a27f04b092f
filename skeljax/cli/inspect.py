"""Describe and draw the contents of a prepared corpus or of raw recordings.

    skeljax inspect folder/mine --data-dir data --out sheet.png
    skeljax inspect DIR                     (a folder of raw recordings)
    skeljax inspect walk.npy --fps 30 --layout ntu25

Prints for each raw file how it was read: format, layout, frames, persons, height, vertical
axis, guesses and oddities. Then prints for each split the recordings, minutes, persons, lengths,
the labeled and the missing share, and the instances of each class. --out draws poses of every
class at one scale.
"""

from collections.abc import Iterator
import dataclasses
import os
from pathlib import Path

from skeljax import formats
from skeljax.cli import raw
from skeljax.data import beam_jobs, corpus, folder, handedness, posture, records, stats
from skeljax.data.corpus import Corpus
from skeljax.data.records import Recording
from skeljax.errors import InputError, shown
from skeljax.formats import frame_folders
from skeljax.viz import counts, pose_sheet, recording_notes

_LISTED = 20  # files of a folder, unless --all


def add_arguments(parser):
    parser.add_argument('data', metavar='DATA', help='a prepared NAME, a folder or a file')
    parser.add_argument('--data-dir', default='data', help='of prepared corpora (default: data)')
    parser.add_argument('--out', metavar='PNG', help='draw a sheet of skeletons')
    parser.add_argument(
        '--processes', type=int, default=os.cpu_count(), help='number of processes that read files'
    )
    parser.add_argument(
        '--all', action='store_true', help=f'list every file of a folder, not only {_LISTED}'
    )
    raw.add_arguments(parser)


def run(args) -> int:
    work = beam_jobs.Work(processes=args.processes)
    classes, recordings = _open(args, work)
    tallies: dict[str, counts.SplitCounts] = {}
    strips, lines = pose_sheet.PoseSheet(), []
    mirrored: list[str] = []
    for split, recording, described in recordings:
        if handedness.find(recording).mirrored:
            mirrored.append(recording.name)
        tallies.setdefault(split, counts.SplitCounts()).add(recording, classes)
        strips.add(recording)
        lines.append(described)
    if not tallies:
        raise InputError.of_lines([f'{args.data}: nothing to inspect', *work.troubles])
    print('\n'.join([*_listed(lines, args.all), counts.describe(tallies, classes)]))
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
    for note in work.notes:
        print(shown(f'note: {note}'))
    if args.out:
        some = next(iter(tallies.values()))
        title = f'{args.data}: {", ".join(sorted(some.layouts))}'
        print(pose_sheet.draw(args.out, strips.choose(), classes=classes, title=title))
    return 0


def _listed(lines: list[list[str]], every: bool) -> list[str]:
    """Lists the described files: the first ones, and every further one with an oddity."""
    lines = [some for some in lines if some]
    first = lines if every else lines[:_LISTED]
    odd = [some for some in lines[len(first) :] if any('  odd: ' in line for line in some)]
    left = len(lines) - len(first) - len(odd)
    more = [f'... and {left} more files without oddities; --all lists them'] if left else []
    listed = [shown(line) for some in (*first, *odd) for line in some] + more
    return [*listed, ''] if listed else []


def _open(args, work) -> tuple[tuple[str, ...], Iterator[tuple[str, Recording, list[str]]]]:
    """Opens DATA; returns its classes and, for each recording, (split, recording, lines)."""
    path = Path(args.data)
    prepared = any((Path(args.data_dir) / args.data).glob('*/dataset_info.json'))
    if prepared or not path.exists():
        return _prepared(args.data_dir, args.data)
    if path.is_file() or frame_folders.is_frames(path):
        motion = formats.read(path, **raw.options(args))
        name = formats.stem(path) if path.is_file() else path.resolve().name
        recording = records.from_motion(motion, name=name)
        lines = recording_notes.describe(recording, path, motion.notes, args.layout)
        return (), iter([('all', recording, lines)])
    planned = folder.plan(path)
    given = {name: value for name, value in raw.options(args).items() if value is not None}
    options = dataclasses.replace(planned.options, **given)
    planned = dataclasses.replace(planned, options=options)
    work.skipped.update(planned.skipped)
    work.notes += planned.notes
    jobs = stats.jobs(planned, planned.files)
    made = work.each(stats.make_noted, jobs)
    return planned.classes, (
        (
            planned.splits.get(r.name, 'all'), r,
            recording_notes.describe(r, planned.files[r.name], notes, planned.options.layout),
        )
        for r, notes in made
    )


def _prepared(data_dir, name: str):
    splits = corpus.splits(data_dir, name)
    opened = [Corpus(data_dir, name, split, keep=False) for split in splits]
    odd = lambda r: [f'{r.name}:', *(f'  odd: {what}' for what in posture.of(r).odd())]
    lines = lambda r: odd(r) if posture.of(r).odd() else []
    return opened[0].classes, ((c.split, r, lines(r)) for c in opened for r in c)
