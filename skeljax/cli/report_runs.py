"""Collects the contents of a report: reads a run, scores its split, encodes snippets."""

from collections.abc import Mapping
import functools
from pathlib import Path

import numpy as np

from skeljax import documents
from skeljax.cli import scored_entry
import skeljax.configs.default
from skeljax.data import corpus as stored
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.inference import evaluation, knn, predictor, run_loader, scoring
from skeljax.localize import decoder_config, protocols
from skeljax.train import build, corpora, progress, run as training, run_dir as workdirs
from skeljax.viz import charts, saved_eval
from skeljax.viz.report import error_stats
from skeljax.viz.report.run_report import Embeddings, RunReport
from skeljax.viz.viewer.entry import Entry

ENCODED = 200  # most recordings with encoded snippets, evenly spaced in the split


def begin(workdir) -> RunReport:
    """Reads the run in a folder, and its curves.

    Raises:
        InputError: the folder has no run, the run has no checkpoint, or its metrics are damaged.
    """
    reached = progress.read(workdir)
    saved = reached.best_step if reached.stage == 'finetune' else reached.saved
    if not saved:
        tuned = reached.stage == 'finetune'
        lacking = 'nothing validated yet (no best/)' if tuned else 'no checkpoint yet'
        raise InputError(f'{workdir}: {lacking}; a report needs a checkpoint')
    run_info, origin, curves, notes = workdirs.read(workdir), None, {}, []
    tunes = reached.stage == 'finetune'
    source = run_info['config']['finetune']['init_from'] if tunes else str(workdir)
    if source:
        try:
            progress.read(source)
            curves['pretraining'] = _curves(source)
            origin = workdirs.read(source) if tunes else None
        except InputError as error:
            notes.append(f'its pretraining run is left out: {error}')
            source = ''
    if tunes:
        curves['fine-tuning'] = _curves(workdir)
    return RunReport(Path(workdir).name, reached, run_info, curves, source, origin, notes=notes)


def complete(found: RunReport, args) -> list[Entry]:
    """Adds the parts that need the corpus: figures, errors, snippets.

    Args:
        found: result of `begin`.
        args: arguments of `skeljax report`.

    Returns:
        The best and worst recordings, for the viewer.

    Raises:
        InputError: the split, protocol or recording is unknown, or a file is damaged.
    """
    config = workdirs.config_of(found.run_info, skeljax.configs.default.get_config())
    tunes = found.progress.stage == 'finetune'
    # The config of an imported encoder does not name its training corpus.
    name = config.data.corpus if tunes else found.run_info['corpus']['name'].split('+')[0]
    found.protocol = (args.protocol or config.finetune.protocol) if tunes else ''
    data_dir = args.data_dir or config.data.data_dir
    try:
        splits = stored.splits(data_dir, name)
    except InputError as error:
        if args.data_dir:
            raise
        found.split = args.split or 'test'
        found.notes.append(f'recordings are left out: {error}')
        if tunes:
            _from_files(found, args)
        return []
    found.split = args.split or ('test' if 'test' in splits else splits[-1])
    corpus = corpora.open_corpus(config, name, found.split, data_dir)
    seconds = sum(len(recording.joints) / recording.fps for recording in corpus)
    found.size = len(corpus), seconds
    if tunes:
        _scored(found, args)
    _encode(found, config, corpus, args.recording)
    return _entries(found, args, data_dir, name) if found.error_stats else []


def _curves(workdir) -> dict:
    path = Path(workdir) / 'metrics.jsonl'
    return charts.read_metrics(path) if path.exists() else {}


def _scored(found: RunReport, args):
    read = protocols.reads_segments(args.protocol or decoder_config.READABLE)
    note = lambda _: found.notes.append(f'the run {predictor.NOT_FITTED}') if read else None
    scored = evaluation.scored([found.progress.folder], found.split, args.data_dir, note=note)
    found.decoder = args.protocol or scored.read
    truth = scoring.truth(scored.corpus)
    if not any(map(len, truth.values())):
        found.notes.append(f'no segment is labeled in split {found.split}: no figures')
        return
    segments = evaluation.decoded(scored, [found.protocol, found.decoder])
    found.scores = evaluation.described(scored, segments)['protocols'][found.protocol]
    frames = {name: len(scores) for name, scores in scored.probabilities.items()}
    _judge(found, args, segments[found.decoder], truth, frames)


