"""Renders a report in Chromium: no errors, no overflow, both themes."""

import pytest

from skeljax.viz.report import compose, output_files
from tests.viz.report import made_report


@pytest.fixture(scope='module')
def address(tmp_path_factory):
    """A report of two runs, one of 60 classes."""
    target = output_files.check(tmp_path_factory.mktemp('report') / 'report.html')
    name = 'finetune-ui_prmd-composed20-agcn-s0-292fe73664'
    many = made_report.run(name, classes=tuple(f'a movement with number {n}' for n in range(60)))
    output_files.write(target, compose.compose([made_report.run(), many]), title='A test', pages={})
    return target.page.as_uri()


@pytest.mark.parametrize('dark', [False, True], ids=['light', 'dark'])
@pytest.mark.parametrize('width', [1280, 400])
def test_it_fits_and_nothing_complains(browser, address, width, dark):
    shown = browser.open(address, width=width, dark=dark)
    assert shown.text('h1') == 'A test'
    assert shown.run('document.documentElement.scrollWidth') == width
    # Pictures are drawn at their size or a little less, so that their type can be read.
    sizes = shown.run(
        '[...document.querySelectorAll("figure svg")].map(e => e.getBoundingClientRect().width)'
    )
    assert len(sizes) > 20 and min(sizes) >= 330 and max(sizes) <= 400
    letters = shown.run(
        '[...document.querySelectorAll("figure svg text")].map(e => e.getBoundingClientRect())'
        '.map(r => Math.min(r.width, r.height)).filter(x => x > 0)'
    )
    assert min(letters) > 4
    back, ink = shown.run(
        '["backgroundColor", "color"].map(name => getComputedStyle(document.body)[name]'
        '.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0))'
    )
    assert (back < ink) == dark
    filled = shown.run(
        'getComputedStyle(document.querySelector("figure svg text")).fill'
        '.match(/\\d+/g).map(Number)'
    )
    assert (sum(filled[:3]) > 380) == dark
    assert shown.troubles() == []
    shown.close()


def test_texts_of_a_picture_do_not_lie_on_each_other(browser, address):
    shown = browser.open(address, width=400)
    hits = shown.run("""
        [...document.querySelectorAll('figure')].flatMap(figure => {
          const texts = [...figure.querySelectorAll('svg text')].filter(t => t.textContent.trim());
          const boxes = texts.map(t => t.getBoundingClientRect());
          return boxes.flatMap((a, i) => boxes.slice(i + 1).map((b, j) => [
            Math.min(a.right, b.right) - Math.max(a.left, b.left),
            Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top),
            texts[i].textContent, texts[i + 1 + j].textContent, figure.textContent.slice(-80),
          ])).filter(([w, h]) => w > 2 && h > 4);
        })""")
    assert hits == []
    shown.close()


def test_pictures_do_not_stick_out_of_their_frames(browser, address):
    shown = browser.open(address, width=1280)
    out = shown.run("""
        [...document.querySelectorAll('figure svg')].flatMap(svg => {
          const frame = svg.getBoundingClientRect();
          return [...svg.querySelectorAll('text')].filter(t => {
            const box = t.getBoundingClientRect();
            return box.left < frame.left - 2 || box.right > frame.right + 2
                || box.top < frame.top - 2 || box.bottom > frame.bottom + 2;
          }).map(t => t.textContent);
        })""")
    assert out == []
    shown.close()


def test_the_button_turns_it_dark_and_a_run_is_reached(browser, address):
    shown = browser.open(address, width=1280)
    shown.click('#theme')
    assert shown.run('document.documentElement.dataset.theme') == 'dark'
    assert shown.run('[...document.querySelectorAll("nav a")].map(a => a.textContent)') == [
        'All runs', 'tuned', 'finetune-ui_prmd-composed20-agcn-s0-292fe73664'
    ]
    shown.click('nav a:last-child')
    shown.wait('scrollY > 0')
    shown.click('#theme')
    shown.close()
