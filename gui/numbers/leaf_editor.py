"""The values of the chosen leaf, typed or dragged, so that every gradient follows."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from core.expression import Values
from core.playback import Playback
from core.records import TensorSnapshot
from gui import figures
from gui.i18n import Words
from gui.numbers.number_editor import Caption, NumberEditor
from gui.numbers.typed_numbers import Numbers, editable
from gui.picture.cards import Card
from gui.session import Session


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


class LeafEditor(NumberEditor):
    """Below the inspector: the values of one leaf of a session."""

    colour = "leaf"

    def __init__(self, master: tk.Misc, session: Session) -> None:
        super().__init__(master, busy=lambda: session.busy)
        self._session = session
        self._leaf: ChosenLeaf | None = None
        self._names: Mapping[str, np.ndarray] = {}

    def show(self, name: str) -> bool:
        """Fills the fields with the values of a leaf; False where there is none to edit."""
        self.go_on()
        session = self._session
        leaf = leaf_named(session.playback, name) if name and not session.recorded else None
        if leaf is None:
            if not session.busy:
                self._leaf, self._tensors = None, []
            return self._leaf is not None
        before, self._leaf = self._leaf, leaf
        self.symbol = leaf.name
        if before != leaf and session.playback is not None:
            self._names = Values(session.playback.end())
            self.fill([leaf.tensor], anew=before is None or before.name != leaf.name)
        self.tell()
        return True

    def caption(self, words: Words) -> Caption:
        name = self._leaf.name if self._leaf is not None else ""
        title = words("leaf.title", name=figures.clip(name, 24))
        return Caption(title, "", words("leaf.hint"), name in self._session.what_if.leaves)

    def names(self) -> Mapping[str, np.ndarray]:
        return self._names

    def ask_for(self, numbers: Numbers, *, again: bool) -> None:
        if self._leaf is not None:
            self._session.set_leaf(self._leaf.name, numbers, again=again)

    def reset(self) -> None:
        if self._leaf is not None:
            self._session.set_leaf(self._leaf.name, None)
