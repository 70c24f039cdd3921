"""The values of the chosen leaf, typed or dragged, so that every gradient follows."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import NamedTuple

from core.playback import Playback
from core.records import TensorSnapshot
from gui import figures
from gui.cards import Card
from gui.i18n import Words
from gui.number_editor import FIELDS, NumberEditor, editable
from gui.theme import Look
from gui.toolkit import ctk

Values = tuple[float, ...]


class ChosenLeaf(NamedTuple):
    """Attributes:
    name: as ``WhatIf.leaves`` calls it.
    tensor: what it holds before the program changes it.
    """

    name: str
    tensor: TensorSnapshot


def leaf_of_card(playback: Playback | None, card: Card | None) -> str:
    """The name of the leaf behind a card; '' where there is none."""
    if playback is None or card is None or not card.leaf:
        return ""
    first = playback.index.leaf_of
    tensors = {first.get(value) for value in card.values} - {None}
    leaves = (leaf for leaf in playback.trace.leaves if leaf.value is not None and first.get(leaf.value) in tensors)
    return next((leaf.name for leaf in leaves), "")


def leaf_named(playback: Playback | None, name: str) -> ChosenLeaf | None:
    """A leaf whose values can be typed; None where there is no such leaf, or where it is too large."""
    leaf = next((leaf for leaf in playback.trace.leaves if leaf.name == name), None) if playback is not None else None
    if playback is None or leaf is None or leaf.value is None:
        return None
    first = playback.index.leaf_of
    held = [value for value in playback.trace.values if first.get(value.id) == first.get(leaf.value)]
    tensor = next((value.tensor for value in held if name in value.names), held[0].tensor if held else None)
    return ChosenLeaf(name, tensor) if tensor is not None and editable([tensor]) else None


def span_of(value: float) -> tuple[float, float]:
    """Where the slider goes for an element: as far again on both sides, past zero, and at least by two."""
    reach = max(2.0, 2 * abs(value))
    return value - reach, value + reach


class LeafEditor(NumberEditor):
    """``on_leaf(name, values)`` on Enter and while the slider moves; values None are the program's own.

    The slider moves the element that had the keyboard last. While a run is still on its way nothing more is asked for;
    the last place of the slider is sent when it is there.
    """

    colour = "leaf"

    def __init__(self, master: tk.Misc, *, on_leaf: Callable[[str, Values | None], None]) -> None:
        super().__init__(master)
        self._on_leaf = on_leaf
        self._leaf: ChosenLeaf | None = None
        self._changed = False
        self._busy = False
        self._dragging = False
        self._waiting: Values | None = None
        self._element = 0
        self.slider = ctk.CTkSlider(self, command=self._slid, height=18, number_of_steps=200)
        self.slider.bind("<ButtonRelease-1>", lambda event: self._let_go())

    def show(self, leaf: ChosenLeaf | None, *, changed: bool, busy: bool) -> bool:
        """Fills the fields with the leaf's values; False where there is none to edit.

        Args:
            changed: whether the values are a what-if.
            busy: whether a run is on its way.
        """
        self._busy = busy
        if not busy and self._waiting is not None and leaf is not None:
            waiting, self._waiting = self._waiting, None
            self.ask_for(waiting)
        before, self._changed = self._leaf, changed
        if leaf is None:
            if not busy:
                self._leaf, self._tensors, self._dragging = None, [], False
            return self._leaf is not None
        self._leaf = leaf
        if before is None or before.name != leaf.name:
            self._element = 0
        if before != leaf and not self._dragging:
            self.fill([leaf.tensor])
            self._place_slider()
        self.tell()
        return True

    def caption(self, words: Words) -> tuple[str, str, bool]:
        name = self._leaf.name if self._leaf is not None else ""
        return words("leaf.title", name=figures.clip(name, 24)), words("leaf.hint"), self._changed

    def ask_for(self, numbers: Values) -> None:
        if self._leaf is not None:
            self._on_leaf(self._leaf.name, numbers)

    def reset(self) -> None:
        if self._leaf is not None:
            self._on_leaf(self._leaf.name, None)

    def entered(self, entry: ctk.CTkEntry) -> None:
        self._element = self.used().index(entry) if entry in self.used() else 0
        self._place_slider()

    def dress(self, look: Look) -> None:
        super().dress(look)
        self.slider.configure(
            fg_color=look["line"], progress_color=look["leaf"], button_color=look["leaf"],
            button_hover_color=look["leaf"], bg_color=look["panel"],
        )  # fmt: skip

    def _place_slider(self) -> None:
        """A slider for single numbers; a long list has none."""
        used = self.used()
        if self._leaf is None or self._leaf.tensor.numel > FIELDS:
            self.slider.pack_forget()
            return
        value = float(self._leaf.tensor.head[min(self._element, len(used) - 1)])
        low, high = span_of(value)
        self.slider.configure(from_=low, to=high)
        self.slider.set(value)
        if not self.slider.winfo_manager():
            px = self._look.px if self._look is not None else int
            self.slider.pack(fill="x", padx=px(12), pady=(0, px(8)), after=self.fields)

    def _slid(self, value: float) -> None:
        if self._leaf is None:
            return
        self._dragging = True
        entry = self.used()[min(self._element, len(self.used()) - 1)]
        entry.delete(0, "end")
        entry.insert(0, figures.number(round(value, 4)))
        numbers = [float(x) for x in self._leaf.tensor.head]
        numbers[self._element] = round(value, 4)
        if self._busy:
            self._waiting = tuple(numbers)
        else:
            self.ask_for(tuple(numbers))

    def _let_go(self) -> None:
        self._dragging = False
        self._place_slider()
