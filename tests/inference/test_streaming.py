"""Streams: frames one by one give what a recording of them gives, in windows of the same size."""

import numpy as np
import pytest

from skeljax.data import records, timing
from skeljax.errors import InputError
from skeljax.formats.motion import Motion
from skeljax.inference import adapt, run_loader, scoring, streaming, windowing
from skeljax.inference.predictor import Model
from skeljax.localize import decoder_config, decoders
from skeljax.localize.fixed_lag import FixedLag
from skeljax.localize.segments import concatenate
from skeljax.localize.sequence import SequenceDecoder
from skeljax.train import compilations
from tests import untrained

V = 25
WINDOW = windowing.Window(64, 8, 16)
# So that the scores of a network that has learned nothing change class now and then.
DECODER = SequenceDecoder(
    log_mean=(-1.0,) * 4, log_std=(0.5,) * 4, weight=30.0, floor=1e-3, penalty=-2.0
)


@pytest.fixture(scope='module')
def ready(tmp_path_factory):
    return run_loader.load(untrained.make(tmp_path_factory.mktemp('runs') / 'tuned'))


def moving(frames, persons=1, fps=30.0, seed=0, absent=()):
    """Makes a recording of bodies that stand, turn and walk; `absent` frames show nobody."""
    rng = np.random.default_rng(seed)
    pose = rng.uniform(0, 1.7, (1, persons, V, 3))
    pose[..., 1] = np.linspace(0, 1.7, V)
    step = rng.normal(0, 0.05, (frames, persons, 1, 3)).cumsum(0)
    sway = rng.normal(0, 0.02, (frames, persons, V, 3)).cumsum(0)
    joints = (pose + step + sway).astype(np.float32)
    valid = np.ones((frames, persons), bool)
    valid[[frame for frame in absent if frame < frames]] = False
    valid[: frames // 4, 1:] = False
    joints[~valid] = 0
    return records.from_motion(Motion(joints, fps, 'ntu25', valid), name='a')


def frames_of(recording):
    """Lists frames as a stream has them: nan for who is not there."""
    return list(np.where(recording.person_valid[..., None, None], recording.joints, np.nan))


@pytest.mark.parametrize('frames, persons, absent', [
    (1, 1, ()), (23, 1, ()), (24, 1, ()), (150, 2, ()), (201, 1, (*range(3), *range(70, 110))),
])
def test_scores_of_a_stream_are_those_of_the_recording(ready, frames, persons, absent):
    of = moving(frames, persons, absent=absent)
    stream = streaming.StreamScorer(ready, WINDOW, 'ntu25', persons)
    with compilations.counted() as later:
        parts = [stream.push(frame) for frame in frames_of(of)]
    # What is final lies `ahead` frames behind, in steps of `hop`.
    known = np.cumsum([len(part) for part in parts])
    count = np.arange(1, frames + 1)
    assert known.tolist() == (np.maximum(count - 16, 0) // 8 * 8).tolist()
    found = np.concatenate([*parts, stream.finish()])
    assert not later
    np.testing.assert_allclose(found, streaming.frame_scores(ready, of, WINDOW), atol=1e-6)


def test_a_window_as_long_as_the_recording_is_the_recording(ready):
    of = moving(60)
    found = streaming.frame_scores(ready, of, windowing.Window(64, 60, 4))
    np.testing.assert_allclose(found, adapt.frame_scores(ready, of), atol=1e-6)


def test_a_body_is_turned_as_it_first_stood_and_not_in_each_window(ready):
    """Later windows are normalized as in the whole recording: body size is the same."""
    of = moving(300)
    body = of.joints[:1] - of.joints[:1, :, :1]
    of.joints[:] = body + np.linspace(0, 3, 300)[:, None, None, None]
    of.joints[150:] @= np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)  # lies down
    whole = adapt.prepare(ready, of)
    seen = windowing.select_frames(of, np.r_[:64, 180:240])
    found = streaming.normalize_window(streaming.normalizer(ready), seen, 64, 64)
    np.testing.assert_allclose(found['joints'][:60], whole.joints[180:240], atol=1e-4)
    assert found['mask'].sum() == 60


def test_segments_are_those_of_the_decoder_on_the_final_scores(ready):
    of, runs = moving(300), decoders.HysteresisDecoder(threshold=0.26, keep=0.98, min_frames=2)
    scores = streaming.frame_scores(ready, of, WINDOW)
    expected = decoders.hysteresis_runs(scores, threshold=0.26, keep=0.98, min_frames=2)
    stream = streaming.Stream(ready, WINDOW, fps=30.0, layout='ntu25', runs=runs)
    parts = []
    for count, frame in enumerate(frames_of(of), 1):
        parts.append(stream.push(frame))
        # Whatever ended so long ago was told before.
        told = sum(map(len, parts))
        assert told == (expected.end < (count - 16) // 8 * 8).sum()
    found = concatenate([*parts, stream.finish()])
    assert len(found) > 2
    assert found.start.tolist() == expected.start.tolist()
    assert found.end.tolist() == expected.end.tolist()
    assert found.label.tolist() == expected.label.tolist()
    np.testing.assert_allclose(found.score, expected.score, atol=1e-6)


def test_the_sequence_decoder_finds_in_a_stream_what_it_finds_in_the_scores(ready):
    of, model = moving(300), Model(ready, decoder_config.from_sequence(DECODER), {})
    scores = streaming.frame_scores(ready, of, WINDOW)
    for lag in (1.0, 10.0):  # seconds; the recording has 10
        stream = streaming.Stream(model, WINDOW, fps=30.0, layout='ntu25', lag=lag)
        parts = [stream.push(frame) for frame in frames_of(of)]
        found = concatenate([*parts, stream.finish()])
        whole = FixedLag(DECODER, lag)
        expected = concatenate([whole.push(scores), whole.finish()])
        assert len(found) > 5 and found.start.tolist() == expected.start.tolist()
        assert found.end.tolist() == expected.end.tolist()
        assert found.label.tolist() == expected.label.tolist()
        np.testing.assert_allclose(found.score, expected.score, atol=1e-5)
        assert any(map(len, parts)) == (lag == 1)
        # 24 frames of the window, a lag of steps of 3 frames, and a tenth of it.
        assert stream.delay == pytest.approx(0.8 + lag * 1.1)
        for count, part in enumerate(parts, 1):
            assert all(count - part.end <= 30 * stream.delay + 1)
    assert found.start.tolist() == DECODER(scores).start.tolist()


def test_what_decodes_a_stream_is_the_model_s_decoder(ready):
    given = dict(fps=30.0, layout='ntu25')
    runs = Model(ready, decoder_config.make('segmentation', 'hysteresis', thresholds=[0.3]), {})
    assert streaming.stream_decoder(runs) == decoders.HysteresisDecoder(threshold=0.3)
    babel = Model(ready, decoder_config.make('babel'), {})
    assert streaming.stream_decoder(babel) == decoders.HysteresisDecoder()
    with pytest.raises(InputError, match='a lag of 2 seconds: the model has no sequence decoder'):
        streaming.Stream(runs, WINDOW, lag=2.0, **given)
    own = Model(ready, decoder_config.from_sequence(DECODER, min_score=0.4), {})
    low, high = (
        [stream.push(frame) for frame in frames_of(moving(90))] and stream.finish().score
        for stream in (
            streaming.Stream(own, WINDOW, lag=9.0, min_score=least, **given)
            for least in (0.0, None)
        )
    )
    assert high.tolist() == low[low >= 0.4].tolist() != low.tolist()
    assert isinstance(streaming.stream_decoder(ready), FixedLag)  # with default durations


@pytest.mark.parametrize(
    'fps, wanted', [(25.0, 30.0), (60.0, 30.0), (100.0, 30.0), (30.0, 30.0), (29.97, 30.0)]
)
def test_another_rate_is_resampled_as_a_recording_is(fps, wanted):
    for frames in (1, 2, 50, 51):
        of = moving(frames, 2, fps, absent=range(20, 23))
        expected = timing.resample(of, wanted)
        rate = streaming.StreamResampler(fps, wanted)
        found = [made for frame in frames_of(of) for made in rate.push(frame)] + rate.finish()
        assert len(found) == len(expected.joints)
        there = ~np.isnan(np.stack(found)).any((-1, -2))
        np.testing.assert_array_equal(there, expected.person_valid)
        np.testing.assert_allclose(np.nan_to_num(np.stack(found)), expected.joints, atol=1e-5)


@pytest.mark.parametrize('fps', [60.0, 25.0, 50.0, 30.0])
def test_ends_are_told_in_frames_as_they_came(fps):
    rate = streaming.StreamResampler(fps, 30.0)
    for _ in range(101):
        rate.push(np.zeros((1, V, 3), np.float32))
    shown = np.round(np.arange(101) * (30 / fps))  # by each frame: the nearest at 30 a second
    for frame in range(21):
        assert shown[rate.source(frame)] >= frame > (shown[rate.source(frame) - 1] if frame else -1)


def test_joints_that_were_not_measured_do_not_end_a_stream(ready):
    stream = streaming.StreamScorer(ready, WINDOW, 'ntu25')
    frames = frames_of(moving(80))
    frames[5][0, 3] = np.nan
    frames[40][0, :20] = np.nan
    found = np.concatenate([*(stream.push(frame) for frame in frames), stream.finish()])
    assert found.shape == (80, 4) and np.isfinite(found).all()


def test_what_is_kept_does_not_grow(ready, monkeypatch):
    fake = lambda model, variables, joints, mask: np.zeros((*joints.shape[:2], 4), np.float32)
    monkeypatch.setattr(scoring, 'clip_probabilities', fake)
    stream = streaming.StreamScorer(ready, WINDOW, 'ntu25')
    (frame,) = frames_of(moving(1))
    for _ in range(500):
        stream.push(frame)
    assert len(stream._recent) == 64 and len(stream._reference) == streaming.REFERENCE_FRAMES


def test_what_cannot_be_streamed_is_told(ready):
    with pytest.raises(InputError, match='frame rate is 0, expected a positive number'):
        streaming.Stream(ready, fps=0.0, layout='ntu25')
    with pytest.raises(InputError, match='a window of 64 frames that moves by 60'):
        streaming.StreamScorer(ready, windowing.Window(64, 60, 16), 'ntu25')
    with pytest.raises(InputError, match=r'a frame is \(25, 3\), expected \(1, 25, 3\)'):
        streaming.Stream(ready, WINDOW, fps=30.0, layout='ntu25').push(np.zeros((V, 3), np.float32))
    with ready.config.unlocked():
        clips = ready._replace(config=ready.config.copy_and_resolve_references())
        clips.config.data.normalization = ('crossclr',)
    with pytest.raises(InputError, match='makes 50 frames of 64: a model for clips'):
        streaming.StreamScorer(clips, WINDOW, 'ntu25')
