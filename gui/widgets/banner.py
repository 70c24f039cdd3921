"""A line below the toolbar that says what has come up and offers what can be done; it never stops the reader."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from gui.theme import Look
from gui.widgets.breaks import wrapped
from gui.widgets.button import Button

Deed = Callable[[], object]
MOST = 4
"""Buttons of a note. They are made once: customtkinter goes on configuring those that are destroyed."""

LEAST = 160
"""Units of a text beside its buttons; where there are fewer, they stand below it."""


@dataclass(frozen=True)
class Note:
    """Attributes:
    key, facts: of the text; a fact that can be called is told in which language.
    deeds: what can be done, by the keys of the buttons.
    must: one of the deeds is to be chosen; others can be closed.
    """

    key: str
    facts: Mapping[str, object]
    deeds: Mapping[str, Deed]
    must: bool


class Banner(tk.Frame):
    """Notes by their subject; the latest is seen, the others after it.

    Attributes:
        text: what is said; '' for nothing.
        buttons: of the note that is seen, by their keys; 'banner.close' among them.
    """

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, borderwidth=0)
        self._look: Look | None = None
        self._notes: dict[str, Note] = {}
        self._shown: object = None
        self.text = ""
        self.label = tk.Label(self, anchor="w", justify="left", borderwidth=0)
        self.row = tk.Frame(self, borderwidth=0)
        self.rule = tk.Frame(self, height=1)
        self._deeds: list[Deed] = []
        self._places = [Button(self.row, partial(self._do, number), width=20, height=24) for number in range(MOST)]
        self.buttons: dict[str, Button] = {}
        self.rule.pack(side="bottom", fill="x")
        self.bind("<Configure>", lambda event: self._arrange())

    def show(
        self, subject: str, key: str, deeds: Mapping[str, Deed] | None = None, *, must: bool = False, **facts: object
    ) -> None:
        """Says something in the place of what was said of this subject.

        Args:
            deeds: what can be done, by the keys of the buttons; each ends the note.
            must: one of the deeds is to be chosen; else it can be closed.
        """
        self._notes.pop(subject, None)
        self._notes[subject] = Note(key, facts, deeds or {}, must)
        self._refresh()

    def hide(self, subject: str) -> None:
        """Nothing is to be said of it any more."""
        if self._notes.pop(subject, None) is not None:
            self._refresh()

    def dress(self, look: Look) -> None:
        self._look, self._shown = look, None
        for part in (self, self.label, self.row):
            part.configure(background=look["frame"])
        self.rule.configure(background=look["line"])
        self.label.configure(foreground=look["text"], font=look.font(12))
        self._refresh()

    def _refresh(self) -> None:
        subject = next(reversed(self._notes), "")
        if self._look is None or (self._notes.get(subject) is self._shown and self._shown is not None):
            return
        focus = self.focus_get()
        within = focus is not None and str(focus).startswith(str(self))
        for button in self._places:
            button.pack_forget()
        self.buttons, self._deeds, self._shown = {}, [], self._notes.get(subject)
        if within:
            self.winfo_toplevel().focus_set()
        if not subject:
            self.text = ""
            self.grid_remove()
            return
        note = self._notes[subject]
        words = self._look.words
        facts = {name: fact(words) if callable(fact) else fact for name, fact in note.facts.items()}
        self.text = words(note.key, **facts)
        closing: dict[str, Deed] = {} if note.must else {"banner.close": lambda: None}
        for key, deed in {**note.deeds, **closing}.items():
            self._add(key, deed)
        self.grid()
        self._arrange()

    def _add(self, key: str, deed: Deed) -> None:
        assert self._look is not None
        button = self._places[len(self._deeds)]
        button.dress(self._look, self._look.words(key), ground="frame", size=11)
        button.configure(fg_color=self._look["halo"], hover_color=self._look["running_span"])
        button.pack(side="left", padx=(self._look.px(6), 0))
        self._deeds.append(deed)
        self.buttons[key] = button

    def _do(self, number: int) -> None:
        deed = self._deeds[number]
        self.hide(next(reversed(self._notes)))
        deed()

    def _arrange(self) -> None:
        """The buttons beside the text, where there is room for both."""
        if self._look is None or not self._notes:
            return
        px, wide, font = self._look.px, self.winfo_width(), tkfont.Font(self, self._look.font(12))
        beside = wide - self.row.winfo_reqwidth() - px(40)
        fits = beside >= px(LEAST)
        self.row.pack(side="right" if fits else "bottom", anchor="e", padx=px(12), pady=px(6))
        width = max(80, beside if fits else wide - px(32))
        self.label.configure(text=wrapped(self.text, width, font.measure), wraplength=width)
        self.label.pack(side="left", fill="x", expand=True, padx=(px(16), 0), pady=px(6))
