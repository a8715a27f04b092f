from matplotlib.colors import to_rgb
from matplotlib.image import imread
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.viz import figure, intervals


def _plot(path, **changes):
    told = dict(
        names=['a $x', 'b', 'c'], points=[[1.0, 3.0], [5.0], []], means=[2.0, 5.0, np.nan],
        deviations=[1.4, np.nan, np.nan], differences=[np.nan, 3.0, np.nan],
        bounds=[(np.nan, np.nan), (3.5, 4.0), (np.nan, np.nan)], labels=('mAP', 'difference'),
    )
    return intervals.plot_intervals(path, **{**told, **changes})


def test_means_and_differences_are_drawn_where_there_are_any(tmp_path, recwarn):
    def marks(path):
        picture = imread(path)[..., :3]
        return (np.abs(picture - to_rgb(figure.color(0))).max(-1) < 0.05).sum()

    some = marks(_plot(tmp_path / 'a.png'))
    none = marks(_plot(tmp_path / 'b.png', means=[np.nan] * 3, differences=[np.nan] * 3))
    assert none == 0 and some >= 3 * 20 and not recwarn
    fewer = marks(_plot(tmp_path / 'c.png', differences=[np.nan] * 3))
    assert 0 < fewer < some


def test_other_numbers_of_figures_are_named(tmp_path):
    with pytest.raises(InputError, match='3 names'):
        _plot(tmp_path / 'a.png', means=[1.0])
    assert not (tmp_path / 'a.png').exists()
