"""Turns one recording with its segments and scores into what the page shows."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses

import numpy as np

from skeljax.data import orientation
from skeljax.data.records import Recording
from skeljax.localize.segments import Segments, check
from skeljax.localize.suppress import suppress
from skeljax.skeletons import skeleton
from skeljax.viz.viewer import encode, kinds

# Points whose mean is the middle of the head, the first that all are there.
_HEADS = (('head', 'head top'), ('head',), ('left ear', 'right ear'), ('nose',))
COVERED = 0.5  # of a proposal that a better one covers: it is not what was found


@dataclasses.dataclass(frozen=True)
class Entry:
    """One recording of the page.

    Attributes:
        name: of the recording.
        error: see `kinds.Kinds.error`; None without truth.
        described: what goes into the page as JSON.
        arrays: name -> text of `encode`: joints, states and, where known, scores.
    """

    name: str
    error: float | None
    described: dict
    arrays: dict[str, str]


def make(
    recording: Recording,
    proposed: Segments,
    *,
    classes: Sequence[str],
    truth: Segments | None = None,
    probabilities: np.ndarray | None = None,
    tiou: float = kinds.TIOU,
) -> Entry:
    """Prepares one recording.

    What was found are the proposals of which no better one, of any class, covers more
    than half; the rest are shown apart and not compared with the truth.

    Args:
        recording: as recorded, in metres.
        proposed: segments, overlapping or not.
        classes: names of the L classes, which are the labels.
        truth: true segments, where known.
        probabilities: float[T, L + 1] or float[T, L], where known.
        tiou: temporal IoU from which a segment is right.

    Raises:
        InputError: a segment that leaves the recording.
    """
    frames = len(recording.joints)
    check(proposed, recording.name, num_classes=len(classes), num_frames=frames)
    kept = chosen(proposed)
    found, others = (_by_time(proposed[part]) for part in (kept, ~kept))
    described = {
        'name': recording.name,
        'fps': recording.fps,
        'frames': frames,
        'persons': recording.joints.shape[1],
        'found': _segments(found),
        'others': _segments(others),
        'truth': None,
        'error': None,
    }
    if truth is not None:
        check(truth, f'{recording.name}: truth', num_classes=len(classes), num_frames=frames)
        truth = _by_time(truth)
        told = kinds.classify(found, truth, tiou=tiou)
        described |= {
            'found': _segments(found, told.found, told.found_partner),
            'truth': _segments(truth, told.true, told.true_partner),
            'error': round(told.error, 4),
        }
    body, joints_text, states_text = _body(recording)
    arrays = {'joints': joints_text, 'states': states_text}
    if probabilities is not None:
        arrays['scores'] = encode.scores(probabilities[:, : len(classes)])
    return Entry(recording.name, described['error'], {**described, 'body': body}, arrays)


def chosen(proposed: Segments) -> np.ndarray:
    """Marks the proposals of one recording that no better one, of any class, covers by half, bool[N]."""
    kept = np.zeros(len(proposed), bool)
    kept[suppress(dataclasses.replace(proposed, label=0 * proposed.label), COVERED)] = True
    return kept


def _segments(segments: Segments, told: Sequence[str] = (), partners=None) -> list[dict]:
    """Describes segments; kind and the position of the partner where they are known."""
    items = []
    for index in range(len(segments)):
        item = {
            'start': int(segments.start[index]),
            'end': int(segments.end[index]),
            'label': int(segments.label[index]),
            'score': round(float(segments.score[index]), 4),
        }
        known = {'kind': told[index], 'partner': int(partners[index])} if told else {}
        items.append(item | known)
    return items


def _by_time(segments: Segments) -> Segments:
    return segments[np.lexsort((segments.label, segments.end, segments.start))]


def _body(recording: Recording) -> tuple[dict, str, str]:
    """Describes skeleton and room; returns joints and their states as texts, too."""
    layout = skeleton.get(recording.layout)
    stood = orientation.find(recording)
    there = recording.person_valid & recording.frame_valid[:, None]
    text, step, origin = encode.coordinates(stood.joints, there)
    part_of = [0] * layout.num_joints
    for part, joints in enumerate(layout.parts):
        for joint in joints:
            part_of[joint] = part
    head = next((h for h in _HEADS if set(h) <= set(layout.points)), ())
    head = [layout.points.index(name) for name in head]
    drawn = stood.body.copy()
    # What sticks out of the head is inside the ball that is drawn for it.
    leaves = set(range(layout.num_joints)) - set(layout.parents)
    drawn[[joint for joint in leaves if layout.parents[joint] in head]] = False
    described = {
        'layout': layout.name,
        'joints': layout.joints,
        'parents': layout.parents,
        'parts': part_of,
        'drawn': drawn.tolist(),
        'head': head,
        'centre': layout.center,
        'step': step,
        'origin': origin,
        'floor': stood.floor,
        'height': stood.height,
        'facing': stood.facing,
    }
    return described, text, encode.states(there, recording.joint_valid)
