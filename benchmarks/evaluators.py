"""Times the evaluators and decoders on random recordings, next to the loops of `reference`."""

from __future__ import annotations

from collections.abc import Callable
import functools
import math
import statistics
import time
from typing import Any, NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.localize import reference
from skeljax.localize.protocols import DECODERS, PROTOCOLS
from skeljax.localize.segments import Segments

TRUE_PER_RECORDING = 20
_SEED = 7


class Scene(NamedTuple):
    """Recordings: name -> true segments, proposals, number of frames, frame scores [T, L + 1]."""

    truth: dict[str, Segments]
    predictions: dict[str, Segments]
    num_frames: dict[str, int]
    probabilities: dict[str, np.ndarray]


def measure(
    *,
    recordings: int = 1000,
    classes: int = 51,
    proposals: int = 20_000,
    frames: int = 1000,
    reference_recordings: int = 50,
    decoded_frames: int = 18_000,
    rounds: int = 3,
) -> dict:
    """Times every evaluator, its reference in plain loops, and every decoder.

    Args:
        recordings: number of recordings that are scored together.
        classes: L.
        proposals: number of proposals in all recordings.
        frames: of each recording.
        reference_recordings: number of recordings on which the reference is timed, and the
            evaluator for comparison; 0 times no reference.
        decoded_frames: of the recording that is decoded.
        rounds: number of timed runs of each, of which the median is returned (references run
            once).

    Returns:
        The sizes; scorers: protocol -> seconds and cpu_seconds (more reliable on a shared
        machine), and in reference those of both on the fewer recordings, times (how many times
        as long the loops take) and equal (the figures agree); decoders: name -> seconds,
        cpu_seconds, segments.

    Raises:
        InputError: a size below 1, or recordings too short for their segments.
    """
    sizes = dict(
        recordings=recordings, classes=classes, proposals=proposals, frames=frames,
        decoded_frames=decoded_frames, rounds=rounds,
    )
    for name, value in sizes.items():
        if value < 1:
            raise InputError(f'{name}: expected at least 1, found {value}')
    if frames < 4 * TRUE_PER_RECORDING:
        raise InputError(f'frames: expected at least {4 * TRUE_PER_RECORDING}, found {frames}')
    scene = make(recordings, classes, proposals, frames)
    few = first(scene, min(reference_recordings, recordings))
    references = _references(few, classes) if few.truth else {}
    scorers = {}
    for name in PROTOCOLS:
        scorers[name], _ = _timed(functools.partial(score, name, scene, classes), rounds)
        if name in references:
            fast, result = _timed(functools.partial(score, name, few, classes), rounds)
            slow, expected = _timed(references[name], 1)
            scorers[name]['reference'] = {
                'seconds_here': fast['seconds'],
                'cpu_seconds_here': fast['cpu_seconds'],
                **slow,
                'times': slow['cpu_seconds'] / fast['cpu_seconds'],
                'equal': equal(result.figures, expected),
            }
    probabilities = decodable(decoded_frames, classes)
    decoders = {
        name: {**taken, 'segments': len(found)}
        for name, decode in DECODERS.items()
        for taken, found in [_timed(functools.partial(decode, probabilities), rounds)]
    }
    few_proposals = sum(map(len, few.predictions.values()))
    few_sizes = {'reference_recordings': len(few.truth), 'reference_proposals': few_proposals}
    return {**sizes, **few_sizes, 'scorers': scorers, 'decoders': decoders}


def score(name: str, scene: Scene, classes: int):
    """Evaluates a scene by the protocol of that name; returns a `Result`."""
    protocol = PROTOCOLS[name]
    return protocol.evaluate(
        scene.predictions,
        scene.truth,
        num_classes=classes,
        tious=protocol.thresholds(),
        num_frames=scene.num_frames,
        probabilities=scene.probabilities,
    )


def equal(figures, expected) -> bool:
    """Returns whether two sets of figures agree to rounding."""
    return list(figures) == list(expected) and all(
        math.isclose(figures[name], value, abs_tol=1e-9) for name, value in expected.items()
    )


