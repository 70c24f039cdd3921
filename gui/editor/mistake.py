"""What went wrong in the program, underlined where it stands and explained beside the pointer or the cursor."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from core.records import Failure
from gui.failure import failure_lines
from gui.theme import Look
from gui.widgets.tooltip import Tip

HERE, LINE = "failed", "failed_line"
"""Tags of the expression and of its line."""


class Mistake:
    """At most one mark in a text; an edit of its lines takes it away.

    Args:
        text: what is marked.
        place: line from 1 and column from 0, in characters → Tk's index.
    """

    def __init__(self, text: tk.Text, place: Callable[[int, int], str]) -> None:
        self._text, self._place = text, place
        self._failure: Failure | None = None
        self._written = ""  # the text its lines had when they were marked
        self._look: Look | None = None
        self.tip = Tip(text.winfo_toplevel(), prose=True)
        text.bind("<Motion>", lambda event: self._point_at(event.x, event.y), add="+")
        for sequence in ("<Leave>", "<FocusOut>", "<Button>"):
            text.bind(sequence, lambda event: self.tip.hide(), add="+")

    def mark(self, failure: Failure | None) -> None:
        """Underlines the expression of a failure, else the code of its line; None takes the mark away."""
        if self._failure is not None:
            self.tip.hide()
            for tag in (HERE, LINE):
                self._text.tag_remove(tag, "1.0", "end")
        self._failure = failure
        if failure is None or not 0 < failure.line < int(self._text.index("end").split(".")[0]):
            self._failure = None
            return
        self._text.tag_add(HERE, *self._range(failure))
        self._text.tag_add(LINE, f"{failure.line}.0", f"{failure.line + 1}.0")
        self._written = self._lines()

    def edited(self) -> None:
        """Takes away the mark if its lines have been edited; it has moved with them otherwise."""
        if self._failure is not None and self._lines() != self._written:
            self.mark(None)

    @property
    def line(self) -> int:
        """The first line of the mark, as it stands now; 0 where there is none."""
        return int(str(self._text.tag_ranges(HERE)[0]).split(".")[0]) if self._failure is not None else 0

    def tell(self, line: int, x: int, y: int) -> bool:
        """Explains the mark of a line beside a pixel of the text; returns whether there is one."""
        there = line > 0 and line == self.line
        self._say(there, x, y)
        return there

    def tell_at_cursor(self) -> None:
        """Explains the mark of the cursor's line, below that line."""
        box = self._text.bbox("insert")
        if box is not None:
            self.tell(int(self._text.index("insert").split(".")[0]), box[0], box[1] + box[3] // 2)

    def dress(self, look: Look) -> None:
        self._look = look
        self.tip.dress(look)
        self.tip.hide()
        self._text.tag_configure(LINE, background=look["wrong_soft"])
        self._text.tag_configure(HERE, underline=True, underlinefg=look["wrong"])

    def _range(self, failure: Failure) -> tuple[str, str]:
        line, column, end_line, end_column = failure.span
        if (end_line, end_column) > (line, column):
            return self._place(line, column), self._place(end_line, end_column)
        code = self._text.get(f"{failure.line}.0", f"{failure.line}.end")
        indent = len(code) - len(code.lstrip())
        # Where the line is empty, its end is all there is to mark.
        return (f"{failure.line}.{indent}", f"{failure.line}.end") if code.strip() else (
            f"{failure.line}.0", f"{failure.line + 1}.0"
        )  # fmt: skip

    def _lines(self) -> str:
        ranges = self._text.tag_ranges(HERE)
        return self._text.get(f"{ranges[0]} linestart", f"{ranges[-1]} -1c lineend") if ranges else ""

    def _point_at(self, x: int, y: int) -> None:
        self._say(self._failure is not None and HERE in self._text.tag_names(f"@{x},{y}"), x, y)

    def _say(self, there: bool, x: int, y: int) -> None:
        if not there or self._failure is None or self._look is None:
            self.tip.hide()
            return
        explanation, message = failure_lines(self._failure, self._look.words)
        top = self._text.winfo_toplevel()
        left, upper = self._text.winfo_rootx() - top.winfo_rootx(), self._text.winfo_rooty() - top.winfo_rooty()
        self.tip.show(left + x, upper + y, explanation or message, message if explanation else "")
