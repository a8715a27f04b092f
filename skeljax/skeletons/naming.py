"""Derives sides and points of the body from joint names.

Known names are those of the layouts in `skeljax.skeletons.layouts`, of common rigs (Biped, Mixamo,
HumanIK, Blender, VRM, DAZ, Xsens, OptiTrack, Biovision, ASF) and of Plug-in Gait markers (layout
uiprmd39). Case, separators, trailing digits and prefixes ('mixamorig:', 'Bip01 ', 'J_Bip_L_') are
ignored. The meaning of a name may depend on others: 'foot' is the ankle, or the toes if there is
also an 'ankle'.
"""

from collections.abc import Iterator, Sequence
import re

from skeljax.skeletons import anatomy
from skeljax.skeletons.layouts import ROWS

# Marks of the left side in a name; the name of the right joint differs only in the mark.
_LEFT = (
    re.compile('left', re.IGNORECASE),
    re.compile(r'(?<![A-Za-z])[lL]'),
    re.compile(r'(?<=[a-z0-9])L(?![a-z])'),
)
_RIGHT = {'left': 'right', 'Left': 'Right', 'LEFT': 'RIGHT', 'l': 'r', 'L': 'R'}

# Point -> names of joints on one side, best first; each name is used for one point, in this order.
_BESIDE = {
    'elbow': 'elbow forearm lowerarm lowarm farm',
    'shoulder': 'upperarm uparm uarm shldr arm shoulder',
    'collar': 'collar clavicle shoulder',
    'wrist': 'wrist hand',
    'hand': 'hand palm',
    'hand tip': 'handtip fingertip fingers',
    'thumb': 'thumb thumbtip',
    'index 1': 'index',
    'pinky 1': 'pinky',
    'knee': 'knee lowerleg lowleg shin calf leg',
    'hip': 'upperleg upleg thigh hip hipjoint leg',
    'ankle': 'ankle foot',
    'toe': 'toe toes toebase ball bigtoe footindex foot',
    'toe tip': 'toetip toeend toesend',
    'small toe': 'smalltoe',
    'heel': 'heel',
    'eye': 'eye',
    'inner eye': 'eyeinner',
    'outer eye': 'eyeouter',
    'ear': 'ear',
    'mouth': 'mouth',
}
_CENTRAL = {
    'pelvis': 'pelvis hips midhip hipcenter spinebase hip waist root bodycenter',
    'neck': 'neck headbottom',
    'head': 'head',
    'head top': 'headtip headtop headend headtopend headnub',
    'nose': 'nose',
}
# ASF names bones; their joints are the distal ends.
_ASF_BESIDE = {
    'hip': 'hipjoint', 'knee': 'femur', 'ankle': 'tibia', 'toe': 'foot', 'toe tip': 'toes',
    'shoulder': 'clavicle', 'elbow': 'humerus', 'forearm': 'radius', 'wrist': 'wrist',
    'hand': 'hand', 'hand tip': 'fingers', 'thumb': 'thumb',
}
_ASF_CENTRAL = {'pelvis': 'root', 'neck': 'lowerneck', 'head': 'upperneck', 'head top': 'head'}
_SPINE = (
    'spine spinemid spinelow spinehigh spineshoulder shouldercenter chest upperchest lowerback '
    'upperback back abdomen ab torso thorax waist spinenavel spinenaval'
).split()
_CHEST = ('chest', 'upperchest', 'spineshoulder', 'shouldercenter', 'thorax')
_FINGER = re.compile(f'({"|".join(anatomy.FINGERS)})(finger)?([0-9])$')
_MARKERS = {name.lower(): point for name, _, point in ROWS['uiprmd39']}


