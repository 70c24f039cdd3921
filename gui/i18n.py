"""The text the reader sees, in English and Chinese: JSON tables, one for each language."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from gui.shortcuts import spelled

LANGUAGES = ("en", "zh")
_TABLES = Path(__file__).resolve().parent.parent / "assets" / "i18n"


class Words:
    """One language: ``words("card.paths", done=1, all=2)``."""

    def __init__(self, language: str, table: dict[str, str]) -> None:
        self.language = language
        self.table = table

    def __call__(self, key: str, /, **facts: object) -> str:
        return self.table[key].format(**facts)

    def get(self, key: str, otherwise: str, /, **facts: object) -> str:
        """The text, or ``otherwise`` where the table has none or a fact is missing."""
        try:
            return self.table[key].format(**facts) if key in self.table else otherwise
        except (KeyError, IndexError):
            return otherwise


@cache
def words(language: str) -> Words:
    """The table of a language; English for one that is not known."""
    language = language if language in LANGUAGES else "en"
    table = _read(_TABLES / f"{language}.json")
    # The engine explains failures in English itself; other languages keep a table by Failure.kind.
    failures = _TABLES / f"failures.{language}.json"
    if failures.exists():
        table |= {f"failure.{kind}": text for kind, text in _read(failures).items()}
    return Words(language, {key: spelled(text) for key, text in table.items()})


def _read(path: Path) -> dict[str, str]:
    table: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return table
