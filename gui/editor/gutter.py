"""The numbers of the lines, with a sign at the line that runs and at the one that failed."""

from __future__ import annotations

import tkinter as tk
from dataclasses import dataclass

from gui.theme import Look

WIDTH = 46
"""Units."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What the gutter says of lines.

    Attributes:
        cursor: line of the cursor, its number stands out.
        runs, failed: line that runs and line where a run failed, 0 for none.
    """

    cursor: int = 1
    runs: int = 0
    failed: int = 0


class Gutter(tk.Canvas):
    """Stands to the left of a text and goes along with it."""

    def __init__(self, master: tk.Misc, text: tk.Text) -> None:
        super().__init__(master, width=WIDTH, highlightthickness=0, borderwidth=0)
        self._text = text
        self._look: Look | None = None
        self._drawn: object = None

    def dress(self, look: Look) -> None:
        self._look, self._drawn = look, None
        self.configure(background=look["panel"], width=look.px(WIDTH))

    def line_at(self, y: int) -> int:
        """The line beside a pixel."""
        return int(self._text.index(f"@0,{y}").split(".")[0])

    def show(self, signs: Signs) -> None:
        """Draws the numbers of the lines that are in sight."""
        look, text = self._look, self._text
        if look is None:
            return
        line, last, height = self.line_at(0), int(text.index("end-1c").split(".")[0]), 0
        line += text.dlineinfo(f"{line}.0") is None  # of one that is wrapped the beginning may be out of sight
        rows = []
        while line <= last and (place := text.dlineinfo(f"{line}.0")) is not None:
            height = max(height, place[3])  # of the last line only what is in sight is told
            rows.append((line, place[1], height))
            line += 1
        if (rows, signs) == self._drawn:
            return
        self._drawn = (rows, signs)
        self.delete("all")
        for row in rows:
            self._draw(look, *row, signs)

    def _draw(self, look: Look, line: int, top: int, height: int, signs: Signs) -> None:
        y, wrong, runs = top + height / 2, line == signs.failed, line == signs.runs
        if runs or wrong:
            ground = look["wrong_soft" if wrong else "running_line"]
            self.create_rectangle(0, top, look.px(WIDTH + 14), top + height, fill=ground, width=0)
        if runs or wrong:
            sign, colour = ("✗", "wrong") if wrong else ("▸", "grad")
            self.create_text(look.px(40), y, text=sign, fill=look[colour], font=look.font(11))
        here = line == signs.cursor
        colour, font = look["text" if here or runs or wrong else "quiet"], look.font(11, mono=True, bold=here)
        self.create_text(look.px(30), y, text=str(line), anchor="e", fill=colour, font=font)
