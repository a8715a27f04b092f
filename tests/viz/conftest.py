"""Fixtures of all browser tests."""

import pytest

from tests.viz.viewer import browser as chromium


@pytest.fixture(scope='session')
def browser(tmp_path_factory):
    """Starts Chromium; skips the test if it is not installed."""
    program = chromium.find()
    if program is None:
        pytest.skip(f'no browser: none of {", ".join(chromium.NAMES)} is installed')
    opened = chromium.Browser(program, tmp_path_factory.mktemp('profile'))
    yield opened
    opened.close()
