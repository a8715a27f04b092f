"""launch/tpu_vm.sh and launch/queued.sh: the exact calls of gcloud, and what is never touched."""

import shlex
import subprocess
import tarfile

import pytest

WHERE = ['--zone=us-east5-b', '--project=mine']
PLACE = ['--name', 'pod', '--zone', 'us-east5-b', '--project', 'mine']
KIND = ['--type', 'v5litepod-16', '--version', 'v2-alpha-tpuv5-lite']
AWKWARD = ['--workdir', 'a b', "--config.data.unlabeled=('x', \"y\")", '$HOME', '*', 'é\n', '']
TPU = ['gcloud', 'compute', 'tpus', 'tpu-vm']
QUEUE = ['gcloud', 'compute', 'tpus', 'queued-resources']
ACTIVE = dict(match='queued-resources describe', out='ACTIVE', stay=True)
READY = dict(match='tpu-vm describe', out='READY', stay=True)
ABSENT = dict(match='queued-resources describe', err='ERROR: NOT_FOUND: no such\n', status=1)


def _state(name):
    return dict(match='queued-resources describe', out=name)


def _run(status):
    """The end of a run, not of the unpacking before it."""
    return dict(match='on_worker.sh', status=status)


def test_create_asks_for_just_that(cloud):
    done = cloud.run('tpu_vm.sh', 'create', *PLACE, *KIND, '--spot', '--flag=--labels=a=b c')
    assert done.returncode == 0, done.stderr
    assert cloud.calls() == [
        [*TPU, 'create', 'pod', '--accelerator-type=v5litepod-16',
         '--version=v2-alpha-tpuv5-lite', *WHERE, '--spot', '--labels=a=b c'],
    ]


def test_options_may_be_one_word_and_the_project_gclouds_own(cloud):
    words = ['--name=pod', '--zone=us-east5-b', '--type=v6e-8', '--version=v']
    cloud.run('tpu_vm.sh', 'create', *words)
    assert cloud.calls() == [
        [*TPU, 'create', 'pod', '--accelerator-type=v6e-8', '--version=v', '--zone=us-east5-b'],
    ]


@pytest.mark.parametrize(
    ('script', 'words', 'said'),
    [
        ('tpu_vm.sh', [], 'no action'),
        ('tpu_vm.sh', ['reboot'], 'unknown action reboot'),
        ('tpu_vm.sh', ['create', '--zone=z', '--type=t', '--version=v'], '--name is missing'),
        ('tpu_vm.sh', ['create', '--name=n', *KIND], '--zone is missing'),
        ('tpu_vm.sh', ['create', '--name=n', '--zone=z', '--version=v'], '--type is missing'),
        ('tpu_vm.sh', ['create', '--name=n', '--zone=z', '--type=t'], '--version is missing'),
        ('tpu_vm.sh', ['create', '--zone=z', '--name'], '--name needs a value'),
        ('tpu_vm.sh', ['create', *PLACE, *KIND, '--sopt'], 'unknown option --sopt'),
        ('tpu_vm.sh', ['run', *PLACE], 'no verb to run'),
        ('tpu_vm.sh', ['delete', *PLACE, 'other'], "delete takes no 'other'"),
        ('tpu_vm.sh', ['delete', '--name=--all', '--zone=z', '--yes'], "--name is '--all'"),
        ('tpu_vm.sh', ['delete', '--name=a b', '--zone=z', '--yes'], "--name is 'a b'"),
        ('tpu_vm.sh', ['delete', '--name=pod*', '--zone=z', '--yes'], "--name is 'pod*'"),
        ('tpu_vm.sh', ['logs', *PLACE, '--lines', 'many'], "--lines is 'many'"),
        ('queued.sh', ['pretrain'], '--name is missing'),
        ('queued.sh', [*PLACE, '--type=t', 'pretrain'], '--version is missing'),
        ('queued.sh', [*PLACE, *KIND], 'no verb to run'),
        ('queued.sh', [*PLACE, *KIND, '--retries=x', 'pretrain'], "--retries is 'x'"),
        ('slurm.sh', ['pretrain'], '--name is missing'),
        ('slurm.sh', ['--name=a', '--nodes=0', 'pretrain'], '--nodes is 0'),
        ('slurm.sh', ['--name=a', '--time=1 --wrap', 'pretrain'], '--time is'),
        ('slurm.sh', ['--name=a'], 'no verb to run'),
        ('gpu.sh', [], 'no verb to run'),
        ('gpu.sh', ['--cuda', '11', 'pretrain'], "--cuda is '11'"),
        ('pod_sim.sh', [], "'' is no number of processes"),
        ('pod_sim.sh', ['0', 'pretrain'], "'0' is no number of processes"),
        ('pod_sim.sh', ['2', '4'], 'no verb to run'),
        ('on_worker.sh', [], 'no verb to run'),
    ],
)
def test_what_is_missing_or_wrong_is_one_line(cloud, script, words, said):
    done = cloud.run(script, *words, SKELJAX_STATE=str(cloud.there / 'state'))
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stderr.count('\n') == 1 and done.stderr.startswith(f'{script}: ')
    assert said in done.stderr
    assert not cloud.calls()


