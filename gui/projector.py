"""Projector mode: large type and no chrome, for a lecture hall; the lesson, the program and the picture stay."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import Final

SIZE: Final = 160
"""Percent of text and controls, at least."""


class Projector:
    """Args:
        window: fills the screen meanwhile.
        on_change: what is shown, and how large, is to be made to fit.

    Attributes:
        on: whether it is on.
    """

    def __init__(self, window: tk.Tk, on_change: Callable[[], object]) -> None:
        self._window, self._on_change = window, on_change
        self.on = False

    def size(self, kept: int) -> int:
        """The size of text for the one that the reader prefers."""
        return max(SIZE, kept) if self.on else kept

    def toggle(self) -> None:
        self.on = not self.on
        self._window.attributes("-fullscreen", self.on)
        self._on_change()
