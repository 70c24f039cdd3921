"""Programs, traces and texts read from files, results written to them whole or not at all."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import re
import stat
import sys
import tempfile
import time
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core import tracefile
from core.records import Trace

PROGRAM_LIMIT: Final = 10 << 20
"""Bytes of a program at most."""

TRACE_LIMIT: Final = 1 << 30
"""Bytes of a ``.pullback`` file at most."""

STALE: Final = 600.0
"""Seconds after which a temporary file is nobody's any more: who wrote it was ended in the middle."""

_OURS: Final = ".pullback-"
"""Stands before what makes the name of a temporary file its own."""

_ENDS: Final = re.compile("\r\n|\r|\n")

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte-order marks and what they stand for; UTF-32's begins with UTF-16's."""


def read_program(path: Path) -> str:
    """The text of a Python file, its lines ended by ``\\n``.

    Honours a byte-order mark and Python's own ``coding:`` comment, else it is UTF-8.

    Raises:
        OSError: it cannot be read.
        ValueError: one line; it is too large or not text.
    """
    blob = _read(path, PROGRAM_LIMIT)
    return _decoded(blob, *_encoding(blob))


def read_for_editing(path: Path) -> str:
    """The same for an editor, which would end at a NUL character and lose what follows with the next save: refused."""
    text = read_program(path)
    before, nul, _ = text.partition("\0")
    if nul:
        raise ValueError(f"line {before.count(chr(10)) + 1} has a NUL character")
    return text


def read_text(path: Path, limit: int) -> str:
    """The text of a file, its lines ended by ``\\n``: UTF-8 where no byte-order mark says otherwise.

    Its size is looked at before anything is read. Raises OSError, or ValueError with one line.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is no file")
    blob = _read(path, limit)
    return _decoded(blob, *(_mark(blob) or (b"", "utf-8")))


def write_program(path: Path, text: str) -> None:
    """Writes a program in the encoding its ``coding:`` comment says, else in UTF-8.

    A file that is there keeps its byte-order mark and the ends of its lines; where those are mixed, lines above and
    below what has changed keep their own.

    Raises:
        OSError: it cannot be written.
        ValueError: one line; the encoding has no such characters.
    """
    _write(path, text, _encoding(text.encode("utf-8", "replace"))[1])


def write_text(path: Path, text: str) -> None:
    """Writes a text in UTF-8, or as the mark of the file that is there says; as ``write_program`` otherwise."""
    _write(path, text, "utf-8")


def _write(path: Path, text: str, encoding: str) -> None:
    before = b""
    with contextlib.suppress(OSError, ValueError):
        before = _read(path, PROGRAM_LIMIT)
    mark, encoding = _mark(before) or (b"", encoding)
    text = _ended(text, before[len(mark) :].decode(encoding, "replace"))
    try:
        blob = mark + text.encode(encoding)
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise ValueError(f"line {line} cannot be written as {error.encoding}: {text[error.start]!r}") from None
    write_whole(path, blob)


def _ended(text: str, before: str) -> str:
    """A text with the ends of lines of the one that is there."""
    ends = _ENDS.findall(before)
    if not ends or set(ends) == {"\n"}:
        return text
    usual = Counter(ends).most_common(1)[0][0]
    if len(set(ends)) == 1:
        return text.replace("\n", usual)
    old, new = _ENDS.split(before), text.split("\n")
    above = _alike(old, new)
    below = min(_alike(old[::-1], new[::-1]), len(old) - above, len(new) - above)
    kept = ends[: min(above, len(new) - 1)], ends[len(ends) - max(0, below - 1) :]
    own = [*kept[0], *[usual] * (len(new) - 1 - len(kept[0]) - len(kept[1])), *kept[1], ""]
    return "".join(line + end for line, end in zip(new, own, strict=True))


def _alike(one: list[str], other: list[str]) -> int:
    """How many lines two texts begin with alike."""
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)


def read_trace(path: Path | str) -> Trace:
    """A ``.pullback`` file; raises OSError, or ValueError with one line."""
    return tracefile.unpack(_read(path, TRACE_LIMIT))


def write_trace(path: Path | str, trace: Trace) -> None:
    """Saves a trace as a ``.pullback`` file that every window opens without running any code.

    Raises OSError, or ValueError with one line where it is too large.
    """
    write_whole(Path(path), tracefile.pack(trace))


