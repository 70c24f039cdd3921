"""What is wrong in the program, underlined where it stands and explained beside the pointer or the cursor."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from core.records import Failure
from gui.failure import failure_lines
from gui.theme import Look
from gui.tooltip import Tip

Kind = Literal["failed", "syntax"]
"""A run that failed, and a text that is no program."""
KINDS: Final[tuple[Kind, ...]] = ("failed", "syntax")


class _Mark(NamedTuple):
    failure: Failure
    lines: str  # the text they had when they were marked


class Mistakes:
    """At most one mark of each kind in a text; an edit of its lines takes it away.

    Args:
        text: what is marked.
        place: line from 1 and column from 0, in characters → Tk's index.
    """

    def __init__(self, text: tk.Text, place: Callable[[int, int], str]) -> None:
        self._text, self._place = text, place
        self._marks: dict[Kind, _Mark] = {}
        self._look: Look | None = None
        self.tip = Tip(text.winfo_toplevel(), prose=True)
        text.bind("<Motion>", lambda event: self._point_at(event.x, event.y), add="+")
        for sequence in ("<Leave>", "<FocusOut>", "<Button>"):
            text.bind(sequence, lambda event: self.tip.hide(), add="+")

    def mark(self, kind: Kind, failure: Failure | None) -> None:
        """Underlines the expression of a failure, else the code of its line; None takes the mark away."""
        self._unmark(kind)
        if failure is None or not 0 < failure.line < int(self._text.index("end").split(".")[0]):
            return
        begin, end = self._range(failure)
        self._text.tag_add(kind, begin, end)
        if kind == "failed":
            self._text.tag_add("failed_line", f"{failure.line}.0", f"{failure.line + 1}.0")
        self._marks[kind] = _Mark(failure, self._lines(kind))

    def edited(self) -> None:
        """Takes away the marks whose lines have been edited; the others have moved with their lines."""
        for kind in tuple(self._marks):
            if self._lines(kind) != self._marks[kind].lines:
                self._unmark(kind)

    @property
    def lines(self) -> dict[Kind, int]:
        """The first line of each mark, as it stands now."""
        return {kind: int(str(self._text.tag_ranges(kind)[0]).split(".")[0]) for kind in self._marks}

    def tell(self, line: int, x: int, y: int) -> bool:
        """Explains the mark of a line beside a pixel of the text; returns whether there is one."""
        found = next((kind for kind, at in self.lines.items() if at == line), None)
        self._say(found, x, y)
        return found is not None

    def tell_at_cursor(self) -> None:
        """Explains the mark of the cursor's line, below that line."""
        box = self._text.bbox("insert")
        if box is not None:
            self.tell(int(self._text.index("insert").split(".")[0]), box[0], box[1] + box[3] // 2)

    def dress(self, look: Look) -> None:
        self._look = look
        self.tip.dress(look)
        self.tip.hide()
        self._text.tag_configure("failed_line", background=look["wrong_soft"])
        for kind in KINDS:
            self._text.tag_configure(kind, underline=True, underlinefg=look["wrong"])

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

    def _lines(self, kind: Kind) -> str:
        ranges = self._text.tag_ranges(kind)
        return self._text.get(f"{ranges[0]} linestart", f"{ranges[-1]} -1c lineend") if ranges else ""

    def _unmark(self, kind: Kind) -> None:
        if self._marks.pop(kind, None) is not None:
            self.tip.hide()
            for tag in (kind, "failed_line") if kind == "failed" else (kind,):
                self._text.tag_remove(tag, "1.0", "end")

    def _point_at(self, x: int, y: int) -> None:
        tags = self._text.tag_names(f"@{x},{y}") if self._marks else ()
        self._say(next((kind for kind in self._marks if kind in tags), None), x, y)

    def _say(self, kind: Kind | None, x: int, y: int) -> None:
        if kind is None or self._look is None:
            self.tip.hide()
            return
        explanation, message = failure_lines(self._marks[kind].failure, self._look.words)
        top = self._text.winfo_toplevel()
        left, upper = self._text.winfo_rootx() - top.winfo_rootx(), self._text.winfo_rooty() - top.winfo_rooty()
        self.tip.show(left + x, upper + y, explanation or message, message if explanation else "")
