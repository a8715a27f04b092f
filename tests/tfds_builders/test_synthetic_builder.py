import numpy as np
import pytest
import tensorflow_datasets as tfds

from skeljax.data import records, synthetic
from skeljax.tfds_builders.synthetic import synthetic_dataset_builder

SPLITS = ('train', 'validation', 'test')


def _builder(folder, config='tiny'):
    return synthetic_dataset_builder.Builder(
        config=config, data_dir=str(folder), file_format='array_record'
    )


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    """The folder of the prepared records of `tiny`."""
    builder = _builder(tmp_path_factory.mktemp('records'))
    builder.download_and_prepare()
    return str(builder.data_path)


def _read(folder):
    builder = tfds.builder_from_directory(folder)
    return {s: [records.decode(e) for e in builder.as_data_source(split=s)] for s in SPLITS}


def test_classes_layout_and_rate_are_read_without_the_builder(tiny):
    metadata = tfds.builder_from_directory(tiny).info.metadata
    assert tuple(metadata['classes']) == synthetic.CLASSES
    assert metadata['layout'] == 'ntu25'
    assert metadata['fps'] == 30.0


def test_records_hold_what_the_generator_makes(tiny):
    config = _builder('unused').builder_config
    read = {r.name: r for recordings in _read(tiny).values() for r in recordings}
    motion, segments = synthetic.recording(
        config.seed, 'validation', 0, 1, actions=config.actions, noise=config.noise
    )
    recording = read['validation_p00_r1']
    np.testing.assert_allclose(recording.joints, motion.joints, rtol=0, atol=records.GRID / 2)
    spans = (recording.segment_start, recording.segment_end, recording.segment_label)
    assert list(zip(*(s.tolist() for s in spans), strict=True)) == segments
    assert recording.frame_valid.all() and recording.person_valid.all()
    assert recording.subject == motion.subject and recording.layout == 'ntu25'


def test_splits_share_no_person_and_show_every_class(tiny):
    read = _read(tiny)
    assert [len(read[s]) for s in SPLITS] == [8, 2, 4]
    subjects = [{r.subject for r in read[s]} for s in SPLITS]
    assert sum(map(len, subjects)) == len(set.union(*subjects))
    for split in SPLITS:
        labels = np.concatenate([r.segment_label for r in read[split]])
        assert set(labels.tolist()) == set(range(len(synthetic.CLASSES))), split


def test_default_shows_every_class_in_every_split_and_all_its_people_differ():
    config = _builder('unused', 'default').builder_config
    heights = []
    for split, persons in zip(SPLITS, config.persons, strict=True):
        people = [synthetic.person(config.seed, split, number) for number in range(persons)]
        heights += [np.linalg.norm(who.bones, axis=1).sum() for who in people]
        labels = [
            label
            for number in range(persons)
            for index in range(config.recordings)
            for _, _, label in synthetic.recording(
                config.seed, split, number, index, actions=config.actions, noise=config.noise
            )[1]
        ]
        assert np.bincount(labels, minlength=len(synthetic.CLASSES)).min() >= 5, split
    assert len(set(heights)) == sum(config.persons)


def test_building_again_gives_the_same_bits(tiny, tmp_path):
    builder = _builder(tmp_path)
    builder.download_and_prepare()
    again = _read(str(builder.data_path))
    for split, recordings in _read(tiny).items():
        for first, second in zip(recordings, again[split], strict=True):
            assert first.name == second.name
            assert first.joints.tobytes() == second.joints.tobytes()
