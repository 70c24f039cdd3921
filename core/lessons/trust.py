"""Which lessons may run: those that came with Pullback, and those the reader said yes to, by their content.

Reading a lesson is safe. Running one executes Python that a stranger may have written.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from core.files import locked, write_whole
from core.lessons.records import Lesson

_decoder = msgspec.json.Decoder(frozenset[str])


class Trust:
    """What the reader has said.

    Args:
        own: folder of the lessons that came with Pullback.
        kept: file of the contents that are always trusted; None keeps nothing.
    """

    def __init__(self, own: Path, kept: Path | None) -> None:
        self._own, self._kept = own.resolve(), kept
        self._once: set[str] = set()
        self._said: set[str] = set()  # what is always trusted since this start

    def came_along(self, path: Path) -> bool:
        """Whether a file is one of Pullback's own; a link there to elsewhere is not."""
        return path.resolve().parent == self._own

    def covers(self, path: Path, lesson: Lesson) -> bool:
        """Whether a lesson that was read from a file may run."""
        return self.came_along(path) or lesson.content in self._once | self._said | self._always()

    def once(self, lesson: Lesson) -> None:
        """Until it is opened again."""
        self._once.add(lesson.content)

    def ask_again(self) -> None:
        """What was allowed once is over."""
        self._once.clear()

    def always(self, lesson: Lesson) -> None:
        """This content, at every start; raises OSError where that cannot be kept, and holds for this one then."""
        self._said.add(lesson.content)
        if self._kept is not None:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            with locked(self._kept):
                write_whole(self._kept, msgspec.json.encode(sorted(self._always() | {lesson.content})))

    def _always(self) -> frozenset[str]:
        """Read each time: another window may have added to it. What makes no sense trusts nothing."""
        if self._kept is not None:
            with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return _decoder.decode(self._kept.read_bytes())
        return frozenset()
