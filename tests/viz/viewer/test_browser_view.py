"""Tests the viewer page in Chromium: the 3-D view, layout, themes, accessibility, speed."""

import json
import os

import numpy as np
import pytest

from skeljax.data import records
from skeljax.formats.motion import Motion
from skeljax.localize import Segments
from skeljax.skeletons import skeleton
from skeljax.viz.viewer import entry, page
from tests.viz.viewer import made_page


def _colored(shown, name: str) -> list:
    """Returns number and mean position of the canvas pixels with a color of the theme."""
    return shown.run(f"""(() => {{
      const canvas = document.querySelector('#stage'), {{width, height}} = canvas;
      const copy = Object.assign(document.createElement('canvas'), {{width, height}});
      const dots = copy.getContext('2d', {{willReadFrequently: true}});
      dots.drawImage(canvas, 0, 0);
      const {{data}} = dots.getImageData(0, 0, width, height);
      const style = getComputedStyle(document.documentElement);
      const hex = style.getPropertyValue({json.dumps(name)}).trim();
      const wanted = [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
      let [n, x, y] = [0, 0, 0];
      for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] === 255 && wanted.every((part, i) => Math.abs(part - data[at + i]) < 4)) {{
          n++; x += at / 4 % width; y += Math.floor(at / 4 / width);
        }}
      return [n, x / n / width, y / n / height];
    }})()""")


@pytest.mark.parametrize('dark', [False, True])
def test_the_body_is_seen_from_the_front_and_turns(open_page, dark):
    shown = open_page(dark=dark)
    (left, left_x, left_y), (right, right_x, _) = (
        _colored(shown, f'--{s}') for s in ('left', 'right')
    )
    assert left > 200 and right > 200 and 0.2 < left_y < 0.8
    assert right_x < left_x  # looking at us, its left is at our right
    for _ in range(21):  # half a turn: 21 times 0.15
        shown.key('d')
    assert _colored(shown, '--right')[1] > _colored(shown, '--left')[1]
    shown.key('v')
    shown.key('v')
    shown.key('v')
    assert _colored(shown, '--left')[1] == pytest.approx(left_x, abs=0.01)
    begin = shown.place('#stage', 0.3, 0.5)
    shown.drag(begin, (begin[0] + 390, begin[1]))  # 390 pixels of 0.008
    assert _colored(shown, '--right')[1] > _colored(shown, '--left')[1]


def test_the_eye_follows_or_stays(open_page):
    shown = open_page()
    shown.key('End')
    assert 0.3 < _colored(shown, '--left')[1] < 0.75
    shown.key('Home')
    shown.key('f')
    before = _colored(shown, '--left')[1]
    shown.key('ArrowRight', shift=True)
    shown.key('ArrowRight', shift=True)
    assert _colored(shown, '--left')[1] > before + 0.01


def test_nobody_is_drawn_where_nobody_was_seen(open_page):
    shown = open_page('#recording=first&frame=330')
    assert not shown.run('document.querySelector("#absent").hidden')
    assert _colored(shown, '--left')[0] == 0
    shown.run('location.hash = "#recording=first&frame=345"')
    shown.wait('document.querySelector("#absent").hidden')
    assert _colored(shown, '--left')[0] > 200


@pytest.mark.parametrize('width', [1280, 400])
@pytest.mark.parametrize('dark', [False, True])
def test_it_fits_both_widths_in_both_themes(open_page, width, dark):
    shown = open_page(width=width, dark=dark)
    assert shown.run('document.documentElement.scrollWidth') == width
    paper = shown.run('getComputedStyle(document.body).backgroundColor')
    assert paper == ('rgb(18, 21, 24)' if dark else 'rgb(245, 246, 247)')
    small = shown.run("""[...document.querySelectorAll('body *')].filter(e =>
      e.checkVisibility() &&
      [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) &&
      !e.closest('.mark, .hidden') && parseFloat(getComputedStyle(e).fontSize) < 12).length""")
    assert small == 0
    beyond = shown.run(f"""[...document.querySelectorAll('button, select, h1, h2')].filter(e => {{
      const r = e.getBoundingClientRect();
      return e.checkVisibility() && !e.classList.contains('segment')
        && (r.left < 0 || r.right > {width});
    }}).length""")
    assert beyond == 0
    before = shown.run('document.documentElement.dataset.theme')
    shown.click('#theme')
    assert shown.run('document.documentElement.dataset.theme') != before
    shown.run('localStorage.clear()')


