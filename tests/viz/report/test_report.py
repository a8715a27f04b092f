"""Tests which elements a report has, and their values."""


import pytest

from skeljax.viz.report import compose
from skeljax.viz.report.elements import (
    Details,
    Heading,
    KeyFigures,
    Link,
    Paragraph,
    Pictures,
    Table,
)
from tests.viz.report import made_report


@pytest.fixture(scope='module')
def elements():
    return compose.compose([made_report.run()])


def _tables(elements) -> dict:
    """Returns the tables by their first two heads."""
    tables = [element for element in elements if isinstance(element, Table)]
    tables += [
        element.table for element in elements if isinstance(element, Pictures) and element.table
    ]
    return {tuple(table.heads[:2]): table for table in tables}


def test_the_parts_come_in_order(elements):
    assert [element.text for element in elements if isinstance(element, Heading)] == [
        'Summary', 'Configuration', 'Metrics of babel_clean', 'Classes', 'Errors',
        'Worst and best recordings', 'Encoder embeddings', 'Curves of pretraining',
        'Curves of fine-tuning',
    ]
    assert elements[1] == Paragraph('something <is> missing', note=True)


def test_figures_of_the_segments_come_first(elements):
    (figures,) = [element.figures for element in elements if isinstance(element, KeyFigures)]
    # 9 of 10 predicted segments are right, of 11 true; one recording lacks one of its three.
    assert [(figure.name, figure.value) for figure in figures[:6]] == [
        ('F1@50', f'{100 * 18 / 21:.1f} %'), ('edit score', f'{100 * (8 + 2 / 3) / 9:.1f} %'),
        ('segments', '9 of 11 found, 2 missed, 1 wrong'), ('boundary error', '0.00 s, 0.00 s'),
        ('frame accuracy', f'{100 * (1 - 150 / 2700):.1f} %'),
        ('mean mAP', f'{100 * made_report.run().scores["mean"]:.1f} %'),
    ]
    # One of nine starts and one of nine ends is 5 frames off, at 10 frames a second.
    assert 'the 90th percentiles are 0.10 s and 0.10 s' in figures[3].meaning


def test_whose_segments_are_judged_is_told():
    run = made_report.run()
    told = lambda: dict(_tables(compose.compose([run]))['', ''].rows)['segments']
    assert told() == 'of the sequence decoder'
    run.decoder = 'babel_clean'
    assert told() == 'of the decoder of babel_clean, without those that a better one covers by half'


def test_classes_are_told_with_their_figures(elements):
    rows = {row[1]: row[2:] for row in _tables(elements)['', 'class'].rows}
    # Of walk 4 of the sevens and one with 0.9 overlap; sit is taken for wave in 80 of its frames.
    assert rows['walk'] == ('100.0', '100.0', '5', '5', '5', 'none, 2 %')
    assert rows['sit & <wait>'][2:] == ('4', '3', '3', 'wave, 25 %')
    assert rows['wave'][2:] == ('2', '2', '1', 'none, 38 %')


def test_recordings_lead_to_the_viewer_where_it_shows_them(elements):
    rows = _tables(elements)['', 'recording'].rows
    assert [row[0] for row in rows] == ['worst'] * 4 + ['best'] * 4
    # 1 of 2 found and of 3 true is right: 1 - 2 / 5.
    assert rows[0][1:] == (
        Link('a b', 'report_files/recordings.html#recording=a%20b'),
        '60.0',
        '1 of 3',
        '1',
    )
    assert rows[1][1] == Link('clean', 'report_files/recordings.html#recording=clean')
    assert rows[4][1:] == ('more 6', '0.0', '1 of 1', '0')
    assert len({str(row[1]) for row in rows}) == 8


def test_kinds_of_mistakes_are_counted(elements):
    rows = {row[0]: row[1] for row in _tables(elements)['kind', 'segments'].rows}
    assert rows == {
        'correct': '9', 'missed': '1', 'wrong label': '1', 'boundary off': '0', 'double': '0',
        'false alarm': '0',
    }


def test_curves_are_those_of_terms_and_not_of_speed(elements):
    names = [
        one.name
        for element in elements
        if isinstance(element, Pictures)
        for one in element.pictures
    ]
    assert [name for name in names if 'pretraining' in name or 'fine-tuning' in name] == [
        'run-1-pretraining-loss', 'run-1-pretraining-snippet', 'run-1-fine-tuning-loss',
        'run-1-fine-tuning-validation-selection',
    ]
    assert len(set(names)) == len(names)


def test_the_config_is_told_whole(elements):
    (held,) = [element for element in elements if isinstance(element, Details)]
    assert 'finetune.label_fraction = 0.1' in held.lines and 'seed = 3' in held.lines


