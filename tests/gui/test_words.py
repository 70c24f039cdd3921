"""The tables of words: the same texts in both languages, and none that nobody says."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

ROOT = Path(__file__).parents[2]
TABLES = {language: json.loads((ROOT / f"assets/i18n/{language}.json").read_text("utf-8")) for language in ("en", "zh")}


def facts(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def said() -> Iterator[str]:
    """Patterns of all texts in the code; what an f-string puts in may be any part of a key."""
    for path in [*(ROOT / "gui").rglob("*.py"), ROOT / "core" / "expression.py"]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.escape(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
                if any(
                    isinstance(part, str) and re.fullmatch(r"[a-z][\w.]*[._]|[._][\w.]*[a-z]", part) for part in parts
                ):
                    yield "".join(r"[\w.]+" if part is None else re.escape(str(part)) for part in parts)


def test_both_languages_say_the_same_with_the_same_facts() -> None:
    english, chinese = TABLES["en"], TABLES["zh"]
    assert list(english) == list(chinese)
    assert {key: facts(text) for key, text in english.items()} == {key: facts(text) for key, text in chinese.items()}


def test_every_text_is_said_somewhere() -> None:
    patterns = re.compile("|".join(f"(?:{pattern})" for pattern in set(said())))
    assert [key for key in TABLES["en"] if not patterns.fullmatch(key)] == []


def test_one_thing_has_one_name_in_chinese() -> None:
    others = ("切断", "方框", "个操作")
    assert [key for key, text in TABLES["zh"].items() if any(other in text for other in others)] == []
