"""Collects garbage in Tk's own thread: what belongs to Tk must not end in any other."""

from __future__ import annotations

import gc
import tkinter as tk
from typing import Final

EVERY: Final = 1000
"""Milliseconds between two looks; what is not in a cycle is freed at once, as ever."""


class Collector:
    """Takes Python's collector over for as long as a window lives."""

    def __init__(self, widget: tk.Misc) -> None:
        self._widget = widget
        gc.disable()
        self._next = widget.after(EVERY, self._look)

    def _look(self) -> None:
        """The oldest objects, which are many, only as often as Python would."""
        gc.collect(2 if gc.get_count()[2] >= gc.get_threshold()[2] else 1)
        self._next = self._widget.after(EVERY, self._look)

    def close(self) -> None:
        """Python collects by itself again."""
        self._widget.after_cancel(self._next)
        gc.enable()
