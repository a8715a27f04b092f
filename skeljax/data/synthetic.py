"""Generates untrimmed recordings with exact labels from a seed.

The classes come in pairs that pass through the same poses and differ only in time: in rhythm,
direction or order. Between actions people stand (or sit) and sway, and sometimes make a movement
that belongs to no class.
"""

from typing import NamedTuple

import numpy as np

from skeljax.data import kinematics
from skeljax.data.kinematics import INDEX
from skeljax.formats.motion import Motion

FPS = 30.0
LAYOUT = 'ntu25'
CLASSES = (
    'wave slowly', 'wave fast', 'circle arm forward', 'circle arm backward',
    'sit down', 'stand up', 'reach left then right', 'reach right then left',
)
_SEATED = CLASSES.index('sit down')
_SPLITS = ('train', 'validation', 'test')


class Person(NamedTuple):
    """Properties of a person, the same in all recordings.

    Attributes:
        bones: offset of each joint from its parent, meters, float64[25, 3].
        posture: angles at rest, float64[18].
        amplitude: size of movements, about 1.
        pace: speed of movements, about 1.
        hand: 'left' or 'right', preferred for waving and circling.
    """

    bones: np.ndarray
    posture: np.ndarray
    amplitude: float
    pace: float
    hand: str


def person(seed: int, split: str, number: int) -> Person:
    """Returns a random person of a split."""
    rng = _generator(seed, split, number)
    posture = rng.normal(0, 0.04, len(INDEX))
    for name, low, high in (
        ('spine_flex', -0.05, 0.2), ('left_shoulder_out', 0.08, 0.3), ('left_elbow', 0.1, 0.4),
        ('left_hip_out', 0.02, 0.12), ('left_hip_flex', 0.0, 0.06), ('left_knee', 0.0, 0.12),
    ):
        posture[INDEX[name]] = rng.uniform(low, high)
        if name.startswith('left'):
            posture[INDEX[name.replace('left', 'right')]] = posture[INDEX[name]]
    hand = 'left' if rng.random() < 0.3 else 'right'
    return Person(
        kinematics.body(rng), posture, rng.uniform(0.8, 1.15), rng.uniform(0.8, 1.25), hand
    )


def recording(
    seed: int, split: str, number: int, index: int, *, actions: int, noise: float
) -> tuple[Motion, list[tuple[int, int, int]]]:
    """Returns recording `index` of person `number`, independent of other recordings.

    Args:
        seed: of the corpus.
        split: 'train', 'validation' or 'test'.
        number: of the person in the split.
        index: of the recording.
        actions: number of draws from the deck of movements.
        noise: sensor noise, meters.

    Returns:
        The motion and its segments (start, end, label) in frames, half-open.
    """
    who = person(seed, split, number)
    deck = _deck(_generator(seed, split, number, 0), (index + 1) * actions)
    rng = _generator(seed, split, number, 1, index)
    pieces, segments, length, seated = [], [], 0, 0.0

    def add(piece):
        nonlocal length
        pieces.append(piece)
        length += len(piece)

    add(_rest(rng, seated, rng.integers(10, 35)))
    for labels in deck[index * actions :]:
        for label in labels:
            piece = _action(rng, who, label)
            segments.append((length, length + len(piece), label))
            add(piece)
            seated = float(label == _SEATED)
            if not seated and rng.random() < 0.3:
                add(_rest(rng, seated, rng.integers(6, 15)))
                add(_distraction(rng, who))
            add(_rest(rng, seated, rng.integers(12, 45)))
    angles = _smoothed(np.concatenate(pieces)) + who.posture
    angles = angles + _swaying(rng, length)
    heading = rng.uniform(-1.2, 1.2) + _sway(rng, (length, 1), 0.15)[:, 0]
    path = rng.uniform([-0.6, 2.0], [0.6, 4.0]) + _sway(rng, (length, 2), 0.005)
    # A person who faces the sensor looks in the direction of its negative z axis.
    joints = kinematics.forward(angles, who.bones, heading + np.pi, path)
    joints[..., 1] -= rng.uniform(0.7, 1.1)  # the sensor stands on a table
    motion = Motion(
        joints=_sensed(rng, joints, noise)[:, None].astype(np.float32),
        fps=FPS,
        layout=LAYOUT,
        valid=np.ones((length, 1), bool),
        source='synthetic',
        subject=f'{split}{number:02}',
    )
    return motion, segments


