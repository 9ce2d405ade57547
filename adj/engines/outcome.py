"""What is known about a statement that failed or was cancelled, noted on the exception.

A write whose connection was lost may or may not be done. Such an error carries the note `OUTCOME_UNKNOWN`, which users
see below the traceback. A cancellation carries its `Outcome` as an attribute.
"""

from __future__ import annotations

from adj.errors import Outcome

OUTCOME_UNKNOWN = "The server's response was not received: the statement may or may not have taken effect."
"""The note on an error that leaves open whether a transaction is committed, or a statement in autocommit has run."""


def add_outcome_note(error: BaseException) -> None:
    """Note on an error that the outcome is unknown. Adds the note once."""
    if not has_outcome_note(error):
        error.add_note(OUTCOME_UNKNOWN)


def has_outcome_note(error: BaseException) -> bool:
    """Whether an error says that the outcome is unknown."""
    return OUTCOME_UNKNOWN in getattr(error, "__notes__", ())


def remove_outcome_note(error: BaseException) -> None:
    """Remove the note, for statements without an outcome: those that only read, or begin a transaction."""
    if has_outcome_note(error):
        error.__notes__.remove(OUTCOME_UNKNOWN)


def record_outcome(error: BaseException, outcome: Outcome) -> None:
    """Record on a cancellation what became of the statement that was running."""
    vars(error)["adj_outcome"] = outcome


def outcome_of(error: BaseException | None) -> Outcome:
    """What became of a statement that was cancelled or timed out, by its exception."""
    if error is None:
        return "stopped"
    if has_outcome_note(error):
        return "unknown"
    outcome: Outcome = vars(error).get("adj_outcome", "stopped")
    return outcome
