"""Prints the tables of an evaluation and saves its figures."""

import json
from pathlib import Path
import sys

from skeljax.localize import outcome
from skeljax.viz import score_tables as pages, table


def write(figures: dict, folder, stem: str):
    """Prints the tables of `evaluation.described`; saves them as STEM.md, all as STEM.json."""
    measured, folder = figures['protocols'], Path(folder)
    (folder / f'{stem}.json').write_text(json.dumps(figures, indent=1) + '\n')
    (folder / f'{stem}.md').write_text(pages.tables(measured, table.markdown) + '\n')
    if figures['outcome']:
        print(outcome.text(outcome.from_json_dict(figures['outcome'])) + '\n')
    print(pages.tables(measured, table.text))
    if silent := [name for name, f in measured.items() if not f['num_predicted']]:
        print(f'no segment was found under {", ".join(silent)}', file=sys.stderr)
