"""Conversion of a corpus into records, in one step that succeeds or changes nothing."""

from collections.abc import Callable
import contextlib
import dataclasses
import io
import json
import math
from pathlib import Path
import shlex
import shutil

import numpy as np
import tensorflow_datasets as tfds
import tqdm

from skeljax import documents
from skeljax.data import builders, disk_shuffle, unfinished
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError

COUNTS = ('recordings', 'frames', 'minutes', 'segments')  # of each split in a report


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
    note: Callable[[str], object] = lambda _: None,
) -> dict:
    """Builds the records of a corpus, unless they exist.

    Records are written to a temporary folder and moved when complete: an error leaves an earlier
    version unchanged and no incomplete files.

    Args:
        name: CORPUS/CONFIG.
        data_dir: folder of prepared corpora.
        manual_dir: folder of the raw files, for a corpus that needs them.
        overwrite: whether existing records are replaced.
        on_error: 'fail' writes nothing if a file is damaged; 'skip' leaves damaged files out and
            lists them in the report.
        processes: number of processes that read files; 1: this process.
        beam: name of an Apache Beam runner, used instead of `processes`. Its workers need both
            folders at the given paths.
        beam_options: options of the runner, as on its command line.
        note: called with a line if the records exist.

    Returns:
        The report, as saved in report.json beside the records.

    Raises:
        InputError: the name is unknown, raw files are missing or damaged (a line for each), or a
            class has no examples.
    """
    corpus, _, config = name.partition('/')
    builders.check_name(name)
    builder = builders.builder(corpus, config, data_dir)
    final = Path(builder.data_path)
    if final.exists() and not overwrite:
        report = _found(final, data_dir, name, builder)
        note(f'{name}: already prepared in {final}; --overwrite replaces it')
        return report
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        _check_manual(name, manual_dir, builder.MANUAL_DOWNLOAD_INSTRUCTIONS)
    try:
        Path(data_dir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{data_dir}: cannot be made: {error.strerror}') from None
    with unfinished.folder(data_dir) as beside:
        # The features of such a corpus depend on its files.
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
            lines = [f'{name}: a split has no recording', *made.work.troubles]
            raise InputError.of_lines(lines) from None
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


def _found(final: Path, data_dir, name: str, builder) -> dict:
    """Returns the saved report of existing records; counts them if there is none."""
    if not (final / 'dataset_info.json').is_file():
        raise InputError(f'{final}: no dataset_info.json, so incomplete; use --overwrite')
    saved = final / 'report.json'
    if not saved.is_file():
        return _report(data_dir, name, builder)
    try:
        report = documents.parse(saved.read_text())
        _check_form(report)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise InputError(f'{saved}: damaged; use --overwrite') from None
    return report


def _check_form(report: dict):
    """Raises a TypeError, LookupError or AttributeError if a field of a report is malformed."""
    for split in report['splits'].values():
        numbers = [split[column] for column in COUNTS]
        numbers += [split['classes'][name] for name in report['classes']]
        math.fsum(numbers)
    lines = [report['name'], *report['skipped'].items(), *report['damaged']]
    lines += report.get('notes', ())
    if not all(isinstance(line, str | tuple) for line in lines):
        raise TypeError('a line is no text')


def _put(new: Path, final: Path, aside: Path):
    """Moves `new` to `final`; an earlier version remains in `aside` until the move succeeds."""
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
    """Returns the download config of TFDS, with the runner if there is one."""
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
    """Runs the builder with one progress bar; those of TFDS are disabled."""
    tfds.disable_progress_bar()
    with tqdm.tqdm(desc=f'prepare {name}', unit='recording') as bar:
        if not builder.work.beam:  # workers of a pipeline have no access to the bar
            builder._generate_examples = _counted(builder._generate_examples, bar)
        quiet = contextlib.redirect_stdout(io.StringIO())  # TFDS prints the temporary folder
        with quiet, disk_shuffle.on_disk():
            builder.download_and_prepare(download_config=config)


def _counted(generate, bar):
    """Returns the generator function `generate`, with an update of `bar` for each item."""

    def counted(*args, **kwargs):
        for item in generate(*args, **kwargs):
            bar.update()
            yield item

    return counted


def _report(data_dir, name: str, builder, *, strict: bool = False) -> dict:
    """Reads the records and returns their counts.

    Raises:
        InputError: with `strict`, if a class has no training examples and the builder does not
            permit this (`may_lack_classes`).
    """
    splits = {}
    for split in builder.info.splits:
        corpus = Corpus(data_dir, name, split, keep=False)
        splits[split] = _count(corpus)
        for label, count in splits[split]['classes'].items():
            if split == 'train' and not count:
                if strict and not getattr(builder, 'may_lack_classes', False):
                    raise InputError(
                        f'{name} {split}: class {label!r} without examples; '
                        '--on-error skip leaves it out'
                    )
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
    """Returns the counts of a split; holds one recording at a time in memory."""
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
    """Raises InputError if the folder of raw files is missing or empty."""
    if manual_dir is None:
        raise InputError(f'{name} needs --manual-dir: {instructions}')
    folder = Path(manual_dir)
    if not folder.is_dir():
        raise InputError(f'--manual-dir {folder}: no such directory')
    if not any(folder.iterdir()):
        raise InputError(f'--manual-dir {folder}: empty; {instructions}')