def test_sync_copies_the_checkout_as_it_stands(cloud):
    cloud.answer(dict(match='tpu-vm ssh', run=True, stay=True))
    done = cloud.run('tpu_vm.sh', 'sync', *PLACE, SKELJAX_TRIES='1')
    copied, unpacked = cloud.calls()
    archive = copied[5]
    assert copied == [*TPU, 'scp', archive, 'pod:', '--worker=all', *WHERE]
    assert archive.endswith('/skeljax.tar.gz')
    assert unpacked[:6] == [*TPU, 'ssh', 'pod'] and unpacked[6] == '--worker=all'
    assert done.returncode != 0  # nothing was copied by the stand-in, and that is not hidden


def test_what_is_copied_unpacks_over_what_was_there(cloud):
    kept = cloud.there / 'skeljax.tar.gz'
    cloud.answer(
        dict(match='tpu-vm scp', copy=str(kept)), dict(match='tpu-vm ssh', run=True, stay=True)
    )
    (cloud.there / 'skeljax').mkdir()
    (cloud.there / 'skeljax' / 'stale').touch()
    done = cloud.run('tpu_vm.sh', 'sync', *PLACE)
    assert done.returncode == 0, done.stderr
    names = tarfile.open(kept).getnames()
    assert 'launch/on_worker.sh' in names and 'skeljax/train/cluster.py' in names
    assert not any(name.startswith(('.git/', '.venv', 'out/', 'data/')) for name in names)
    assert (cloud.there / 'skeljax' / 'launch' / 'on_worker.sh').exists()
    assert not (cloud.there / 'skeljax' / 'stale').exists()


def test_arguments_arrive_intact_on_the_worker(cloud):
    launch = cloud.there / 'skeljax' / 'launch'
    launch.mkdir(parents=True)
    (launch / 'on_worker.sh').write_text('printf "%s\\0" "$@" >arguments\n')
    cloud.answer(dict(match='tpu-vm ssh', run=True))
    done = cloud.run('tpu_vm.sh', 'run', *PLACE, 'pretrain', *AWKWARD)
    assert done.returncode == 0, done.stderr
    given = (cloud.there / 'arguments').read_text().split('\0')[:-1]
    assert given[0] == '--id' and given[2:] == ['pretrain', *AWKWARD]
    call = cloud.calls()[0]
    assert call[:7] == [*TPU, 'ssh', 'pod', '--worker=all'] and call[8:] == WHERE


def test_a_broken_connection_is_tried_again_with_growing_waits(cloud):
    cloud.answer(*[dict(match='tpu-vm ssh', status=s) for s in (255, 1, 255)])
    done = cloud.run('tpu_vm.sh', 'run', *PLACE, 'pretrain')
    assert done.returncode == 0
    assert cloud.calls('sleep') == [['sleep', '1'], ['sleep', '2'], ['sleep', '4']]
    commands = [call[7] for call in cloud.calls()]
    assert len(commands) == 4 and len(set(commands)) == 1  # of one id: the worker knows it again


def test_tries_end(cloud):
    cloud.answer(dict(match='tpu-vm scp', status=1, stay=True))
    done = cloud.run('tpu_vm.sh', 'sync', *PLACE, SKELJAX_TRIES='3')
    assert done.returncode == 1 and len(cloud.calls()) == 3


@pytest.mark.parametrize('status', [2, 70, 75, 134, 143])
def test_the_end_of_a_run_is_no_broken_connection(cloud, status):
    cloud.answer(dict(match='tpu-vm ssh', status=status))
    assert cloud.run('tpu_vm.sh', 'run', *PLACE, 'pretrain').returncode == status
    assert len(cloud.calls('gcloud', 'sleep')) == 1


def test_logs_and_stop(cloud):
    cloud.run('tpu_vm.sh', 'logs', *PLACE, '--worker', '3', '--lines=5', '--follow')
    cloud.run('tpu_vm.sh', 'stop', *PLACE)
    script = '--command=bash skeljax/launch/on_worker.sh'
    assert cloud.calls() == [
        [*TPU, 'ssh', 'pod', '--worker=3', f'{script} --logs 5 --follow', *WHERE],
        [*TPU, 'ssh', 'pod', '--worker=all', f'{script} --stop', *WHERE],
    ]


