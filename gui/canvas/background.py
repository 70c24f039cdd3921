"""Work done in a thread, so that the window goes on meanwhile."""

from __future__ import annotations

import threading
import tkinter as tk
from collections.abc import Callable
from typing import Generic, TypeVar

LOOK_AGAIN = 30
"""Milliseconds between two looks at the thread."""

Result = TypeVar("Result")


class Background(Generic[Result]):
    """One piece of work on its way.

    Attributes:
        done: share of it, 0 … 1.

    Args:
        work: runs in the thread; asks its first argument whether to stop, which it says with ``layout.Cancelled``, and
            tells the second how far it is.
        on_done: called in the window's thread with what came of it.
        on_wait: called there now and then until it has ended.
        on_error: called there with what it raised instead; without it, that is raised there.
    """

    def __init__(
        self,
        widget: tk.Misc,
        work: Callable[[Callable[[], bool], Callable[[float], None]], Result],
        *,
        on_done: Callable[[Result], None],
        on_wait: Callable[[], None],
        on_error: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._widget = widget
        self._work = work
        self._on_done, self._on_wait, self._on_error = on_done, on_wait, on_error
        self._result: list[Result] = []
        self._error: BaseException | None = None
        self.done = 0.0
        self._stopped = threading.Event()
        # No daemon: what is being written when the window closes is written whole.
        self._thread = threading.Thread(target=self._run, name="pullback-background")
        self._thread.start()
        self._pending = widget.after(LOOK_AGAIN, self._look)

    def stop(self) -> None:
        """Asks it to end soon; how it ended is told as ever."""
        self._stopped.set()

    @property
    def stopping(self) -> bool:
        return self._stopped.is_set()

    def cancel(self) -> None:
        """Asks it to end soon; nothing more is told."""
        self.stop()
        if self._pending:
            self._widget.after_cancel(self._pending)
            self._pending = ""

    def _run(self) -> None:
        try:
            self._result.append(self._work(self._stopped.is_set, self._tell))
        except BaseException as error:  # told in the window's thread
            self._error = error

    def _tell(self, done: float) -> None:
        self.done = done

    def _look(self) -> None:
        self._pending = ""
        if self._thread.is_alive():
            self._pending = self._widget.after(LOOK_AGAIN, self._look)
            self._on_wait()
        elif self._error is None:
            self._on_done(self._result[0])
        elif self._on_error is not None:
            self._on_error(self._error)
        else:
            raise self._error
