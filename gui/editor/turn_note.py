"""The turn of a loop that is being told, written behind its line of the program."""

from __future__ import annotations

import tkinter as tk

from gui.theme import Look

GAP = 16
"""Units from the end of the line."""


class TurnNote(tk.Label):
    """A few words over a text; where there is no room behind the line, they are left out.

    Args:
        text: the program.
    """

    def __init__(self, text: tk.Text) -> None:
        super().__init__(text, borderwidth=0, padx=0, pady=0)
        self._text = text
        self._look: Look | None = None
        self._line = 0
        self._ground = "panel"

    def show(self, line: int, said: str, ground: str) -> None:
        """Other words, behind a line from 1; '' for none. ``ground``: of the palette, behind that line."""
        self._line, self._ground = line, ground
        self.configure(text=said)
        self._colour()
        self.follow()

    def follow(self) -> None:
        """Stands where the line stands now."""
        place = self._text.dlineinfo(f"{self._line}.0") if self._line and self.cget("text") else None
        if place is None or self._look is None:
            self.place_forget()
            return
        left, top, width, height = place[:4]
        x, wide = left + width + self._look.px(GAP), self.winfo_reqwidth()
        if x + wide > self._text.winfo_width():
            self.place_forget()
        else:
            self.place(x=x, y=top, height=height, bordermode="ignore")  # a text counts its padding as border

    def dress(self, look: Look) -> None:
        self._look = look
        self.configure(font=look.font(11), foreground=look["quiet"])
        self._colour()

    def _colour(self) -> None:
        if self._look is not None:
            self.configure(background=self._look[self._ground])
