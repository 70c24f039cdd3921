"""The lessons there are, and what is kept of them between starts."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from core import files
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
    return open_file(found(folder, id_, language), language)


def found(folder: Path, id_: str, language: str) -> Path:
    """The file that a lesson is read from; raises FileNotFoundError."""
    for name in (f"{id_}.{language}.md", f"{id_}.{ORIGINAL}.md", f"{id_}.md"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(2, "there is no such file", f"{id_}.{ORIGINAL}.md")


def open_file(path: Path, language: str) -> Lesson:
    """A lesson from anywhere, with the original that it translates, if that stands beside it.

    Args:
        language: of its text, where its name says none.

    Raises OSError where there is no such file, LessonError where it is no lesson.
    """
    return read_draft(read_text(path), path, language)


def read_draft(text: str, path: Path, language: str) -> Lesson:
    """The same of a text that is to stand in a file."""
    original = original_of(path)
    return read_lesson(
        text, named(path)[1] or language, read_text(original) if original is not None else None, ORIGINAL
    )


def original_of(path: Path) -> Path | None:
    """The file that a translation stands beside; None for one that stands by itself.

    Raises LessonError for a link: it may lead to any file of this computer.
    """
    id_, language = named(path)
    beside = path.with_name(f"{id_}.{ORIGINAL}.md")
    if language in ("", ORIGINAL) or not beside.exists():
        return None
    if beside.is_symlink():
        raise LessonError(0, f"{beside.name} is a link to elsewhere; the original must stand beside its translation")
    return beside


def named(path: Path) -> tuple[str, str]:
    """The id and the language that a lesson file's name says; '' for no language."""
    id_, _, language = path.name.removesuffix(path.suffix).rpartition(".")
    return (id_, language) if id_ else (language, "")


def read_text(path: Path) -> str:
    """A lesson file; its size is looked at before it is read. Raises OSError and LessonError."""
    try:
        return files.read_text(path, 4 * LONGEST)
    except ValueError as error:
        raise LessonError(0, str(error)) from None


# ── Progress ──────────────────────────────────────────────────────────────────────────────────────────────────────

_decoder = msgspec.json.Decoder(dict[str, Progress])


def load_progress(path: Path) -> tuple[dict[str, Progress], str]:
    """What is kept, by lesson; nothing where there is no such file.

    A file that makes no sense is moved aside, so that nothing is written over it; its new name is given, else ''.
    """
    try:
        return _decoder.decode(path.read_bytes()), ""
    except OSError:
        return {}, ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        aside = path.with_suffix(".damaged")
        with contextlib.suppress(OSError):
            path.replace(aside)
        return {}, aside.name


def save_progress(progress: Mapping[str, Progress], path: Path) -> None:
    """Keeps it; raises OSError where that cannot be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_whole(path, msgspec.json.format(msgspec.json.encode(dict(progress)), indent=1))