def test_several_runs_are_compared_first():
    runs = [made_report.run('one'), made_report.run('two')]
    runs[1].scores = runs[1].error_stats = None
    elements = compose.compose(runs)
    assert [
        element.text for element in elements if isinstance(element, Heading) and element.level == 1
    ] == ['All runs', 'one', 'two']
    assert list(elements[1].heads) == ['run', 'F1@50, %', 'edit, %', 'frames, %', 'mean, %']
    same = 'start first; stage finetune; corpus made/up; protocol babel_clean'
    assert f'{same}; segments of the sequence decoder.' in elements[2].text
    rows = elements[1].rows
    assert [row[0] for row in rows] == ['one', 'two']
    # 9 of 10 found, of 11 true.
    assert rows[0][1] == f'{100 * 18 / 21:.1f}' and rows[1][1:] == ['–'] * 4
    runs[1].run_info = runs[1].run_info | {
        'config': made_report.CONFIG
        | {'finetune': made_report.CONFIG['finetune'] | {'init_from': ''}}
    }
    table, said = compose.compose(runs)[1:3]
    assert table.heads[5:] == ['start'] and [row[5] for row in table.rows] == ['first', 'scratch']
    assert 'start' not in said.text
    runs[1].decoder = 'pkummd'
    table = compose.compose(runs)[1]
    assert table.heads[5:] == ['start', 'segments']
    assert table.rows[0][6] == 'of the sequence decoder'


def test_runs_that_differ_in_their_pretraining_alone_are_told_apart():
    runs = [made_report.run('one'), made_report.run('two'), made_report.run('three')]
    assert 'Differences in configuration' not in [
        b.text for b in compose.compose(runs) if isinstance(b, Heading)
    ]
    pretrain = {'method': 'aimclr', 'queue_size': 64, 'snippet': {'weight': 1.5}, 'log_every': 5}
    runs[0].source_info = {'config': {'seed': 3, 'pretrain': pretrain}}
    # `mined` is a field that one alone has.
    other = {'snippet': {'weight': 0.0}, 'log_every': 7, 'aimclr': {'mined': 1}}
    runs[1].source_info = {'config': {'seed': 4, 'pretrain': pretrain | other}}
    elements = compose.compose(runs[:2])
    at = [element.text if isinstance(element, Heading) else '' for element in elements].index(
        'Differences in configuration'
    )
    assert [list(row) for row in elements[at + 1].rows] == [
        ['one', 'seed of pretraining = 3; pretrain.snippet.weight = 1.5'],
        ['two', 'seed of pretraining = 4; pretrain.snippet.weight = 0.0'],
    ]
    assert not isinstance(elements[at + 2], Details)
    # One that started from nothing has none of it; many fields are told in the details.
    for number, run in enumerate(runs[:2]):
        run.source_info = {
            'config': {'pretrain': {f'field{place}': place + number for place in range(9)}}
        }
    elements = compose.compose(runs)
    (told,) = [
        element
        for element in elements
        if isinstance(element, Details) and 'differ' in element.title
    ]
    assert told.title == 'All 9 fields that differ'
    assert 'field8 = 8' in told.lines[0] and told.lines[2] == 'three: '


def test_a_run_of_pretraining_names_its_classes_and_shows_its_encoder_in_one_row():
    run = made_report.run(classes=[f'action {number}' for number in range(1, 12)])
    run.progress = run.progress._replace(stage='pretrain')
    run.scores = run.error_stats = None
    run.embeddings = run.embeddings[:1]
    elements = compose.compose([run])
    (said,) = [
        element.text
        for element in elements
        if isinstance(element, Paragraph) and 'deepest layer' in element.text
    ]
    assert '1 action 1; 2 action 2' in said and '11 action 11.' in said
    rows = [
        [one.name for one in element.pictures]
        for element in elements
        if isinstance(element, Pictures)
    ]
    assert rows[0] == ['run-1-snippets-pretrained', 'run-1-similarity-pretrained']


def test_next_to_nothing_is_not_told_as_what_a_class_was_taken_for():
    run = made_report.run()
    run.error_stats.confusion[0] = [999, 1, 0, 0]
    rows = _tables(compose.compose([run]))['', 'class'].rows
    assert rows[0][-1] == '–' and rows[1][-1] != '–'


def test_a_run_without_its_corpus_has_what_is_left():
    run = made_report.run()
    run.embeddings, run.sample, run.viewer_url, run.viewer_recordings, run.size = (
        [],
        None,
        '',
        (),
        None,
    )
    elements = compose.compose([run])
    assert all(isinstance(row[1], str) for row in _tables(elements)['', 'recording'].rows)
    run.scores = run.error_stats = None
    told = [element.text for element in compose.compose([run]) if isinstance(element, Heading)]
    assert told == ['Summary', 'Configuration', 'Curves of pretraining', 'Curves of fine-tuning']
