"""Reads ELAN's annotations, .eaf (www.mpi.nl/tools/elan/EAFv3.0.xsd).

Times are milliseconds. An annotation that refers to another one (symbolic association) has
its time; several that do (symbolic subdivision) share it evenly. A time slot without a
value lies evenly between those around it that have one.
"""

from pathlib import Path

from skeljax.errors import FormatError
from skeljax.formats.annotations import xml
from skeljax.formats.labels import Labels, mark


def read(path) -> Labels:
    """Reads the labels of one recording, named as the file; tiers are those of ELAN.

    Raises:
        FormatError: damaged, an annotation without a time, or without a parent.
    """
    path = Path(path)
    root = xml.root(path, 'ANNOTATION_DOCUMENT')
    slots = _slots(path, root)
    spans: dict[str, tuple[float, float]] = {}
    referring: dict[str, list[str]] = {}  # annotation -> those that refer to it, in order
    found = []
    for tier in root.iter('TIER'):
        for item in [*tier.iter('ALIGNABLE_ANNOTATION'), *tier.iter('REF_ANNOTATION')]:
            name = item.get('ANNOTATION_ID', '')
            where = f'{path}: tier {tier.get("TIER_ID", "")!r:.40}: annotation {name!r:.20}'
            if item.tag == 'ALIGNABLE_ANNOTATION':
                ends = [item.get(f'TIME_SLOT_REF{n}', '') for n in (1, 2)]
                if not all(end in slots for end in ends):
                    raise FormatError(f'{where}: its time slots are not in the file')
                spans[name] = slots[ends[0]], slots[ends[1]]
            else:
                above = f'{tier.get("TIER_ID")}\n{item.get("ANNOTATION_REF", "")}'
                referring.setdefault(above, []).append(name)
            value = item.findtext('ANNOTATION_VALUE') or ''
            found.append((name, tier.get('TIER_ID', ''), value.strip(), where))
    waiting = {name: key for key, names in referring.items() for name in names}
    labels = Labels()
    labels.add(path.stem, str(path))
    labels.aliases[path.stem] = _recordings(root)
    for name, tier, value, where in found:
        start, end = _span(name, spans, waiting, referring, where)
        labels.segments[path.stem].append(mark(start, end, value, where, tier=tier))
    return labels


def _recordings(root) -> tuple[str, ...]:
    """Returns what the recording may be called: as skeljax wrote it, and as its media."""
    stated = (item.text for item in root.iter('PROPERTY') if item.get('NAME') == 'recording')
    media = (item.get('MEDIA_URL', '') for item in root.iter('MEDIA_DESCRIPTOR'))
    return (*filter(None, stated), *(Path(url).stem for url in media if url))


def _slots(path: Path, root) -> dict[str, float]:
    """Reads the times of slots in seconds."""
    names: list[str] = []
    times: list[float | None] = []
    for slot in root.iter('TIME_SLOT'):
        stated = slot.get('TIME_VALUE')
        try:
            times.append(None if stated is None else int(stated) / 1000)
        except ValueError:
            where = f'{path}: time slot {slot.get("TIME_SLOT_ID", "")!r:.20}'
            raise FormatError(f'{where}: {stated!r:.20}, expected milliseconds') from None
        names.append(slot.get('TIME_SLOT_ID', ''))
    known = [index for index, time in enumerate(times) if time is not None]
    for index, time in enumerate(times):
        if time is None and known:
            before = max((k for k in known if k < index), default=known[0])
            after = min((k for k in known if k > index), default=known[-1])
            share = (index - before) / (after - before) if after > before else 0
            times[index] = times[before] + share * (times[after] - times[before])
    return {name: time for name, time in zip(names, times, strict=True) if time is not None}


def _span(name: str, spans, waiting, referring, where: str) -> tuple[float, float]:
    """Finds when an annotation is, by those that it refers to, one after the other."""
    chain = []
    while name not in spans:
        if name not in waiting or len(chain) > 100 or name in chain:
            raise FormatError(f'{where}: refers to an annotation without a time')
        chain.append(name)
        name = waiting[name].partition('\n')[2]
    start, end = spans[name]
    for child in reversed(chain):
        beside = referring[waiting[child]]
        share = (end - start) / len(beside)
        start += share * beside.index(child)
        end = start + share
        spans[child] = start, end
    return start, end
