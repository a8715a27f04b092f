"""Reads recordings out of pickles (.pkl), arrays alone; nothing in them is run.

    pyskl, MMAction2   {"annotations": [{"frame_dir", "total_frames", "keypoint" [M, T, V, C],
                       "keypoint_score" [M, T, V], "label"}], "split"}, or the list alone
    WHAM               {person: {"pose_world" [T, 72], "trans_world" [T, 3], "betas",
                       "frame_ids" [T]}}, by joblib
    4DHumans, PHALP    {frame: {"tid": [...], "3d_joints": [[45, 3], ...]}}, by joblib
    AIST++             {"smpl_poses" [T, 72], "smpl_trans" [T, 3], "smpl_scaling"}

A file of several recordings is read one at a time, as `FILE.pkl/NAME`. None of these hold a
frame rate: 30 is taken, 60 of AIST++, unless the option fps sets another.
"""

from collections.abc import Mapping
import functools
import io
from pathlib import Path

from skeljax.errors import FormatError
from skeljax.formats import joblib_file, pickled, pyskl, smpl_file
from skeljax.formats.archive import reason
from skeljax.formats.motion import Motion

ENDINGS = ('.pkl', '.pickle')


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None
) -> Motion:
    """Reads one recording.

    Args:
        path: of the file, or of a recording in it, `FILE.pkl/NAME`.
        fps: frames per second.
        layout: of the joints, where their number does not determine it.
        unit: of flat coordinates in meters, 1 by default.

    Raises:
        FormatError: no pickle, none of these, or no recording of this name; of several
            recordings names some.
    """
    path = Path(path)
    file = holder(path)
    content = _content(file)
    annotations = pyskl.annotations(content)
    if annotations:
        name = path.relative_to(file).as_posix() if path != file else None
        item = _chosen(path, file, annotations, name)
        return pyskl.motion(path, item, fps=fps, layout=layout, unit=unit)
    if smpl_file.is_wham(content):
        return smpl_file.wham(path, content, fps)
    if smpl_file.is_phalp(content):
        return smpl_file.phalp(path, content, fps)
    if smpl_file.is_aist(content):
        return smpl_file.aist(path, content, fps)
    found = ', '.join(map(str, list(content)[:8])) if isinstance(content, dict) else (
        type(content).__name__
    )
    raise FormatError(f'{path}: holds {found}, expected annotations of pyskl, WHAM or 4DHumans')


def names(path) -> list[str]:
    """Returns the recordings of a file of several, none for one that holds a single one.

    Raises:
        FormatError: it is no pickle.
    """
    annotations = pyskl.annotations(_content(Path(path)))
    found = [pyskl.name(item, index) for index, item in enumerate(annotations)]
    return found if len(found) > 1 else []


def holder(path: Path) -> Path:
    """Returns the file that holds a recording, from its own path or one below it."""
    return next((p for p in (path, *path.parents) if p.suffix.lower() in ENDINGS), path)


def _content(path: Path):
    try:
        status = path.stat()
    except OSError as error:
        raise FormatError(f'{path}: cannot be read: {error.strerror}') from None
    return _loaded(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=1)
def _loaded(path: Path, changed: int, size: int):
    """Reads a file; the last one stays in memory, as its recordings are read one by one."""
    try:
        data = path.read_bytes()
        if joblib_file.is_joblib(data):
            return joblib_file.load(data)
        return pickled.load(io.BytesIO(data))
    # A damaged pickle fails in any way that its operations can.
    except Exception as error:
        raise FormatError(f'{path}: cannot be read as a pickle: {reason(error)}') from None


def _chosen(path: Path, file: Path, annotations: list, name: str | None) -> Mapping:
    """Returns the annotation of a recording."""
    if name is None and len(annotations) == 1:
        return annotations[0]
    known = {pyskl.name(item, index): item for index, item in enumerate(annotations)}
    if name in known:
        return known[name]
    some = ', '.join(repr(key)[:60] for key in list(known)[:3])
    if name is None:
        stated = f'holds {len(annotations)} recordings, expected one: {file.name}/NAME, NAME of'
        raise FormatError(f'{path}: {stated} {some} ...; or a folder with it, which means all')
    raise FormatError(f'{path}: no recording {name!r:.60} in it, but {some} ...')
