"""Scoring of files without a model, files of a run's segments, diagnosis, for `evaluate`."""

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

# Options of one of the two modes alone: name -> default value.
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
    files.add_argument('--predictions', metavar='P', help='file of segments of any system')
    files.add_argument('--truth', metavar='G', help='file of true segments, or a prepared CORPUS')
    files.add_argument(
        '--fps', type=float, help='frame rate (default: that of the truth, if given there)'
    )
    files.add_argument('--classes', metavar='FILE', help='all class names in order, one per line')
    files.add_argument(
        '--on-error', choices=('stop', 'skip'), default='stop',
        help='skip: leave out invalid predictions and print their number (default: stop)',
    )
    files.add_argument(
        '--frame-base', type=int, choices=(0, 1), default=0,
        help='number of the first frame in PKU-MMD files (default: 0)',
    )
    files.add_argument(
        '--label-base', type=int, choices=(0, 1),
        help='smallest label where labels are numbers (default: guessed from the labels)',
    )
    files.add_argument('--tier', help='tier of the labels in files of ELAN, Praat, BORIS ...')
    files.add_argument('--out', metavar='FILE', help='JSON file of the figures')
    parser.add_argument(
        '--save-predictions', metavar='FILE',
        help="save the run's segments: .json (ActivityNet), .csv, or a folder (PKU-MMD)",
    )
    kinds = (*exchange.KINDS, *exchange.WITHOUT_SCORES)
    parser.add_argument('--format', choices=kinds, help='format of that file, if not by its name')
    parser.add_argument(
        '--diagnose', nargs='?', type=float, const=0.5, metavar='TIOU',
        help='list the errors of the segments by kind (default tIoU: 0.5)',
    )
    parser.add_argument(
        '--diagnose-above', type=float, metavar='SCORE', default=float('-inf'),
        help='diagnose only segments of at least this score',
    )


def check(args):
    """Checks the combination of options.

    Raises:
        InputError: options exclude each other, or one is missing.
    """
    if (args.workdir is None) == (args.predictions is None):
        raise InputError('give either --workdir, or --predictions with --truth')
    if args.predictions and not args.truth:
        raise InputError(f'{args.predictions}: --predictions needs --truth')
    way, other = ('--predictions', _RUNS) if args.predictions else ('--workdir', _FILES)
    for name, default in other.items():
        if getattr(args, name) != default:
            raise InputError(f'--{name.replace("_", "-")} has no meaning with {way}')


def run(args) -> int:
    """Scores a file of predictions against the true segments."""
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
    """Scores predictions of any system against true segments.

    Files are read by `skeljax.localize.exchange`.

    Args:
        predictions: a file or folder.
        truth: a file or folder, or the name of a prepared corpus.
        protocols: names; by default all, with one of those that differ in decoding alone.
        split: split of the truth; required if it has several.
        data_dir: folder of the prepared corpus.
        fps: frames per second of both; by default those of the truth.
        classes: names of all classes; by default those of the truth.
        skip: whether invalid predictions are left out.
        frame_base: number of the first frame in files of PKU-MMD.
        label_base: 0 or 1, the smallest label where labels are numbers.
        tier: tier of the labels in files of annotation programs.
        tiou: temporal IoU of the diagnosis; None: no diagnosis.
        min_score: smallest score of segments in the diagnosis.

    Returns:
        The figures as saved in JSON, and the text that is shown.

    Raises:
        InputError: a file cannot be read, files do not fit each other, or an unknown protocol.
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
        line = f'{without} of {len(true.segments)} recordings have no prediction'
        notes.append(line if len(found) else f'{predictions}: no prediction at all')
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
    """Saves and diagnoses the segments of a run, if the options request it.

    Args:
        args: arguments of the command; segments are decoded by the first protocol in them, by
            default by `read`.
        figures: dict to which the diagnosis is added.
        corpus: the split that was scored.
        probabilities: recording -> float[T, L + 1].
        sequence: the fitted sequence decoder of the run.
        read: the protocol of exclusive segments.

    Returns:
        The text to show; '' if there is none.
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
    """Scores by each protocol; by default leaves out those that do not apply, with a note."""
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
    """Lists protocols, with the first of those that differ in decoding alone."""
    first = {}
    for name, protocol in localize.PROTOCOLS.items():
        scorer = protocol.evaluate
        options = tuple(sorted(getattr(scorer, 'keywords', {}).items()))
        first.setdefault((getattr(scorer, 'func', scorer), options, protocol.tious), name)
    return list(first.values())


def _truth(truth, split, data_dir, classes, how) -> SegmentSet:
    """Reads true segments from a file or a prepared corpus."""
    fps = how['fps']
    if Path(truth).exists():
        found = exchange.read(truth, classes=classes, subset=split, **how)
        several = sorted(set(found.subsets.values()))
        if split is None and len(several) > 1:
            raise InputError(f'{truth}: has subsets {", ".join(several)}; choose one by --split')
        return found
    if data_dir is None:
        raise InputError(f'{truth}: no such file; a prepared corpus needs --data-dir')
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
        raise InputError(f'{path}: empty, expected a class name on each line')
    return names
