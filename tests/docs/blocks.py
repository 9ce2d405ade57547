"""The code blocks of a Markdown page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

# A block may be indented, as in a list.
_BLOCK: Final = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", flags=re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """The texts of a page's blocks in one language, in their order; empty lines keep the numbers of their lines."""
    text = page.read_text(encoding="utf-8")
    return [
        "\n" * text[: match.start(3)].count("\n") + match[3] for match in _BLOCK.finditer(text) if match[2] == language
    ]
