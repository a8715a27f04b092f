"""AMASS files: read as their own body moves, in the right axes; damage told in one line."""

import dataclasses

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.errors import FormatError, InputError
from skeljax.formats import amass, smplh
from skeljax.skeletons import skeleton

FRAMES = 7


def _content(seed: int = 0, **changes) -> dict:
    """Makes what a file of AMASS holds; a change to None leaves a key out."""
    rng = np.random.default_rng(seed)
    content = {
        'poses': rng.normal(0, 0.5, (FRAMES, 156)),
        'trans': rng.normal(0, 1, (FRAMES, 3)),
        'betas': rng.normal(0, 1, 16),
        'gender': np.array('female'),
        'mocap_framerate': np.array(120.0),
        'dmpls': rng.normal(0, 1, (FRAMES, 8)),
    }
    return {name: value for name, value in (content | changes).items() if value is not None}


def _write(folder, content=None, name='KIT/4/walk_poses.npz'):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **(_content() if content is None else content))
    return path


def _told(call, *arguments, error=FormatError) -> str:
    with pytest.raises(error) as caught:
        call(*arguments)
    assert '\n' not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def beside(smplh_folder, tmp_path, monkeypatch):
    """A folder with the body models where a reader finds them."""
    monkeypatch.delenv(amass.MODEL_VARIABLE, raising=False)
    (tmp_path / 'smplh').symlink_to(smplh_folder)
    return tmp_path


def test_a_motion_is_that_of_its_own_body_with_y_up(beside):
    content = _content()
    motion = formats.read(_write(beside / 'amass', content))
    model = smplh.load(beside / 'smplh' / 'female' / 'model.npz')
    points = smplh.forward(
        model, content['poses'], betas=content['betas'], trans=content['trans']
    )[:, :52]
    assert motion.joints.shape == (FRAMES, 1, 52, 3) and motion.joints.dtype == np.float32
    x, y, z = np.moveaxis(motion.joints[:, 0], -1, 0)
    np.testing.assert_allclose(np.stack([x, -z, y], -1), points, atol=1e-5)
    assert motion.valid.shape == (FRAMES, 1) and motion.valid.all() and motion.joint_valid is None
    told = (motion.fps, motion.layout, motion.source, motion.subject)
    assert told == (120.0, 'smplh52', 'walk_poses.npz', 'KIT/4')


def test_the_gender_chooses_the_body(beside):
    female = amass.read(_write(beside, name='a/b/f_poses.npz'))
    for number, text in enumerate((np.array('male'), np.array(b'male'), np.array("b'male'"))):
        content = _content(gender=text)
        male = amass.read(_write(beside, content, f'a/b/{number}_poses.npz'))
        assert np.abs(male.joints - female.joints).max() > 0.01
    assert 'gender is' in _told(amass.read, _write(beside, _content(gender=np.array('robot'))))
    told = _told(amass.read, _write(beside, _content(gender=None)))
    assert 'needs the neutral SMPL-H body model, found none' in told


def test_the_model_is_given_or_named_by_the_environment(
    smplh_folder, tmp_path, monkeypatch
):
    path = _write(tmp_path / 'amass')
    monkeypatch.delenv(amass.MODEL_VARIABLE, raising=False)
    told = _told(amass.read, path)
    assert told.startswith(f'{path}: needs the female SMPL-H body model, found none: set SKELJAX')
    expected = amass.read(path, smplh_folder).joints
    for value in (smplh_folder, smplh_folder / 'female' / 'model.npz'):
        monkeypatch.setenv(amass.MODEL_VARIABLE, str(value))
        np.testing.assert_array_equal(amass.read(path).joints, expected)
    male = amass.read(path, smplh_folder / 'male' / 'model.npz').joints
    assert np.abs(male - expected).max() > 0.01
    monkeypatch.setenv(amass.MODEL_VARIABLE, str(tmp_path / 'none'))
    assert f'{tmp_path / "none"} is or has none: set' in _told(amass.read, path)


