"""Write a report of runs: figures, curves, mistakes, what the encoder sees.

    skeljax report runs/tuned --out report.html
    skeljax report runs/scratch runs/tuned --split test --protocol argmax_clean --out compared.md

Of each run of fine-tuning, scored as `skeljax evaluate` does: F1@50, edit score, segments found,
missed and wrong, how far starts and ends are off, mAP by overlap, classes, confusion, the best and
worst recordings in the viewer. Segments are those of the run's sequence decoder. Of each
run, of pretraining too: its curves (and those of the pretraining that it names), snippets of
the split by class, and how alike those of one recording are. Several runs are compared first.

A page .html holds all but the viewer, which lies in the folder beside it (report_files/): move
both together. Of .md the pictures lie there, too. Neither is replaced without --force.

Where the corpus is no longer prepared, a line tells so, and what does not need it is reported:
configuration, curves, and the figures that `skeljax evaluate` left in WORKDIR for this split, if
it measured the same state. A --data-dir without the corpus is an error.
"""

from pathlib import Path
import sys

from skeljax.errors import InputError, writing
from skeljax.localize import decoder_config
from skeljax.viz.report import compose, output_files, run_report
from skeljax.viz.viewer import kinds, page as viewer


def add_arguments(parser):
    parser.add_argument('workdirs', nargs='+', metavar='WORKDIR', help='folders of runs')
    parser.add_argument('--out', required=True, metavar='FILE', help='the report, .html or .md')
    parser.add_argument('--force', action='store_true', help='replace a report that exists')
    parser.add_argument('--split', help='of the corpus (default: test, where there is one)')
    parser.add_argument('--data-dir', help='where the corpus is prepared, if not where it was')
    parser.add_argument(
        '--protocol', help='whose mAP is reported and whose segments are judged (default: mAP of '
        "the one that selected a run's state, segments of the run's sequence decoder)"
    )
    parser.add_argument('--tiou', type=float, default=kinds.TIOU, help='overlap that is right')
    parser.add_argument(
        '--min-score',
        type=float,
        help="leave out weaker segments (default: the decoder's own rule)",
    )
    parser.add_argument('--recording', metavar='NAME', help='whose self-similarity is shown')
    parser.add_argument('--title', help='of the report')


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
    """Names runs by their folders, by whole paths where these are alike."""
    short = [Path(workdir).resolve().name for workdir in workdirs]
    if len(set(short)) == len(short):
        return short
    if len({Path(workdir).resolve() for workdir in workdirs}) < len(workdirs):
        raise InputError('a WORKDIR is given twice')
    return list(workdirs)


def _title(found: list[run_report.RunReport]) -> str:
    return found[0].name if len(found) == 1 else f'{len(found)} runs'
