"""Convert a corpus into records that every stage reads.

    skeljax prepare synthetic --data-dir data
    skeljax prepare ui_prmd/composed10 --manual-dir DIR --data-dir data
    skeljax prepare folder/mine --manual-dir DIR --data-dir data

NAME is CORPUS or CORPUS/CONFIG. CORPUS prepares all of its configs, and lists those that failed
at the end. Your own recordings in DIR are folder/NAME with any NAME; `folder` alone has the name
of DIR. Prints counts of the records and saves them as report.json beside the records.
"""

import os

from skeljax.data import builders, preparation
from skeljax.errors import InputError, shown
from skeljax.viz import table


def add_arguments(parser):
    parser.add_argument('name', metavar='NAME', help=f'one of {", ".join(builders.corpora())}')
    parser.add_argument('--manual-dir', help='folder of the raw files')
    parser.add_argument('--data-dir', default='data', help='folder of the records (default: data)')
    parser.add_argument('--overwrite', action='store_true', help='replace existing records')
    parser.add_argument(
        '--on-error',
        choices=('fail', 'skip'),
        default='fail',
        help='fail: list all damaged files and classes without examples, and write nothing '
        '(default); skip: leave them out',
    )
    parser.add_argument(
        '--processes', type=int, default=os.cpu_count(),
        help='number of processes that read files (default: %(default)s)',
    )
    parser.add_argument(
        '--beam',
        metavar='RUNNER',
        help='use Apache Beam with this runner, e.g. DirectRunner (pip install skeljax[beam])',
    )
    parser.add_argument(
        '--beam-options', default='', help="options of the runner in one string, e.g. '--project=P'"
    )


def run(args) -> int:
    corpus, _, config = args.name.partition('/')
    if not config and builders.named_by_user(corpus):
        config = builders.own_name(args.manual_dir)
    names = [f'{corpus}/{config}'] if config else builders.configs(corpus)
    troubles = []
    for name in names:
        try:
            report = preparation.prepare(
                name,
                data_dir=args.data_dir,
                manual_dir=args.manual_dir,
                overwrite=args.overwrite,
                on_error=args.on_error,
                processes=args.processes,
                beam=args.beam,
                beam_options=args.beam_options,
                note=print,
            )
        except InputError as error:
            troubles.append(str(error))
            continue
        print(describe(report))
    if troubles:
        done = f'{len(names) - len(troubles)} of {len(names)} configs prepared'
        raise InputError.of_lines([*troubles, *([done] if len(names) > 1 else [])])
    return 0


def describe(report: dict) -> str:
    """Returns a report as text: splits, then classes."""
    splits = report['splits']
    columns = list(preparation.COUNTS)
    values = [[split[column] for column in columns] for split in splits.values()]
    top = table.text(list(splits), columns, values, corner=report['name'], digits=1)
    counts = [[split['classes'][name] for split in splits.values()] for name in report['classes']]
    below = table.text(report['classes'], list(splits), counts, corner='instances', digits=0)
    skipped = [shown(f'skipped {what}: {why}') for what, why in report['skipped'].items()]
    skipped += [shown(f'skipped as damaged: {trouble}') for trouble in report['damaged']]
    notes = [shown(f'note: {note}') for note in report.get('notes', ())]
    return '\n'.join([top, '', below, *(skipped or ['skipped: nothing']), *notes])
