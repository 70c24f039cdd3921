"""What a control does, told beside it while the pointer rests there."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial

from gui.theme import Look
from gui.widgets.tooltip import Tip

LINGER = 600
"""Milliseconds the pointer rests on a control before it is explained."""
NEAR = 10
"""Pixels by which the note overlaps what it is about."""


class Hints:
    """One note for all controls of a part of the window."""

    def __init__(self, master: tk.Misc) -> None:
        self._master = master
        self._window = master.winfo_toplevel()
        self.tip = Tip(self._window)
        self._lingering = ""

    def explain(self, widget: tk.Misc, text: Callable[[], str]) -> None:
        """Tells ``text()``, unless it is '', while the pointer rests on a widget."""
        widget.bind("<Enter>", lambda event: self._entered(partial(self._tell, widget, text)), add="+")
        for sequence in ("<Leave>", "<Button-1>"):
            widget.bind(sequence, lambda event: self.stop(), add="+")

    def stop(self) -> None:
        """Nothing is told any more."""
        if self._lingering:
            self._master.after_cancel(self._lingering)
            self._lingering = ""
        self.tip.hide()

    def dress(self, look: Look) -> None:
        self.stop()
        self.tip.dress(look)

    def _entered(self, tell: Callable[[], None]) -> None:
        self.stop()
        self._lingering = self._master.after(LINGER, tell)

    def _tell(self, widget: tk.Misc, text: Callable[[], str]) -> None:
        self._lingering = ""
        said = text()
        if said:
            x = widget.winfo_rootx() - self._window.winfo_rootx()
            y = widget.winfo_rooty() - self._window.winfo_rooty()
            low = y > self._window.winfo_height() / 2
            self.tip.show(x - 18, y + NEAR if low else y + widget.winfo_height() - NEAR, "", said)
