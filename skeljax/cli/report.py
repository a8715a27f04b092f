"""Write a report of runs: figures, curves, errors, encoded snippets.

    skeljax report runs/tuned --out report.html
    skeljax report runs/scratch runs/tuned --split test --protocol argmax_clean --out compared.md

For each run of fine-tuning, scored as by `skeljax evaluate`: F1@50, edit score, correct, missed and
wrong segments, errors of starts and ends, mAP by overlap, classes, confusion, and the best and
worst recordings in the viewer. Segments are those of the run's sequence decoder. For each run of
any stage: its curves (and those of its pretraining), snippets of the split by class, and the
self-similarity of one recording. A comparison precedes the sections of several runs.

An .html report contains everything except the viewer, which is in a folder beside it
(report_files/): move both together. The pictures of an .md report are there, too. Existing files
are not replaced without --force.

If the corpus is no longer prepared, the report has a note and the parts that do not need it:
configuration, curves, and the figures that `skeljax evaluate` saved in WORKDIR for this split, if
they are of the same checkpoint. A --data-dir without the corpus is an error.
"""

from pathlib import Path
import sys

from skeljax.errors import InputError, writing
from skeljax.localize import decoder_config
from skeljax.viz.report import compose, output_files, run_report
from skeljax.viz.viewer import kinds, page as viewer


def add_arguments(parser):
    parser.add_argument('workdirs', nargs='+', metavar='WORKDIR', help='folders of runs')
    parser.add_argument('--out', required=True, metavar='FILE', help='report, .html or .md')
    parser.add_argument('--force', action='store_true', help='replace a report that exists')
    parser.add_argument('--split', help='split of the corpus (default: test, if there is one)')
    parser.add_argument('--data-dir', help='folder of the prepared corpus, if moved')
    parser.add_argument(
        '--protocol', help='protocol of the mAP and of the segments (default: for mAP the one '
        "that selected a run's checkpoint, for segments the run's sequence decoder)"
    )
    parser.add_argument(
        '--tiou', type=float, default=kinds.TIOU,
        help='smallest tIoU of a correct segment (default: %(default)s)',
    )
    parser.add_argument(
        '--min-score',
        type=float,
        help="smallest score of a segment (default: the decoder's own rule)",
    )
    parser.add_argument('--recording', metavar='NAME', help='recording of the self-similarity')
    parser.add_argument('--title', help='title of the report')


def run(args) -> int:
    from skeljax.cli import report_runs

    target = output_files.check(args.out, force=args.force)
    decoder_config.make(args.protocol or decoder_config.READABLE, min_score=args.min_score)
    if not 0 < args.tiou <= 1:
        raise InputError(f'--tiou {args.tiou:g} is not above 0 and up to 1')
    found = [report_runs.begin(workdir) for workdir in args.workdirs]
    for one, name in zip(found, _names(args.workdirs), strict=True):
        one.name = name
    viewers = {}
    for number, one in enumerate(found, start=1):
        entries = report_runs.complete(one, args)
        for note in one.notes:
            print(f'{one.name}: {note}', file=sys.stderr)
        if entries:
            name = f'recordings-{number}.html' if len(found) > 1 else 'recordings.html'
            viewers[name] = viewer.render(
                entries, classes=one.classes, title=f'{one.name}, {one.split}', tiou=args.tiou
            )
            one.viewer_url = f'{target.folder.name}/{name}'
            one.viewer_recordings = tuple(entry.name for entry in entries)
    title = args.title or _title(found)
    with writing(target.page):
        output_files.write(target, compose.compose(found), title=title, pages=viewers)
    size = target.page.stat().st_size
    size = f'{size / 1e6:.1f} MB' if size >= 1e5 else f'{size / 1e3:.0f} kB'
    beside = f', more in {target.folder}' if target.folder.is_dir() else ''
    count = '1 run' if len(found) == 1 else f'{len(found)} runs'
    print(f'{count} in {target.page} ({size}){beside}')
    return 0


def _names(workdirs: list[str]) -> list[str]:
    """Returns the folder names of runs, or whole paths if folder names are equal."""
    short = [Path(workdir).resolve().name for workdir in workdirs]
    if len(set(short)) == len(short):
        return short
    if len({Path(workdir).resolve() for workdir in workdirs}) < len(workdirs):
        raise InputError('a WORKDIR is given twice')
    return list(workdirs)


def _title(found: list[run_report.RunReport]) -> str:
    return found[0].name if len(found) == 1 else f'{len(found)} runs'
