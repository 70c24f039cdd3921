"""What went wrong in a program, in words."""

from __future__ import annotations

from core.records import Failure
from gui.editor import syntax
from gui.i18n import Words


def failure_lines(failure: Failure, words: Words) -> tuple[str, str]:
    """The explanation in plain words ('' where the exception says it best), and its own text in one line."""
    explanation = words.get(f"failure.{failure.kind}", failure.explanation, **failure.facts)
    place = f"{words('error.mark', line=failure.line)} · " if failure.line else ""
    message = " ".join(failure.message.split())
    said = f"{place}{failure.type}: {message}" if message else f"{place}{failure.type}"
    return explanation or syntax.explanation(failure, words), said
