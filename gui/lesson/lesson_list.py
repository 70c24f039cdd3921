"""The contents page: every lesson, how far it has been walked, and the way into it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from core.lessons.records import Head
from gui.theme import Look
from gui.widgets.button import Button


@dataclass(frozen=True, slots=True)
class Line:
    """One lesson.

    Attributes:
        score: right answers and tasks done, of how many; None where it has not been begun.
        forgotten: its progress has just been forgotten, and can be brought back.
    """

    head: Head
    score: tuple[int, int] | None = None
    forgotten: bool = False


class LessonList(tk.Frame):
    """Rows that are clicked, or chosen with the arrows and Enter; Delete forgets the progress of one.

    Attributes:
        chosen: number of the row that the keyboard is on.
    """

    def __init__(
        self, master: tk.Misc, *, on_open: Callable[[str], object], on_forget: Callable[[str], object],
        on_reset: Callable[[], object], on_close: Callable[[], object],
    ) -> None:  # fmt: skip
        super().__init__(master, borderwidth=0)
        self._on_open, self._on_forget, self._on_close = on_open, on_forget, on_close
        self._look: Look | None = None
        self._lines: tuple[Line, ...] = ()
        self._here = ""
        self.chosen = 0
        self.head = tk.Frame(self, borderwidth=0)
        self.title = tk.Label(self.head, anchor="w", borderwidth=0)
        self.reset_button = Button(self.head, on_reset, width=96, height=24)
        self.close_button = Button(self.head, on_close, width=26, height=24)
        self.text = tk.Text(
            self, wrap="word", borderwidth=0, highlightthickness=1, width=30, height=8, state="disabled",
            cursor="arrow", takefocus=True,
        )  # fmt: skip
        self.head.pack(side="top", fill="x")
        self.title.pack(side="left", fill="x", expand=True)
        self.close_button.pack(side="right", padx=(4, 0))
        self.reset_button.pack(side="right")
        self.text.pack(side="top", fill="both", expand=True)
        self.text.bind("<ButtonRelease-1>", self._clicked)
        for key, by in (("<Up>", -1), ("<Down>", 1)):
            self.text.bind(key, partial(self._move, by))
        for key in ("<Return>", "<space>"):
            self.text.bind(key, lambda event: self._open(self.chosen))
        self.text.bind("<Delete>", self._forget)
        self.text.bind("<Escape>", lambda event: self._close())

    def show(self, lines: Sequence[Line], here: str = "") -> None:
        """The lessons, and the id of the one that is open."""
        self._lines, self._here = tuple(lines), here
        self.chosen = next((number for number, line in enumerate(lines) if line.head.id == here), 0)
        self._draw()

    def choose(self, id_: str) -> None:
        """The row of a lesson."""
        self.chosen = next((number for number, line in enumerate(self._lines) if line.head.id == id_), self.chosen)
        self._mark()

    def _draw(self) -> None:
        look = self._look
        if look is None:
            return
        say, text = look.words, self.text
        text.configure(state="normal")
        text.delete("1.0", "end")
        for number, line in enumerate(self._lines):
            mark = "  " if line.score is None else "✓ " if line.score[0] == line.score[1] else "· "
            score = say("lesson.score", right=line.score[0], all=line.score[1]) if line.score is not None else ""
            minutes = say("lesson.minutes", n=line.head.minutes) if line.head.minutes and not score else ""
            minutes = say("lesson.forgotten") if line.forgotten else minutes
            row = ("row", "here") if line.head.id == self._here else ("row",)
            text.insert("end", f"{mark}{line.head.order:>2}  ", (*row, "number"))
            text.insert("end", line.head.title, row)
            text.insert("end", f"\t{score or minutes}", (*row, "quiet"))
            if number < len(self._lines) - 1:
                text.insert("end", "\n", row)
        text.configure(state="disabled")
        self._mark()

    def _mark(self) -> None:
        self.text.tag_remove("chosen", "1.0", "end")
        self.text.tag_add("chosen", f"{self.chosen + 1}.0", f"{self.chosen + 2}.0")
        self.text.see(f"{self.chosen + 1}.0")

    def _move(self, by: int, event: tk.Event[tk.Misc]) -> str:
        self.chosen = max(0, min(self.chosen + by, len(self._lines) - 1))
        self._mark()
        return "break"

    def _clicked(self, event: tk.Event[tk.Misc]) -> None:
        self._open(int(self.text.index(f"@{event.x},{event.y}").split(".")[0]) - 1)

    def _open(self, number: int) -> str:
        if number < len(self._lines):
            self._on_open(self._lines[number].head.id)
        return "break"

    def _forget(self, event: tk.Event[tk.Misc]) -> str:
        if self.chosen < len(self._lines):
            self._on_forget(self._lines[self.chosen].head.id)
        return "break"

    def _close(self) -> str:
        self._on_close()
        return "break"

    def dress(self, look: Look) -> None:
        self._look = look
        for widget in (self, self.head, self.title):
            widget.configure(background=look["panel"])
        self.head.pack_configure(padx=look.px(16), pady=(look.px(10), look.px(6)))
        self.title.configure(text=look.words("lesson.list"), foreground=look["text"], font=look.font(18, bold=True))
        self.reset_button.dress(look, look.words("lesson.reset"), size=11)
        self.close_button.dress(look, "✕", size=11)
        self.text.configure(
            background=look["panel"], foreground=look["text"], font=look.font(14), padx=look.px(10), pady=look.px(4),
            highlightbackground=look["panel"], highlightcolor=look["accent"],
        )  # fmt: skip
        text = self.text
        text.tag_configure("row", spacing1=look.px(5), spacing3=look.px(5), lmargin2=look.px(44))
        text.tag_configure("number", font=look.font(13, mono=True), foreground=look["leaf"])
        text.tag_configure("quiet", font=look.font(12), foreground=look["quiet"])
        text.tag_configure("here", font=look.font(14, bold=True))
        text.tag_configure("chosen", background=look["button"])
        for tag in ("number", "quiet"):
            text.tag_raise(tag)
        text.configure(tabs=(f"{look.px(330)}", "right"))
        self._draw()
