"""Where a live run waits: the gradients that arrived at the node, to be overwritten, and how to go on."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence

from core import wire
from core.playback import NodeKey, Playback
from core.records import Before, TensorSnapshot
from gui.i18n import Words
from gui.number_editor import NumberEditor, editable
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
    plain = all(one.numel and one.layout == "strided" and not one.dtype.startswith("complex") for one in known)
    return known if plain and editable(known) else []


def ahead(playback: Playback, paused: wire.Paused, nodes: Sequence[NodeKey]) -> NodeKey | None:
    """The first of some nodes that a paused pass has still to run behind the one it waits before."""
    end = playback.end()
    return next(
        (key for key in nodes if key[0] == paused.pass_index and key[1] != paused.node and end.emitted(key) is None),
        None,
    )


class LiveEditor(NumberEditor):
    """``on_go_on(before, gradients)`` on Enter and by the buttons: on to the next node, or to the end."""

    def __init__(self, master: tk.Misc, *, on_go_on: Callable[[Before, Gradients], None]) -> None:
        super().__init__(master)
        self._on_go_on = on_go_on
        self._paused: wire.Paused | None = None
        self._node = ""
        self._before: Before = "next"

    def show(self, paused: wire.Paused | None, node: str) -> bool:
        """Fills the fields with what has arrived at the node, where it can be typed; False where no run waits."""
        if paused is not None and paused is not self._paused and not paused.problem:
            self._node = node
            self.fill(typeable(paused.arrived))
        self._paused = paused
        self.tell()
        return paused is not None

    def caption(self, words: Words) -> tuple[str, str, bool]:
        return words("live.title", node=self._node), words("live.hint" if self._tensors else "live.large"), True

    def apply(self) -> None:
        """On to the next node."""
        self.go("next")

    def reset(self) -> None:
        """On to the end."""
        self.go("never")

    def go(self, before: Before) -> None:
        """On with what is typed."""
        self._before = before
        if self._tensors:
            super().apply()
        else:
            self._on_go_on(before, {})

    def ask_for(self, numbers: tuple[float, ...]) -> None:
        if self._paused is not None:
            self._on_go_on(self._before, overwritten(self._paused.arrived, numbers))

    def dress(self, look: Look) -> None:
        super().dress(look)
        self.apply_button.dress(look, look.words("live.go_on"), primary=True, size=12)
        self.reset_button.dress(look, look.words("live.run_on"), size=12)