def _generator(seed: int, split: str, *numbers: int) -> np.random.Generator:
    # A spawn key, because trailing zeros of a seed sequence have no effect.
    key = (_SPLITS.index(split), *(int(number) for number in numbers))
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def _deck(rng, count: int) -> list[tuple[int, ...]]:
    """Returns shuffled movements: each occurs n times before any occurs n + 1 times.

    Sitting down is always followed by standing up.
    """
    cards = [(i,) for i in range(len(CLASSES)) if i not in (_SEATED, _SEATED + 1)]
    cards.append((_SEATED, _SEATED + 1))
    deck = []
    while len(deck) < count:
        deck += [cards[i] for i in rng.permutation(len(cards))]
    return deck[:count]


def _action(rng, who: Person, label: int) -> np.ndarray:
    """Returns the angles of one movement, float64[T, 18]; lengths do not depend on the class."""
    frames = int(rng.uniform(50, 80) / who.pace)
    # Uneven speed: the middle is reached earlier or later.
    phase = np.linspace(0, 1, frames) ** np.exp(rng.normal(0, 0.12))
    size = who.amplitude * rng.uniform(0.85, 1.15)
    angles = np.zeros((frames, len(INDEX)))
    hand = who.hand if rng.random() < 0.85 else {'left': 'right', 'right': 'left'}[who.hand]
    pair, second = divmod(label, 2)
    if pair == 0:
        _wave(rng, angles, phase, size, hand, seconds=frames / FPS, fast=bool(second))
    elif pair == 1:
        # Two turns of an arm take at least two seconds.
        turns = rng.integers(1, 3) if frames >= 60 else 1
        _circle(angles, phase, size, hand, -turns if second == 0 else turns)
    elif pair == 2:
        _sit(angles, _ease(phase if second == 0 else 1 - phase), size)
    else:
        _reach(angles, phase, size, ('left', 'right') if second == 0 else ('right', 'left'))
    return angles


def _wave(rng, angles, phase, size, hand, *, seconds, fast):
    ramp = max(0.2, 15 / len(phase))  # half a second to raise a hand
    up = _ease(phase / ramp) * _ease((1 - phase) / ramp)
    hertz = rng.uniform(1.9, 2.6) if fast else rng.uniform(0.7, 1.1)
    swing = np.sin(2 * np.pi * (hertz * seconds * phase + rng.random()))
    angles[:, INDEX[f'{hand}_shoulder_out']] = up * 1.2
    angles[:, INDEX[f'{hand}_shoulder_turn']] = up * 1.3
    angles[:, INDEX[f'{hand}_elbow']] = up * (1.2 + 0.5 * size * swing)


def _circle(angles, phase, size, hand, turns):
    # With positive turns the arm rises in front: overhead it moves backward.
    around = 2 * np.pi * turns * _ease(phase)
    angles[:, INDEX[f'{hand}_shoulder_flex']] = around
    angles[:, INDEX[f'{hand}_shoulder_out']] = 0.4 * size * np.sin(np.pi * phase) ** 2


def _sit(angles, down, size):
    for side in ('left', 'right'):
        angles[:, INDEX[f'{side}_hip_flex']] = 1.45 * down
        angles[:, INDEX[f'{side}_knee']] = 1.5 * down
        angles[:, INDEX[f'{side}_shoulder_flex']] = 0.5 * down
    # Leans forward on the way down and up.
    angles[:, INDEX['spine_flex']] = 0.5 * size * np.sin(np.pi * down)


def _reach(angles, phase, size, order):
    for side, start in zip(order, (0.0, 0.5), strict=True):
        there = np.sin(np.pi * np.clip((phase - start) / 0.5, 0, 1)) ** 2
        angles[:, INDEX[f'{side}_shoulder_flex']] += 1.6 * size * there
        angles[:, INDEX[f'{side}_shoulder_out']] += 0.4 * there
        turn = 0.35 if side == 'right' else -0.35
        angles[:, INDEX['spine_twist']] += turn * size * there
        angles[:, INDEX['spine_flex']] += 0.25 * size * there


