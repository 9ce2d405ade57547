"""`python -m tests.docs.any_count`: how often `Any` stands in adj/ per 1,000 lines, and the files with the most.

Every occurrence of the word counts, also in imports and comments.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

SHOWN: Final = 20
"""How many files are printed."""

_ANY: Final = re.compile(r"\bAny\b")


def main() -> None:
    """Print the figure, and the files with the most."""
    counts = sorted(((any_count(path), path) for path in sources()), reverse=True)
    for count, path in counts[:SHOWN]:
        print(f"{count:4} {path.relative_to(ROOT)}")
    print(f"{per_thousand_lines():.1f} Any per 1,000 lines ({sum(count for count, _ in counts)})")


def per_thousand_lines() -> float:
    """How often `Any` stands in 1,000 lines of adj/."""
    texts = [path.read_text() for path in sources()]
    return 1_000 * sum(len(_ANY.findall(text)) for text in texts) / sum(text.count("\n") for text in texts)


def any_count(path: Path) -> int:
    """How often `Any` stands in a file."""
    return len(_ANY.findall(path.read_text()))


def sources() -> list[Path]:
    """The modules of adj/."""
    return sorted((ROOT / "adj").rglob("*.py"))


if __name__ == "__main__":
    main()
