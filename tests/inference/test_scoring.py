"""Scoring a split: what several processes share."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from skeljax.inference import scoring
from skeljax.train import cluster


@pytest.mark.parametrize(('recordings', 'processes'), [(7, 3), (2, 3), (6, 1)])
def test_processes_score_every_recording_once_and_get_all(monkeypatch, recordings, processes):
    corpus = [SimpleNamespace(name=f'r{i}', place=i) for i in range(recordings)]
    scored, parts = [], {}

    def probabilities(model, variables, recording):
        scored.append(recording.name)
        return np.full((recording.place + 1, 2), recording.place, np.float32)

    def gather(value):  # what the others said is known from the second round on
        parts[jax.process_index()] = value
        return list(parts.values())

    monkeypatch.setattr(scoring, 'probabilities', probabilities)
    monkeypatch.setattr(cluster, 'gather', gather)
    monkeypatch.setattr(jax, 'process_count', lambda: processes)
    for index in reversed(range(processes)):
        monkeypatch.setattr(jax, 'process_index', lambda index=index: index)
        if index:
            with pytest.raises(KeyError):  # of the first, which has not spoken yet
                scoring.corpus_probabilities(None, {}, corpus)
        else:
            found = scoring.corpus_probabilities(None, {}, corpus)
    assert sorted(scored) == sorted(r.name for r in corpus)
    assert list(found) == [r.name for r in corpus]
    for recording in corpus:
        scores = found[recording.name]
        assert (scores == recording.place).all() and len(scores) == recording.place + 1
