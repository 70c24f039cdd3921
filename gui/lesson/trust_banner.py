"""What stands above a lesson that this Pullback has not run before: a question, and three answers."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterable
from typing import Final

from gui.i18n import Words
from gui.theme import Look
from gui.widgets.button import Button

ASKED: Final = "trust.ask"
ANSWERS: Final = ("read", "once", "always")


class TrustBanner(tk.Frame):
    """A quiet line that says what running means, or that a lesson is of a newer Pullback.

    Args:
        on_answer: called with one of ``ANSWERS``.
        bounds: what a program can and cannot do here.

    Attributes:
        buttons: by answer.
    """

    def __init__(
        self, master: tk.Misc, on_answer: Callable[[str], object], bounds: Callable[[Words], Iterable[str]]
    ) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=1)
        self.label = tk.Label(self, anchor="nw", justify="left", borderwidth=0)
        self.row = tk.Frame(self, borderwidth=0)
        self.buttons = {
            answer: Button(self.row, lambda answer=answer: on_answer(answer), width=64, height=24)  # type: ignore[misc]
            for answer in ANSWERS
        }
        self.label.pack(side="top", fill="x")
        for button in self.buttons.values():
            button.pack(side="left")
        self._look: Look | None = None
        self._key = ""
        self._bounds = bounds
        self.bind("<Configure>", lambda event: self._wrap())

    def show(self, key: str, *, asks: bool) -> None:
        """The text of a key; ``asks`` for the answers below it."""
        self._key = key
        self.refresh()
        if asks and not self.row.winfo_manager():
            self.row.pack(side="bottom", fill="x", before=self.label)  # where there is no room for both, it stays
        elif not asks:
            self.row.pack_forget()
        self._space()

    def dress(self, look: Look) -> None:
        self._look = look
        for part in (self, self.label, self.row):
            part.configure(background=look["card"])
        self.configure(highlightbackground=look["line"], highlightcolor=look["line"])
        self.label.configure(foreground=look["text"], font=look.font(12))
        for answer, button in self.buttons.items():
            button.dress(look, look.words(f"trust.{answer}"), ground="card", size=11)
        self.refresh()
        self._space()

    def refresh(self) -> None:
        """What is known by now of what a program can do."""
        if self._look is not None and self._key:
            words = self._look.words
            told = self._bounds(words) if self._key == ASKED else ()
            self.label.configure(text=("" if words.language == "zh" else " ").join((words(self._key), *told)))

    def _space(self) -> None:
        if self._look is None:
            return
        px = self._look.px
        self.label.pack_configure(padx=px(12), pady=(px(8), px(8)))
        if self.row.winfo_manager():
            self.row.pack_configure(padx=px(12), pady=(0, px(8)))
        self._wrap()

    def _wrap(self) -> None:
        """The text and the buttons in as many rows as they need."""
        if self._look is None:
            return
        px, room = self._look.px, self.winfo_width() - self._look.px(28)
        self.label.configure(wraplength=max(80, room))
        high = sum(button.winfo_reqwidth() + px(6) for button in self.buttons.values()) > room
        for button in self.buttons.values():
            button.pack_configure(side="top" if high else "left", anchor="w", padx=(0, px(6)), pady=(0, px(4) * high))
