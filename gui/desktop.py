"""What the desktop prefers: asked in a thread, since it may take its time to answer."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from gui.canvas.background import Background
from gui.settings import system_moves, system_theme


class Desktop:
    """Attributes:
    theme: 'light' or 'dark', as it was said last.
    moves: whether things may move; not before the desktop has said so.
    """

    def __init__(self, window: tk.Misc, theme: str, on_change: Callable[[], object]) -> None:
        self.theme, self.moves = theme, False
        self._window, self._on_change = window, on_change
        self._asking: Background[tuple[str, bool]] | None = None

    def ask(self) -> None:
        """Asks again, unless an answer is awaited."""
        if self._asking is None:
            self._asking = Background(
                self._window, lambda cancelled, progress: (system_theme(), system_moves()),
                on_done=self._heard, on_wait=lambda: None,
            )  # fmt: skip

    def close(self) -> None:
        """The window closes."""
        if self._asking is not None:
            self._asking.cancel()

    def _heard(self, said: tuple[str, bool]) -> None:
        self._asking = None
        if said != (self.theme, self.moves):
            self.theme, self.moves = said
            self._on_change()
