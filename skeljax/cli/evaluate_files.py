"""Scoring of files without a model, files of a run's segments, diagnosis: for `evaluate`."""

from __future__ import annotations

import functools
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from skeljax import localize
from skeljax.errors import InputError
from skeljax.formats import texts
from skeljax.localize import exchange
from skeljax.localize.diagnose import diagnose
from skeljax.localize.exchange import SegmentSet
from skeljax.localize.sequence import SequenceDecoder
from skeljax.viz import diagnosis_tables as pages, score_tables, table

if TYPE_CHECKING:
    from skeljax.data.corpus import Corpus

# What serves one of the two ways alone: name -> its value where it is not given.
_FILES = {
    'truth': None, 'fps': None, 'out': None, 'classes': None, 'on_error': 'stop', 'frame_base': 0,
    'label_base': None, 'tier': None,
}
_RUNS = {
    'fuse': [], 'weights': None, 'decoder': None, 'save_predictions': None, 'format': None,
    'window': None, 'hop': None, 'ahead': None, 'distributed': False,
}


def add_arguments(parser):
    files = parser.add_argument_group('scoring files, without a model')
    files.add_argument('--predictions', metavar='P', help='segments of any system')
    files.add_argument('--truth', metavar='G', help='true segments: a file, or a prepared CORPUS')
    files.add_argument(
        '--fps', type=float, help='frames a second (default: those of the truth, if it tells)'
    )
    files.add_argument('--classes', metavar='FILE', help='all classes, a name a line, in order')
    files.add_argument(
        '--on-error', choices=('stop', 'skip'), default='stop',
        help='skip: leave bad predictions out, and tell how many (default: stop)',
    )
    files.add_argument(
        '--frame-base', type=int, choices=(0, 1), default=0, help='of PKU-MMD files (default: 0)'
    )
    files.add_argument(
        '--label-base', type=int, choices=(0, 1),
        help='from which labels that are numbers count (default: as they show themselves)',
    )
    files.add_argument('--tier', help='whose labels to take of ELAN, Praat, BORIS ...')
    files.add_argument('--out', metavar='FILE', help='JSON of the figures')
    parser.add_argument(
        '--save-predictions', metavar='FILE',
        help="the run's segments: .json (ActivityNet), .csv, or a folder (PKU-MMD)",
    )
    kinds = (*exchange.KINDS, *exchange.WITHOUT_SCORES)
    parser.add_argument('--format', choices=kinds, help='of that file, if not by its name')
    parser.add_argument(
        '--diagnose', nargs='?', type=float, const=0.5, metavar='TIOU',
        help='tell what is wrong with the segments (default tIoU: 0.5)',
    )
    parser.add_argument(
        '--diagnose-above', type=float, metavar='SCORE', default=float('-inf'),
        help='diagnose only segments of at least this score',
    )


def check(args):
    """Refuses options that do not go together.

    Raises:
        InputError: names them.
    """
    if (args.workdir is None) == (args.predictions is None):
        raise InputError('give either --workdir, or --predictions with --truth')
    if args.predictions and not args.truth:
        raise InputError(f'{args.predictions}: scored against what? give --truth')
    way, other = ('--predictions', _RUNS) if args.predictions else ('--workdir', _FILES)
    for name, default in other.items():
        if getattr(args, name) != default:
            raise InputError(f'--{name.replace("_", "-")} has no meaning with {way}')


def run(args) -> int:
    """Scores a file of predictions against a truth."""
    figures, shown = evaluate(
        args.predictions,
        args.truth,
        protocols=args.protocol,
        split=args.split,
        data_dir=args.data_dir,
        fps=args.fps,
        classes=_classes(args.classes),
        skip=args.on_error == 'skip',
        frame_base=args.frame_base,
        label_base=args.label_base,
        tier=args.tier,
        tiou=args.diagnose,
        min_score=args.diagnose_above,
    )
    for note in figures['notes']:
        print(note, file=sys.stderr)
    if args.out:
        path = Path(args.out)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(figures, indent=1) + '\n')
    print(shown)
    return 0


def evaluate(
    predictions,
    truth,
    *,
    protocols=None,
    split=None,
    data_dir=None,
    fps=None,
    classes=None,
    skip=False,
    frame_base=0,
    label_base=None,
    tier=None,
    tiou=None,
    min_score=float('-inf'),
) -> tuple[dict, str]:
    """Scores predictions of any system against a truth; `skeljax.localize.exchange` tells how
    files are read.

    Args:
        predictions: a file or folder.
        truth: a file or folder, or the name of a prepared corpus.
        protocols: names; by default all, those that differ in decoding alone once.
        split: of the truth; needed where it has several.
        data_dir: where the corpus is prepared.
        fps: frames a second that both are scored at; by default those of the truth.
        classes: all of them; by default those of the truth.
        skip: leaves bad predictions out.
        frame_base: of PKU-MMD's files.
        label_base: 0 or 1, from which labels that are numbers count.
        tier: whose labels to take of files of annotation programs.
        tiou: of the diagnosis; None makes none.
        min_score: of segments to diagnose.

    Returns:
        What is saved as JSON, and what is shown.

    Raises:
        InputError: files that cannot be read or do not fit each other, an unknown protocol.
    """
    how = {'fps': fps, 'frame_base': frame_base, 'label_base': label_base, 'tier': tier}
    true = _truth(truth, split, data_dir, classes, how)
    found = exchange.read(predictions, truth=true, skip=skip, **how)
    frames = {**found.frames, **true.frames}
    frames = frames if frames.keys() >= true.segments.keys() else None
    score_one = functools.partial(
        localize.evaluate,
        found.segments,
        true.segments,
        num_classes=len(found.classes),
        num_frames=frames,
    )
    measured, notes = _measured(score_one, protocols)
    without = sum(not len(found.segments.get(name, ())) for name in true.segments)
    if without:
        told = f'{without} of {len(true.segments)} recordings have no prediction'
        notes.append(told if len(found) else f'{predictions}: no prediction at all')
    figures = {
        'predictions': str(predictions),
        'truth': str(truth),
        'split': split,
        'fps': found.fps or true.fps,
        'recordings': len(true.segments),
        'classes': list(found.classes),
        'notes': [*true.notes, *found.notes, *notes],
        'protocols': measured,
    }
    shown = [score_tables.tables(measured, table.text)]
    if tiou is not None:
        shown.append(diagnosed(figures, found, true, frames, tiou, min_score))
    return figures, '\n\n'.join(shown)


