"""A picture made in a thread, so that the window goes on meanwhile."""

from __future__ import annotations

import threading
import tkinter as tk
from collections.abc import Callable
from typing import TYPE_CHECKING

from core import layout

if TYPE_CHECKING:
    from gui.scene import Picture

LOOK_AGAIN = 30
"""Milliseconds between two looks at the thread."""


class Arranging:
    """One picture on its way.

    Attributes:
        done: share of the layout, 0 … 1.

    Args:
        make: makes it; runs in the thread, asks its first argument whether to stop, and tells the second how far it is.
        on_done: called in the window's thread with the picture, unless cancelled before.
        on_wait: called now and then until it is there.
    """

    def __init__(
        self,
        widget: tk.Misc,
        make: Callable[[Callable[[], bool], Callable[[float], None]], Picture],
        *,
        on_done: Callable[[Picture], None],
        on_wait: Callable[[], None],
    ) -> None:
        self._widget = widget
        self._make = make
        self._on_done, self._on_wait = on_done, on_wait
        self._made: Picture | None = None
        self._error: BaseException | None = None
        self.done = 0.0
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._work, name="pullback-layout", daemon=True)
        self._thread.start()
        self._pending = widget.after(LOOK_AGAIN, self._look)

    def cancel(self) -> None:
        """Its result is not wanted any more; the layout ends soon."""
        self._cancelled.set()
        if self._pending:
            self._widget.after_cancel(self._pending)
            self._pending = ""

    def _work(self) -> None:
        try:
            self._made = self._make(self._cancelled.is_set, self._tell)
        except layout.Cancelled:
            pass
        except BaseException as error:  # told in the window's thread
            self._error = error

    def _tell(self, done: float) -> None:
        self.done = done

    def _look(self) -> None:
        self._pending = ""
        if self._thread.is_alive():
            self._pending = self._widget.after(LOOK_AGAIN, self._look)
            self._on_wait()
        elif self._error is not None:
            raise self._error
        elif self._made is not None:
            self._on_done(self._made)
