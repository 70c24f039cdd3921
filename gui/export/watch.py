"""Whether to go on with an export, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from core.layout import Cancelled

Part = TypeVar("Part")


class Watch:
    """Counts what is done of a work, and stops it.

    Args:
        cancelled: asked now and then whether to stop.
        progress: told the share that is done.
        whole: what all the work is worth.
    """

    def __init__(
        self,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[float], None] = lambda share: None,
        whole: float = 1.0,
    ) -> None:
        self.cancelled, self._progress = cancelled, progress
        self.whole, self._done = whole, 0.0

    def check(self) -> None:
        """Raises Cancelled where it is to stop."""
        if self.cancelled():
            raise Cancelled

    def reach(self, done: float) -> None:
        """So much is done by now."""
        self._done = max(self._done, done)
        self._progress(min(1.0, self._done / self.whole))

    def each(self, parts: Iterable[Part], worth: float) -> Iterator[Part]:
        """The parts of the work, one after the other, until it is to stop."""
        for part in parts:
            self.check()
            yield part
            self.reach(self._done + worth)
