"""Writes segments as behavioral bouts of an NWB file, by the extension ndx-ethogram."""

from __future__ import annotations

from collections.abc import Sequence
import datetime
from pathlib import Path
import uuid
import warnings

from skeljax.errors import InputError
from skeljax.localize.segments import Segments, check


def write(
    path: Path,
    segments: Segments,
    *,
    classes: Sequence[str],
    fps: float,
    recording: str,
    software: str,
):
    """Writes a table `EthogramBouts` of the segments and an `Ethogram` of all classes.

    Args:
        path: of the .nwb.
        segments: in frames, overlapping or not.
        classes: class names; a label is an index into them.
        fps: frames a second.
        recording: its name.
        software: what found the segments.

    Raises:
        InputError: pynwb or ndx-ethogram is not installed; an empty segment, or a label
            without a name.
    """
    try:
        from ndx_ethogram import Ethogram, EthogramBouts
        import pynwb
    except ImportError:
        raise InputError(f'{path}: writing NWB needs pynwb: pip install skeljax[nwb]') from None
    check(segments, 'segments for NWB', num_classes=len(classes))
    now = datetime.datetime.now().astimezone()
    file = pynwb.NWBFile(
        session_description=f'behavior in {recording}, found by {software}',
        identifier=str(uuid.uuid4()),
        session_start_time=now,
    )
    catalogue = Ethogram(name='ethogram', description='all classes', exclusive=False)
    for name in classes:
        catalogue.add_row(behavior=name, definition='as the model was trained on it')
    bouts = EthogramBouts(
        name='bouts', description='segments', labeling_method='automated',
        source_software=software, ethogram=catalogue,
    )
    bouts.add_column(name='score', description='from 0 to 1, higher is more certain')
    for index in segments.start.argsort(kind='stable'):
        bouts.add_row(
            start_time=float(segments.start[index] / fps),
            stop_time=float(segments.end[index] / fps),
            label=classes[segments.label[index]],
            score=float(segments.score[index]),
        )
    module = file.create_processing_module('behavior', 'segments')
    module.add(catalogue)
    module.add(bouts)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of a name that does not end in .nwb yet
        with pynwb.NWBHDF5IO(str(path), 'w') as output:
            output.write(file)
