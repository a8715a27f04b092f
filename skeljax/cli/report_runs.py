"""Finds out what a report tells of a run: reads it, scores its split, encodes snippets."""

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

ENCODED = 200  # recordings whose snippets are shown, evenly spread


def begin(workdir) -> RunReport:
    """Reads what run a folder holds, and its curves.

    Raises:
        InputError: no run there, or none with a checkpoint; damaged metrics.
    """
    reached = progress.read(workdir)
    saved = reached.best_step if reached.stage == 'finetune' else reached.saved
    if not saved:
        tuned = reached.stage == 'finetune'
        lacking = 'nothing validated yet (no best/)' if tuned else 'no checkpoint yet'
        raise InputError(f'{workdir}: {lacking}; a report needs a state of the run')
    told, origin, curves, notes = workdirs.read(workdir), None, {}, []
    tunes = reached.stage == 'finetune'
    source = told['config']['finetune']['init_from'] if tunes else str(workdir)
    if source:
        try:
            progress.read(source)
            curves['pretraining'] = _curves(source)
            origin = workdirs.read(source) if tunes else None
        except InputError as error:
            notes.append(f'what it started from is left out: {error}')
            source = ''
    if tunes:
        curves['fine-tuning'] = _curves(workdir)
    return RunReport(Path(workdir).name, reached, told, curves, source, origin, notes=notes)


def complete(found: RunReport, args) -> list[Entry]:
    """Adds what needs the corpus: figures, mistakes, snippets.

    Args:
        found: as from `begin`.
        args: of `skeljax report`.

    Returns:
        The best and worst recordings for the viewer.

    Raises:
        InputError: another split, protocol or recording than there is; damaged files.
    """
    config = workdirs.config_of(found.run_info, skeljax.configs.default.get_config())
    tunes = found.progress.stage == 'finetune'
    # An import has been trained on what its config does not tell.
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
        found.notes.append(f'nothing is labelled in split {found.split}: no figures')
        return
    segments = evaluation.decoded(scored, [found.protocol, found.decoder])
    found.scores = evaluation.described(scored, segments)['protocols'][found.protocol]
    frames = {name: len(scores) for name, scores in scored.probabilities.items()}
    _judge(found, args, segments[found.decoder], truth, frames)


def _from_files(found: RunReport, args):
    """Takes the figures that `skeljax evaluate` left, if they are of the same state.

    Files of versions before the sequence decoder tell no outcome, and what they hold under the
    names of protocols that now use it is of another decoder.
    """
    stem = found.progress.folder / f'evaluate-{found.split}'
    file = stem.with_name(f'{stem.name}.json')
    again = f'prepare the corpus, or where it is run `skeljax evaluate --split {found.split}`'
    try:
        told = documents.parse(file.read_text())
        same = told['runs'][0]['step'] == found.progress.best_step
        exclusive = bool(told.get('outcome'))
        figures = {
            name: of for name, of in told['protocols'].items()
            if name in protocols.PROTOCOLS and (exclusive or not protocols.reads_segments(name))
        }
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        same, figures, exclusive = False, {}, False
    found.scores = figures.get(found.protocol) if same else None
    if not found.scores:
        found.notes.append(f'no figures of {found.protocol} from this state in {file}: {again}')
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
            f'judged; {again}'
        )
    segments = saved_eval.read(stem.with_name(f'{stem.name}.npz'))
    _judge(found, args, segments.predicted[found.decoder], segments.truth, segments.num_frames)


def _kept_decoding(selected: str, given: str | None, figures: Mapping, exclusive: bool) -> str:
    """Chooses the protocol whose kept segments are judged, '' where there is none.

    Args:
        selected: the protocol that selected the state.
        given: the one that the user asked for.
        figures: by protocol, of those whose segments were kept.
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
    """Encodes snippets by the encoder as pretrained and as fine-tuned, whichever there are."""
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
            found.notes.append(f'the encoder that it started from is left out: {error}')
    # A frozen encoder is the one that it started from.
    if tunes and (config.finetune.backbone_lr_scale or not found.embeddings):
        tuned = run_loader.load(found.progress.folder)
        model = tuned.model.clone(clip_level=False)
        found.embeddings.append(_encoded('fine-tuned', model, tuned.variables, corpus, shown))


def _pretrained(config, corpus: Corpus, source) -> tuple:
    """Restores the encoder of a pretraining run, with a head that has learnt nothing."""
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
