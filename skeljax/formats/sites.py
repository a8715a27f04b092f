"""The positions of known markers on the body.

Known are the names of Plug-in Gait and Helen Hayes (Vicon, Cortex), of Motive's sets
(OptiTrack), of OpenCap's and Pose2Sim's augmented markers, of Qualisys' and the sets of
IOR and HBM. Markers are known by the front of the pelvis:
every such set has it on both sides, and no pose estimator has.
"""

from collections.abc import Sequence
import re

# Site -> names, lower case, without the side and what separates words; {} is where the side
# stands within a name. The first that is there is taken.
_BESIDE = {
    'front pelvis': 'asis asi waist{}front ias',
    'back pelvis': 'psis psi waist{}back ips',
    'hip center': 'hjc',
    'trochanter': 'gtro gtr ftc trochanter',
    'thigh': 'thi thigh thigh1',
    'knee': 'kne knee kneeout kneelat kneelateral latknee fle lek',
    'knee inside': 'mkne mknee kneemed kneemedial medknee kneein fme mek',
    'shank': 'tib shin shank shank1 sh1',
    'ankle': 'ank ankle ankleout anklat anklelateral lmal fal latankle lm',
    'ankle inside': 'mank mankle ankmed anklemed anklemedial anklein mmal tam medankle mm',
    'heel': 'hee heel calc fcc ca',
    'toe': 'toe toetip fm2 mt2 toein',
    'small toe': 'mt5 fm5 5meta toeout fmh vm',
    'shoulder': 'sho shoulder acr acromion sae shouldertop acro',
    'upper arm': 'upa uarm uarmhigh',
    'elbow': 'elb elbow elbowout elblat elbowlat lelbow hle lee',
    'elbow inside': 'melb melbow elbmed elbowmed elbowin medelbow hme mee',
    'forearm': 'frm farm',
    'wrist': 'wra wristradius wristin wristrad lwrist rsp lw',
    'wrist outside': 'wrb wristulna wristout wristuln mwrist usp mw',
    'hand': 'fin handout hand hm2',
    'front head': 'fhd',
    'back head': 'bhd',
    'back': 'bak',
}
_CENTRAL = {
    'sacrum': 'sacr sacrum vsacral vsacr s1',
    'neck': 'c7 cv7 backtop',
    'back': 't10 tv10',
    'throat': 'clav clavicle ij sjn',
    'sternum': 'strn sternum sxs xyph px chest',
    'head top': 'headtop thead',
    'head front': 'headfront fhead',
}
# Sites whose joints the library has words for (`skeljax.skeletons.anatomy`), where they differ.
_POINTS = {
    'hip center': 'hip', 'wrist': 'inner wrist', 'wrist outside': 'outer wrist',
    'head front': '', 'trochanter': '', 'knee inside': '', 'ankle inside': '',
    'elbow inside': '', 'sacrum': '',
}
_SETS = (
    ('Plug-in Gait', 'lasi rasi lpsi rpsi lkne lank'),
    ('Helen Hayes', 'lasi rasi sacr lkne lank'),
    ('Helen Hayes', 'lasis rasis vsacral lkneelat lanklelat'),
    ('Motive', 'waistlfront waistrfront waistlback waistrback'),
    ('OpenCap', 'lasisstudy rasisstudy lkneestudy rkneestudy'),
    ('Qualisys', 'lias rias lips rips'),
)


def sites(names: Sequence[str]) -> dict[str, int]:
    """Finds where markers are: site -> index; none if the names are of no marker set.

    Args:
        names: of points, of one subject.

    Returns:
        Sites as `left knee`, `right knee inside` or `sacrum`.
    """
    plain = [_plain(name) for name in names]
    # What OpenCap computes bears `_study`; the points that it comes from do not.
    place = {name: index for index, name in reversed(list(enumerate(plain)))}
    place |= {name.removesuffix('study'): i for name, i in place.items() if name.endswith('study')}
    found: dict[str, int] = {}
    for site, written in _BESIDE.items():
        for side in ('left', 'right'):
            if (index := _first(place, written, side)) is not None:
                found[f'{side} {site}'] = index
    for site, written in _CENTRAL.items():
        if (index := _first(place, written, '')) is not None:
            found[site] = index
    if not {'left front pelvis', 'right front pelvis'} <= found.keys():
        return {}
    return found


def points(names: Sequence[str]) -> dict[int, str]:
    """Returns the point of the body (`skeljax.skeletons.anatomy`) at a marker of a known set."""
    found: dict[int, str] = {}
    taken = set()
    for site, index in sites(names).items():
        side, _, word = ('', '', site) if site in _CENTRAL else site.partition(' ')
        point = f'{side} {_POINTS.get(word, word)}'.strip() if _POINTS.get(word, word) else ''
        if index not in found and (not point or point not in taken):
            found[index] = point
            taken.add(point)
    return found


def marker_set(names: Sequence[str]) -> str:
    """Names the marker set that these are of, '' if it is none that is known."""
    plain = {_plain(name) for name in names}
    known = (title for title, needed in _SETS if plain >= set(needed.split()))
    return next(known, 'another set' if sites(names) else '')


def _first(place: dict[str, int], written: str, side: str) -> int | None:
    """Returns the first of a site's names; of a side in any way that it is written."""
    for name in written.split():
        shown = [name]
        if side and '{}' in name:
            shown = [name.format(side[0]), name.format(side)]
        elif side:
            marks = (side[0], side)
            shown = [f'{s}{name}' for s in marks] + [f'{name}{s}' for s in marks]
        for text in shown:
            if text in place:
                return place[text]
    return None


def _plain(name: str) -> str:
    return re.sub(r'[\W_]', '', name.rpartition(':')[2]).lower()
