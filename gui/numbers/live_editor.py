"""Where a live run waits: the gradients that arrived at the node, to be overwritten, and how to go on."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping, Sequence

import numpy as np

from core import wire
from core.expression import Values
from core.playback import NodeKey, Playback
from core.records import Before, TensorSnapshot
from gui.i18n import Words
from gui.numbers.number_editor import Caption, NumberEditor
from gui.numbers.typed_numbers import Numbers, editable
from gui.session import Session
from gui.theme import Look

Gradients = dict[int, tuple[float, ...]]
"""Output of the node → what is put in place of the gradient that arrived there, row-major."""


def overwritten(arrived: Sequence[TensorSnapshot | None], numbers: Sequence[float]) -> Gradients:
    """The numbers of all that arrived, one after another → those gradients of which any number was changed."""
    changed: Gradients = {}
    for slot, gradient in enumerate(arrived):
        if gradient is not None:
            mine, numbers = tuple(numbers[: gradient.numel]), numbers[gradient.numel :]
            if any(a != b and (a == a or b == b) for a, b in zip(mine, gradient.head, strict=True)):  # NaN is NaN
                changed[slot] = mine
    return changed


def typeable(arrived: Sequence[TensorSnapshot | None]) -> list[TensorSnapshot]:
    """What arrived, where all of it can be typed; else nothing."""
    known = [gradient for gradient in arrived if gradient is not None]
    plain = all(one.numel and one.layout == "strided" for one in known)
    return known if plain and editable(known) else []


def ahead(playback: Playback, paused: wire.Paused, nodes: Sequence[NodeKey]) -> NodeKey | None:
    """The first of some nodes that a paused pass has still to run behind the one it waits before."""
    end = playback.end()
    return next(
        (key for key in nodes if key[0] == paused.pass_index and key[1] != paused.node and end.emitted(key) is None),
        None,
    )


class _Names(Values):
    """The values of the run, and ``v``, what has arrived."""

    def __init__(self, playback: Playback, arrived: Sequence[TensorSnapshot]) -> None:
        super().__init__(playback)
        self._v = np.array([float(x) for gradient in arrived for x in gradient.head])
        if len(arrived) == 1:
            self._v = self._v.reshape(arrived[0].shape)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._v if name == LiveEditor.symbol else super().__getitem__(name)


class LiveEditor(NumberEditor):
    """Below the inspector: the gradients that a paused run waits with; what is typed counts when it goes on."""

    symbol = "v"

    def __init__(self, master: tk.Misc, session: Session) -> None:
        super().__init__(master, busy=lambda: True)  # what is dragged stays in the fields
        self._session = session
        self._paused: wire.Paused | None = None
        self._names: Mapping[str, np.ndarray] = {}
        self._before: Before = "next"
        self.reset_button.configure(command=self.run_on)

    def show(self) -> bool:
        """Fills the fields with what has arrived, where it can be typed; False where no run waits."""
        paused, playback = self._session.paused, self._session.playback
        if paused is None or playback is None:
            return False
        if paused is not self._paused and not paused.problem:
            known = typeable(paused.arrived)
            self._names = _Names(playback.end(), known)
            self.fill(known, anew=True)
            if not known:
                self.row.pack_forget()
        self._paused = paused
        self.tell()
        return True

    def caption(self, words: Words) -> Caption:
        note = words("live.hint" if self._tensors else "live.large")
        return Caption(words("live.title", node=self._session.pending), "", note, changed=True)

    def names(self) -> Mapping[str, np.ndarray]:
        return self._names

    def run_on(self) -> None:
        """On to the end."""
        self.go("never")

    def go(self, before: Before) -> None:
        """On with what is typed, until before another node."""
        self._before = before
        self.apply()
        self._before = "next"

    def apply(self) -> None:
        if self._tensors:
            super().apply()
        else:
            self._session.go_on(self._before)

    def ask_for(self, numbers: Numbers, *, again: bool) -> None:
        if self._paused is not None:
            self._session.go_on(self._before, overwritten(self._paused.arrived, numbers))

    def reset(self) -> None:
        """The fields say what arrived; nothing was asked for yet."""

    def dress(self, look: Look) -> None:
        super().dress(look)
        self.apply_button.dress(look, look.words("live.go_on"), primary=True, size=12)
        self.reset_button.dress(look, look.words("live.run_on"), size=12)
