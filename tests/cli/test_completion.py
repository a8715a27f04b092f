"""The scripts for shells, run in the shells that are here."""

import shutil
import subprocess
import sys

import pytest

from skeljax.cli import completion, config_args, main
from skeljax.configs import default
from skeljax.train import run_dir as workdirs
from skeljax.viz import settings


@pytest.fixture(scope='module')
def scripts(tmp_path_factory):
    pytest.importorskip('shtab', reason='needs shtab (pip install skeljax[completion])')
    folder = tmp_path_factory.mktemp('scripts')
    for shell in completion.SHELLS:
        (folder / shell).write_text(completion.script(shell) + '\n')
    return folder


def _shell(name: str) -> str:
    return shutil.which(name) or pytest.skip(f'no {name} here')


def _in_bash(script, *words) -> list[str]:
    """Completes the last word as bash does when Tab is pressed."""
    code = (
        'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
        'name=$(complete -p skeljax | grep -o -- "-F [^ ]*"); "${name#-F }" skeljax "${@: -1}"\n'
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    command = [_shell('bash'), '--norc', '-c', code, str(script), 'skeljax', *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=script.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def _in_fish(script, *words) -> list[str]:
    line = ' '.join(['skeljax', *words])
    code = f'source {script}; complete -C "{line}"'
    command = [_shell('fish'), '--no-config', '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=script.parent)
    assert done.returncode == 0, done.stderr
    return [line.split('\t')[0] for line in done.stdout.splitlines()]


@pytest.mark.parametrize('shell', ['bash', 'fish'])
def test_verbs_options_choices_and_files_are_completed(scripts, shell):
    complete = {'bash': _in_bash, 'fish': _in_fish}[shell]
    found = lambda *words: set(complete(scripts / shell, *words))
    assert set(main.VERBS) <= found('')
    assert found('p') == {'prepare', 'pretrain', 'predict'}
    assert found('knn', '--s') == {'--split'}
    assert found('evaluate', '--de') == {'--decoder', '--debug'}
    assert {'step', 'input', 'score'} <= found('bench', '')
    assert found('bench', 'step', '--stage', '') == {'pretrain', 'finetune'}
    assert found('runs', shell) == {shell}  # the file
    assert not found('pretrain', '--stage')  # of another verb


@pytest.mark.parametrize('shell', ['bash', 'fish'])
def test_fields_of_configs_are_completed(scripts, shell):
    complete = {'bash': _in_bash, 'fish': _in_fish}[shell]
    found = lambda *words: set(complete(scripts / shell, *words))
    weights = {'--config.pretrain.snippet.weight'}
    for verb in ('pretrain', 'finetune', 'ablate', 'demo', 'bench', 'knn'):
        assert found(verb, '--config.pretrain.snippet.w') == weights
    assert '--config.pretrain.cmd.top_k' in found('pretrain', '--config.pretrain.c')
    assert found('finetune', '--config.data.resident', '') == {'True', 'False'}
    (scripts / 'records').mkdir(exist_ok=True)
    assert found('finetune', '--config.data.data_dir', 'reco') & {'records', 'records/'}
    assert not any(word.startswith('--config.') for word in found('predict', '--'))


def test_every_field_can_be_told_as_it_is_completed():
    options = {f'--config.{path}' for path, _, _ in settings.fields()}
    config = default.get_config()
    assert {f'--config.{path}' for path, _ in workdirs.flat(config.to_dict())} <= options
    for method, own in default._OPTIONS.items():
        overrides = [f'--config.pretrain.{method}.{name}={value!r}' for name, value in own.items()]
        config_args.load(f'default:method={method}', overrides)
        assert {word.partition('=')[0] for word in overrides} <= options


def test_zsh_takes_the_script(scripts):
    """A file is read as `_skeljax` from fpath; what Tab shows is not tried."""
    (scripts / '_skeljax').write_bytes((scripts / 'zsh').read_bytes())
    code = (
        'fpath=("$0" $fpath); autoload -U compinit; compinit -u -D\n'
        'autoload +X -U _skeljax; print $_comps[skeljax]'
    )
    command = [_shell('zsh'), '-f', '-c', code, str(scripts)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, '_skeljax\n', '')
    text = (scripts / 'zsh').read_text()
    assert all(f"{verb}:'" in text for verb in main.VERBS)


def test_without_shtab_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'shtab', None)
    assert main.main(['completion', 'bash']) == 2
    told = 'needs shtab: pip install skeljax[completion]'
    assert capsys.readouterr().err == f'skeljax completion: {told}\n'
