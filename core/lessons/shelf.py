"""The lessons there are, and what is kept of them between starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from core import files
from core.lessons.reading import LONGEST, LessonError, read_head, read_lesson, read_title
from core.lessons.records import Head, Lesson
from core.lessons.walk import Progress

T = TypeVar("T")

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

FORMAT: Final = 1
LARGEST: Final = 16 << 20
"""Bytes of a file of progress that is read."""


class NewerError(Exception):
    """A newer version wrote a file: it is not written over.

    Attributes:
        name: of the file.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: a newer Pullback wrote it")
        self.name = name


class _Kept(msgspec.Struct):
    """The file."""

    format: int
    lessons: dict[str, Progress]


class _Head(msgspec.Struct):
    format: int


_file, _head = msgspec.json.Decoder(_Kept), msgspec.json.Decoder(_Head)
_lessons = msgspec.json.Decoder(dict[str, Progress])


def load_progress(path: Path) -> tuple[dict[str, Progress], str]:
    """What is kept, by lesson; nothing where there is no such file, or a newer version wrote it.

    A file that makes no sense is moved aside, so that nothing is written over it; its new name is given, else ''.
    """
    try:
        return _read(path), ""
    except (OSError, NewerError):
        return {}, ""
    except ValueError:
        return {}, files.set_aside(path)


def save_progress(
    progress: Mapping[str, Progress], path: Path, before: Mapping[str, Progress] | None = None
) -> dict[str, Progress]:
    """Keeps it, together with what another window has kept meanwhile, and gives both.

    Args:
        before: what was loaded or saved last: what differs from that is this window's own doing.

    Raises OSError where it cannot be kept, NewerError where a newer version wrote what is there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.locked(path):
        try:
            theirs = _read(path)
        except FileNotFoundError:
            theirs = {}
        except ValueError:
            files.set_aside(path)
            theirs = {}
        both = _merged(before or {}, progress, theirs)
        files.write_whole(path, msgspec.json.format(msgspec.json.encode(_Kept(FORMAT, both)), indent=1))
    return both


def _read(path: Path) -> dict[str, Progress]:
    """Raises OSError, NewerError, or ValueError where it makes no sense."""
    if path.stat().st_size > LARGEST:
        raise ValueError("it is too large")
    blob = path.read_bytes()
    try:
        if b'"format"' not in blob[:100]:  # as it was before it had a format
            return _lessons.decode(blob)
        if _head.decode(blob).format > FORMAT:
            raise NewerError(path.name)
        return _file.decode(blob).lessons
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _merged(
    before: Mapping[str, Progress], mine: Mapping[str, Progress], theirs: Mapping[str, Progress]
) -> dict[str, Progress]:
    """Of two windows' progress what each has changed; in a lesson that both changed, what each changed of it."""
    both = _changed(before, mine, theirs)
    for id_ in before.keys() & mine.keys() & theirs.keys():
        base, own, other = before[id_], mine[id_], theirs[id_]
        if own not in (base, other) and other != base and own.digest == other.digest == base.digest:
            both[id_] = Progress(
                own.digest, own.screen, _changed(base.outcomes, own.outcomes, other.outcomes),
                _changed(base.programs, own.programs, other.programs), tuple(dict.fromkeys((*own.seen, *other.seen))),
            )  # fmt: skip
    return both


def _changed(before: Mapping[str, T], mine: Mapping[str, T], theirs: Mapping[str, T]) -> dict[str, T]:
    """``theirs`` with what ``mine`` has changed since ``before``; what was taken away there stays away."""
    both = {key: value for key, value in theirs.items() if key not in before or key in mine}
    return both | {key: value for key, value in mine.items() if key not in before or value != before[key]}
