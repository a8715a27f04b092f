"""The benchmark of decoders, on probabilities made of the truth and noise."""

import itertools

import numpy as np
import pytest

from benchmarks import decoding, decoding_motion, decoding_pictures
from skeljax.data.corpus import Corpus
from skeljax.inference.evaluation import Scored
from skeljax.localize.segments import from_frame_labels
from skeljax.localize.sequence import SequenceDecoder


@pytest.fixture(scope='module')
def found(tiny):
    corpus = Corpus(tiny, 'synthetic/tiny', 'test')
    rng, probabilities = np.random.default_rng(0), {}
    for index, recording in enumerate(corpus):
        labels = corpus.labels(index)
        logits = rng.normal(0, 1.5, (len(labels), len(corpus.classes) + 1))
        logits[np.arange(len(labels)), labels] += 2
        weights = np.exp(logits)
        probabilities[recording.name] = weights / weights.sum(1, keepdims=True)
    decoder = SequenceDecoder(fps=corpus.fps, gap=0.9)
    return Scored(corpus, probabilities, (0.5,), [], None, decoder)


def test_every_decoder_is_measured_on_the_same_scores(found, tiny):
    rows = decoding.measure(found, tiny)
    assert {len(row) for row in rows.values()} == {len(decoding.COLUMNS)}
    column = decoding.COLUMNS.index('segments / true')
    assert rows[decoding.RUNS][column] > 2 > rows[decoding.FITTED][column]
    f1 = decoding.COLUMNS.index('F1@50')
    assert rows[decoding.FITTED][f1] > rows[decoding.RUNS][f1]
    averages = decoding.averaged({'a': rows, 'b': rows})
    assert averages[decoding.FITTED]['mean'] == pytest.approx(rows[decoding.FITTED], nan_ok=True)
    lines = decoding.text('corpus', averages, 2).splitlines()
    assert lines[0] == '**corpus**, mean of 2 runs'
    assert all(line.count('|') == len(decoding.COLUMNS) + 2 for line in lines[2:])


def test_pictures_show_three_recordings(found, tmp_path):
    paths = decoding_pictures.draw(found, {'fitted': found.sequence}, tmp_path)
    numbers = range(1, len(paths) + 1)
    assert [path.name for path in paths] == [f'synthetic-tiny-{n}.png' for n in numbers]
    assert 0 < len(paths) <= decoding_pictures.RECORDINGS
    assert all(path.read_bytes().startswith(b'\x89PNG') for path in paths)


def test_the_path_of_one_penalty_is_the_best_of_all_paths():
    rng = np.random.default_rng(1)
    weights = rng.random((6, 3)) ** 3
    probabilities = weights / weights.sum(1, keepdims=True)
    for penalty in (0.1, 0.7, 2.0):
        score = lambda path: (
            np.log(probabilities[np.arange(6), path]).sum()
            - penalty * np.count_nonzero(np.diff(path))
        )
        best = max(itertools.product(range(3), repeat=6), key=score)
        expected = from_frame_labels(np.array(best), 2)
        segments = decoding.penalized_path(probabilities, penalty=penalty)
        assert segments.start.tolist() == expected.start.tolist()
        assert segments.label.tolist() == expected.label.tolist()


def test_a_change_moves_to_where_motion_is_least():
    probabilities = np.full((60, 3), 0.02)
    probabilities[:27, 0] = probabilities[33:, 1] = 0.96
    probabilities[27:33, :2] = 0.49  # nothing but motion says where it changes
    motion = np.ones(60)
    motion[31] = 0
    decoder = SequenceDecoder(fps=30.0, gap=0.1)
    found = decoding_motion.on_motion(decoder, probabilities, motion)
    assert found.start.tolist() == [0, 31] and found.end.tolist() == [31, 60]
    assert len(decoding_motion.unrefined(decoder, probabilities)) == 2