def test_more_shape_than_the_model_has_is_refused_and_less_is_not(beside):
    few = amass.read(_write(beside, _content(betas=np.ones(10))))
    padded = amass.read(_write(beside, _content(betas=np.append(np.ones(10), np.zeros(6)))))
    np.testing.assert_array_equal(few.joints, padded.joints)
    path = _write(beside, _content(betas=np.ones(17)))
    told = f'{path}: 17 betas, but the model has 16, expected the extended SMPL+H model'
    assert _told(amass.read, path) == told


@pytest.mark.parametrize(
    ('change', 'expected'),
    [
        ({'poses': None}, "no array 'poses', found betas"),
        ({'poses': np.zeros((FRAMES, 66))}, 'poses have 66 columns, expected 156 of SMPL-H, 165'),
        ({'poses': np.zeros(156)}, 'poses is float64 (156,), expected a table of numbers'),
        ({'poses': np.zeros((0, 156)), 'trans': np.zeros((0, 3))}, '0 poses, but trans is (0, 3)'),
        ({'poses': np.array([['x'] * 156] * FRAMES)}, 'poses is <U1'),
        ({'poses': np.array([{}])}, 'holds Python objects'),
        ({'trans': np.zeros((FRAMES + 1, 3))}, f'{FRAMES} poses, but trans is ({FRAMES + 1}, 3)'),
        ({'trans': np.full((FRAMES, 3), np.nan)}, 'trans, frame 0, column 0 is nan, expected at'),
        ({'trans': np.full((FRAMES, 3), 1e300)}, 'trans, frame 0, column 0 is 1e+300'),
        ({'mocap_framerate': None}, 'no mocap_framerate, expected frames per second'),
        ({'mocap_framerate': np.array(0)}, 'frame rate is 0'),
        ({'mocap_framerate': np.array(np.nan)}, 'frame rate is nan'),
        ({'mocap_framerate': np.array('120')}, 'frame rate is 120'),
        ({'gender': np.array(['male', 'male'])}, 'gender is'),
    ],
)
def test_what_does_not_fit_is_named(beside, change, expected):
    path = _write(beside, _content(**change))
    told = _told(amass.read, path)
    assert told.startswith(f'{path}: ') and expected in told


@pytest.mark.parametrize(('columns', 'body'), [(165, 'SMPL-X'), (72, 'SMPL')])
def test_what_babel_is_made_of_is_smplh_alone(beside, columns, body):
    path = _write(beside, _content(poses=np.zeros((FRAMES, columns))))
    assert f'poses have {columns} columns ({body}), expected 156 of SMPL-H' in _told(
        amass.load, path
    )


def test_the_later_name_of_the_frame_rate_is_read(beside):
    content = _content(mocap_framerate=None, mocap_frame_rate=np.array(100))
    assert amass.read(_write(beside, content)).fps == 100.0


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_in_one_line(smplh_folder, tmp_path_factory, data):
    path = _write(tmp_path_factory.getbasetemp() / 'damaged')
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        # Mostly in the headers and the directory, where damage has more to break.
        place = data.draw(st.integers(0, 300) | st.integers(-500, -1))
        whole[place] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))])
    try:
        motion = amass.read(path, smplh_folder)
    except FormatError as error:
        assert str(error).startswith(f'{path}: ') and '\n' not in str(error)
    else:
        assert np.isfinite(motion.joints).all() and motion.fps > 0


# From 120 frames a second to 30, as the published scripts do it.


def _published(frames: int, fps: float) -> list[int]:
    if fps % 30 == 0:
        return list(range(0, frames, int(fps / 30)))
    within = [int(np.floor(fps / 30 * n)) for n in range(30)]
    seconds = range(int(frames / fps) + 1)
    return [i for s in seconds for w in within if (i := s * int(fps) + w) < frames]


@pytest.mark.parametrize('fps', [30.0, 60.0, 100.0, 120.0, 150.0, 250.0])
@pytest.mark.parametrize('frames', [1, 2, 59, 60, 61, 119, 1000, 1234])
def test_frames_are_picked_as_published(fps, frames):
    assert amass.resampled(frames, fps).tolist() == _published(frames, fps)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5000), st.floats(30, 500))