@pytest.mark.parametrize('answer', ['', 'po\n', 'pods\n', 'y\n', 'yes\n'])
def test_delete_needs_the_name(cloud, answer):
    done = cloud.run('tpu_vm.sh', 'delete', *PLACE, text=answer)
    assert done.returncode == 1 and 'nothing deleted' in done.stderr
    assert not cloud.calls()


@pytest.mark.parametrize('yes', [True, False])
def test_delete_touches_that_name_only(cloud, yes):
    words, text = (['--yes'], '') if yes else ([], 'pod\n')
    assert cloud.run('tpu_vm.sh', 'delete', *PLACE, *words, text=text).returncode == 0
    assert cloud.run('tpu_vm.sh', 'delete', '--queued', *PLACE, *words, text=text).returncode == 0
    assert cloud.calls() == [
        [*TPU, 'delete', 'pod', '--quiet', *WHERE],
        [*QUEUE, 'delete', 'pod', '--force', '--quiet', *WHERE],
    ]


STARTS = ('gcloud ', 'sbatch ', 'srun ', 'skeljax ', 'env ')
DRY = [
    ('tpu_vm.sh', ['create', *PLACE, *KIND]),
    ('tpu_vm.sh', ['sync', *PLACE]),
    ('tpu_vm.sh', ['run', *PLACE, 'pretrain', *AWKWARD]),
    ('tpu_vm.sh', ['logs', *PLACE]),
    ('tpu_vm.sh', ['stop', *PLACE]),
    ('tpu_vm.sh', ['delete', *PLACE]),
    ('queued.sh', [*PLACE, *KIND, '--delete-after', 'pretrain', *AWKWARD]),
    ('slurm.sh', ['--name', 'a', 'pretrain', *AWKWARD]),
    ('gpu.sh', ['pretrain', *AWKWARD]),
    ('pod_sim.sh', ['2', '4', 'pretrain', *AWKWARD]),
    ('on_worker.sh',
     ['pretrain', *AWKWARD, '--workdir=gs://b/c', '--config.data.data_dir', 'gs://d']),
]


@pytest.mark.parametrize(('script', 'words'), DRY, ids=lambda x: x if isinstance(x, str) else x[0])
def test_a_dry_run_prints_and_runs_nothing(cloud, script, words):
    first, rest = ([words[0]], words[1:]) if script == 'tpu_vm.sh' else ([], words)
    home = dict(HOME=str(cloud.there), SKELJAX_STATE=str(cloud.there / 'state'))
    done = cloud.run(script, *first, '--dry-run', *rest, **home)
    assert done.returncode == 0, done.stderr
    assert not cloud.calls('gcloud', 'sbatch', 'gcsfuse', 'nvidia-smi', 'sleep')
    assert list(cloud.there.iterdir()) == []
    for word in AWKWARD if set(AWKWARD) <= set(words) else []:
        printed = [read for line in _commands(done.stdout) for read in _words(line)]
        # Once more quoted where it is for the shell of a worker.
        there = '--command=bash skeljax/launch/on_worker.sh '
        commands = [w.removeprefix(there) for w in printed if w.startswith(there)]
        assert word in printed or any(word in _words(text) for text in commands), word


def _commands(text):
    """Leaves out what is a job's script around its one command."""
    lines = [line.removesuffix(' || status=$?') for line in text.splitlines()]
    return [line for line in lines if line.startswith(STARTS)]


def _words(line):
    """Reads a line as bash does."""
    code = f"printf '%s\\0' {line}"
    done = subprocess.run(['bash', '-fc', code], capture_output=True, text=True, check=True)
    return done.stdout.split('\0')[:-1]


def test_a_dry_run_is_what_would_be_called(cloud):
    for words in (['create', *PLACE, *KIND, '--flag=--labels=a=b c'], ['stop', *PLACE]):
        told = cloud.run('tpu_vm.sh', words[0], '--dry-run', *words[1:]).stdout
        cloud.run('tpu_vm.sh', *words)
        assert [shlex.split(line) for line in told.splitlines()] == cloud.calls()[-1:]


@pytest.mark.parametrize(
    'script', ['tpu_vm.sh', 'queued.sh', 'slurm.sh', 'gpu.sh', 'pod_sim.sh', 'on_worker.sh']
)
def test_help_tells_the_usage(cloud, script):
    done = cloud.run(script, '--help')
    assert done.returncode == 0 and f'bash launch/{script}' in done.stdout
    assert 'set -euo' not in done.stdout and not cloud.calls()


