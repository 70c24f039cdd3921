"""The tensors that a text is short for: a click opens one, or Shift with the arrows chooses one and Enter opens it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from functools import partial

from core.records import TensorSnapshot
from gui.theme import Look


class Openings:
    """Tensors in a text widget, each behind the letters that say it.

    Args:
        text: the widget they stand in.
        on_open: called with the tensor that is to be opened.
    """

    def __init__(self, text: tk.Text, on_open: Callable[[TensorSnapshot], object]) -> None:
        self._text = text
        self._on_open = on_open
        self._tensors: Sequence[TensorSnapshot] = ()
        self._chosen: int | None = None
        text.tag_bind("tensor", "<ButtonRelease-1>", lambda event: self._clicked())
        text.tag_bind("tensor", "<Enter>", lambda event: text.configure(cursor="hand2"))
        text.tag_bind("tensor", "<Leave>", lambda event: text.configure(cursor="arrow"))
        for key, by in (("Up", -1), ("Down", 1)):
            text.bind(f"<Shift-{key}>", partial(self._move, by))
        for key in ("Return", "KP_Enter"):
            text.bind(f"<{key}>", self._entered)
        for sequence in ("<FocusIn>", "<FocusOut>"):
            text.bind(sequence, lambda event: self._mark(shown=event.type == tk.EventType.FocusIn), add="+")

    def clear(self, tensors: Sequence[TensorSnapshot]) -> None:
        """The text is written anew; these are what its letters are going to be short for, in their order."""
        at = self._chosen
        if at is not None and (at >= len(tensors) or tensors[at] is not self._tensors[at]):
            self._chosen = None
        self._tensors = tensors

    def add(self, number: int, letters: int) -> None:
        """The last letters of the text are short for a tensor."""
        for name in ("tensor", f"tensor{number}"):
            self._text.tag_add(name, f"end-1c-{letters}c", "end-1c")
        if number == self._chosen:
            self._mark(shown=self._text.tk.call("focus") == str(self._text))

    def dress(self, look: Look) -> None:
        self._text.tag_configure("chosen", background=look["running_span"])

    def _move(self, by: int, _: tk.Event[tk.Misc]) -> str:
        """The next one or the one before; the first or the last of those in sight where none was chosen."""
        if self._tensors:
            at = self._first(by) if self._chosen is None else self._chosen + by
            self._chosen = max(0, min(at, len(self._tensors) - 1))
            self._mark(shown=True)
            self._text.see(f"tensor{self._chosen}.first")
        return "break"

    def _first(self, by: int) -> int:
        numbers = range(len(self._tensors))
        in_sight = [number for number in numbers if self._text.dlineinfo(f"tensor{number}.first") is not None]
        return (in_sight or numbers)[0 if by > 0 else -1]

    def _mark(self, *, shown: bool) -> None:
        self._text.tag_remove("chosen", "1.0", "end")
        if shown and self._chosen is not None:
            self._text.tag_add("chosen", *self._text.tag_ranges(f"tensor{self._chosen}"))

    def _entered(self, _: tk.Event[tk.Misc]) -> str:
        if self._chosen is not None:
            self._on_open(self._tensors[self._chosen])
        return "break"

    def _clicked(self) -> None:
        names = self._text.tag_names("current")
        number = next((int(name[6:]) for name in names if name.startswith("tensor") and name != "tensor"), None)
        if number is not None and not self._text.tag_ranges("sel"):
            self._on_open(self._tensors[number])
