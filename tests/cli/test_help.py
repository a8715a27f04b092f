"""What `skeljax VERB --help` shows: that there are examples, and that they parse."""

import re
import shlex

import pytest

from skeljax.cli import main


def _examples(verb) -> list[list[str]]:
    """Lists the commands in the docstring of a verb, from `skeljax VERB` to their ends."""
    text = main.module(verb).__doc__.replace('\\\n', ' ')
    lines = re.findall(rf'^ +(?:[A-Z_]+=\S+ )?(skeljax {verb}\b.*)', text, re.MULTILINE)
    shown = [re.split(r' {4,}\(|  #| > ', line)[0].replace(' ...', '') for line in lines]
    # What may be left out stands in brackets.
    return [shlex.split(line.replace('[', ' ').replace(']', ' ')) for line in shown]


@pytest.mark.parametrize('verb', main.VERBS)
def test_help_has_examples_that_parse(verb):
    examples = _examples(verb)
    assert examples, f'skeljax {verb} --help shows no example'
    for words in examples:
        args, module = main.parse(words[1:])
        assert args.verb == verb and module.run


@pytest.mark.parametrize('verb', main.VERBS)
def test_help_is_wrapped_for_a_terminal_and_tells_of_every_option(verb, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '100')
    with pytest.raises(SystemExit) as left:
        main.main([verb, '--help'])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 100
    _, parsers = main.parsers({verb})
    silent = [a.dest for a in parsers[verb]._actions if not a.help and not a.choices]
    assert not silent, f'no help for {silent}'
