"""A deed in a text, underlined: it is clicked, or reached with Tab and done with Space or Enter."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from gui.theme import Look


class Link(tk.Label):
    """One deed; ``command`` does it."""

    def __init__(self, master: tk.Misc, text: str, command: Callable[[], object]) -> None:
        super().__init__(master, text=text, cursor="hand2", takefocus=True, borderwidth=0, highlightthickness=1)
        for sequence in ("<Button-1>", "<Return>", "<space>"):
            self.bind(sequence, lambda event: self._done(command))

    def show(self, look: Look, _: int) -> None:
        self.configure(
            background=look["panel"], foreground=look["accent"], font=(*look.font(13), "underline"),
            highlightcolor=look["accent"], highlightbackground=look["panel"],
        )  # fmt: skip

    @staticmethod
    def _done(command: Callable[[], object]) -> str:
        command()
        return "break"
