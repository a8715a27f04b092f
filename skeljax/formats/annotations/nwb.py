"""Reads the behavioral bouts of NWB files, as the extension ndx-ethogram stores them.

Read as HDF5 by h5py: each table `EthogramBouts`, and any other table of intervals with a
column `label`, is a tier. Times are seconds of the session; they begin with the poses of
the file if it has some.
"""

from pathlib import Path

from skeljax.errors import FormatError
from skeljax.formats import hdf5
from skeljax.formats.labels import Labels, mark

_TYPES = ('EthogramBouts', 'TimeIntervals')
_COLUMNS = ('label', 'labels', 'behavior', 'behavior_name', 'bout_label')


def read(path) -> Labels:
    """Reads the labels of one recording, named as the file.

    Raises:
        FormatError: it is no HDF5, or no table of bouts is in it.
        InputError: h5py is not installed.
    """
    path = Path(path)
    labels = Labels()
    labels.add(path.stem, str(path))
    with hdf5.opened(path) as file:
        found = 0
        begin = hdf5.first_time(file)
        for name, group in hdf5.groups(file, _TYPES):
            column = next((c for c in _COLUMNS if c in group), None)
            if column is None or not {'start_time', 'stop_time'} <= set(group):
                continue
            found += 1
            texts = hdf5.texts(path, group[column])
            starts, stops = (hdf5.numbers(path, group[key]) for key in ('start_time', 'stop_time'))
            if not len(texts) == len(starts) == len(stops):
                raise FormatError(f'{path}: {name}: columns of {len(texts)} and {len(starts)} rows')
            tier = name.rpartition('/')[2]
            for row, (text, start, stop) in enumerate(zip(texts, starts, stops, strict=True)):
                where = f'{path}: {name}: row {row}'
                one = mark(max(start - begin, 0.0), stop - begin, text, where, tier=tier)
                labels.segments[path.stem].append(one)
    if not found:
        raise FormatError(f'{path}: no table of behavioral bouts (ndx-ethogram)')
    return labels
