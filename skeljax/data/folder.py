"""Reads the contents of a folder of recordings, with its tables and options.

    DIR/**/*              recordings of any format of `skeljax.formats.FORMATS`
    DIR/labels.csv        or .json, .tsv, .boris, see `skeljax.formats.labels`; or, of single
                          recordings, files of annotation programs beside these, or any in
                          DIR/labels (`skeljax.formats.annotations`)
    DIR/splits.csv        recording,split
    DIR/subjects.csv      recording,subject[,split]
    DIR/corpus.json       see `folder_options.Options`

Everything except the recordings is optional. The name of a recording is its path below DIR
without the ending. Tables may include the ending, and may omit the folders if the rest is
unambiguous.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skeljax import formats
from skeljax.data import folder_labels, folder_options, splits
from skeljax.data.folder_options import Options
from skeljax.errors import FormatError, InputError
from skeljax.formats import annotations, cells, frame_folders, hints, labels
from skeljax.formats.labels import Label

_TABLES = (*folder_labels.TABLES, 'splits.csv', 'subjects.csv', 'corpus.json')
_PROSE = ('readme', 'licence', 'license', 'notes', 'changelog')
# Read together with the recordings of their format.
_COMPANIONS = (
    '_angles.txt', '_angles.txt.gz', '_angles_inc.txt', '_angles_inc.txt.gz', '.asf', '.asf.gz',
)
_BODY = 'shape.npz'  # AMASS: the body shape of each person


@dataclass(frozen=True)
class Plan:
    """The contents of a folder, before any recording is read.

    Attributes:
        options: of corpus.json.
        files: recording -> its file (or folder with one file per frame).
        classes: of all labels.
        labels: recording -> its labels; empty for an unlabeled corpus.
        subjects: recording -> subject, where the tables state it.
        splits: recording -> split, where the tables state it.
        skipped: what is left out -> the reason.
        notes: what was estimated about the labels, one line each.
    """

    options: Options
    files: dict[str, Path]
    classes: tuple[str, ...]
    labels: dict[str, list[Label]]
    subjects: dict[str, str]
    splits: dict[str, str]
    skipped: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def plan(folder) -> Plan:
    """Lists the recordings of a folder and reads its tables.

    Recordings missing from a table of labels or splits are left out.

    Raises:
        InputError: no recording, two of one name, a table with an unknown recording, and what
            the readers of the tables raise.
    """
    folder = Path(folder)
    options = folder_options.read(folder)
    files, skipped = find(folder)
    names = _Names(folder, files)
    source, annotated = folder_labels.read(folder, options.tier, skipped)
    labeled, subjects, split, notes = {}, {}, {}, ()
    if annotated:
        found = names.resolve(annotated.where, annotated.aliases)
        notes = (*annotated.notes, *folder_labels.overlapping(annotated, options))
        labeled = {found[text]: some for text, some in annotated.segments.items()}
        split = {found[text]: name for text, name in annotated.subsets.items()}
        _keep(files, labeled, f'not named in {source.name}', skipped)
    if (path := folder / 'subjects.csv').is_file():
        subjects = names.column(path, 'subject')
        split |= names.column(path, 'split', required=False)
    if (path := folder / 'splits.csv').is_file():
        split |= names.column(path, 'split')
    if split and options.split in (None, 'file'):
        _keep(files, split, 'in no split', skipped)
    classes = options.classes or (annotated.classes() if annotated else ())
    if not files:
        raise InputError(f'{folder}: no recording is left; {"; ".join(skipped)}')
    return Plan(options, files, classes, labeled, subjects, split, skipped, notes)


def assign(plan: Plan, subjects: dict[str, str]) -> dict[str, str]:
    """Returns the split of each recording: by the tables, or at random by subject or recording.

    Args:
        plan: the plan.
        subjects: recording -> subject, '' if unknown; of the recordings to be assigned.

    Raises:
        InputError: corpus.json asks for splits by the tables or by subject, which some
            recordings lack.
    """
    by = plan.options.split or ('file' if plan.splits else None)
    if by == 'file':
        missing = sorted(subjects.keys() - plan.splits.keys())
        if missing:
            raise InputError(f'{missing[0]}: in no table of splits, as "split": "file" requires')
        return {name: plan.splits[name] for name in subjects}
    unknown = sorted(name for name, subject in subjects.items() if not subject)
    if by == 'subject' and unknown:
        raise InputError(f'{unknown[0]}: no subject, as "split": "subject" requires')
    groups: dict[str, set[str]] = {}
    # Prefixes keep a recording without a subject apart from a subject of the same name.
    group = {
        name: f'subject/{subject}' if subject and by != 'recording' else f'recording/{name}'
        for name, subject in subjects.items()
    }
    for name in subjects:
        shown = groups.setdefault(group[name], set())
        shown |= {label.name for label in plan.labels.get(name, ()) if not label.damage}
    dealt = splits.deal(groups, plan.options.seed)
    return {name: dealt[group[name]] for name in subjects}


def find(folder: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Returns name -> path of the recordings, sorted, and what is left out -> the reason.

    Raises:
        InputError: no such folder, no recording, or two of one name.
    """
    if not folder.is_dir():
        raise InputError(f'{folder}: no such directory')
    files: dict[str, Path] = {}
    strange: list[str] = []
    for path in recordings(folder, strange):
        inside = path.relative_to(folder)
        stem = path.name if path.is_dir() else formats.stem(path)
        name = inside.with_name(stem).as_posix()
        if name in files:
            raise InputError(f'{files[name]} and {path}: two recordings of one name, {name!r}')
        files[name] = path
    if not files:
        known = ', '.join(formats.endings())
        hint = next((f'; {name} {h}' for name in strange if (h := hints.unreadable(name))), '')
        raise InputError(f'{folder}: no recording, expected files ending in {known}{hint}')
    why = 'of no known format'
    skipped = {f'{len(strange)} files, e.g. {strange[0]}': why} if strange else {}
    return dict(sorted(files.items())), skipped


