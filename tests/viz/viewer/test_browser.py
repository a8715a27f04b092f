"""The page in a real browser: it shows, plays, jumps, and tells the right thing."""

import json
import os
import time

import numpy as np
import pytest

from skeljax.data import records
from skeljax.formats.motion import Motion
from skeljax.localize import Segments
from skeljax.skeletons import skeleton
from skeljax.viz.viewer import entry, page
from tests.viz.viewer import browser as chromium

CLASSES = ('walk', 'sit', 'wave')
FPS = 20.0
# Seconds 0-5 walk, 6-10 sit, 12-15 wave; found: walk, wave for sit, and twice a piece of wave.
TRUTH = Segments([0, 120, 240], [100, 200, 300], [0, 1, 2])
FOUND = Segments([0, 120, 240, 275], [100, 200, 265, 300], [0, 2, 2, 2], [0.9, 0.8, 0.7, 0.6])
LIMBS = {
    'pelvis': (0, 1, 0), 'spine': (0, 1.2, 0), 'chest': (0, 1.4, 0), 'neck': (0, 1.5, 0),
    'head': (0, 1.6, 0), 'head top': (0, 1.75, 0), 'collar': (0.08, 1.45, 0),
    'shoulder': (0.2, 1.42, 0), 'elbow': (0.45, 1.4, 0), 'wrist': (0.7, 1.4, 0),
    'hip': (0.1, 0.95, 0), 'knee': (0.11, 0.5, 0.05), 'ankle': (0.12, 0.08, 0), 'toe': (0.12, 0, 0.15),
}


def recording(name='first', frames=400, walk=2.0, persons=1):
    """A body with its arms stretched out that walks sideways; nobody is there from 320 to 340."""
    points = skeleton.get('uiprmd22').points
    pose = []
    for point in points:
        side, _, word = point.partition(' ') if point.startswith(('left', 'right')) else ('', '', point)
        x, y, z = LIMBS[word]
        pose.append((-x if side == 'right' else x, y, z))
    joints = np.tile(np.array(pose), (frames, persons, 1, 1))
    joints[..., 0] += np.linspace(0, walk, frames)[:, None, None]
    joints[:, 1:, :, 0] += 1.2
    valid = np.ones((frames, persons), bool)
    valid[320:340] = False
    motion = Motion(joints.astype(np.float32), FPS, 'uiprmd22', valid)
    return records.from_motion(motion, name=name)


def scores(frames=400):
    """Certain of walk in the first 100 frames, 0.6 for wave from 120 to 200."""
    values = np.zeros((frames, 4), np.float32)
    values[:100, 0] = 1
    values[120:200, 2] = 0.6
    return values


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    program = chromium.find()
    if program is None:
        pytest.skip(f'no browser: none of {", ".join(chromium.NAMES)} is installed')
    opened = chromium.Browser(program, tmp_path_factory.mktemp('profile'))
    yield opened
    opened.close()


@pytest.fixture(scope='module')
def address(tmp_path_factory):
    """A page of three recordings: the first, one without error, one with two people."""
    path = tmp_path_factory.mktemp('page') / 'page.html'
    given = dict(classes=CLASSES, probabilities=scores())
    page.write(
        path,
        [
            entry.make(recording('clean'), TRUTH, truth=TRUTH, **given),
            entry.make(recording(), FOUND, truth=TRUTH, **given),
            entry.make(recording('pair', persons=2), FOUND, truth=TRUTH, **given),
        ],
        classes=CLASSES,
        title='A test',
    )
    return path.as_uri()


@pytest.fixture
def open_page(browser, address):
    """Opens the page; afterwards, sees that nothing went wrong in it."""
    opened = []

    def open_one(place='', **options):
        opened.append(browser.open(address + place, **options))
        return opened[-1]

    yield open_one
    for one in opened:
        assert one.troubles() == []
        one.close()


def _frame(shown) -> int:
    return int(shown.text('#frame'))


def test_it_opens_at_the_worst_recording_without_a_word_of_complaint(open_page):
    shown = open_page()
    assert shown.text('h1') == 'A test'
    assert shown.text('#about').startswith('first · 400 frames at 20 fps')
    names = shown.run('[...document.querySelectorAll(".recording .name")].map(e => e.textContent)')
    assert names == ['first', 'pair', 'clean']
    assert shown.text('#right') == '1 of 3 correct'


