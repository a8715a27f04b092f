"""The command `import`: the released file, what fine-tuning makes of it, what does not fit."""

import numpy as np
import pytest

from skeljax.cli import import_, main
from skeljax.formats import torch_file
from skeljax.models import imported
from skeljax.models.imported.translate import translate
from skeljax.skeletons import graph, skeleton
from skeljax.train import checkpoint

TINY = ['--config', 'ui_prmd', '--quiet', '--config.data.corpus=synthetic/tiny',
        '--config.finetune.num_steps=1', '--config.finetune.validate_every=1',
        '--config.finetune.window=64', '--config.finetune.crop.length=64']


@pytest.fixture(scope='module')
def released(real_data):
    folder = real_data / 'checkpoints' / 'aimclr_ntu60_xview_joint'
    if not folder.is_dir():
        pytest.skip(f'no released checkpoint in {folder}')
    return folder / 'best_model.pt'


def _backbone(folder, stream='joint') -> dict:
    with checkpoint.manager(folder / 'checkpoints') as mngr:
        return mngr.restore(mngr.latest_step())['backbone'][stream]


def test_the_released_file_is_used_whole(released, tmp_path):
    found, config = import_.convert(released, 'stgcn', tmp_path / 'out')
    names = torch_file.state(released)
    assert found.used.keys() | found.unused.keys() == names.keys() and not found.missing
    for name, why in found.unused.items():
        last = name.removeprefix('encoder_q.')
        assert why == {
            'A': 'the graph, made from the layout',
            'fc.weight': 'a head or similar',
            'fc.bias': 'a head or similar',
        }.get(last, 'a counter that is not needed')
        assert last in ('A', 'fc.weight', 'fc.bias') or last.endswith('num_batches_tracked')
    assert len(found.used) == 152
    params = _backbone(tmp_path / 'out')['params']['backbone']
    count = sum(np.size(x) for x in import_._flat(params).values())
    assert count == 821_380
    assert (config.model.base_channels, config.model.stgcn.out_channels) == (16, 256)


def test_its_graph_is_ours_with_the_published_partition(released):
    published = torch_file.state(released)['encoder_q.A']
    layout = skeleton.get('ntu25')
    np.testing.assert_allclose(published, graph.spatial(layout, faithful=True), atol=1e-7)
    assert np.abs(published - graph.spatial(layout)).max() == 0.5


def _state(name='l1.gcn1', **more) -> dict:
    """Makes the first tensors of a small 2s-AGCN."""
    first = {f'{name}.PA': (3, 25, 25), f'{name}.bn.weight': (4,),
             f'{name}.conv_a.0.weight': (1, 3, 1, 1)}
    return {key: np.ones(shape, np.float32) for key, shape in (first | more).items()}


@pytest.mark.parametrize(
    ('prefixes', 'given', 'chosen'),
    [
        (['net.'], None, 'net.'),
        (['encoder_k.', 'encoder_q.'], None, 'encoder_q.'),
        (['encoder_k.agcn.', 'encoder_q.agcn.'], None, 'encoder_q.agcn.'),
        (['encoder_q.', 'encoder_q_bone.', 'encoder_q_motion.'], None, 'encoder_q.'),
        (['encoder_q.', 'encoder_q_bone.'], 'encoder_q_bone', 'encoder_q_bone.'),
        (['encoder_k.agcn.', 'encoder_q.agcn.'], 'encoder_k', 'encoder_k.agcn.'),
        (['', 'copy.'], '', ''),
    ],
)
def test_the_query_encoder_is_taken_or_the_one_named(prefixes, given, chosen):
    tensors = {place + name: x for place in prefixes for name, x in _state().items()}
    found = imported.find(tensors, 'agcn', given)
    assert found.prefix == chosen and found.tensors.keys() == _state().keys()
    assert {chosen, *found.others} == set(prefixes)


@pytest.mark.parametrize(
    ('tensors', 'given', 'expected'),
    [
        ({'a.' + k: x for k, x in _state().items()} | {'b.' + k: x for k, x in _state().items()},
         None, "0 encoders begin with 'encoder_q.', there are --prefix='a.', --prefix='b.'"),
        ({'l1.gcn1.convs.0.conv1.weight': np.ones(1)}, None,
         'no agcn: this is a checkpoint of ctrgcn (--as ctrgcn)'),
        ({'fc.weight': np.ones(1)}, None, 'no tensor l1.gcn1.conv_a.0.weight, found 1 others'),
        (_state(), 'encoder', "0 encoders begin with 'encoder.', there are --prefix=''"),
    ],
)
def test_an_encoder_that_is_not_there_is_told(tensors, given, expected):
    with pytest.raises(import_.InputError) as caught:
        imported.find(tensors, 'agcn', given)
    assert expected in str(caught.value) and '\n' not in str(caught.value)