@pytest.mark.parametrize('width', [1280, 900, 400])
def test_a_single_recording_needs_no_list_and_leaves_no_hole(browser, tmp_path, width):
    made = entry.make(made_page.recording(), made_page.FOUND, classes=made_page.CLASSES)
    path = page.write(tmp_path / 'one.html', [made], classes=made_page.CLASSES, title='One')
    shown = browser.open(path.as_uri(), width=width)
    edges = shown.run('''['main', 'aside'].map(name => {
      const {left, right} = document.querySelector(name).getBoundingClientRect();
      return [left, right];
    })''')
    assert min(left for left, _ in edges) <= 16 and max(right for _, right in edges) >= width - 16
    assert shown.run('document.querySelector("#recordings").hidden')
    assert shown.text('#right') == '4 predicted' and shown.troubles() == []
    shown.close()


def test_every_control_has_a_name_and_can_be_reached(open_page):
    shown = open_page()
    nameless = shown.run("""[
      ...document.querySelectorAll('button, select, input, canvas[tabindex]')]
      .filter(e => !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length))
      .map(e => e.outerHTML)""")
    assert nameless == []
    shown.run('document.querySelector("#found [data-index=\\"1\\"]").focus()')
    shown.key('n')
    shown.run('0')
    focused = shown.run('document.activeElement.getAttribute("aria-label")')
    assert focused is not None and focused.split(',')[0] in made_page.CLASSES


def test_nothing_moves_by_itself_for_who_does_not_want_it(open_page):
    shown = open_page(reduced=True)
    assert shown.run('getComputedStyle(document.querySelector("#play")).transitionDuration') == '0s'


@pytest.mark.slow
def test_a_long_recording_opens_fast_and_small(browser, tmp_path):
    """20,000 frames of two people with the joints of SMPL-H and 60 classes."""
    rng = np.random.default_rng(0)
    layout = skeleton.get('smplh52')
    frames, persons = 20_000, 2
    time_s = np.arange(frames)[:, None, None, None] / 30
    pose = rng.uniform([-0.4, 0, -0.2], [0.4, 1.8, 0.2], (1, persons, layout.num_joints, 3))
    rate = rng.uniform(0.3, 2, (1, persons, layout.num_joints, 3))
    joints = (
        pose
        + 0.2 * np.sin(rate * time_s + 9 * pose)
        + rng.normal(0, 3e-4, (frames, persons, 52, 3))
    )
    motion = Motion(joints.astype(np.float32), 30.0, 'smplh52', np.ones((frames, persons), bool))
    classes = tuple(f'class {number}' for number in range(60))
    start = np.arange(0, frames - 80, 80)
    found = Segments(start, start + 60, start // 80 % 60, np.full(len(start), 0.8))
    probabilities = rng.dirichlet(np.full(61, 0.1), frames).astype(np.float32)
    made = entry.make(
        records.from_motion(motion, name='long'), found, classes=classes, truth=found,
        probabilities=probabilities,
    )
    path = page.write(tmp_path / 'long.html', [made], classes=classes, title='long')
    shown = browser.open(path.as_uri())
    took = shown.run('performance.getEntriesByName("shown")[0].startTime') / 1000
    busy, size = shown.busy(), path.stat().st_size / 1e6
    shown.close()
    print(f'{size:.1f} MB, {took:.2f} s, of which {busy:.2f} s of work')
    assert size < 15 and busy < 2
    # What waits for a processor says nothing of the page.
    assert took < 2 or os.getloadavg()[0] > os.cpu_count()
