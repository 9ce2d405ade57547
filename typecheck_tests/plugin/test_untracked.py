"""The option that leaves models as they are."""

from __future__ import annotations

from typecheck_tests.plugin.checked import ROOT, check
from typecheck_tests.plugin.marks import marks, said

FILE = "typecheck_tests/plugin/untracked/rows.py"


def test_models_are_untouched_without_tracking() -> None:
    expected = list(marks((ROOT / FILE).read_text(encoding="utf-8").splitlines()))
    found = said(check(FILE, adj="loaded_relations = false", debug=True))[FILE]
    assert [message for message in found if not any(mark.fits(message) for mark in expected)] == []
    assert [mark for mark in expected if not any(mark.fits(message) for message in found)] == []
