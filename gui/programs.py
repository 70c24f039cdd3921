"""Programs to open: those that come with Pullback, and those opened lately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ASSETS = Path(__file__).resolve().parent.parent / "assets"
REMEMBERED = 8
"""Programs opened lately that are offered again."""


def examples() -> list[Path]:
    """The programs that come with Pullback, the first one first."""
    return [path for folder in ("examples", "gallery") for path in sorted((ASSETS / folder).glob("*.py"))]


def is_example(path: str | Path) -> bool:
    """Whether a file belongs to Pullback, so that the reader's work is not written over it."""
    return ASSETS in Path(path).resolve().parents


def titles(paths: Sequence[Path]) -> list[str]:
    """What files are called in a menu: with their folders where two have the same name."""
    names = Counter(path.name for path in paths)
    return [path.name if names[path.name] == 1 else f"{path.name} — {path.parent}" for path in paths]


def remembered(recent: tuple[str, ...], path: str) -> tuple[str, ...]:
    """The programs opened lately, this one first."""
    return (path, *(other for other in recent if other != path))[:REMEMBERED]