def diagnosed(figures: dict, found: SegmentSet, true: SegmentSet, frames, tiou, min_score) -> str:
    """Adds a diagnosis to the figures and returns it as text."""
    fps = found.fps or true.fps
    diagnosis = diagnose(
        found.segments,
        true.segments,
        num_classes=len(found.classes),
        num_frames=frames,
        tiou=tiou,
        least_tiou=min(0.1, tiou),
        min_score=min_score,
    )
    figures['diagnosis'] = pages.to_json_dict(diagnosis, found.classes, fps)
    return pages.text(diagnosis, found.classes, fps)


def of_run(
    args, figures: dict, corpus: Corpus, probabilities: dict, sequence: SequenceDecoder | None,
    read: str,
) -> str:
    """Saves and diagnoses the segments of a run, as its options tell.

    Args:
        args: of the command; the first protocol, by default that of the segments which a
            person reads, decodes.
        figures: gets the diagnosis.
        corpus: the split that was scored.
        probabilities: recording -> float[T, L + 1].
        sequence: the fitted sequence decoder of the run.
        read: the protocol whose segments a person reads.

    Returns:
        What is shown, '' for nothing.
    """
    if args.save_predictions is None and args.diagnose is None:
        return ''
    name = args.protocol[0] if args.protocol else read
    decode = localize.protocol(name, args.decoder, sequence=sequence).decode
    frames = {recording: len(p) for recording, p in probabilities.items()}
    segments = {recording: decode(p) for recording, p in probabilities.items()}
    found = SegmentSet(segments, corpus.classes, corpus.fps, frames)
    shown = []
    if args.save_predictions is not None:
        exchange.write(args.save_predictions, found, kind=args.format)
        shown.append(f'{len(found)} segments, decoded as in {name}, in {args.save_predictions}')
    if args.diagnose is not None:
        from skeljax.inference import scoring

        true = SegmentSet(scoring.truth(corpus), corpus.classes, corpus.fps, frames)
        shown.append(f'segments decoded as in {name}:')
        shown.append(diagnosed(figures, found, true, frames, args.diagnose, args.diagnose_above))
    return '\n\n'.join(shown)


def _measured(score_one, protocols) -> tuple[dict, list[str]]:
    """Scores by each protocol; by default leaves out those that cannot, and notes why."""
    measured, notes, first = {}, [], None
    for name in protocols or _scorers():
        try:
            measured[name] = score_tables.to_json_dict(score_one(protocol=name))
        except InputError as error:
            if protocols:
                raise
            first = first or error
            notes.append(f'{name} left out: {error}')
    if not measured:
        raise first
    return measured, notes


def _scorers() -> list[str]:
    """Lists protocols, of those that score alike and decode differently the first."""
    first = {}
    for name, protocol in localize.PROTOCOLS.items():
        scorer = protocol.evaluate
        options = tuple(sorted(getattr(scorer, 'keywords', {}).items()))
        first.setdefault((getattr(scorer, 'func', scorer), options, protocol.tious), name)
    return list(first.values())


def _truth(truth, split, data_dir, classes, how) -> SegmentSet:
    """Reads a truth from a file or a prepared corpus."""
    fps = how['fps']
    if Path(truth).exists():
        found = exchange.read(
            truth, classes=classes, subset=split, **how
        )
        several = sorted(set(found.subsets.values()))
        if split is None and len(several) > 1:
            raise InputError(f'{truth}: has subsets {", ".join(several)}; choose one by --split')
        return found
    if data_dir is None:
        raise InputError(f'{truth}: no such file; of a prepared corpus tell --data-dir')
    if classes:
        raise InputError(f'{truth}: a prepared corpus has its own classes, leave --classes out')
    from skeljax.data.corpus import Corpus
    from skeljax.inference import scoring

    corpus = Corpus(data_dir, str(truth), split or 'test', fps=fps or 0.0, keep=False)
    segments, frames = {}, {}
    for recording in corpus:
        segments |= scoring.truth([recording])
        frames[recording.name] = len(recording.joints)
    return SegmentSet(segments, corpus.classes, corpus.fps, frames)


def _classes(path) -> list[str] | None:
    if path is None:
        return None
    names = [line.strip() for line in texts.read(path).splitlines() if line.strip()]
    if not names:
        raise InputError(f'{path}: empty, expected a name of a class a line')
    return names
