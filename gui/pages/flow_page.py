"""How large gradients are: at every step of the pass, and of every leaf."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from core.playback import Playback
from gui.pages.flow_bars import FlowBars
from gui.pages.flow_strip import FlowStrip
from gui.theme import Look


class FlowPage(tk.Frame):
    """A strip of steps, one line about the step that is pointed at, and the leaves below."""

    def __init__(self, master: tk.Misc, *, on_seek: Callable[[int], object], on_leaf: Callable[[str], object]) -> None:
        super().__init__(master, borderwidth=0)
        self._look: Look | None = None
        self.strip = FlowStrip(self, on_seek=on_seek, on_point=self._say)
        self.note = tk.Label(self, anchor="w", borderwidth=0)
        self.bars = FlowBars(self, on_leaf=on_leaf)
        self.strip.pack(fill="x")
        self.note.pack(fill="x")
        self.bars.pack(fill="both", expand=True)

    def show(self, playback: Playback | None) -> None:
        self.strip.show(playback)
        self.bars.show(playback)

    def dress(self, look: Look) -> None:
        self._look = look
        self.configure(background=look["panel"])
        self.note.configure(
            background=look["panel"], foreground=look["quiet"], font=look.font(11), padx=look.px(16),
            text=look.words("flow.steps"),
        )  # fmt: skip
        self.strip.dress(look)
        self.bars.dress(look)

    def _say(self, text: str) -> None:
        if self._look is not None:
            self.note.configure(text=text or self._look.words("flow.steps"))
