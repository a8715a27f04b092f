"""Every config key is accepted with its former default, or its error names the new key."""

import json
from pathlib import Path

import pytest

from skeljax.errors import InputError
from tests.golden import adapter, cases

KEPT = json.loads(Path(__file__).with_name('keys.json').read_text())
BASE = KEPT[cases.BASE]


def _expected(source: str) -> dict:
    differ = KEPT['differ'].get(source, {'changed': {}, 'absent': []})
    return {k: v for k, v in (BASE | differ['changed']).items() if k not in differ['absent']}


def _plain(values: dict) -> dict:
    """Makes lists of tuples, as JSON has them."""
    return json.loads(json.dumps(values))


def _other(value):
    """Returns another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + 'x'
    if isinstance(value, list):
        return value[:-1] or [*value, 'x']
    return type(value)(value + 1)


@pytest.mark.parametrize('source', [cases.BASE, *cases.CONFIGS])
def test_a_config_has_the_same_keys_and_defaults(source):
    expected = _expected(source)
    found = _plain(adapter.config(source))
    assert {key: found.get(key) for key in expected} == expected


@pytest.mark.parametrize('source', [cases.BASE, *cases.CONFIGS])
def test_all_keys_are_accepted_as_options(source):
    """Under their names of today, all at once."""
    changed = {key: _other(value) for key, value in _expected(source).items()}
    changed['model.bn_axis'] = 'none'  # a truth value today
    tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in changed.items()}
    found = _plain(adapter.config(source, adapter.options(tuples)))
    assert {key: found.get(key) for key in changed} == changed


def test_an_old_key_is_accepted_or_its_error_names_the_new_one():
    """RENAMED of the adapter says which keys have another name today."""
    for key, value in BASE.items():
        other = _other(value)
        written = tuple(other) if isinstance(other, list) else other
        try:
            found = _plain(adapter.config(cases.BASE, [f'--config.{key}={written}']))
        except InputError as error:
            assert key in adapter.RENAMED, f'{key} is refused and RENAMED has no other name'
            assert adapter.RENAMED[key] in str(error) and '\n' not in str(error)
        else:
            assert found[key] == other