def test_a_picked_frame_is_the_last_one_before_its_time(frames, fps):
    picked = amass.resampled(frames, fps)
    late = np.arange(len(picked)) / 30 - picked / fps
    assert late.min() > -1e-6 and late.max() < 1 / fps + 1e-6
    assert picked[-1] < frames <= picked[-1] + fps / 30 + 1 and len(picked) >= 1


def test_a_rate_below_the_one_wanted_is_refused():
    told = _told(amass.resampled, 10, 25.0, error=InputError)
    assert told == '25 frames per second, expected at least 30'


@pytest.mark.parametrize(
    ('file', 'expected'),
    [
        ('KIT/4/WalkInClockwiseCircle10_poses.npz', 'KIT/4'),
        ('ACCAD/Female1Running_c3d/C5 - walk to run_poses.npz', 'ACCAD/Female1'),
        ('ACCAD/Male2MartialArtsStances_c3d/D7 - walk to bow_poses.npz', 'ACCAD/Male2'),
        ('ACCAD/MartialArtsWalksTurns_c3d/E1_poses.npz', 'ACCAD/MartialArtsWalksTurns_c3d'),
        ('DanceDB/20120731_StefanosTheodorou/x_poses.npz', 'DanceDB/StefanosTheodorou'),
        ('Transitions_mocap/mazen_c3d/x_poses.npz', 'Transitions_mocap/mazen_c3d'),
        ('4/x_poses.npz', '4'),
        ('x_poses.npz', ''),
    ],
)
def test_one_persons_folders_are_one_subject(file, expected):
    assert amass.subject(file) == expected


def test_a_dataset_is_found_under_its_old_and_its_new_name(tmp_path):
    old, new = 'BioMotionLab_NTroje/rub001/a_poses.npz', 'BMLrub/rub002/b_poses.npz'
    for name in (old, new):
        _write(tmp_path, name=name)
    assert amass.locate(tmp_path, old) == tmp_path / old
    assert amass.locate(tmp_path, new.replace('BMLrub', 'BioMotionLab_NTroje')) == tmp_path / new
    assert amass.locate(tmp_path, 'CMU/01/01_01_poses.npz') is None


# Names.


def test_the_layout_has_the_tree_of_the_model():
    assert skeleton.get(amass.LAYOUT).parents == smplh.PARENTS


def test_ntu25_takes_index_tips_for_hand_tips_and_as_published_thumbs():
    names = dict(enumerate(smplh.LANDMARKS, smplh.JOINTS))
    layout = skeleton.get('ntu25')
    ends = ('HandTipLeft', 'ThumbLeft', 'HandTipRight', 'ThumbRight')
    tips = [layout.joints.index(name) for name in ends]
    own = [names[amass.NTU25[tip]] for tip in tips]
    published = [names[amass.NTU25_PUBLISHED[tip]] for tip in tips]
    assert own == ['left_index', 'left_thumb', 'right_index', 'right_thumb']
    assert published == ['left_thumb', 'left_index', 'right_thumb', 'right_index']
    # The others by number, from the published index list.
    body = (0, 3, 12, 15, 16, 18, 20, 22, 17, 19, 21, 37, 1, 4, 7, 10, 2, 5, 8, 11, 9)
    assert amass.NTU25[:21] == body and amass.NTU25_PUBLISHED == (*body, 63, 64, 68, 69)
    # Mirrored joints of ntu25 are mirrored in the tree of the model: left precedes right.
    for left, right in layout.mirror[:8]:
        assert amass.NTU25[left] < amass.NTU25[right]


def test_a_capture_holds_what_the_file_holds(tmp_path):
    content = _content()
    capture = amass.load(_write(tmp_path, content))
    for field in dataclasses.fields(capture):
        key = 'mocap_framerate' if field.name == 'fps' else field.name
        np.testing.assert_array_equal(getattr(capture, field.name), content[key])