def pairs(joints: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Returns the (left, right) pairs of joints whose names differ only in the side."""
    return tuple((left, right) for left, right, _ in _pairs(joints))


def points(joints: Sequence[str], parents: Sequence[int]) -> tuple[str, ...]:
    """Returns the point of the body of each joint, '' for none; each point at most once.

    Args:
        joints: names.
        parents: index of each joint's parent, -1 for the root; a tree.
    """
    found = [''] * len(joints)
    paired = _pairs(joints)
    asf = any(word.endswith('femur') for _, _, word in paired)
    for order, side in enumerate(anatomy.SIDES):
        words = {pair[order]: pair[2] for pair in paired}
        fingers = {joint: _FINGER.search(word) for joint, word in words.items()}
        named = {joint: f'{m[1]} {m[3]}' for joint, m in fingers.items() if m}
        words = {joint: word for joint, word in words.items() if joint not in named}
        named |= _matched(words, _ASF_BESIDE if asf else _BESIDE)
        for joint, word in named.items():
            found[joint] = f'{side} {word}'
    beside = {joint for pair in paired for joint in pair[:2]}
    central = {j: _plain(name) for j, name in enumerate(joints) if j not in beside}
    for joint, word in _matched(central, _ASF_CENTRAL if asf else _CENTRAL).items():
        found[joint] = word
    for joint, word in _spine(central, found, parents).items():
        found[joint] = word
    for joint, name in enumerate(joints):
        found[joint] = _MARKERS.get(_plain(name), found[joint])
    return tuple(_once(found))


def _once(found: list[str]) -> Iterator[str]:
    """Replaces unknown and repeated points by ''."""
    seen = set()
    for point in found:
        yield point if point in anatomy.POINTS - seen else ''
        seen.add(point)


def _pairs(joints) -> list[tuple[int, int, str]]:
    """Returns (left, right, their name without the side)."""
    index = {name: joint for joint, name in reversed(list(enumerate(joints)))}
    found, used = [], set()
    for left, name in enumerate(joints):
        for match in (m for pattern in _LEFT for m in pattern.finditer(name)):
            other = name[: match.start()] + _RIGHT.get(match[0], '') + name[match.end() :]
            right = index.get(other)
            if right is not None and not {left, right} & used and left != right:
                used |= {left, right}
                found.append((left, right, _plain(name[: match.start()] + name[match.end() :])))
                break
    return found


def _plain(name: str) -> str:
    return re.sub('[^a-z0-9]', '', name.rpartition(':')[2].lower())


def _matched(words: dict[int, str], table: dict[str, str]) -> dict[int, str]:
    """Assigns to each point of a table the joint with its best name: joint -> point."""
    known = sorted({name for names in table.values() for name in names.split()}, key=len)
    joints: dict[str, int] = {}
    for joint, word in words.items():
        name = _ending(word, known)
        if name:
            joints.setdefault(name, joint)
    found: dict[int, str] = {}
    for point, names in table.items():
        for name in names.split():
            if name in joints:
                found[joints.pop(name)] = point
                break
    return found


def _ending(word: str, known: Sequence[str]) -> str:
    """Returns the longest known name at the end of a word, ignoring trailing digits; or ''."""
    for candidate in (word, word.rstrip('0123456789')):
        fits = [name for name in known if candidate.endswith(name)]
        if fits:
            return max(fits, key=len)
    return ''


def _spine(central: dict[int, str], found: list[str], parents) -> dict[int, str]:
    """Assigns spine, upper spine and chest to the joints of the back, from below."""
    names = {joint: _ending(word, _SPINE) for joint, word in central.items() if not found[joint]}
    start = found.index('pelvis') if 'pelvis' in found else parents.index(-1)
    away = distances(parents, start)
    chain = sorted((joint for joint in names if names[joint]), key=lambda joint: away[joint])
    if len(chain) == 1:
        return {chain[0]: 'chest' if names[chain[0]] in _CHEST else 'spine'}
    return {
        chain[i]: word
        for i, word in ((len(chain) // 2, 'upper spine'), (-1, 'chest'), (0, 'spine'))
        if chain
    }


def distances(parents: Sequence[int], start: int) -> list[int]:
    """Returns the number of bones between one joint and each joint; -1 if not connected."""
    beside: list[list[int]] = [[] for _ in parents]
    for joint, parent in enumerate(parents):
        if parent >= 0:
            beside[joint].append(parent)
            beside[parent].append(joint)
    away = [-1] * len(parents)
    away[start], reached = 0, [start]
    for joint in reached:
        for other in beside[joint]:
            if away[other] < 0:
                away[other] = away[joint] + 1
                reached.append(other)
    return away
