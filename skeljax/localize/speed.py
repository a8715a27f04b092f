"""Times the evaluators and decoders on made-up recordings, beside the plain loops of `plain`."""

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
    """Recordings with truth, proposals and scores of frames, by name."""

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
    twin_recordings: int = 50,
    decoded_frames: int = 18_000,
    rounds: int = 3,
) -> dict:
    """Times every evaluator, its twin in plain loops, and every decoder.

    Args:
        recordings: how many are scored together.
        classes: L.
        proposals: in all recordings.
        frames: of each recording.
        twin_recordings: how many of the recordings the twin is timed on, the evaluator
            beside it; 0 times no twin.
        decoded_frames: of the recording that is decoded.
        rounds: each is timed so often; the median counts (twins are timed once).

    Returns:
        sizes; scorers: protocol -> seconds and cpu_seconds (where others share the machine,
        these tell more), and as twin: those of both on the fewer recordings, how many times
        as long the loops take, and whether the figures are equal; decoders: name -> seconds,
        cpu_seconds, segments.

    Raises:
        InputError: a size below 1, or recordings too short to hold their segments.
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
    few = first(scene, min(twin_recordings, recordings))
    twins = _twins(few, classes) if few.truth else {}
    scorers = {}
    for name in PROTOCOLS:
        scorers[name], _ = _timed(functools.partial(score, name, scene, classes), rounds)
        if name in twins:
            fast, result = _timed(functools.partial(score, name, few, classes), rounds)
            slow, expected = _timed(twins[name], 1)
            scorers[name]['twin'] = {
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
    few_sizes = {'twin_recordings': len(few.truth), 'twin_proposals': few_proposals}
    return {**sizes, **few_sizes, 'scorers': scorers, 'decoders': decoders}


def score(name: str, scene: Scene, classes: int):
    """Scores a scene by the protocol of that name."""
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
    """Tells whether two sets of figures agree to rounding."""
    return list(figures) == list(expected) and all(
        math.isclose(figures[name], value, abs_tol=1e-9) for name, value in expected.items()
    )


def make(recordings: int, classes: int, proposals: int, frames: int) -> Scene:
    """Makes recordings with 20 true segments each, and proposals near and far from them.

    Two of three proposals are a true segment with both ends moved, one is anywhere; scores
    are random but for some that tie. Frame scores are random, higher where the class is.
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
    """Makes the probabilities of one recording, float32[T, L + 1], as a network's look.

    Every 150 frames a class or none becomes the likely one, in turn; logits drift slowly.
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


def _twins(scene: Scene, classes: int) -> dict[str, Callable[[], dict]]:
    bound = (scene.predictions, scene.truth)
    twins = {
        name: functools.partial(
            twin, *bound, num_classes=classes, tious=PROTOCOLS[name].thresholds()
        )
        for name, twin in {
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
    twins['framewise'] = functools.partial(
        reference.plain_framewise, scene.truth, num_classes=classes, probabilities=scene.probabilities
    )
    return twins


def _timed(call: Callable, rounds: int) -> tuple[dict[str, float], Any]:
    """Calls it several times: medians of wall and processor seconds, and what it returned."""
    wall, processor = [], []
    for _ in range(rounds):
        start = time.perf_counter(), time.process_time()
        result = call()
        wall.append(time.perf_counter() - start[0])
        processor.append(time.process_time() - start[1])
    medians = {'seconds': statistics.median(wall), 'cpu_seconds': statistics.median(processor)}
    return medians, result
