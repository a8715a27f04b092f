"""Compares decoders on the frame scores of fine-tuned runs.

    python -m benchmarks.decoding out/decoding/*/ --json decoding.json --pictures pictures

Every run is scored once on a split (default: test); all decoders get the same scores. Runs of the
same corpus and fraction of labels are averaged. Decoders that propose overlapping segments are
made exclusive by `localize.non_overlapping`.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Mapping
import functools
import json
from pathlib import Path
import time

import numpy as np

from benchmarks import decoding_motion, decoding_pictures
from skeljax import localize
from skeljax.data.corpus import Corpus
from skeljax.inference import evaluation, scoring
from skeljax.localize import outcome
from skeljax.localize.decoders import argmax_runs
from skeljax.localize.segments import Segments, from_frame_labels
from skeljax.localize.sequence import SequenceDecoder
from skeljax.train import run_dir as workdirs

RUNS, FITTED = 'runs of the most probable class', 'sequence, fitted'
COLUMNS = (
    'segments / true', 'accuracy', 'edit', 'F1@10', 'F1@25', 'F1@50', 'mAP 0.1-0.5',
    'calibration error', 'start, median s', 'start, 90 % s', 'end, median s', 'end, 90 % s',
    'seconds',
)
PERCENT = COLUMNS[1:7]


def penalized_path(probabilities: np.ndarray, *, penalty: float) -> Segments:
    """Decodes by a Viterbi path with a penalty for every change of class.

    Args:
        probabilities: float[T, L + 1].
        penalty: subtracted from the sum of log-probabilities at each change.
    """
    logs = np.log(np.maximum(probabilities, 1e-9))
    best, before = logs[0], np.zeros(logs.shape, np.int64)
    for frame in range(1, len(logs)):
        top = int(best.argmax())
        change = best[top] - penalty > best
        before[frame] = np.where(change, top, np.arange(logs.shape[1]))
        best = np.where(change, best[top] - penalty, best) + logs[frame]
    labels = np.empty(len(logs), np.int64)
    labels[-1] = best.argmax()
    for frame in range(len(logs) - 1, 0, -1):
        labels[frame - 1] = before[frame, labels[frame]]
    runs = from_frame_labels(labels, logs.shape[1] - 1)
    means = [probabilities[a:b, k].mean() for a, b, k in zip(runs.start, runs.end, runs.label)]
    return Segments(runs.start, runs.end, runs.label, np.array(means))


def decoders(fitted: SequenceDecoder) -> dict[str, Callable[[np.ndarray], Segments]]:
    """Returns the compared decoders, by name.

    Args:
        fitted: the sequence decoder with fitted durations.
    """

    def exclusive(name: str):
        return lambda p: localize.non_overlapping(localize.DECODERS[name](p))

    return {
        RUNS: argmax_runs,
        'hysteresis': localize.hysteresis_runs,
        'activity_clean': localize.activity_runs,
        'babel_clean, side by side': exclusive('babel_clean'),
        'watershed, side by side': exclusive('watershed'),
        'penalty 20': functools.partial(penalized_path, penalty=20),
        'penalty 80': functools.partial(penalized_path, penalty=80),
        'sequence, default durations': SequenceDecoder(fps=fitted.fps),
        FITTED: fitted,
    }


def measure(found: evaluation.Scored, data_dir) -> dict[str, list[float]]:
    """Measures every decoder on scored recordings.

    Args:
        found: the scored split.
        data_dir: folder of the prepared corpora.

    Returns:
        Decoder -> values of `COLUMNS`.
    """
    truth, num_classes = scoring.truth(found.corpus), len(found.corpus.classes)
    frames = {name: len(p) for name, p in found.probabilities.items()}
    common = {'num_classes': num_classes, 'num_frames': frames}
    rows = {}
    corpus = found.corpus
    raw = Corpus(data_dir, corpus.name, corpus.split, fps=corpus.fps, keep=False)
    motion = {r.name: decoding_motion.speed(r.joints, r.fps) for r in raw}
    plain = decoders(found.sequence).items()
    compared = {name: lambda p, _, decode=decode: decode(p) for name, decode in plain}
    compared['fitted, changes not refined'] = lambda p, _: decoding_motion.unrefined(
        found.sequence, p
    )
    compared['fitted, changes refined on motion'] = lambda p, name: decoding_motion.on_motion(
        found.sequence, p, motion[name]
    )
    for name, decode in compared.items():
        began = time.process_time()
        segments = {
            recording: decode(p, recording) for recording, p in found.probabilities.items()
        }
        seconds = time.process_time() - began
        labeling = localize.evaluate(segments, truth, protocol='segmentation', **common)
        precision = localize.evaluate(segments, truth, protocol='babel_clean', **common)
        ends = outcome.outcome(
            segments, truth, num_classes=num_classes, fps=found.corpus.fps
        )
        rows[name] = [
            labeling.num_predicted / labeling.num_true, *labeling.figures.values(),
            precision.mean, ends.calibration_error, ends.start_median, ends.start_p90,
            ends.end_median, ends.end_p90, seconds,
        ]
    return rows


def averaged(runs: Mapping[str, Mapping[str, list[float]]]) -> dict[str, dict]:
    """Returns mean and standard deviation over runs: decoder -> {mean, std} of `COLUMNS`.

    Args:
        runs: run -> result of `measure`.
    """
    names = next(iter(runs.values()))
    cube = {name: np.array([run[name] for run in runs.values()]) for name in names}
    return {
        name: {'mean': values.mean(0).tolist(), 'std': values.std(0).tolist()}
        for name, values in cube.items()
    }


def text(corpus: str, figures: Mapping[str, Mapping], count: int) -> str:
    """Formats one corpus as a Markdown table; fractions in percent."""
    runs = '1 run' if count == 1 else f'mean of {count} runs'
    lines = [f'**{corpus}**, {runs}', '', f'| decoder | {" | ".join(COLUMNS)} |']
    lines.append('|---|' + '---:|' * len(COLUMNS))
    for name, found in figures.items():
        cells = [
            f'{100 * value:.1f}' if column in PERCENT else f'{value:.2f}'
            for column, value in zip(COLUMNS, found['mean'], strict=True)
        ]
        lines.append(f'| {name} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def main(words=None):
    """Runs the command."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.decoding', description=__doc__)
    parser.add_argument('workdirs', nargs='+', help='folders of fine-tuned runs')
    parser.add_argument('--split', default='test')
    parser.add_argument(
        '--data-dir', help="folder of the prepared corpora (default: that of each run's config)"
    )
    parser.add_argument('--json', help='file for all figures')
    parser.add_argument('--pictures', help='folder for figures of three recordings per corpus')
    args = parser.parse_args(words)
    corpora: dict[str, dict] = defaultdict(dict)
    for workdir in args.workdirs:
        found = evaluation.scored([workdir], args.split, args.data_dir)
        config = workdirs.read(workdir)['config']
        key = f'{found.corpus.name}, {100 * config["finetune"]["label_fraction"]:g} % of the labels'
        if args.pictures and key not in corpora:
            decoded = {RUNS: argmax_runs, FITTED: found.sequence}
            decoding_pictures.draw(found, decoded, Path(args.pictures))
        data_dir = args.data_dir or config['data']['data_dir']
        corpora[key][Path(workdir).name] = measure(found, data_dir)
    results = {name: averaged(runs) for name, runs in corpora.items()}
    for name, figures in results.items():
        print(text(name, figures, len(corpora[name])), end='\n\n')
    if args.json:
        Path(args.json).write_text(
            json.dumps({'columns': COLUMNS, 'runs': corpora, 'corpora': results}, indent=1) + '\n'
        )


if __name__ == '__main__':
    main()