def _from_files(found: RunReport, args):
    """Adds the figures saved by `skeljax evaluate`, if they are of the same checkpoint.

    Files of versions before the sequence decoder have no `outcome`, and their figures under
    protocols that now use the sequence decoder are of another decoder.
    """
    stem = found.progress.folder / f'evaluate-{found.split}'
    file = stem.with_name(f'{stem.name}.json')
    again = f'prepare the corpus, or run `skeljax evaluate --split {found.split}` where it is'
    try:
        saved = documents.parse(file.read_text())
        same = saved['runs'][0]['step'] == found.progress.best_step
        exclusive = bool(saved.get('outcome'))
        figures = {
            name: of for name, of in saved['protocols'].items()
            if name in protocols.PROTOCOLS and (exclusive or not protocols.reads_segments(name))
        }
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        same, figures, exclusive = False, {}, False
    found.scores = figures.get(found.protocol) if same else None
    if not found.scores:
        found.notes.append(f'no figures of {found.protocol} for this checkpoint in {file}: {again}')
    found.decoder = _kept_decoding(found.protocol, args.protocol, figures, exclusive)
    if not same or not found.decoder:
        return
    if (
        not args.protocol
        and not exclusive
        and not found.run_info['config']['finetune'].get('multi_label')
    ):
        found.notes.append(
            f'{file} has no segments of the sequence decoder: those of {found.decoder} are '
            f'used; {again}'
        )
    segments = saved_eval.read(stem.with_name(f'{stem.name}.npz'))
    _judge(found, args, segments.predicted[found.decoder], segments.truth, segments.num_frames)


def _kept_decoding(selected: str, given: str | None, figures: Mapping, exclusive: bool) -> str:
    """Returns the protocol of the saved segments to analyze, '' if there is none.

    Args:
        selected: the protocol that selected the checkpoint.
        given: the protocol given on the command line.
        figures: protocol -> figures, for protocols with saved segments.
        exclusive: whether segments of the sequence decoder are among them.
    """
    if given or not exclusive:
        wanted = given or selected
        return wanted if wanted in figures else ''
    return next(name for name in figures if protocols.reads_segments(name))


def _judge(found: RunReport, args, proposals, truth, frames):
    found.error_stats = error_stats.compute(
        proposals, truth, num_classes=len(found.classes), num_frames=frames, fps=found.fps,
        min_score=decoder_config.make(found.decoder, min_score=args.min_score).min_score,
        tiou=args.tiou,
    )


def _encode(found: RunReport, config, corpus: Corpus, chosen: str | None):
    """Encodes snippets by the pretrained and the fine-tuned encoder, as far as they exist."""
    names = [recording.name for recording in corpus]
    if chosen and chosen not in names:
        raise InputError(
            f'--recording {chosen!r}: not in split {corpus.split} of {corpus.name}: {names[0]} ...'
        )
    most = int(np.argmax([len(recording.segment_label) for recording in corpus]))
    shown = names.index(chosen) if chosen else most
    found.sample = names[shown], scoring.truth([corpus[shown]])[names[shown]]
    tunes = found.progress.stage == 'finetune'
    if found.source:
        try:
            model, variables = _pretrained(config, corpus, found.source)
            found.embeddings.append(_encoded('pretrained', model, variables, corpus, shown))
        except InputError as error:
            if not tunes:
                raise
            found.notes.append(f'its pretrained encoder is left out: {error}')
    # Fine-tuning does not change a frozen encoder.
    if tunes and (config.finetune.backbone_lr_scale or not found.embeddings):
        tuned = run_loader.load(found.progress.folder)
        model = tuned.model.clone(clip_level=False)
        found.embeddings.append(_encoded('fine-tuned', model, tuned.variables, corpus, shown))


def _pretrained(config, corpus: Corpus, source) -> tuple:
    """Restores the encoder of a pretraining run, with an untrained head."""
    config = config.copy_and_resolve_references()
    config.finetune.update(fuser=False, clip_level=False)
    if config.finetune.stream not in config.pretrain.streams:
        config.finetune.stream = config.pretrain.streams[0]
    restore = functools.partial(
        training.pretrained_encoder, str(source), config=config, layout=corpus.layout
    )
    persons = corpus[0].joints.shape[1]
    _, state, model = build.finetuning(config, corpus.layout, persons, len(corpus.classes), restore)
    return model, scoring.variables(state)


def _encoded(encoder: str, model, variables, corpus: Corpus, shown: int) -> Embeddings:
    spread = np.unique(np.linspace(0, len(corpus) - 1, min(len(corpus), ENCODED)).astype(int))
    vectors, labels, owner = [], [], []
    for index in spread:
        found, frames = knn.snippets(model, variables, corpus[int(index)])
        vectors.append(found)
        labels.append(corpus.labels(int(index))[frames])
        owner.append(np.full(len(found), index))
    sample = knn.snippets(model, variables, corpus[shown])
    return Embeddings(
        encoder, np.concatenate(vectors), np.concatenate(labels), np.concatenate(owner), *sample
    )


def _entries(found: RunReport, args, data_dir, name: str) -> list[Entry]:
    """Prepares the worst and best recordings for the viewer, as they were recorded."""
    wanted = [name for names in found.error_stats.worst_and_best() for name in names]
    model = predictor.of_run(found.progress.folder, found.decoder, min_score=args.min_score)
    raw = Corpus(data_dir, name, found.split, keep=False)
    return [
        scored_entry.of_recording(model, recording, raw.classes, tiou=args.tiou)
        for recording in raw if recording.name in wanted
    ]
