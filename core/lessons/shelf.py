"""The lessons there are, and what is kept of them between starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from core.files import write_whole
from core.lessons.reading import LONGEST, LessonError, read_head, read_lesson, read_title
from core.lessons.records import Head, Lesson
from core.lessons.walk import Progress

ORIGINAL = "en"
"""The language lessons are written in first; others translate it."""


def heads(folder: Path, language: str) -> list[Head]:
    """Every lesson of a folder in its order, titles in a language; files that are no lessons are left out."""
    found = []
    for path in sorted(folder.glob(f"*.{ORIGINAL}.md")):
        id_ = path.name.removesuffix(f".{ORIGINAL}.md")
        try:
            original = read_head(read_text(path))
            own = folder / f"{id_}.{language}.md"
            title = read_title(read_text(own)) if own.exists() else ""
        except (OSError, ValueError):
            continue
        found.append(replace(original, title=title or original.title))
    return sorted(found, key=lambda head: (head.order, head.id))


def open_lesson(folder: Path, id_: str, language: str) -> Lesson:
    """A lesson of a folder in a language, else in the one it was written in.

    Raises OSError where there is no such file, LessonError where it is no lesson.
    """
    original, own = folder / f"{id_}.{ORIGINAL}.md", folder / f"{id_}.{language}.md"
    if original.exists() and own.exists() and own != original:
        return read_lesson(read_text(own), language, read_text(original), ORIGINAL)
    for path, known in ((original, ORIGINAL), (own, language), (folder / f"{id_}.md", "")):
        if path.exists():
            return read_lesson(read_text(path), known or language)
    raise FileNotFoundError(f"{id_}.{ORIGINAL}.md")


def named(path: Path) -> tuple[str, str]:
    """The id and the language that a lesson file's name says; '' for no language."""
    id_, _, language = path.name.removesuffix(path.suffix).rpartition(".")
    return (id_, language) if id_ else (language, "")


def read_text(path: Path) -> str:
    """A lesson file; its size is looked at before it is read. Raises OSError and LessonError."""
    if path.stat().st_size > 4 * LONGEST:
        raise LessonError(0, f"{path.stat().st_size >> 20} MB; a lesson is smaller")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LessonError(0, f"byte {error.start} is no UTF-8 text") from None


# ── Progress ──────────────────────────────────────────────────────────────────────────────────────────────────────

_decoder = msgspec.json.Decoder(dict[str, Progress])


def load_progress(path: Path) -> dict[str, Progress]:
    """What is kept, by lesson; nothing where there is no such file or it makes no sense."""
    try:
        return _decoder.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, RecursionError):
        return {}


def save_progress(progress: Mapping[str, Progress], path: Path) -> None:
    """Keeps it; raises OSError where that cannot be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, msgspec.json.format(msgspec.json.encode(dict(progress)), indent=1))