def test_the_right_label_at_the_right_time(open_page):
    shown = open_page('#recording=first&frame=50')
    for frame, truth, found in (
        (50, 'walk', 'walk'), (99, 'walk', 'walk'), (100, '–', '–'), (150, 'sit', 'wave'),
        (272, 'wave', '–'),
    ):
        shown.run(f'location.hash = "#recording=first&frame={frame}"')
        shown.wait(f'document.querySelector("#frame").textContent === "{frame}"')
        assert shown.text('#seconds') == f'{frame / FPS:.2f}'
        assert shown.text('#now-truth').startswith(truth)
        assert shown.text('#now-found').startswith(found)


def test_it_plays_at_the_speed_chosen_and_stops_at_the_end(open_page):
    shown = open_page()
    began = time.monotonic()
    shown.key(' ')
    shown.wait('Number(document.querySelector("#frame").textContent) >= 20')
    assert 0.8 < time.monotonic() - began < 4
    shown.key(' ')
    stopped = _frame(shown)
    time.sleep(0.15)
    assert _frame(shown) == stopped
    shown.key('>')
    shown.key('>')
    assert shown.run('document.querySelector("#speed").value') == '4'
    shown.key('End')
    assert _frame(shown) == 399
    for _ in range(8):
        shown.key('ArrowLeft')
    shown.click('#play')
    shown.wait('document.querySelector("#play").getAttribute("aria-label") === "Play"')
    assert _frame(shown) == 399


def test_a_click_on_a_segment_jumps_there_and_tells_what_is_wrong(open_page):
    shown = open_page()
    shown.click('#found [data-index="1"]')
    assert _frame(shown) == 120
    told = shown.text('#chosen')
    assert told == 'wave, 6.00 to 10.00 s · score 0.80 · wrong label: true class sit'
    shown.click('#truth [data-index="2"]')
    assert _frame(shown) == 240
    shown.click('#segment-list li:nth-child(1) button')
    assert _frame(shown) == 0


def test_wrong_segments_are_marked_by_their_kind(open_page):
    shown = open_page()
    kinds = lambda row: shown.run(
        f'[...document.querySelectorAll("#{row} .segment")].map(e => e.dataset.kind || "correct")'
    )
    assert kinds('truth') == ['correct', 'wrong label', 'boundary off']
    # Of the wave, 25 of 60 frames and another piece.
    assert kinds('found') == ['correct', 'wrong label', 'boundary off', 'double']


def test_keys_go_to_segments_and_mistakes(open_page):
    shown = open_page('#recording=first&frame=10')
    frames = []
    for key, shift in (('e', False), ('e', False), ('E', True), ('n', False), ('p', False)):
        shown.key(key, shift=shift)
        frames.append(_frame(shown))
    assert frames == [120, 240, 120, 240, 120]
    shown.key('Home')
    shown.key('ArrowRight')
    shown.key('ArrowRight', shift=True)
    assert _frame(shown) == 21
    shown.key('?')
    assert shown.run('document.querySelector("#help").open')
    shown.key(' ')
    assert shown.run('document.querySelector("#play").getAttribute("aria-label")') == 'Play'
    shown.click('#help-close')
    shown.key(']')
    shown.wait('document.querySelector("#about").textContent.startsWith("pair")')


def test_a_segment_is_repeated_until_one_goes_elsewhere(open_page):
    shown = open_page()
    shown.click('#found [data-index="3"]')  # 275 to 300: 1.25 seconds
    shown.key('l')
    shown.run('document.querySelector("#speed").value = "4"')
    shown.run('document.querySelector("#speed").dispatchEvent(new Event("change"))')
    shown.run('''(() => { window.seen = new Set(); const place = document.querySelector('#frame');
      new MutationObserver(() => seen.add(Number(place.textContent)))
        .observe(place, {childList: true, characterData: true, subtree: true}); })()''')
    shown.key(' ')
    time.sleep(1)
    shown.key(' ')
    low, high = shown.run('[Math.min(...seen), Math.max(...seen)]')
    assert 275 <= low <= 285 and 290 <= high < 300
    shown.key('Home')
    assert shown.run('document.querySelector("#loop").getAttribute("aria-pressed")') == 'false'


def test_dragging_on_the_ruler_scrubs(open_page):
    shown = open_page()
    begin, end = shown.place('#ruler', 0.25), shown.place('#ruler', 0.5)
    shown.drag(begin, end)
    assert abs(_frame(shown) - 200) <= 1
    assert shown.run('document.querySelector("#ruler").getAttribute("aria-valuenow")') == str(_frame(shown))


