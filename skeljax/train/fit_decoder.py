"""Fits the sequence decoder of a finished fine-tuning run; writes WORKDIR/decoder.json."""

from collections.abc import Sequence
import json
import math
from pathlib import Path

import numpy as np

from skeljax.data.corpus import Corpus
from skeljax.errors import InputError, writing
from skeljax.inference import run_loader, scoring
from skeljax.localize import decoder_config, sequence_fit
from skeljax.localize.segments import Segments
from skeljax.localize.sequence import SequenceDecoder
from skeljax.localize.sequence_fit import Labeled
from skeljax.train import cluster

FILE = 'decoder.json'


def fit(
    workdir, training: Corpus, chosen: Sequence[int], validation: Corpus, *, transitions: bool
) -> Path:
    """Fits a decoder to the best checkpoint of a run and writes it, unless that is done already.

    Every process scores a share of the recordings; the first one writes.

    Args:
        workdir: folder of the finished run.
        training: training split of the run.
        chosen: int[N], indices of its labeled recordings.
        validation: split that selected the best checkpoint.
        transitions: see `sequence_fit.fit`.

    Returns:
        Path of the file.

    Raises:
        InputError: the checkpoint cannot be read, or the file cannot be written.
    """
    path = Path(workdir) / FILE
    with cluster.together():
        run = run_loader.load(workdir)
        done = _step(path) == run.step
    if done:
        return path
    probabilities = scoring.corpus_probabilities(run.model, run.variables, validation)
    with cluster.together():
        if cluster.is_first():
            labels = _labels(training, chosen)
            held_out = Labeled(
                scoring.truth(validation), {n: len(p) for n, p in probabilities.items()},
                probabilities,
            )
            decoder, error = sequence_fit.fit(
                labels, held_out, fps=run.fps, num_classes=len(run.classes),
                transitions=transitions,
            )
            _write(path, decoder, run.step, {
                'recordings': len(probabilities),
                'segments': sum(map(len, held_out.truth.values())),
                'expected_calibration_error': None if math.isnan(error) else error,
            })
    return path


def read(workdir) -> SequenceDecoder | None:
    """Reads the decoder of a run; None if it has none.

    Raises:
        InputError: the file is damaged.
    """
    path = Path(workdir) / FILE
    try:
        document = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: cannot be read: {error}') from None
    try:
        if not isinstance(document, dict) or 'decoding' not in document:
            raise InputError('expected an object with a decoding')
        decoder = decoder_config.from_json_dict(document['decoding']).sequence
        if decoder is None:
            raise InputError('expected the decoding of a sequence decoder')
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    return decoder


def _step(path: Path) -> int | None:
    """Returns the step of the checkpoint that a decoder was fitted to; None without a file."""
    try:
        return int(json.loads(path.read_text(encoding='utf-8'))['step'])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _labels(corpus: Corpus, chosen: Sequence[int]) -> Labeled:
    truth: dict[str, Segments] = {}
    frames: dict[str, int] = {}
    for index in np.asarray(chosen).tolist():
        recording = corpus[index]
        truth[recording.name] = scoring.true_segments(recording)
        frames[recording.name] = len(recording.joints)
    return Labeled(truth, frames, {})


def _write(path: Path, decoder: SequenceDecoder, step: int, validation: dict):
    document = {
        'step': step,
        'decoding': decoder_config.to_json_dict(decoder_config.from_sequence(decoder)),
        'validation': validation,
    }
    temporary = path.with_suffix('.tmp')
    with writing(path):
        temporary.write_text(json.dumps(document, indent=1) + '\n', encoding='utf-8')
        temporary.replace(path)
