"""Looks for a text in the program: every match is tinted, the one that is shown stands out."""

from __future__ import annotations

import re
import tkinter as tk
from bisect import bisect_right
from collections.abc import Callable, Sequence

from gui.theme import Look
from gui.widgets.find import FindBar

Match = tuple[int, int, int, int]
"""Begin and end: line from 1, column from 0, in characters."""

TINTED = 200
"""Ranges tinted by one call of Tk."""


def matches(source: str, wanted: str) -> list[Match]:
    """Where a text stands in a program, capital letters or not; ``:12`` is line 12."""
    if line := re.fullmatch(r":\s*(\d+)", wanted):
        lines = source.split("\n")
        number = max(1, min(int(line[1][:9]), len(lines)))
        return [(number, 0, number, len(lines[number - 1]))]
    starts = [0, *(match.end() for match in re.finditer("\n", source))]

    def place(offset: int) -> tuple[int, int]:
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1]

    found = re.finditer(re.escape(wanted), source, re.IGNORECASE)
    return [(*place(match.start()), *place(match.end())) for match in found]


class EditorFind:
    """The bar over a text, and what it finds there.

    Args:
        master: the bar takes a row of its own in its grid.
        text: what is looked through.
        place: line and column → Tk's index.
    """

    def __init__(self, master: tk.Misc, text: tk.Text, place: Callable[[int, int], str]) -> None:
        self._text, self._place = text, place
        self._found: list[tuple[str, str]] = []
        self.bar = FindBar(
            master, hint="find.in_program", search=self._search, on_found=self._show, on_close=self._closed,
            begin=self._begin,
        )  # fmt: skip
        for sequence, command in (
            ("<Control-f>", self.open), ("<Control-l>", self.ask_line), ("<F3>", self.bar.next),
            ("<Shift-F3>", self.bar.previous),
        ):  # fmt: skip
            text.bind(sequence, lambda event, command=command: self._key(command))  # type: ignore[misc]

    def open(self) -> None:
        """Shows the bar, with what is selected in it, so long as that is a part of one line."""
        chosen = self._text.get("sel.first", "sel.last") if self._text.tag_ranges("sel") else ""
        self.bar.open(chosen if "\n" not in chosen else "")

    def ask_line(self) -> None:
        """Shows the bar as it takes the number of a line."""
        self.bar.open(":")
        self.bar.entry.select_clear()  # what is typed comes behind the colon
        self.bar.entry.icursor("end")

    def edited(self) -> None:
        """The text is another: so are the matches."""
        self.bar.search_again()

    def dress(self, look: Look) -> None:
        self.bar.dress(look)
        self._text.tag_configure("match", background=look["halo"])
        self._text.tag_configure("match_now", background=look["accent"], foreground=look["on_accent"])

    def _key(self, command: Callable[[], None]) -> str:
        command()
        return "break"

    def _search(self, wanted: str) -> Sequence[int]:
        self._untint()
        found = matches(self._text.get("1.0", "end-1c"), wanted) if wanted else []
        self._found = [(self._place(line, column), self._place(*end)) for line, column, *end in found]
        if not wanted.startswith(":"):
            for first in range(0, len(self._found), TINTED):
                self._text.tag_add("match", *(index for pair in self._found[first : first + TINTED] for index in pair))
        return range(len(self._found))

    def _begin(self) -> int:
        """The first match behind the cursor, or around the end."""
        return next((at for at, (first, _) in enumerate(self._found) if self._text.compare(first, ">=", "insert")), 0)

    def _show(self, match: int | None) -> bool:
        self._text.tag_remove("match_now", "1.0", "end")
        if match is not None:
            self._text.tag_add("match_now", *self._found[match])
            for end in reversed(self._found[match]):
                self._text.see(end)
        return True

    def _closed(self) -> None:
        """What was found last is selected, and the text has the keyboard."""
        shown = self._text.tag_ranges("match_now")
        self._untint()
        if shown:
            self._text.tag_remove("sel", "1.0", "end")
            self._text.tag_add("sel", *shown)
            self._text.mark_set("insert", shown[1])
        self._text.focus_set()

    def _untint(self) -> None:
        for tag in ("match", "match_now"):
            self._text.tag_remove(tag, "1.0", "end")