def test_the_timeline_zooms_and_keeps_its_place(open_page):
    shown = open_page('#recording=first&frame=150')
    width = 'document.querySelector("#truth [data-index=\\"1\\"]").clientWidth'
    before = shown.run(width)
    shown.click('#zoom-in')
    assert shown.run(width) == pytest.approx(before / 0.6, abs=2)
    shown.click('#zoom-all')
    assert shown.run(width) == before


def test_a_score_is_told_where_one_points(open_page):
    shown = open_page()
    rows = shown.run('[...document.querySelectorAll("#curve-names > span")].map(e => e.title)')
    x, y = shown.place('#curves', 150.5 / 400, (rows.index('wave') + 0.5) / len(rows))
    shown.point(x, y)
    assert shown.text('#tip') == 'wave 0.60 · 7.50 s · frame 150'


def test_the_address_keeps_recording_and_frame(open_page):
    shown = open_page('#recording=clean&frame=33')
    assert shown.text('#about').startswith('clean') and _frame(shown) == 33
    shown.click('.recording')
    shown.wait('document.querySelector("#about").textContent.startsWith("first")')
    shown.key('ArrowRight')
    assert shown.run('location.hash') == '#recording=first&frame=1'
    shown.run('location.hash = "#recording=pair&frame=7"')
    shown.wait('location.hash === "#recording=pair&frame=7" && document.querySelector("#frame").textContent === "7"')
    assert '2 persons' in shown.text('#about')


def _colored(shown, name: str) -> list:
    """Finds the middle of what the stage shows in a color of the theme, as shares of its size."""
    return shown.run(f'''(() => {{
      const canvas = document.querySelector('#stage'), {{width, height}} = canvas;
      const copy = Object.assign(document.createElement('canvas'), {{width, height}});
      const dots = copy.getContext('2d', {{willReadFrequently: true}});
      dots.drawImage(canvas, 0, 0);
      const {{data}} = dots.getImageData(0, 0, width, height);
      const hex = getComputedStyle(document.documentElement).getPropertyValue({json.dumps(name)}).trim();
      const wanted = [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
      let [n, x, y] = [0, 0, 0];
      for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] === 255 && wanted.every((part, i) => Math.abs(part - data[at + i]) < 4)) {{
          n++; x += at / 4 % width; y += Math.floor(at / 4 / width);
        }}
      return [n, x / n / width, y / n / height];
    }})()''')


@pytest.mark.parametrize('dark', [False, True])
def test_the_body_is_seen_from_the_front_and_turns(open_page, dark):
    shown = open_page(dark=dark)
    (left, left_x, left_y), (right, right_x, _) = (_colored(shown, f'--{s}') for s in ('left', 'right'))
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
    small = shown.run('''[...document.querySelectorAll('body *')].filter(e =>
      e.checkVisibility() && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) &&
      !e.closest('.mark, .hidden') && parseFloat(getComputedStyle(e).fontSize) < 12).length''')
    assert small == 0
    beyond = shown.run(f'''[...document.querySelectorAll('button, select, h1, h2')].filter(e => {{
      const r = e.getBoundingClientRect();
      return e.checkVisibility() && !e.classList.contains('segment') && (r.left < 0 || r.right > {width});
    }}).length''')
    assert beyond == 0
    before = shown.run('document.documentElement.dataset.theme')
    shown.click('#theme')
    assert shown.run('document.documentElement.dataset.theme') != before
    shown.run('localStorage.clear()')


@pytest.mark.parametrize('width', [1280, 900, 400])
def test_a_single_recording_needs_no_list_and_leaves_no_hole(browser, tmp_path, width):
    made = entry.make(recording(), FOUND, classes=CLASSES)
    path = page.write(tmp_path / 'one.html', [made], classes=CLASSES, title='One')
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
    nameless = shown.run('''[...document.querySelectorAll('button, select, input, canvas[tabindex]')]
      .filter(e => !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length))
      .map(e => e.outerHTML)''')
    assert nameless == []
    shown.run('document.querySelector("#found [data-index=\\"1\\"]").focus()')
    shown.key('n')
    shown.run('0')
    focused = shown.run('document.activeElement.getAttribute("aria-label")')
    assert focused is not None and focused.split(',')[0] in CLASSES


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
    joints = pose + 0.2 * np.sin(rate * time_s + 9 * pose) + rng.normal(0, 3e-4, (frames, persons, 52, 3))
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
