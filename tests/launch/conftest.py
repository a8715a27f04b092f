import pytest

from tests import cloud as stand_ins


@pytest.fixture
def cloud(tmp_path) -> stand_ins.Cloud:
    return stand_ins.Cloud(tmp_path / 'cloud')
