"""A box that is ticked or not; Space, Enter and a click change it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from gui.theme import Look


class Tick(tk.Label):
    """A sign and a text.

    Attributes:
        on: whether it is ticked.
    """

    def __init__(self, master: tk.Misc, on_change: Callable[[], object]) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=2, takefocus=True, cursor="hand2", anchor="w")
        self._on_change = on_change
        self._text = ""
        self.on = False
        for sequence in ("<space>", "<Return>", "<Button-1>"):
            self.bind(sequence, self._pressed)

    def show(self, text: str, on: bool) -> None:
        self._text, self.on = text, on
        self.configure(text=f"{'☑' if on else '☐'}  {text}")

    def dress(self, look: Look, ground: str = "card") -> None:
        self.configure(
            background=look[ground], foreground=look["text"], font=look.font(12), padx=look.px(4), pady=look.px(3),
            highlightcolor=look["accent"], highlightbackground=look[ground],
        )  # fmt: skip

    def _pressed(self, event: tk.Event[tk.Misc]) -> str:
        self.focus_set()
        self.show(self._text, not self.on)
        self._on_change()
        return "break"
