"""Reads SLEAP: its analysis HDF5 by h5py, its projects (.slp) by sleap-io.

The tree is that of SLEAP's skeleton. Pixels of an image, whose y goes down: it becomes -y.
Of a project of several videos the first is read. The files have no frame rate.
"""

import json
from pathlib import Path

import numpy as np

from skeljax.errors import FormatError, InputError
from skeljax.formats import hdf5, tracked
from skeljax.formats.motion import Motion

_DIMENSIONS = ('track', 'xy', 'node', 'frame')


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None,
    subject: str | None = None,
) -> Motion:
    """Reads the tracks of one video.

    Args:
        path: .slp, or .h5 of `sleap-convert --format analysis`.
        fps: frames per second.
        layout: whose joints to take, by name.
        unit: of the coordinates in meters, 1 by default.
        subject: names of the tracks to take, of several.

    Raises:
        FormatError: damaged, or it holds no track.
        InputError: h5py or sleap-io is not installed.
    """
    path = Path(path)
    stated = _analysis(path) if path.suffix.lower() != '.slp' else _project(path)
    return tracked.motion(
        path, source='sleap', fps=fps, layout=layout, unit=unit, subject=subject, **stated
    )


def _analysis(path: Path) -> dict:
    with hdf5.opened(path) as file:
        tracks, scores = file['tracks'], file.get('point_scores')
        names = hdf5.texts(path, file['node_names'])
        individuals = hdf5.texts(path, file['track_names']) if 'track_names' in file else []
        order = _order(tracks, _DIMENSIONS)
        points = hdf5.numbers(path, tracks)
        if points.ndim != 4:
            raise FormatError(f'{path}: tracks are {points.shape}, expected {_DIMENSIONS}')
        points = points.transpose([order.index(d) for d in ('frame', 'track', 'node', 'xy')])
        certain = None
        if scores is not None:
            own = _order(scores, ('track', 'node', 'frame'))
            certain = hdf5.numbers(path, scores)
            certain = certain.transpose([own.index(d) for d in ('frame', 'track', 'node')])
        edges = file['edge_inds'][()] if 'edge_inds' in file else np.zeros((0, 2))
    if certain is not None and (certain.shape != points.shape[:3] or not (certain > 0).any()):
        certain = None  # what people labeled has no score
    return {
        'points': points, 'names': names, 'scores': certain,
        'individuals': individuals if len(individuals) == points.shape[1] else (),
        'edges': tracked.edges(path, edges, len(names)),
    }


def _order(dataset, usual: tuple[str, ...]) -> list[str]:
    """Returns the names of the axes of an array, as newer files name them."""
    stated = dataset.attrs.get('dims')
    try:
        found = json.loads(hdf5.text(stated)) if stated is not None else list(usual)
    except ValueError:
        found = list(usual)
    return found if sorted(found) == sorted(usual) else list(usual)


def _project(path: Path) -> dict:
    try:
        import sleap_io
    except ImportError:
        stated = 'reading .slp needs sleap-io: pip install skeljax[sleap]'
        raise InputError(f'{path}: {stated}') from None
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    try:
        labels = sleap_io.load_slp(str(path), open_videos=False)
        videos = [str(video.filename) for video in labels.videos]
        video = labels.videos[0]
        array = labels.numpy(video=video, untracked=not labels.tracks, return_confidence=True)
        nodes = [node.name for node in labels.skeleton.nodes]
        edges = labels.skeleton.edge_inds
        tracks = [track.name for track in labels.tracks]
    except Exception as error:  # the library raises whatever the damage causes
        stated = ' '.join(f'{type(error).__name__}: {error}'.split())[:160]
        raise FormatError(f'{path}: cannot be read by sleap-io: {stated}') from None
    notes = ()
    if len(videos) > 1:
        notes = (f'the first of {len(videos)} videos, {videos[0][-60:]!r}',)
    scores = array[..., 2] if array.shape[-1] == 3 and np.nansum(array[..., 2]) > 0 else None
    return {
        'points': array[..., :2], 'names': nodes, 'scores': scores, 'notes': notes,
        'individuals': tracks if len(tracks) == array.shape[1] else (),
        'edges': tracked.edges(path, np.array(edges).reshape(-1, 2), len(nodes)),
    }