def recordings(folder: Path, strange: list[str]) -> Iterable[Path]:
    """Yields the recordings below a folder: files, or folders with one file per frame.

    Args:
        folder: the folder.
        strange: names of files of unknown format are appended to it.

    Raises:
        InputError: files of single frames are in the folder itself.
    """
    folders = set()
    for path in sorted(folder.rglob('*')):
        inside = path.relative_to(folder)
        name = path.name.lower()
        if not path.is_file() or any(part.startswith('.') for part in inside.parts):
            continue
        if str(inside) in _TABLES or name.split('.')[0] in _PROSE:
            continue
        if name.endswith(_COMPANIONS) or name == _BODY or annotations.is_labels(path, folder):
            continue
        if path.suffix.lower() == '.json' and frame_folders.is_frames(path.parent):
            if path.parent == folder:
                raise InputError(f'{path}: a file of one frame, expected in a folder of its own')
            if path.parent not in folders:
                folders.add(path.parent)
                yield path.parent
        elif formats.find(path):
            yield from _inside(path)
        else:
            strange.append(inside.as_posix())


def _inside(path: Path) -> list[Path]:
    """Returns the recordings of a file: itself, or those that it contains."""
    try:
        return formats.inside(path) or [path]
    except FormatError:
        return [path]  # its reader raises the error


class _Names:
    """Finds the recordings that tables name, with or without folders and endings."""

    def __init__(self, folder: Path, files: Mapping[str, Path]):
        self._known: dict[str, set[str]] = {}
        for name, path in files.items():
            inside = path.relative_to(folder).as_posix()
            for text in {name, inside, name.rpartition('/')[2], inside.rpartition('/')[2]}:
                self._known.setdefault(text, set()).add(name)
        self._folder, self._files = folder, files

    def resolve(
        self, where: Mapping[str, str], aliases: Mapping[str, tuple[str, ...]] | None = None
    ) -> dict[str, str]:
        """Maps the texts by which a table names recordings to the recordings' names.

        Args:
            where: text -> file and line.
            aliases: text -> other names, in order of preference.

        Raises:
            FormatError: a text fits no recording or several, or two texts fit the same one.
        """
        found: dict[str, str] = {}
        calls: dict[str, str] = {}
        for text, line in where.items():
            others = (aliases or {}).get(text, ())
            known = [self._called(name) for name in (text, *others)]
            names = next((some for some in known if len(some) == 1), known[0])
            if len(names) != 1:
                what = f'recordings {" and ".join(sorted(names)[:2])}' if names else 'no recording'
                raise FormatError(f'{line}: {text!r}: {what} in {self._folder}, expected one')
            (name,) = names
            if name in calls:
                raise FormatError(f'{line}: {text!r} is {calls[name]!r} again')
            found[text], calls[name] = name, text
        return found

    def _called(self, text: str) -> set[str]:
        plain = text.replace('\\', '/').removeprefix('./')
        return {plain} if plain in self._files else self._known.get(plain, set())

    def column(self, path: Path, column: str, required: bool = True) -> dict[str, str]:
        """Reads a column of a table: name of the recording -> cell, without empty cells."""
        sheet = cells.read(path)
        key, value = sheet.column(*labels.RECORDING), sheet.column(column)
        if value is None and not required:
            return {}
        if key is None or value is None:
            found = ', '.join(sheet.names)[:80]
            raise FormatError(f'{path}:1: columns {found}, expected recording, {column}')
        where: dict[str, str] = {}
        values = {}
        for number, row in enumerate(sheet.rows):
            if not any(row):  # written by spreadsheets at the end
                continue
            if row[key] in where:
                sheet.fail(number, f'{row[key]!r} again, as in {where[row[key]]}')
            where[row[key]] = f'{path}:{sheet.lines[number]}'
            if row[value]:
                split = column == 'split'
                cell = row[value]
                values[row[key]] = labels.subset(cell, where[row[key]]) if split else cell
        found = self.resolve(where)
        return {found[text]: cell for text, cell in values.items()}


def _keep(files: dict[str, Path], named: Mapping, why: str, skipped: dict[str, str]):
    """Removes the recordings that are not named."""
    lost = [name for name in files if name not in named]
    for name in lost:
        del files[name]
    if lost:
        skipped[f'{len(lost)} recordings, e.g. {lost[0]}'] = why
