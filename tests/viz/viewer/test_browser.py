"""Tests the viewer page in Chromium: segments, playback, keys, timeline and URL."""

import time

import pytest

from tests.viz.viewer import made_page


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
        assert shown.text('#seconds') == f'{frame / made_page.FPS:.2f}'
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
    assert shown.run('document.querySelector("#ruler").getAttribute("aria-valuenow")') == str(
        _frame(shown)
    )


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
    shown.wait(
        'location.hash === "#recording=pair&frame=7" && '
        'document.querySelector("#frame").textContent === "7"'
    )
    assert '2 persons' in shown.text('#about')
