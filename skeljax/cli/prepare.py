"""Convert a corpus into records that every stage reads.

    skeljax prepare synthetic --data-dir data
    skeljax prepare ui_prmd/composed10 --manual-dir DIR --data-dir data
    skeljax prepare folder/mine --manual-dir DIR --data-dir data

NAME is CORPUS or CORPUS/CONFIG; a corpus alone prepares all of its configs, and
tells at the end which of them its files did not allow. The recordings of your own
in DIR are folder/NAME, under any NAME; `folder` alone takes that of DIR.
Prints what was made and saves it as report.json beside the records.
"""

import contextlib
import dataclasses
import io
import json
import os
from pathlib import Path
import shlex
import shutil

import numpy as np
import tensorflow_datasets as tfds
import tqdm

from skeljax import documents
from skeljax.cli import beside as places, builders
from skeljax.data import disk_shuffle
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError, shown
from skeljax.viz import table


def add_arguments(parser):
    parser.add_argument('name', metavar='NAME', help=f'one of {", ".join(builders.corpora())}')
    parser.add_argument('--manual-dir', help='where the raw files are')
    parser.add_argument('--data-dir', default='data', help='for the records (default: data)')
    parser.add_argument('--overwrite', action='store_true', help='prepare again what is there')
    parser.add_argument(
        '--on-error',
        choices=('fail', 'skip'),
        default='fail',
        help='with damaged files: list them all and make nothing (default), or leave them out; '
        'so with a class without examples',
    )
    parser.add_argument(
        '--processes', type=int, default=os.cpu_count(),
        help='that read files (default: %(default)s)',
    )
    parser.add_argument(
        '--beam',
        metavar='RUNNER',
        help='uses Apache Beam, e.g. DirectRunner (pip install skeljax[beam])',
    )
    parser.add_argument(
        '--beam-options', default='', help="for Beam's runner, in one string, e.g. '--project=P'"
    )


def run(args) -> int:
    corpus, _, config = args.name.partition('/')
    if not config and builders.named_by_user(corpus):
        config = builders.own_name(args.manual_dir)
    names = [f'{corpus}/{config}'] if config else builders.configs(corpus)
    troubles = []
    for name in names:
        try:
            report = prepare(
                name,
                data_dir=args.data_dir,
                manual_dir=args.manual_dir,
                overwrite=args.overwrite,
                on_error=args.on_error,
                processes=args.processes,
                beam=args.beam,
                beam_options=args.beam_options,
            )
        except InputError as error:
            troubles.append(str(error))
            continue
        print(describe(report))
    if troubles:
        done = f'{len(names) - len(troubles)} of {len(names)} configs prepared'
        raise InputError.of_lines([*troubles, *([done] if len(names) > 1 else [])])
    return 0