def test_the_graph_tells_how_edges_are_divided():
    layout = skeleton.get('ntu25')
    kernels = {f'st_gcn_networks.{i}.gcn.conv.weight': np.ones((12, 3, 1, 1)) for i in (0, 9)}
    encoder = lambda adjacency: imported.Encoder('stgcn', '', {'A': adjacency, **kernels}, ())
    for faithful in (True, False):
        found = imported.describe(encoder(graph.spatial(layout, faithful=faithful)), 'ntu25')
        assert found == (4, {'out_channels': 4}, ('partition',) if faithful else ())
    with pytest.raises(import_.InputError, match='its graph A is not that of ST-GCN for layout'):
        imported.describe(encoder(graph.partitions(layout)), 'ntu25')


@pytest.mark.parametrize(
    ('changed', 'expected'),
    [
        ({'l1.gcn1.PA': np.ones((3, 18, 18))}, 'l1.gcn1.PA is of 18 joints, layout ntu25 has 25'),
        ({'l1.gcn1.PA': np.ones(())}, 'no agcn has l1.gcn1.PA () and l1.gcn1.bn.weight (4,)'),
        ({'l1.gcn1.bn.weight': np.ones(2)}, '2 channels in the first block, expected 4 or more'),
        ({'l1.gcn1.conv_ta.weight': np.ones(3)}, 'l1.gcn1.conv_ta.weight: no agcn has it'),
        ({'l1.tcn1.conv.weight': np.ones((4, 4, 7, 1))}, 'would give an array (7, 4, 4), expected'),
        ({'l1.tcn1.conv.weight': np.ones(4)}, 'expected an array for (9, 4, 4)'),
        ({'l1.tcn1.conv.bias': np.array([1, 2, np.nan, 0])}, 'expected finite numbers'),
    ],
)
def test_tensors_of_another_network_are_told(changed, expected):
    encoder = imported.Encoder('agcn', '', _state() | changed, ())
    shapes = {'params/block1/temporal/kernel': (9, 4, 4), 'params/block1/temporal/bias': (4,)}
    with pytest.raises(import_.InputError) as caught:
        imported.describe(encoder, 'ntu25')
        translate(encoder, shapes, [n for n in encoder.tensors if n in changed])
    assert expected in str(caught.value) and '\n' not in str(caught.value)


def _run(*words) -> int:
    return main.main([str(word) for word in words])


def test_fine_tuning_is_told_of_another_architecture_or_stream(released, tiny, tmp_path, capsys):
    out = tmp_path / 'out'
    assert _run('import', released, '--as', 'stgcn', '--stream', 'bone', '--out', out) == 0
    assert '152 tensors used, 27 unused, 0 arrays initialized' in capsys.readouterr().out
    given = ['--workdir', tmp_path / 'run', f'--config.data.data_dir={tiny}', *TINY]
    given += [f'--config.finetune.init_from={out}', '--config.model.name=stgcn']
    assert _run('finetune', *given, '--config.model.base_channels=8') == 2
    said = capsys.readouterr().err
    assert f'{out}: holds another architecture, that of --config.model.base_channels=16 ' in said
    assert '--config.faithful="(\'partition\',)"' in said and 'model.name' not in said
    given += ['--config.model.base_channels=16', "--config.faithful=('partition',)"]
    assert _run('finetune', *given) == 2
    assert f'{out}: pretrained on stream bone, not joint' in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()


def test_a_folder_that_holds_something_is_left_alone(released, tmp_path, capsys):
    (tmp_path / 'note.txt').write_text('mine')
    assert _run('import', released, '--as', 'stgcn', '--out', tmp_path) == 2
    assert 'no empty folder; choose another --out' in capsys.readouterr().err
    assert _run('import', released, '--as', 'stgcn', '--out', tmp_path / 'note.txt') == 2
    assert [path.name for path in tmp_path.iterdir()] == ['note.txt']
    assert (tmp_path / 'note.txt').read_text() == 'mine'


def test_missing_tensors_are_named_or_begun_anew(released, tmp_path, monkeypatch):
    tensors = torch_file.state(released)
    gone = ['encoder_q.edge_importance.4', 'encoder_q.data_bn.running_mean']
    fewer = {name: x for name, x in tensors.items() if name not in gone}
    monkeypatch.setattr(torch_file, 'state', lambda path: fewer)
    with pytest.raises(import_.InputError) as caught:
        import_.convert(released, 'stgcn', tmp_path / 'out')
    assert '2 tensors missing' in str(caught.value) and gone[0] in str(caught.value)
    assert not (tmp_path / 'out').exists()
    found, _ = import_.convert(released, 'stgcn', tmp_path / 'out', allow_missing=True)
    assert found.missing == {
        'batch_stats/input_norm/mean': (gone[1],),
        'params/block5/graph/importance': (gone[0],),
    }
    backbone = _backbone(tmp_path / 'out')
    importance = backbone['params']['backbone']['block5']['graph']['importance']
    np.testing.assert_array_equal(importance, np.ones((3, 25, 25)))
