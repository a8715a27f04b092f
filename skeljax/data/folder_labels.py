"""Reads the labels of a folder of recordings: from one table, or from one file per recording."""

from pathlib import Path

from skeljax.data.folder_options import Options
from skeljax.errors import InputError
from skeljax.formats import annotations
from skeljax.formats.labels import Labels

TABLES = ('labels.csv', 'labels.json', 'labels.tsv', 'labels.boris')
_TOUCH = 0.1  # seconds: an overlap this short is due to rounding


def read(
    folder: Path, tier: str | None, skipped: dict[str, str]
) -> tuple[Path, Labels | None]:
    """Reads the labels of a folder, if it has any.

    Args:
        folder: of the recordings.
        tier: the tiers to read, see `annotations.read`.
        skipped: what is left out -> the reason is added to it.

    Returns:
        The file to name in messages, and the labels or None.

    Raises:
        InputError: two tables.
        FormatError: raised by the readers.
    """
    tables = [folder / name for name in TABLES if (folder / name).is_file()]
    single = [path for path in annotations.found_in(folder) if path not in tables]
    if len(tables) > 1:
        raise InputError(f'{tables[0]} and {tables[1]}: expected one of them')
    if not tables:
        if not single:
            return folder, None
        found = annotations.gather(single, tier=tier, root=folder)
        return (single[0] if len(single) == 1 else folder / 'files of labels'), found
    if single:
        inside = single[0].relative_to(folder)
        what = f'{len(single)} files of labels, e.g. {inside}'
        skipped[what] = f'{tables[0].name} holds the labels'
    return tables[0], annotations.read(tables[0], tier=tier)


def overlapping(annotated: Labels, options: Options) -> list[str]:
    """Returns a note on the number of overlapping labels and their treatment, [] for none."""
    count, recordings = 0, 0
    for some in annotated.segments.values():
        spans = sorted((m.start, m.end, m.in_frames) for m in some if not m.damage)
        over = sum(
            later[0] < before[1] - (1 if later[2] else _TOUCH)
            for before, later in zip(spans, spans[1:])
        )
        count, recordings = count + over, recordings + bool(over)
    if not count or options.overlaps == 'refuse':
        return []
    what = {'keep': 'kept; a frame has the label that begins last, or all of them with '
                    'config.finetune.multi_label', 'cut': 'cut'}[options.overlaps]
    return [f'{count} labels overlap the one before, in {recordings} recordings: {what}']
