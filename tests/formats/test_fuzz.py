"""Every reader on changed files: read soundly, or refused in one line; never anything else.

    python -m pytest -m slow -s tests/formats/test_fuzz.py        (a hundred thousand inputs each)
    SKELJAX_FUZZ=1000 python -m pytest -m slow -s tests/formats/test_fuzz.py
"""

import os
from pathlib import Path
import tempfile

from hypothesis import HealthCheck, Phase, given, settings, strategies as st
import pytest

from tests.formats import fuzz, seeds

_MANY = int(os.environ.get('SKELJAX_FUZZ', 100_000))
_SHARED_MEMORY = Path('/dev/shm')
KINDS = seeds.all_kinds()
# Warnings would be errors here and nowhere else; c3d warns of what it corrects.
pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')


def _fuzz(kind: str, count: int, phases) -> tuple[int, int]:
    """Reads so many mutations; returns how many there were and how many were read."""
    seed, tried = KINDS[kind], [0, 0]
    place = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        for name, content in seed.beside.items():
            (Path(folder) / name).write_bytes(content)
        path = Path(folder) / seed.name

        @settings(max_examples=count, phases=phases, database=None, deadline=None,
                  suppress_health_check=list(HealthCheck))
        @given(number=st.integers(0, 2**64 - 1))
        def mutated(number):
            whole = seed.whole[number % len(seed.whole)]
            tried[0] += 1
            tried[1] += fuzz.attempt(
                seed.read, path, fuzz.mutate(whole, number, binary=seed.binary)
            )

        mutated()
    return tried


@pytest.mark.parametrize('kind', KINDS)
def test_what_is_sound_is_read(kind, tmp_path):
    seed = KINDS[kind]
    for name, content in seed.beside.items():
        (tmp_path / name).write_bytes(content)
    for whole in seed.whole:
        assert fuzz.attempt(seed.read, tmp_path / seed.name, whole)


@pytest.mark.parametrize('kind', KINDS)
def test_some_changed_files(kind):
    _fuzz(kind, 40, (Phase.generate,))


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
def test_a_hundred_thousand_changed_files(kind):
    count, read = _fuzz(kind, _MANY, (Phase.generate,))
    assert count >= _MANY
    print(f'{kind}: {count} changed files, {read} read soundly, {count - read} refused in a line')


# Kind -> the numbers of mutations that once made a reader fail in another way.
FAILED: dict[str, tuple[int, ...]] = {'npz': (17880,)}


@pytest.mark.parametrize('kind', FAILED)
def test_what_once_failed(kind, tmp_path):
    seed = KINDS[kind]
    for name, content in seed.beside.items():
        (tmp_path / name).write_bytes(content)
    for number in FAILED[kind]:
        whole = seed.whole[number % len(seed.whole)]
        fuzz.attempt(
            seed.read, tmp_path / seed.name, fuzz.mutate(whole, number, binary=seed.binary)
        )