def write_whole(path: Path, blob: bytes) -> None:
    """Writes a file so that it is there whole or not at all; raises OSError, also where the file there is read-only.

    A link is followed, and what is no regular file (``/dev/null``, a pipe) is written to as it is.
    """
    place = Path(os.path.realpath(path))
    mode = 0o666
    with contextlib.suppress(FileNotFoundError):
        there = place.stat()
        if not stat.S_ISREG(there.st_mode):
            place.write_bytes(blob)
            return
        _check_mode(path, there)
        mode = stat.S_IMODE(there.st_mode)
    prefix = f".{place.name[:100]}{_OURS}"
    descriptor, temporary = tempfile.mkstemp(dir=place.parent, prefix=prefix)
    try:
        with open(descriptor, "wb") as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode if mode != 0o666 else mode & ~_umask())
        os.replace(temporary, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sweep(place.parent, prefix)


def _sweep(folder: Path, prefix: str) -> None:
    """Takes away what writers of this file have left behind that were ended in the middle."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.startswith(prefix) and time.time() - entry.stat().st_mtime > STALE:
                os.unlink(entry)


def set_aside(path: Path) -> str:
    """Renames a file that makes no sense, so that nothing is written over it; its new name, '' where that cannot be."""
    for number in range(100):
        aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}{f'-{number}' if number else ''}")
        if not aside.exists():
            with contextlib.suppress(OSError):
                path.rename(aside)
                return aside.name
    return ""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else who asks for it is in here; waits for that. What a process holds is free once it has ended.

    The lock is a file beside, since the file itself is exchanged. Raises OSError where it cannot be made.
    """
    with open(path.with_name(f"{path.name}.lock"), "ab") as file:
        lock(file.fileno(), wait=True)
        yield


def lock(descriptor: int, *, wait: bool = False) -> bool:
    """Locks an open file for this process until it is closed; False where another one has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # Windows lets nobody read what is locked
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        if wait:
            raise
        return False
    return True


def check_writable(path: Path) -> None:
    """Raises OSError when a file could not be written there, before any work is done for it."""
    place = Path(os.path.realpath(path))
    if place.is_dir():
        raise IsADirectoryError(21, "it is a folder", str(path))
    if not place.parent.is_dir():
        raise FileNotFoundError(2, "there is no such folder", str(path.parent))
    if place.is_file():
        _check_mode(path, place.stat())
    if not os.access(place if place.exists() and not place.is_file() else place.parent, os.W_OK):
        raise PermissionError(13, "it cannot be written", str(path))


def _check_mode(path: Path, there: os.stat_result) -> None:
    """A file could be exchanged although nobody may write into it: who made it so meant it to stay."""
    if not there.st_mode & 0o222:
        raise PermissionError(13, "it is read-only", str(path))


def _read(path: Path | str, limit: int) -> bytes:
    with open(path, "rb") as file:
        if (size := os.fstat(file.fileno()).st_size) > limit:
            raise ValueError(f"it has {size:,} bytes; at most {limit:,} are read")
        blob = file.read(limit + 1)  # a pipe has no size
    if len(blob) > limit:
        raise ValueError(f"it is larger than {limit >> 20} MB")
    return blob


def _decoded(blob: bytes, mark: bytes, encoding: str) -> str:
    try:
        text = blob[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        at = len(mark) + error.start
        line = blob.count(b"\n", 0, at) + 1
        raise ValueError(f"line {line} is not {error.encoding}: byte 0x{blob[at]:02x}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _mark(blob: bytes) -> tuple[bytes, str] | None:
    """A byte-order mark, and the encoding that it stands for; None where there is none."""
    return next(((mark, name) for mark, name in _MARKS if blob.startswith(mark)), None)


def _encoding(blob: bytes) -> tuple[bytes, str]:
    """The byte-order mark of a program, and its encoding."""
    if marked := _mark(blob):
        return marked
    try:
        return b"", tokenize.detect_encoding(io.BytesIO(blob).readline)[0]
    except SyntaxError as error:  # an unknown name in the comment, or bytes that are not UTF-8 in its place
        if "unknown encoding" in str(error):
            raise ValueError(str(error)) from None
        return b"", "utf-8"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