def make(recordings: int, classes: int, proposals: int, frames: int) -> Scene:
    """Builds recordings with 20 true segments each and random proposals.

    Two of three proposals are a true segment with both ends shifted; the others are anywhere.
    Scores are random, with some ties. Frame scores are random, and higher for the true class.
    """
    rng = np.random.default_rng(_SEED)
    names = [f'recording{index:05d}' for index in range(recordings)]
    sizes = np.bincount(rng.integers(0, recordings, proposals), minlength=recordings)
    scene = Scene({}, {}, {}, {})
    for name, count in zip(names, sizes, strict=True):
        cuts = np.sort(rng.choice(frames + 1, 2 * TRUE_PER_RECORDING, replace=False))
        true = Segments(cuts[::2], cuts[1::2], rng.integers(0, classes, TRUE_PER_RECORDING))
        scene.truth[name] = true
        scene.predictions[name] = _proposals(rng, true, count, classes, frames)
        scene.num_frames[name] = frames
        scores = rng.random((frames, classes + 1), np.float32)
        for start, end, label in zip(true.start, true.end, true.label, strict=True):
            scores[start:end, label] += 0.3
        scene.probabilities[name] = scores
    return scene


def first(scene: Scene, count: int) -> Scene:
    """Returns the first recordings of a scene."""
    names = sorted(scene.truth)[:count]
    return Scene(*({name: part[name] for name in names} for part in scene))


def decodable(frames: int, classes: int) -> np.ndarray:
    """Builds the probabilities of one recording, similar to those of a network.

    Every 150 frames another class, or alternately the background, has the highest mean; logits
    change slowly.

    Returns:
        float32[T, L + 1].
    """
    rng = np.random.default_rng(_SEED)
    likely = rng.integers(0, classes, -(-frames // 150))
    likely[1::2] = classes
    labels = np.repeat(likely, 150)[:frames]
    steps = rng.normal(0, 1, (-(-frames // 25) + 1, classes + 1))
    position = np.arange(frames) / 25
    low, part = position.astype(int), (position % 1)[:, None]
    logits = steps[low] * (1 - part) + steps[low + 1] * part
    logits[np.arange(frames), labels] += 5
    weights = np.exp(logits)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _proposals(rng, true: Segments, count: int, classes: int, frames: int) -> Segments:
    near = rng.random(count) < 2 / 3
    which = rng.integers(0, len(true), count)
    moved = rng.integers(-6, 7, (2, count))
    anywhere = rng.integers(0, frames, count)
    start = np.where(near, true.start[which] + moved[0], anywhere)
    end = np.where(near, true.end[which] + moved[1], anywhere + rng.integers(1, 100, count))
    start = np.clip(start, 0, frames - 1)
    end = np.clip(end, start + 1, frames)
    label = np.where(near, true.label[which], rng.integers(0, classes, count))
    return Segments(start, end, label, np.round(rng.random(count), 4))


def _references(scene: Scene, classes: int) -> dict[str, Callable[[], dict]]:
    arguments = (scene.predictions, scene.truth)
    references = {
        name: functools.partial(
            plain, *arguments, num_classes=classes, tious=PROTOCOLS[name].thresholds()
        )
        for name, plain in {
            'babel': functools.partial(reference.plain_babel, faithful=True),
            'babel_clean': reference.plain_babel,
            'pkummd': reference.plain_pkummd,
            'detection': reference.plain_detection,
            'activitynet': reference.plain_activitynet,
            'segmentation': functools.partial(
                reference.plain_segmentation, num_frames=scene.num_frames
            ),
        }.items()
    }
    references['framewise'] = functools.partial(
        reference.plain_framewise, scene.truth, num_classes=classes,
        probabilities=scene.probabilities,
    )
    return references


def _timed(call: Callable, rounds: int) -> tuple[dict[str, float], Any]:
    """Calls a function repeatedly; returns median wall and processor seconds, and the result."""
    wall, processor = [], []
    for _ in range(rounds):
        start = time.perf_counter(), time.process_time()
        result = call()
        wall.append(time.perf_counter() - start[0])
        processor.append(time.process_time() - start[1])
    medians = {'seconds': statistics.median(wall), 'cpu_seconds': statistics.median(processor)}
    return medians, result
