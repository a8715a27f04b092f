"""Every command and program of docs/predicting.md runs as it stands there."""

from pathlib import Path
import re

import pytest

from tests import documented, untrained

BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Spine
  {
    OFFSET 0 30 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT Head
    {
      OFFSET 0 30 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      End Site
      {
        OFFSET 0 10 0
      }
    }
    JOINT LeftArm
    {
      OFFSET 15 20 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      End Site
      {
        OFFSET 40 0 0
      }
    }
    JOINT RightArm
    {
      OFFSET -15 20 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      End Site
      {
        OFFSET -40 0 0
      }
    }
  }
}
MOTION
Frames: 60
Frame Time: 0.0333333
"""


@pytest.mark.documented('docs/predicting.md')
def test_the_page(tmp_path, monkeypatch, capsys, told):
    """The network is untrained, so what it finds means nothing; all else is as for a user."""
    pytest.importorskip('flatbuffers', reason='StableHLO is written with flatbuffers')
    monkeypatch.chdir(tmp_path)
    untrained.make(tmp_path / 'runs' / 'tuned')
    rows = [f'{i} 90 0 {" ".join(str((3 * i * k) % 90) for k in range(15))}' for i in range(60)]
    (tmp_path / 'recordings' / 'monday').mkdir(parents=True)
    for place in ('walk.bvh', 'recordings/monday/walk.bvh'):
        (tmp_path / place).write_text(BVH + '\n'.join(rows) + '\n')
    assert len(told.left) == 6
    told.skeljax()
    written = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob('*') if p.is_file()}
    assert {'predictions/walk.json', 'predictions/monday/walk.png', 'page.html'} <= written
    assert {'tables/segments.csv', 'tables/monday/walk.eaf', 'tables/monday/walk.vtt'} <= written
    assert {'served/scores.stablehlo', 'served/README.md', 'served/model.json'} <= written
    capsys.readouterr()
    (program,) = documented.blocks('docs/predicting.md', 'python')
    exec(program, {})
    assert re.match(r'(sit|walk|wave): \d', capsys.readouterr().out)
    # So does the program of the served function's page.
    monkeypatch.chdir(tmp_path / 'served')
    text = re.search(r'```python\n(.*?)```', Path('README.md').read_text(), re.DOTALL)[1]
    told = {}
    exec(text, told)
    assert told['probabilities'].shape == (1, 256, 4)