def prepare(
    name: str,
    *,
    data_dir,
    manual_dir=None,
    overwrite: bool = False,
    on_error: str = 'fail',
    processes: int = 1,
    beam: str | None = None,
    beam_options: str = '',
) -> dict:
    """Builds the records of one corpus, or finds them built.

    They are made in a folder beside and moved when whole: an earlier version
    stays whole, and nothing half-made is left, whatever happens.

    Args:
        name: CORPUS/CONFIG.
        data_dir: where records live.
        manual_dir: where the raw files are, for a corpus that needs them.
        overwrite: builds again what is there.
        on_error: 'fail' makes nothing where any file is damaged; 'skip' leaves
            those out and lists them in the report.
        processes: that read files; 1 reads in this one.
        beam: the Apache Beam runner that does the work instead. Its workers must
            see both folders under the names given here.
        beam_options: for that runner, as its command line would have them.

    Returns:
        The report, as saved beside the records.

    Raises:
        InputError: an unknown name, raw files missing or damaged (all of them,
            a line each), a class without examples.
    """
    corpus, _, config = name.partition('/')
    builders.check_name(name)
    builder = builders.builder(corpus, config, data_dir)
    final = Path(builder.data_path)
    if final.exists() and not overwrite:
        report = _found(final, data_dir, name, builder)
        print(f'{name}: already prepared in {final}; --overwrite makes it again')
        return report
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        _check_manual(name, manual_dir, builder.MANUAL_DOWNLOAD_INSTRUCTIONS)
    try:
        Path(data_dir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{data_dir}: cannot be made: {error.strerror}') from None
    with places.folder(data_dir) as beside:
        # What such a corpus looks like is known only from its files.
        own = builders.named_by_user(corpus)
        raw = {'manual_dir': manual_dir, 'processes': processes} if own else {}
        made = builders.builder(corpus, config, beside, **raw)
        made.work.processes = processes
        if beam:
            made.work.beam = Path(beside) / 'troubles'
            made.work.beam.mkdir()
        try:
            _generate(made, name, _download_config(manual_dir, beam, beam_options))
        except AssertionError as error:
            if 'No examples were yielded' not in str(error):
                raise
            made.work.gather()
            told = [f'{name}: a split is left without a recording', *made.work.troubles]
            raise InputError.of_lines(told) from None
        made.work.gather()
        troubles = made.work.troubles
        if troubles and on_error == 'fail':
            heading = [f'{name}: {len(troubles)} damaged'] if len(troubles) > 1 else []
            raise InputError.of_lines([*heading, *troubles])
        report = _report(beside, name, made, strict=on_error == 'fail')
        path = Path(made.data_path)
        (path / 'report.json').write_text(json.dumps(report, indent=1) + '\n')
        _put(path, final, aside=Path(data_dir) / f'.before-{corpus}-{config}')
    return report


def describe(report: dict) -> str:
    """Writes a report as text: splits, then classes."""
    splits = report['splits']
    columns = ['recordings', 'frames', 'minutes', 'segments']
    values = [[split[column] for column in columns] for split in splits.values()]
    top = table.text(list(splits), columns, values, corner=report['name'], digits=1)
    counts = [[split['classes'][name] for split in splits.values()] for name in report['classes']]
    below = table.text(report['classes'], list(splits), counts, corner='instances', digits=0)
    skipped = [shown(f'skipped {what}: {why}') for what, why in report['skipped'].items()]
    skipped += [shown(f'skipped as damaged: {trouble}') for trouble in report['damaged']]
    notes = [shown(f'note: {note}') for note in report.get('notes', ())]
    return '\n'.join([top, '', below, *(skipped or ['skipped: nothing']), *notes])


def _found(final: Path, data_dir, name: str, builder) -> dict:
    """Returns the report of what is there; counts again where none was saved."""
    if not (final / 'dataset_info.json').is_file():
        raise InputError(f'{final}: no dataset_info.json, so not whole; use --overwrite')
    saved = final / 'report.json'
    if not saved.is_file():
        return _report(data_dir, name, builder)
    try:
        report = documents.parse(saved.read_text())
        describe(report)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise InputError(f'{saved}: damaged; use --overwrite') from None
    return report


def _put(new: Path, final: Path, aside: Path):
    """Moves `new` to `final`; what was there is whole in `aside` until that is done."""
    final.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(aside, ignore_errors=True)
    if final.exists():
        final.rename(aside)
    try:
        new.rename(final)
    except BaseException:
        if aside.exists():
            aside.rename(final)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _download_config(manual_dir, beam: str | None, options: str):
    """Tells TFDS where raw files are and, with `beam`, what runs the work."""
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    if not beam:
        return config
    try:
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners import create_runner
    except ImportError:
        raise InputError('--beam needs Apache Beam: pip install skeljax[beam]') from None
    try:
        runner = create_runner(beam)
    except (ValueError, ImportError) as error:
        raise InputError(f'--beam {beam}: {error}') from None
    return dataclasses.replace(
        config, beam_runner=runner, beam_options=PipelineOptions(shlex.split(options))
    )


def _generate(builder, name: str, config):
    """Runs the builder under one progress bar; its own bars stay off."""
    tfds.disable_progress_bar()
    with tqdm.tqdm(desc=f'prepare {name}', unit='recording') as bar:
        if not builder.work.beam:  # the workers of a pipeline cannot reach the bar
            builder._generate_examples = _counted(builder._generate_examples, bar)
        quiet = contextlib.redirect_stdout(io.StringIO())  # it would name the folder beside
        with quiet, disk_shuffle.on_disk():
            builder.download_and_prepare(download_config=config)


def _counted(generate, bar):
    def counted(*args, **kwargs):
        for item in generate(*args, **kwargs):
            bar.update()
            yield item

    return counted


def _report(data_dir, name: str, builder, *, strict: bool = False) -> dict:
    """Counts what was made, by reading it back; tells classes that training lacks.

    Raises:
        InputError: with `strict`, if it lacks one and the builder does not say that it
            may (`may_lack_classes`).
    """
    splits = {}
    for split in builder.info.splits:
        corpus = Corpus(data_dir, name, split, keep=False)
        splits[split] = _count(corpus)
        for label, count in splits[split]['classes'].items():
            if split == 'train' and not count:
                if strict and not getattr(builder, 'may_lack_classes', False):
                    told = f'{name} {split}: class {label!r} without examples'
                    raise InputError(f'{told}; --on-error skip goes on without')
                builder.work.skipped[f'class {label!r}'] = 'without examples in training'
    return {
        'name': name,
        'version': str(builder.version),
        'classes': list(corpus.classes),
        'layout': corpus.layout,
        'fps': corpus.fps,
        'splits': splits,
        'skipped': dict(builder.work.skipped),
        'damaged': list(builder.work.troubles),
        'notes': list(builder.work.notes),
    }


def _count(corpus: Corpus) -> dict:
    """Counts what one split holds, in one pass that keeps no recording."""
    frames, labels, subjects = 0, np.zeros(len(corpus.classes), int), set()
    for recording in corpus:
        frames += len(recording.joints)
        labels += np.bincount(recording.segment_label, minlength=len(labels))
        subjects.add(recording.subject)
    return {
        'recordings': len(corpus),
        'frames': frames,
        'minutes': frames / corpus.fps / 60,
        'segments': int(labels.sum()),
        'subjects': sorted(subjects),
        'classes': dict(zip(corpus.classes, labels.tolist(), strict=True)),
    }


def _check_manual(name: str, manual_dir, instructions: str):
    if manual_dir is None:
        raise InputError(f'{name} needs --manual-dir: {instructions}')
    folder = Path(manual_dir)
    if not folder.is_dir():
        raise InputError(f'--manual-dir {folder}: no such directory')
    if not any(folder.iterdir()):
        raise InputError(f'--manual-dir {folder}: empty; {instructions}')
