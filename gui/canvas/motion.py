"""A short movement from one moment to the next; any other movement interrupts it."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable

DURATION = 0.26
"""Seconds."""
PAUSE = 12
"""Milliseconds between a frame's end and the next."""


class Motion:
    """How far a movement has come; ``on_frame`` is called for each frame and once when it is over."""

    def __init__(self, widget: tk.Misc, on_frame: Callable[[], None]) -> None:
        self.allowed = True
        self._widget = widget
        self._on_frame = on_frame
        self._began = 0.0
        self._backwards = False
        self._pending = ""

    @property
    def running(self) -> bool:
        return bool(self._pending)

    @property
    def now(self) -> float | None:
        """0 … 1, slow at both ends; None at rest."""
        if not self._pending:
            return None
        share = min(1.0, (time.perf_counter() - self._began) / DURATION)
        share = share * share * (3 - 2 * share)
        return 1 - share if self._backwards else share

    def start(self, *, backwards: bool = False) -> None:
        """Begins anew, unless the reader wants things to keep still."""
        self.stop()
        if self.allowed:
            self._began, self._backwards = time.perf_counter(), backwards
            self._pending = self._widget.after(PAUSE, self._frame)

    def stop(self) -> None:
        if self._pending:
            self._widget.after_cancel(self._pending)
            self._pending = ""

    def _frame(self) -> None:
        over = time.perf_counter() - self._began >= DURATION
        self._pending = "" if over else self._widget.after(PAUSE, self._frame)
        self._on_frame()
