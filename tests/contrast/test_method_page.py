"""Files that docs/method.md names exist."""

from pathlib import Path
import re

ROOT = Path(__file__).resolve().parents[2]


def test_files_that_the_page_of_the_method_names_exist():
    text = (ROOT / 'docs' / 'method.md').read_text()
    named = re.findall(r'`((?:skeljax|configs)/[\w/]+\.py)`', text)
    path = text.split('## Five minutes in the code')[1].split('\n## ')[0]
    assert len(re.findall(r'^\d\. `skeljax/', path, re.MULTILINE)) == 6 and len(named) > 12
    assert [name for name in named if not (ROOT / name).is_file()] == []
