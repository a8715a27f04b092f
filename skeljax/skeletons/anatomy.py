"""Points of the body, which relate the joints of different layouts.

A point is a word ('pelvis', 'knee'), preceded by 'left ' or 'right ' if the body has two. The
points of the spine are, from below: pelvis, spine, upper spine, chest (between the shoulders),
neck, head, head top.
"""

from collections.abc import Iterator

SIDES = ('left', 'right')
PARTS = ('torso', 'left arm', 'right arm', 'left leg', 'right leg')
FINGERS = ('thumb', 'index', 'middle', 'ring', 'pinky')

_TORSO = (
    'pelvis', 'spine', 'upper spine', 'chest', 'neck', 'head', 'head top', 'nose', 'throat',
    'sternum',
)
# On each side, but part of the torso; 'back' is the tenth thoracic vertebra or beside it.
_BESIDE = (
    'back', 'eye', 'inner eye', 'outer eye', 'ear', 'mouth', 'front head', 'back head',
    'front pelvis', 'back pelvis',
)
_ARM = (
    'collar', 'shoulder', 'upper arm', 'elbow', 'forearm', 'wrist', 'inner wrist', 'outer wrist',
    'hand', 'hand tip', 'thumb', *(f'{finger} {n}' for finger in FINGERS for n in (1, 2, 3)),
)
_LEG = ('hip', 'thigh', 'knee', 'shank', 'ankle', 'heel', 'toe', 'toe tip', 'small toe')

POINTS = frozenset(
    ('back', *_TORSO, *(f'{side} {word}' for side in SIDES for word in (*_BESIDE, *_ARM, *_LEG)))
)

# Point -> weighted sums of other points that estimate it (weights add up to 1), best first. Words
# of points that exist on each side refer to the side of the estimated point.
_ESTIMATES = {
    'pelvis': (
        '0.5 left hip + 0.5 right hip',
        '0.25 left front pelvis + 0.25 right front pelvis + '
        '0.25 left back pelvis + 0.25 right back pelvis',
        '1 spine',
    ),
    'spine': ('0.5 pelvis + 0.5 chest', '1 back'),
    'upper spine': ('0.5 spine + 0.5 chest',),
    'chest': ('0.5 left shoulder + 0.5 right shoulder', '0.5 neck + 0.5 throat', '1 neck'),
    'neck': ('0.7 chest + 0.3 head', '1 chest'),
    'head': (
        '0.5 left ear + 0.5 right ear',
        '0.5 nose + 0.5 head top',
        '0.56 head top + 0.44 neck',
        '0.25 left front head + 0.25 right front head + '
        '0.25 left back head + 0.25 right back head',
        '1 nose',
        '1 head top',
        '1 neck',
    ),
    'head top': ('1.8 head + -0.8 neck', '1 head'),
    'nose': ('1 head',),
    'eye': ('1 nose',),
    'inner eye': ('1 eye',),
    'outer eye': ('1 eye',),
    'ear': ('1 head',),
    'mouth': ('1 nose',),
    'front head': ('1 head',),
    'back head': ('1 head',),
    'throat': ('1 chest',),
    'sternum': ('0.4 spine + 0.6 chest',),
    'back': ('0.6 spine + 0.4 chest',),
    'front pelvis': ('0.7 hip + 0.3 pelvis',),
    'back pelvis': ('0.3 hip + 0.7 pelvis',),
    'collar': ('0.7 chest + 0.3 shoulder',),
    'shoulder': ('0.5 upper arm + 0.5 collar', '1 collar'),
    'upper arm': ('0.5 shoulder + 0.5 elbow',),
    'elbow': ('0.5 shoulder + 0.5 wrist', '1 shoulder'),
    'forearm': ('0.4 elbow + 0.6 wrist',),
    'wrist': ('0.5 inner wrist + 0.5 outer wrist', '1 hand', '1 elbow'),
    'inner wrist': ('1 wrist',),
    'outer wrist': ('1 wrist',),
    # Not the middle finger: the joints of BABEL use the index finger as the hand of Kinect.
    'hand': ('1 index 1', '1.3 wrist + -0.3 elbow', '1 wrist'),
    'hand tip': ('1 middle 3', '2.2 hand + -1.2 wrist'),
    'thumb': ('1 thumb 3', '1 thumb 2', '1 hand'),
    'hip': ('0.4 front pelvis + 0.4 back pelvis + 0.2 knee', '1 pelvis'),
    'thigh': ('0.5 hip + 0.5 knee',),
    'knee': ('0.5 hip + 0.5 ankle', '1 hip'),
    'shank': ('0.5 knee + 0.5 ankle',),
    'ankle': ('1 heel', '1 toe', '1 knee'),
    'heel': ('1 ankle',),
    'toe': ('1 toe tip', '1 ankle'),
    'toe tip': ('1 toe',),
    'small toe': ('1 toe',),
    'thumb 1': ('0.5 wrist + 0.5 thumb',),
    'thumb 2': ('1 thumb',),
    'thumb 3': ('1 thumb',),
    **{f'{finger} 1': ('1 hand',) for finger in FINGERS[1:]},
    **{f'{finger} 2': ('0.5 hand + 0.5 hand tip',) for finger in FINGERS[1:]},
    **{f'{finger} 3': ('1 hand tip',) for finger in FINGERS[1:]},
}


def split(point: str) -> tuple[str, str]:
    """Splits a point into its side ('left', 'right' or '') and its word."""
    side, _, word = point.partition(' ')
    return (side, word) if side in SIDES else ('', point)


def part(point: str) -> int:
    """Returns the index in `PARTS` of a point."""
    side, word = split(point)
    if word in _ARM:
        return 1 + SIDES.index(side)
    return 3 + SIDES.index(side) if word in _LEG else 0


def estimates(point: str) -> Iterator[dict[str, float]]:
    """Yields the weighted sums of points that estimate a point, best first: point -> weight."""
    side, word = split(point)
    for text in _ESTIMATES.get(word, ()):
        terms = (term.split(' ', 1) for term in text.split(' + '))
        yield {_beside(side, other): float(weight) for weight, other in terms}


def _beside(side: str, word: str) -> str:
    """Returns the point that a word of `_ESTIMATES` refers to, for a point of this side."""
    return f'{side} {word}' if side and f'{side} {word}' in POINTS else word
