"""`python -m tests.docs.idioms [PATH ...]`: phrases that read as translated, in code, messages and documentation.

Each has what to write instead. Quoted code is left out: names of Django's API may be anything.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

SOURCES: Final = (
    *("adj", "adj_mypy", "adj_pytest.py", "tests", "typecheck_tests", "repository_tests", "scripts"),
    *("benchmarks", "examples", "docs"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "noxfile.py", "Makefile", "pyproject.toml"),
)

IDIOMS: Final[dict[str, str]] = {
    r"\b(of|than|like|as|in) (adj|Django|psycopg|mypy|asgiref|Python)'s(?=[.,;:)]|$| (and|or|but|that|is|are)\b)": (
        'the plain possessive: "adj\'s pool", not "a pool of adj\'s"'
    ),
    r"\bof its own\b": "inherits X, does not define X, or a plain possessive",
    r"\banew\b": "again",
    r"\bwithin time\b": "before the deadline",
    r"\bwhole numbers?\b": "an integer",
    r"\bmended\b": "fixed, corrected",
    r"\bis no (?!longer|more|less|later|earlier|different|better|worse)\w+": "is not a ...",
    r"\bare no (?!longer|more|less|later|earlier|different|better|worse)\w+": "are not ...",
    r"\bnobody\b": "a verb with `not`",
    r"\bwho (wants|waits|has|asks|uses|calls|gives|takes|needs|reads|writes|sends)\b": "name the caller, the holder",
    r"\bwhoever\b": "name the caller, the holder",
    r"\bis undone\b|\bare undone\b": "is rolled back",
    r"\bgives? (it |them )?back\b": "returns to the pool",
    r"\bhangs? on\b": "depends on, belongs to",
    r"\bthe row carries\b|\bits? row does not carry\b|\bdoes not carry\b": "is loaded, is not loaded",
    r"\bsteps? of (the|a) chain\b": "query method",
    r"\bplan lane\b|\bbridge lane\b": "fast path, Django path",
    r"\bhere comes\b": "got",
    r"\bboth of them\b|\ball of them\b": "both, all",
    r"\bin any case\b": "always, or leave it out",
    r"\bat which place\b|\bin the place of\b": "where, instead of",
    r"\bas long as\b": "while, if",
}
"""By pattern: what to write instead."""

# Code in Markdown, keys such as the Unix user `["nobody"]`, and addresses.
# The phrases themselves, and their test.
_OWN: Final = frozenset({"idioms.py", "test_idioms.py"})

_QUOTED = re.compile(r"""`[^`\n]*`|\["\w+"\]|https?://\S+""")


def main(arguments: list[str]) -> int:
    """Print each idiom with its place; the exit status says whether there is one."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.idioms", description=__doc__)
    parser.add_argument("paths", nargs="*", default=SOURCES)
    parser.add_argument("--count", action="store_true", help="only how many there are in each file")
    asked = parser.parse_args(arguments)
    total = 0
    for path in sources(asked.paths):
        found = list(idioms_in(path.read_text()))
        total += len(found)
        if found and asked.count:
            print(f"{len(found):4} {path.relative_to(ROOT)}")
        elif found:
            print(*(f"{path.relative_to(ROOT)}:{line}: {text!r}: {advice}" for line, text, advice in found), sep="\n")
    print(f"{total} idioms")
    return 1 if total else 0


def sources(paths: list[str] | tuple[str, ...] = SOURCES) -> Iterator[Path]:
    """The files below some paths that git knows, but for this one and its test."""
    listed = subprocess.run(["git", "ls-files", *paths], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.splitlines():
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ""} and path.name not in _OWN and path.is_file():
            yield path


def idioms_in(text: str) -> Iterator[tuple[int, str, str]]:
    """Each idiom of a text: its line, its words, and what to write instead."""
    for number, line in enumerate(text.splitlines(), 1):
        plain = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), line)
        for pattern, advice in IDIOMS.items():
            for match in re.finditer(pattern, plain, re.IGNORECASE):
                yield number, match[0], advice


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
