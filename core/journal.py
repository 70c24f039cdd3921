"""Texts that are in no file yet, on disk within half a second: each running window keeps a journal of its own.

Beside the journal stands a file that the window holds locked as long as it lives, however it ends; it says which file
is open there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from core.files import lock, locked, set_aside, write_whole
from core.records import Record

FORMAT: Final = 1
PAUSE: Final = 0.3
"""Seconds between two writes at least."""
LONGEST: Final = 64 << 20
"""Bytes of a journal that is read."""
_NAME: Final = b"pullback-journal"
_WINDOW, _JOURNAL = ".window", ".journal"


class Buffer(Record, frozen=True):
    """A text that differs from its file.

    Attributes:
        kind: a program, the text of a lesson that is being written, or the program on a screen of a lesson.
        text: as it stood in the editor.
        path: its file; of a lesson's program the lesson's; '' where it has none.
        screen: of a lesson's program, the id of the screen.
        at: when it was changed last, in seconds since 1970.
        closed: the reader has closed the window over it, and knows that it comes back.
    """

    kind: Literal["program", "draft", "lesson"]
    text: str
    path: str = ""
    screen: str = ""
    at: float = 0.0
    closed: bool = False


class Journal:
    """What one window keeps. Nothing here waits for a disk, but for ``flush`` and ``close``.

    Args:
        folder: of all journals; raises OSError where nothing can be kept there.

    Attributes:
        trouble: why the last write failed; '' where it did not.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{os.getpid()}-{time.time_ns()}"
        self.path = folder / f"{name}{_JOURNAL}"
        with locked(folder / "windows"):  # who looks which windows run must not find one that is about to
            self._window = open(folder / f"{name}{_WINDOW}", "wb", buffering=0)  # noqa: SIM115
            lock(self._window.fileno())
        self.trouble = ""
        self._wanted: tuple[Buffer, ...] = ()
        self._written: tuple[Buffer, ...] = ()
        self._changed = threading.Condition()
        self._closing = False
        self._writer = threading.Thread(target=self._work, name="pullback-journal", daemon=True)
        self._writer.start()

    def keep(self, buffers: Iterable[Buffer]) -> None:
        """These are the unsaved texts now."""
        with self._changed:
            self._wanted = tuple(buffers)
            self._changed.notify_all()

    def opened(self, path: str) -> None:
        """This file is open in the window now."""
        with contextlib.suppress(OSError):
            self._window.seek(0)
            self._window.truncate()
            self._window.write(path.encode("utf-8", "surrogateescape"))

    def flush(self, seconds: float = 2.0) -> bool:
        """Waits until all is on disk; False where it cannot be."""
        with self._changed:
            self._changed.wait_for(lambda: self._written == self._wanted or self.trouble, seconds)
            return self._written == self._wanted

    def close(self) -> None:
        """The window ends; what is still unsaved stays for the next one."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._writer.join(5.0)
        self._window.close()
        with contextlib.suppress(OSError):
            os.unlink(self._window.name)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._wanted != self._written)
                wanted, closing = self._wanted, self._closing
            if wanted != self._written:
                self._write(wanted)
            if closing:
                return
            with self._changed:
                self._changed.wait_for(lambda: self._closing, PAUSE)

    def _write(self, buffers: tuple[Buffer, ...]) -> None:
        trouble = ""
        try:
            if buffers:
                write_whole(self.path, pack(buffers))
            else:
                self.path.unlink(missing_ok=True)
        except OSError as error:
            trouble = error.strerror or str(error)
        with self._changed:
            self.trouble = trouble
            self._written = self._written if trouble else buffers
            self._changed.notify_all()


def pack(buffers: Iterable[Buffer]) -> bytes:
    """A line with what it is, its version and its checksum; then JSON, which a reader in need can read."""
    readable = [msgspec.structs.replace(one, text=one.text.encode("utf-8", "replace").decode()) for one in buffers]
    body = msgspec.json.encode(readable)
    return b"%s %d %s\n%s\n" % (_NAME, FORMAT, hashlib.sha256(body).hexdigest().encode(), body)


class Newer(ValueError):
    """A newer version wrote it; it is left as it is."""


def unpack(blob: bytes) -> tuple[Buffer, ...]:
    """Raises ValueError where a journal is damaged, Newer where a newer version wrote it."""
    head, _, body = blob.partition(b"\n")
    match head.split():
        case [name, number, digest] if name == _NAME and number.isdigit() and len(number) < 9:
            if int(number) > FORMAT:
                raise Newer("a newer Pullback wrote it")
            if hashlib.sha256(body[:-1]).hexdigest().encode() == digest:
                with contextlib.suppress(msgspec.DecodeError, RecursionError):
                    return _decoder.decode(body)
    raise ValueError("it is damaged")


_decoder = msgspec.json.Decoder(tuple[Buffer, ...])


# ── Other windows ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Left:
    """Attributes:
    journals: files of windows that run no more.
    buffers: what was unsaved there, the latest last.
    damaged: new names of journals that made no sense.
    """

    journals: tuple[Path, ...] = ()
    buffers: tuple[Buffer, ...] = ()
    damaged: tuple[str, ...] = ()

    def forget(self) -> None:
        """Takes the journals away: their texts are elsewhere now, or given up."""
        for path in self.journals:
            with contextlib.suppress(OSError):
                path.unlink()


def left_behind(folder: Path) -> Left:
    """What windows left unsaved that run no more; what is damaged is moved aside. Raises OSError."""
    journals: list[Path] = []
    buffers: list[Buffer] = []
    damaged: list[str] = []
    running = {path.stem for path in _windows(folder)}
    for path in sorted(folder.glob(f"*{_JOURNAL}")):
        if path.stem in running:
            continue
        try:
            buffers += _read(path)
            journals.append(path)
        except (OSError, Newer):
            continue
        except ValueError:
            damaged.append(set_aside(path) or path.name)
    return Left(tuple(journals), tuple(sorted(buffers, key=lambda one: one.at)), tuple(damaged))


def elsewhere(own: Journal, path: str) -> bool:
    """Whether another window than one's own has a file open; raises OSError where that cannot be found out."""
    for window in _windows(own.path.parent):
        if window.stem != own.path.stem:
            with contextlib.suppress(OSError):
                if os.path.realpath(os.fsdecode(window.read_bytes())) == os.path.realpath(path):
                    return True
    return False


def _windows(folder: Path) -> list[Path]:
    """The files that running windows hold; those of others are taken away."""
    running = []
    with locked(folder / "windows"):
        for path in folder.glob(f"*{_WINDOW}"):
            with contextlib.suppress(OSError):
                with open(path, "r+b") as file:
                    if not lock(file.fileno()):
                        running.append(path)
                        continue
                path.unlink()
    return running


def _read(path: Path) -> tuple[Buffer, ...]:
    if path.stat().st_size > LONGEST:
        raise ValueError("it is too large")
    return unpack(path.read_bytes())
