"""Fixtures of the browser tests: a page of three recordings."""

import pytest

from skeljax.viz.viewer import entry, page
from tests.viz.viewer.made_page import CLASSES, FOUND, TRUTH, recording, scores


@pytest.fixture(scope='session')
def address(tmp_path_factory):
    """Returns the URL of a page with the recordings first, clean (no errors) and pair."""
    path = tmp_path_factory.mktemp('page') / 'page.html'
    given = dict(classes=CLASSES, probabilities=scores(), truth=TRUTH)
    entries = [
        entry.make(recording('clean'), TRUTH, **given),
        entry.make(recording(), FOUND, **given),
        entry.make(recording('pair', persons=2), FOUND, **given),
    ]
    page.write(path, entries, classes=CLASSES, title='A test')
    return path.as_uri()


@pytest.fixture
def open_page(browser, address):
    """Returns a function that opens the page; checks afterwards that there were no errors in it."""
    opened = []

    def open_one(place='', **options):
        opened.append(browser.open(address + place, **options))
        return opened[-1]

    yield open_one
    for one in opened:
        assert one.troubles() == []
        one.close()
