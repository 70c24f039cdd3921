"""Programs, traces and texts read from files, results written to them whole or not at all."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import stat
import tempfile
import tokenize
from pathlib import Path
from typing import Final

from core.records import Trace, unpack_trace
from core.validity import check

PROGRAM_LIMIT: Final = 10 << 20
"""Bytes of a program at most."""

TRACE_LIMIT: Final = 1 << 30
"""Bytes of a ``.pullback`` file at most."""

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
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
    return _decoded(blob, _encoding(blob))


def read_text(path: Path, limit: int) -> str:
    """The text of a file, its lines ended by ``\\n``: UTF-8 where no byte-order mark says otherwise.

    Its size is looked at before anything is read. Raises OSError, or ValueError with one line.
    """
    there = path.stat()
    if not stat.S_ISREG(there.st_mode):
        raise ValueError("it is no file")
    if there.st_size > limit:
        raise ValueError(f"it has {there.st_size:,} bytes; at most {limit:,} are read")
    blob = _read(path, limit)
    return _decoded(blob, _mark(blob) or "utf-8")


def write_program(path: Path, text: str) -> None:
    """Writes a program in the encoding its ``coding:`` comment says, else in UTF-8.

    A file that is there keeps its byte-order mark and the ends of its lines.

    Raises:
        OSError: it cannot be written.
        ValueError: one line; the encoding has no such characters.
    """
    _write(path, text, _encoding(text.encode("utf-8", "replace")))


def write_text(path: Path, text: str) -> None:
    """Writes a text in UTF-8, or as the mark of the file that is there says; as ``write_program`` otherwise."""
    _write(path, text, "utf-8")


def _write(path: Path, text: str, encoding: str) -> None:
    before = b""
    with contextlib.suppress(OSError, ValueError):
        before = _read(path, PROGRAM_LIMIT)
    encoding = _mark(before) or encoding
    if "\r\n" in before.decode(encoding, "replace"):
        text = text.replace("\n", "\r\n")
    try:
        blob = text.encode(encoding)
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise ValueError(f"line {line} cannot be written as {error.encoding}: {text[error.start]!r}") from None
    write_whole(path, blob)


def read_trace(path: Path) -> Trace:
    """A ``.pullback`` file; raises OSError, or ValueError with one line."""
    trace = unpack_trace(_read(path, TRACE_LIMIT))
    try:
        check(trace)
    except ValueError as error:
        raise ValueError(f"not a Pullback trace: {error}") from None
    return trace


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
    descriptor, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name[:100]}.")
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


def _read(path: Path, limit: int) -> bytes:
    with open(path, "rb") as file:
        blob = file.read(limit + 1)
    if len(blob) > limit:
        raise ValueError(f"it is larger than {limit >> 20} MB")
    return blob


def _decoded(blob: bytes, encoding: str) -> str:
    try:
        text = blob.decode(encoding)
    except UnicodeDecodeError as error:
        line = blob.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not {error.encoding}: byte 0x{blob[error.start]:02x}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _mark(blob: bytes) -> str:
    """The encoding that a byte-order mark stands for; '' where there is none."""
    return next((name for mark, name in _MARKS if blob.startswith(mark)), "")


def _encoding(blob: bytes) -> str:
    if mark := _mark(blob):
        return mark
    try:
        return tokenize.detect_encoding(io.BytesIO(blob).readline)[0]
    except SyntaxError as error:  # an unknown name in the comment, or bytes that are not UTF-8 in its place
        if "unknown encoding" in str(error):
            raise ValueError(str(error)) from None
        return "utf-8"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
