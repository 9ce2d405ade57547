"""`python -m tests.docs.any_count`: how often `Any` stands in adj/ per 1,000 lines, and the files with the most.

Every occurrence of the word in the code counts, also in imports and in annotations that are strings. Comments and texts
of several lines do not count, nor do the strings of the generator of stubs, which are what it writes.
"""

from __future__ import annotations

import re
import tokenize
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
    lines = sum(path.read_text(encoding="utf-8").count("\n") for path in sources())
    return 1_000 * sum(map(any_count, sources())) / lines


def any_count(path: Path) -> int:
    """How often `Any` stands in the code of a file."""
    is_of_code = _is_name if path.parent.name == "stubgen" else _is_name_or_annotation
    with tokenize.open(path) as source:
        code = [token.string for token in tokenize.generate_tokens(source.readline) if is_of_code(token)]
    return sum(len(_ANY.findall(text)) for text in code)


def _is_name(token: tokenize.TokenInfo) -> bool:
    return token.type == tokenize.NAME


def _is_name_or_annotation(token: tokenize.TokenInfo) -> bool:
    return _is_name(token) or (token.type == tokenize.STRING and "\n" not in token.string)


def sources() -> list[Path]:
    """The modules of adj/."""
    return sorted((ROOT / "adj").rglob("*.py"))


if __name__ == "__main__":
    main()
