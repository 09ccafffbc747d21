"""The text cells of a notebook in another language: notebooks/LANGUAGE/NAME.md has each after a line
`<!-- cell digest -->`, where the digest is that of the English text that was translated.
"""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

MARK = re.compile(r"^<!-- ([\w-]+) (\w*) -->\n", re.MULTILINE)


class Translated(NamedTuple):
    """digest: of the English text that was translated; text: in the other language."""

    digest: str
    text: str


def digest(text: str) -> str:
    """Eight hexadecimal digits that change with a text."""
    return sha256(text.encode()).hexdigest()[:8]


def read_translation(path: Path) -> dict[str, Translated]:
    """The translated cells by their ids."""
    _, *found = MARK.split(path.read_text(encoding="utf-8"))
    return {cell: Translated(of, text.strip()) for cell, of, text in zip(*[iter(found)] * 3, strict=True)}


def translate(notebook: Path, language: str) -> bytes:
    """The notebook's file with its text cells in another language, as far as they are translated and up to date."""
    content, path = notebook.read_bytes(), notebook.parent / language / f"{notebook.stem}.md"
    if not path.exists():
        return content
    cells, known = json.loads(content), read_translation(path)
    for cell in cells["cells"]:
        found = known.get(cell["id"])
        if cell["cell_type"] == "markdown" and found and found.digest == digest("".join(cell["source"])):
            cell["source"] = found.text.splitlines(keepends=True)
    return (json.dumps(cells, indent=1, ensure_ascii=False) + "\n").encode()
