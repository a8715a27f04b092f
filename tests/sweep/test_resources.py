import pytest

from skeljax.errors import InputError
from skeljax.sweep import resources


@pytest.mark.parametrize(
    ('jobs', 'expected'),
    [
        (None, [(0,), (1,), (4,), (5,), (6,)]),
        (2, [(0, 1), (4, 5, 6)]),
        (1, [(0, 1, 4, 5, 6)]),
        (7, [(0,), (1,), (4,), (5,), (6,), (0,), (1,)]),
    ],
)
def test_cores_are_dealt_in_blocks(jobs, expected):
    made = resources.make(jobs, [0, 1, 4, 5, 6], [], False)
    assert [slot.cores for slot in made] == expected
    assert not any(slot.environment for slot in made)


def test_each_job_has_a_gpu_and_its_part_of_a_shared_one():
    made = resources.make(None, [0, 1, 2, 3], ['0', '3'], False)
    assert [slot.environment for slot in made] == [
        {'CUDA_VISIBLE_DEVICES': '0'}, {'CUDA_VISIBLE_DEVICES': '3'}
    ]
    assert [slot.cores for slot in made] == [(0, 1), (2, 3)]
    shared = resources.make(4, [0], ['0', '3'], False)
    assert [s.environment['CUDA_VISIBLE_DEVICES'] for s in shared] == ['0', '3', '0', '3']
    assert shared[0].environment['XLA_PYTHON_CLIENT_MEM_FRACTION'] == '0.450'


def test_a_tpu_has_one_job():
    (slot,) = resources.make(None, [0, 1], [], True)
    assert slot.cores == (0, 1)
    with pytest.raises(InputError, match='--jobs 2: only one process can use a TPU'):
        resources.make(2, [0, 1], [], True)


def test_no_jobs_are_refused_and_unknown_cores_are_left_alone():
    with pytest.raises(InputError, match='--jobs 0'):
        resources.make(0, [0], [], False)
    assert [slot.cores for slot in resources.make(2, [], [], False)] == [(), ()]


def test_devices_are_found_without_jax(tmp_path, monkeypatch):
    for name in ('nvidia10', 'nvidia2', 'nvidiactl', 'accel0'):
        (tmp_path / name).touch()
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    assert resources._gpus(tmp_path) == ['2', '10'] and resources._tpu(tmp_path)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', 'GPU-a,GPU-b')
    assert resources._gpus(tmp_path) == ['GPU-a', 'GPU-b']
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    assert resources._gpus(tmp_path) == []
