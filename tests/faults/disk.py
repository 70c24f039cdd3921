"""A file system that fails on demand: the n-th call that writes, and every one after it."""

from __future__ import annotations

import builtins
import os
import tempfile
from pathlib import Path
from typing import Any, Final

import pytest

from core import files

CALLS: Final = ("mkstemp", "open", "write", "flush", "fsync", "chmod", "replace")
"""Removing a file works on a full disk too."""


class Disk:
    """What happens to the files of one folder.

    Attributes:
        calls: what was asked for since ``fail``.
        failed: whether something was refused since then.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = str(folder.resolve())
        self._at, self._error = 0, 0
        self._ours: set[int] = set()
        self.calls: list[str] = []
        self.failed = False
        self._mkstemp, self._replace, self._fsync, self._chmod = tempfile.mkstemp, os.replace, os.fsync, os.chmod
        monkeypatch.setattr(tempfile, "mkstemp", self._make)
        monkeypatch.setattr(os, "replace", self._exchange)
        monkeypatch.setattr(os, "fsync", self._flush)
        monkeypatch.setattr(os, "chmod", self._mode)
        monkeypatch.setattr(files, "open", self._open, raising=False)

    def fail(self, at: int, error: int) -> None:
        """The call with this number, from 1, and those after it fail."""
        self._at, self._error, self.calls, self.failed = at, error, [], False

    def heal(self) -> None:
        """All goes well again."""
        self._at = 0

    def asked(self, call: str) -> None:
        """Counts a call, and refuses it where it is time to."""
        assert call in CALLS
        self.calls.append(call)
        if self._at and len(self.calls) >= self._at:
            self.failed = True
            raise OSError(self._error, os.strerror(self._error))

    def _within(self, path: object) -> bool:
        return os.path.realpath(str(path)).startswith(self._folder)

    def _make(self, *given: Any, **named: Any) -> tuple[int, str]:
        ours = self._within(named.get("dir", ""))
        if ours:
            self.asked("mkstemp")
        descriptor, path = self._mkstemp(*given, **named)
        if ours:
            self._ours.add(descriptor)
        return descriptor, path

    def _open(self, file: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
        if isinstance(file, int) and file in self._ours:
            return _File(builtins.open(file, mode, *given, **named), self)
        if mode != "rb" and self._within(file):
            self.asked("open")
        return builtins.open(file, mode, *given, **named)

    def _flush(self, descriptor: int) -> None:
        if descriptor in self._ours:
            self.asked("fsync")
        self._fsync(descriptor)

    def _mode(self, path: Any, *given: Any, **named: Any) -> None:
        if self._within(path):
            self.asked("chmod")
        self._chmod(path, *given, **named)

    def _exchange(self, source: Any, target: Any) -> None:
        if self._within(target):
            self.asked("replace")
        self._replace(source, target)


class _File:
    """A file that is being written."""

    def __init__(self, file: Any, disk: Disk) -> None:
        self._file, self._disk = file, disk

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def write(self, blob: bytes) -> int:
        self._disk.asked("write")
        return int(self._file.write(blob))

    def flush(self) -> None:
        self._disk.asked("flush")
        self._file.flush()

    def fileno(self) -> int:
        return int(self._file.fileno())