def _distraction(rng, who: Person) -> np.ndarray:
    """Returns a movement of no class through poses of the classes, float64[T, 18]."""
    frames = int(rng.uniform(25, 45))
    phase = np.linspace(0, 1, frames)
    angles = np.zeros((frames, len(INDEX)))
    there = np.sin(np.pi * phase) ** 2 * rng.uniform(0.6, 1.0)
    kind, side = rng.integers(3), ('left', 'right')[rng.integers(2)]
    if kind == 0:  # raises a hand without waving
        angles[:, INDEX[f'{side}_shoulder_out']] = 1.2 * there
        angles[:, INDEX[f'{side}_shoulder_turn']] = 1.3 * there
        angles[:, INDEX[f'{side}_elbow']] = 1.2 * there
    elif kind == 1:  # reaches to one side only
        angles[:, INDEX[f'{side}_shoulder_flex']] = 1.5 * there
        angles[:, INDEX['spine_twist']] = 0.35 * there * (1 if side == 'right' else -1)
    else:  # bends the knees and stands up again
        _sit(angles, 0.55 * there, who.amplitude)
    return angles


def _rest(rng, seated: float, frames: int) -> np.ndarray:
    angles = np.zeros((int(frames), len(INDEX)))
    _sit(angles, np.full(len(angles), seated), 1.0)
    look = np.sin(np.pi * np.linspace(0, 1, len(angles))) ** 2
    angles[:, INDEX['head_turn']] = rng.uniform(-0.5, 0.5) * look
    return angles


def _ease(share):
    """Returns a smooth step from 0 to 1."""
    return (1 - np.cos(np.pi * np.clip(share, 0, 1))) / 2


def _smoothed(angles, half: int = 2):
    """Smooths the transitions between pieces; full turns of an arm are not transitions."""
    turns = np.round(np.diff(angles, axis=0) / (2 * np.pi)) * 2 * np.pi
    angles = angles - np.concatenate([np.zeros_like(angles[:1]), np.cumsum(turns, axis=0)])
    padded = np.pad(angles, [(half, half), (0, 0)], mode='edge')
    return np.mean([padded[i : i + len(angles)] for i in range(2 * half + 1)], axis=0)


def _swaying(rng, length: int) -> np.ndarray:
    """Returns random swaying and shifting of weight between the legs, float64[T, 18]."""
    legs = [name.split('_', 1)[1].startswith(('hip', 'knee')) for name in INDEX]
    angles = _sway(rng, (length, len(INDEX)), 0.04) * np.where(legs, 0.2, 1.0)
    shift = _sway(rng, (length, 1), 0.03)[:, 0]
    angles[:, INDEX['left_hip_out']] -= shift
    angles[:, INDEX['right_hip_out']] += shift
    return angles


def _sway(rng, shape, size):
    """Returns random drift: waves of 2 to 10 seconds with standard deviation about `size`."""
    time = np.arange(shape[0])[:, None, None] / FPS
    period = rng.uniform(2, 10, (1, *shape[1:], 3))
    phase = rng.uniform(0, 2 * np.pi, (1, *shape[1:], 3))
    return size * np.sqrt(2 / 3) * np.sin(2 * np.pi * time / period + phase).sum(-1)


def _sensed(rng, joints, noise):
    """Adds noise of a depth sensor: white noise and slow jitter, twice as large at the hands."""
    size = np.full((joints.shape[1], 1), noise)
    size[[6, 7, 21, 22, 10, 11, 23, 24]] *= 2
    steps = rng.normal(0, 1, (len(joints) // 8 + 2, *joints.shape[1:]))
    place = np.arange(len(joints)) / 8
    low = place.astype(int)
    share = (place - low)[:, None, None]
    jitter = (1 - share) * steps[low] + share * steps[low + 1]
    return joints + size * (rng.normal(0, 0.7, joints.shape) + 0.7 * jitter)
