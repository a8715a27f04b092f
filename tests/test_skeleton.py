import dataclasses

import pytest

from skeljax import skeleton
from skeljax.errors import InputError


@pytest.fixture(params=sorted(skeleton.LAYOUTS))
def layout(request):
    return skeleton.get(request.param)


def test_the_bones_are_one_tree(layout):
    assert len(layout.parents) == layout.num_joints == len(set(layout.joints))
    assert layout.parents.count(-1) == 1 and len(layout.bones) == layout.num_joints - 1
    for joint in range(layout.num_joints):
        seen = set()
        while joint >= 0:
            assert joint not in seen
            seen.add(joint)
            joint = layout.parents[joint]


def test_parts_hold_every_joint_once(layout):
    assert sorted(j for part in layout.parts for j in part) == list(range(layout.num_joints))


def test_mirror_pairs_are_named_left_and_right(layout):
    for left, right in layout.mirror:
        names = layout.joints[left], layout.joints[right]
        sides = ('Left', 'Right') if 'Left' in names[0] else ('L', 'R')
        assert names[0].replace(*sides, 1) == names[1]
    paired = {j for pair in layout.mirror for j in pair}
    limbs = {j for part in layout.parts[1:] for j in part}
    assert limbs == paired


def test_ntu_edges_are_the_published_ones():
    published = (
        '1 2, 2 21, 3 21, 4 3, 5 21, 6 5, 7 6, 8 7, 9 21, 10 9, 11 10, 12 11, 13 1, 14 13, 15 14, '
        '16 15, 17 1, 18 17, 19 18, 20 19, 22 23, 23 8, 24 25, 25 12'
    )
    edges = {tuple(int(n) - 1 for n in pair.split()) for pair in published.split(', ')}
    assert {(child, parent) for parent, child in skeleton.get('ntu25').bones} == edges


def test_an_unknown_layout_is_named():
    with pytest.raises(InputError, match="unknown joint layout 'coco17', known: ntu25"):
        skeleton.get('coco17')


def test_a_described_layout_is_found_again(layout):
    assert skeleton.describe(layout) == layout.name
    own = dataclasses.replace(layout, name='of a file')
    text = skeleton.describe(own)
    assert text != own.name and skeleton.get(text) == own


@pytest.mark.parametrize('text', ['{', '{"name": "x"}', '{"name": "x", "colour": 1}'])
def test_a_damaged_description_is_told(text):
    with pytest.raises(InputError, match='damaged description'):
        skeleton.get(text)