def _queued(cloud, *words, **environment):
    verb = ['pretrain', '--workdir=gs://b/c']
    return cloud.run('queued.sh', *PLACE, *KIND, *words, *verb, **environment)


def _told(cloud):
    """The calls in short: what was asked of which kind, without the looks at states."""
    calls = [call for call in cloud.calls() if call[4] != 'describe']
    short = lambda call: 'run' if 'on_worker.sh' in ' '.join(call) else call[4]
    return [f'{call[3].split("-")[0]} {short(call)}' for call in calls]


def test_a_queued_run_waits_for_its_tpu(cloud):
    states = [_state(s) for s in ('WAITING_FOR_RESOURCES', 'PROVISIONING')]
    cloud.answer(ABSENT, *states, ACTIVE, READY)
    done = _queued(cloud)
    assert done.returncode == 0, done.stderr
    assert _told(cloud) == ['queued create', 'tpu scp', 'tpu ssh', 'tpu run']
    created = next(call for call in cloud.calls() if call[4] == 'create')
    assert created == [
        *QUEUE, 'create', 'pod', '--node-id=pod', '--accelerator-type=v5litepod-16',
        '--runtime-version=v2-alpha-tpuv5-lite', '--spot', *WHERE,
    ]
    assert cloud.calls()[0] == [*QUEUE, 'describe', 'pod', '--format=value(state.state)', *WHERE]
    assert cloud.calls('sleep') == [['sleep', '7']] * 3
    assert 'still there and costs' in done.stderr


@pytest.mark.parametrize('ending', [143, 255, 134])
def test_after_preemption_it_is_made_again_and_goes_on(cloud, ending):
    """However the run ended: told by SIGTERM, cut off, or aborted."""
    cloud.answer(
        _state('ACTIVE'), READY | {'stay': False}, _run(ending),
        _state('SUSPENDING'), _state('SUSPENDED'), _state('SUSPENDED'), ABSENT, ACTIVE, READY,
    )
    done = _queued(cloud, '--delete-after', SKELJAX_TRIES='1')
    assert done.returncode == 0, done.stderr
    runs = ['tpu scp', 'tpu ssh', 'tpu run']
    deletions = _told(cloud).count('queued delete')
    assert deletions in (2, 3)  # a look or two at SUSPENDED, and the one asked for
    again = [told for told in _told(cloud) if told != 'queued delete']
    assert again == [*runs, 'queued create', *runs]
    assert {call[5] for call in cloud.calls() if call[4] == 'delete'} == {'pod'}


def test_a_queue_that_has_lost_its_node_unnoticed_is_made_again(cloud):
    lost = dict(match='tpu-vm describe', out='PREEMPTED')
    cloud.answer(_state('ACTIVE'), lost, ABSENT, ACTIVE, READY)
    assert _queued(cloud).returncode == 0
    assert _told(cloud)[:2] == ['queued delete', 'queued create']


def test_a_request_that_failed_is_made_again(cloud):
    cloud.answer(_state('FAILED'), ABSENT, ACTIVE, READY)
    assert _queued(cloud, '--on-demand').returncode == 0
    assert _told(cloud)[:2] == ['queued delete', 'queued create']
    created = next(call for call in cloud.calls() if call[4] == 'create')
    assert '--spot' not in created


def test_bad_input_is_not_tried_again(cloud):
    cloud.answer(ACTIVE, READY, _run(2))
    assert _queued(cloud).returncode == 2
    assert _told(cloud) == ['tpu scp', 'tpu ssh', 'tpu run']


def test_a_run_that_fails_by_itself_is_given_up(cloud):
    cloud.answer(ACTIVE, READY, dict(match='on_worker.sh', status=70, stay=True))
    done = _queued(cloud, '--retries=2', '--delete-after')
    assert done.returncode == 70
    assert _told(cloud) == [*['tpu scp', 'tpu ssh', 'tpu run'] * 3, 'queued delete']
    assert cloud.calls('sleep') == [['sleep', '1'], ['sleep', '2']]


def test_a_cloud_that_does_not_answer_is_no_reason_to_make_another(cloud):
    cloud.answer(dict(match='describe', err='ERROR: UNAVAILABLE\n', status=1, stay=True))
    done = _queued(cloud, SKELJAX_TRIES='2')
    assert done.returncode == 1 and 'UNAVAILABLE' in done.stderr
    assert _told(cloud) == []
