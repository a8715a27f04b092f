"""Writes segments as ELAN annotations (EAF), for inspection and correction in ELAN.

EAF 3.0 (www.mpi.nl/tools/elan/EAFv3.0.xsd): one tier, times in milliseconds. The classes form a
controlled vocabulary, so that ELAN offers them as a list when a label is corrected. pympi-ling is
not used: its writer drops CVE_REF, which links an annotation to its entry of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.segments import Segments, check
from skeljax.viz.webvtt import milliseconds

_SCHEMA = 'http://www.mpi.nl/tools/elan/EAFv3.0.xsd'
_INSTANCE = 'http://www.w3.org/2001/XMLSchema-instance'
_TYPE, _VOCABULARY, _LANGUAGE = 'segments', 'classes', 'und'
_UNDETERMINED = 'http://cdb.iso.org/lg/CDB-00130975-001'


def write(
    path: Path,
    segments: Segments,
    *,
    classes: Sequence[str],
    fps: float,
    tier: str,
    properties: Mapping[str, str] | None = None,
    date: datetime.datetime | None = None,
):
    """Writes one annotation per segment in temporal order; its value is the class name.

    Args:
        path: output file.
        segments: in frames, not overlapping (a requirement of ELAN's tiers), see
            `localize.non_overlapping`.
        classes: class names; labels are indices into them.
        fps: frames per second.
        tier: name of the tier.
        properties: further properties of the file, name -> text.
        date: creation date; now by default.

    Raises:
        InputError: segments overlap, a segment is empty, or a label has no name.
    """
    check(segments, 'segments for ELAN', num_classes=len(classes))
    segments = segments[np.argsort(segments.start, kind='stable')]
    if (segments.start[1:] < segments.end[:-1]).any():
        raise InputError(f'{path}: segments overlap, which ELAN does not allow in a tier')
    date = date or datetime.datetime.now().astimezone()
    root = ElementTree.Element(
        'ANNOTATION_DOCUMENT',
        {
            'AUTHOR': 'skeljax',
            'DATE': date.isoformat(timespec='seconds'),
            'FORMAT': '3.0',
            'VERSION': '3.0',
            f'{{{_INSTANCE}}}noNamespaceSchemaLocation': _SCHEMA,
        },
    )
    add = lambda parent, tag, text=None, **attributes: _add(parent, tag, text, attributes)
    header = add(root, 'HEADER', MEDIA_FILE='', TIME_UNITS='milliseconds')
    # ELAN continues the numbering of annotations from lastUsedAnnotationId.
    all_properties = {**(properties or {}), 'lastUsedAnnotationId': str(len(segments))}
    for name, text in all_properties.items():
        add(header, 'PROPERTY', text, NAME=name)
    order = add(root, 'TIME_ORDER')
    row = add(root, 'TIER', LINGUISTIC_TYPE_REF=_TYPE, TIER_ID=tier)
    for number, (start, end, label) in enumerate(
        zip(segments.start, segments.end, segments.label, strict=True)
    ):
        slots = [f'ts{2 * number + 1}', f'ts{2 * number + 2}']
        for slot, time in zip(slots, milliseconds(start, end, fps), strict=True):
            add(order, 'TIME_SLOT', TIME_SLOT_ID=slot, TIME_VALUE=str(time))
        aligned = add(
            add(row, 'ANNOTATION'),
            'ALIGNABLE_ANNOTATION',
            ANNOTATION_ID=f'a{number + 1}',
            CVE_REF=f'cve{label}',
            TIME_SLOT_REF1=slots[0],
            TIME_SLOT_REF2=slots[1],
        )
        add(aligned, 'ANNOTATION_VALUE', classes[label])
    add(
        root,
        'LINGUISTIC_TYPE',
        CONTROLLED_VOCABULARY_REF=_VOCABULARY,
        GRAPHIC_REFERENCES='false',
        LINGUISTIC_TYPE_ID=_TYPE,
        TIME_ALIGNABLE='true',
    )
    add(root, 'LANGUAGE', LANG_DEF=_UNDETERMINED, LANG_ID=_LANGUAGE, LANG_LABEL='undetermined')
    vocabulary = add(root, 'CONTROLLED_VOCABULARY', CV_ID=_VOCABULARY)
    add(vocabulary, 'DESCRIPTION', LANG_REF=_LANGUAGE)
    for index, name in enumerate(classes):
        entry = add(vocabulary, 'CV_ENTRY_ML', CVE_ID=f'cve{index}')
        add(entry, 'CVE_VALUE', name, LANG_REF=_LANGUAGE, DESCRIPTION='')
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding='UTF-8', xml_declaration=True)


def _add(parent, tag: str, text: str | None, attributes: Mapping[str, str]):
    element = ElementTree.SubElement(parent, tag, attributes)
    element.text = text
    return element
