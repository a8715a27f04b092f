"""Converts a recording with its segments and scores into the data of the viewer page."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses

import numpy as np

from skeljax.data import orientation
from skeljax.data.records import Recording
from skeljax.localize.nms import suppress
from skeljax.localize.segments import Segments, check
from skeljax.skeletons import skeleton
from skeljax.viz.viewer import encode, kinds

# Joints whose mean is the middle of the head; the first set that the layout has is used.
_HEADS = (('head', 'head top'), ('head',), ('left ear', 'right ear'), ('nose',))
MAX_COVERAGE = 0.5  # a proposal covered by more than this by a better one is suppressed


@dataclasses.dataclass(frozen=True)
class Entry:
    """One recording of the page.

    Attributes:
        name: name of the recording.
        error: see `kinds.SegmentKinds.error`; None without truth.
        described: content of the recording's JSON object in the page.
        arrays: name -> text from `encode`: joints, states and, if available, scores.
    """

    name: str
    error: float | None
    described: dict
    arrays: dict[str, str]


def make(
    recording: Recording,
    proposals: Segments,
    *,
    classes: Sequence[str],
    truth: Segments | None = None,
    probabilities: np.ndarray | None = None,
    tiou: float = kinds.TIOU,
) -> Entry:
    """Builds the entry of one recording.

    The proposals selected by `select_predictions` are shown as the prediction and compared with
    the truth; the others are shown separately.

    Args:
        recording: as recorded, in meters.
        proposals: segments, possibly overlapping.
        classes: names of the L classes; labels are indices into them.
        truth: true segments, if known.
        probabilities: float[T, L + 1] or float[T, L], if known.
        tiou: temporal IoU from which a segment is correct.

    Raises:
        InputError: a segment extends beyond the recording.
    """
    frames = len(recording.joints)
    check(proposals, recording.name, num_classes=len(classes), num_frames=frames)
    selected = select_predictions(proposals)
    predicted, others = (_by_time(proposals[part]) for part in (selected, ~selected))
    described = {
        'name': recording.name,
        'fps': recording.fps,
        'frames': frames,
        'persons': recording.joints.shape[1],
        'found': _segments(predicted),
        'others': _segments(others),
        'truth': None,
        'error': None,
    }
    if truth is not None:
        check(truth, f'{recording.name}: truth', num_classes=len(classes), num_frames=frames)
        truth = _by_time(truth)
        matched = kinds.classify(predicted, truth, tiou=tiou)
        described |= {
            'found': _segments(predicted, matched.predicted, matched.predicted_match),
            'truth': _segments(truth, matched.true, matched.true_match),
            'error': round(matched.error, 4),
        }
    body, joints_text, states_text = _body(recording)
    arrays = {'joints': joints_text, 'states': states_text}
    if probabilities is not None:
        arrays['scores'] = encode.scores(probabilities[:, : len(classes)])
    return Entry(recording.name, described['error'], {**described, 'body': body}, arrays)


def select_predictions(proposals: Segments) -> np.ndarray:
    """Returns which proposals no better one, of any class, covers by more than half, bool[N]."""
    selected = np.zeros(len(proposals), bool)
    one_class = dataclasses.replace(proposals, label=0 * proposals.label)
    selected[suppress(one_class, MAX_COVERAGE)] = True
    return selected


def _segments(segments: Segments, segment_kinds: Sequence[str] = (), match=None) -> list[dict]:
    """Returns segments as JSON objects, with kind and index of the match where they are known."""
    items = []
    for index in range(len(segments)):
        item = {
            'start': int(segments.start[index]),
            'end': int(segments.end[index]),
            'label': int(segments.label[index]),
            'score': round(float(segments.score[index]), 4),
        }
        if segment_kinds:
            item |= {'kind': segment_kinds[index], 'partner': int(match[index])}
        items.append(item)
    return items


def _by_time(segments: Segments) -> Segments:
    return segments[np.lexsort((segments.label, segments.end, segments.start))]


def _body(recording: Recording) -> tuple[dict, str, str]:
    """Returns skeleton and room as a JSON object, encoded joints and encoded joint states."""
    layout = skeleton.get(recording.layout)
    upright = orientation.find(recording)
    present = recording.person_valid & recording.frame_valid[:, None]
    text, step, origin = encode.coordinates(upright.joints, present)
    part_of = [0] * layout.num_joints
    for part, joints in enumerate(layout.parts):
        for joint in joints:
            part_of[joint] = part
    head = next((h for h in _HEADS if set(h) <= set(layout.points)), ())
    head = [layout.points.index(name) for name in head]
    drawn = upright.body.copy()
    # Leaf joints attached to the head lie inside the ball that is drawn for it.
    leaves = set(range(layout.num_joints)) - set(layout.parents)
    drawn[[joint for joint in leaves if layout.parents[joint] in head]] = False
    described = {
        'layout': layout.name,
        'joints': layout.joints,
        'parents': layout.parents,
        'parts': part_of,
        'drawn': drawn.tolist(),
        'head': head,
        'center': layout.center,
        'step': step,
        'origin': origin,
        'floor': upright.floor,
        'height': upright.height,
        'facing': upright.facing,
    }
    return described, text, encode.states(present, recording.joint_valid)
