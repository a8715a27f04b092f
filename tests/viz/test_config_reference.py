import re

import pytest

from skeljax.configs import default
from skeljax.train import run_dir as workdirs
from skeljax.viz import config_reference


@pytest.fixture(scope='module')
def page():
    return config_reference.markdown()


def _rows(page) -> dict[str, list[str]]:
    found = re.findall(r'^\| `([a-z_.0-9]+)` \| (.*?) \| (.*) \|$', page, re.MULTILINE)
    return {field: [value, meaning] for field, value, meaning in found}


def test_every_field_is_told_with_its_default(page):
    fields = dict(workdirs.flat(default.get_config().to_dict()))
    rows = _rows(page)
    assert set(rows) == set(fields)
    assert {field: value for field, (value, _) in rows.items()} == {
        field: f'`{value!r}`' for field, value in fields.items()
    }


def test_every_field_has_a_meaning(page):
    assert not [field for field, (_, meaning) in _rows(page).items() if not meaning.strip()]


def test_the_settings_of_every_method_are_told(page):
    for method, own in default._OPTIONS.items():
        (row,) = re.findall(rf'^\| `{method}` \| .*', page, re.MULTILINE)
        assert all(f'`{name}={value!r}`' in row for name, value in own.items())


def test_comments_belong_to_the_field_above_or_before_them():
    source = '''
# Nobody's.

def get_config(arg=''):
    config = ConfigDict()
    # Said above,
    # in two lines.
    config.first = 1
    config.second = (
        2,
    )  # behind its end
    config.part = _part('x')  # of a group is not told
    return config


def _part(name):
    return ConfigDict(
        dict(
            plain=0,
            # of the group
            deep=dict(inner=name, last=3),  # of the last
            views={view: _view(**chosen) for view, chosen in _ALL.items()},
            **{name: {}},
        )
    )


def _view(**chosen):
    names = dict(
        size=0,  # of a view | or so
    )
    return {**names, **chosen}
'''
    assert config_reference.comments(source) == {
        'first': 'Said above, in two lines.',
        'second': 'behind its end',
        'part.deep': 'of the group',
        'part.deep.last': 'of the last',
        'part.deep.inner': 'of the last',
        'part.views.*.size': 'of a view | or so',
    }
