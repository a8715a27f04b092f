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
    """Writes the segments as `EthogramBouts` and all classes as an `Ethogram`.

    Args:
        path: the .nwb file.
        segments: in frames, possibly overlapping.
        classes: class names; labels are indices into them.
        fps: frames per second.
        recording: name of the recording.
        software: name of the program and the model that predicted the segments.

    Raises:
        InputError: pynwb or ndx-ethogram is not installed, a segment is empty, or a label has
            no name.
    """
    try:
        from ndx_ethogram import Ethogram, EthogramBouts
        import pynwb
    except ImportError:
        raise InputError(f'{path}: writing NWB needs pynwb: pip install skeljax[nwb]') from None
    check(segments, 'segments for NWB', num_classes=len(classes))
    now = datetime.datetime.now().astimezone()
    file = pynwb.NWBFile(
        session_description=f'behavior in {recording}, predicted by {software}',
        identifier=str(uuid.uuid4()),
        session_start_time=now,
    )
    catalog = Ethogram(name='ethogram', description='all classes', exclusive=False)
    for name in classes:
        catalog.add_row(behavior=name, definition='class of the training corpus')
    bouts = EthogramBouts(
        name='bouts', description='segments', labeling_method='automated',
        source_software=software, ethogram=catalog,
    )
    bouts.add_column(name='score', description='confidence from 0 to 1')
    for index in segments.start.argsort(kind='stable'):
        bouts.add_row(
            start_time=float(segments.start[index] / fps),
            stop_time=float(segments.end[index] / fps),
            label=classes[segments.label[index]],
            score=float(segments.score[index]),
        )
    module = file.create_processing_module('behavior', 'segments')
    module.add(catalog)
    module.add(bouts)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # pynwb warns about the temporary file name
        with pynwb.NWBHDF5IO(str(path), 'w') as output:
            output.write(file)
