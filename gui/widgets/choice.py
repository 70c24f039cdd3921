"""One of several, side by side; the arrows go from one to the next."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Collection, Mapping
from functools import partial

from gui.theme import Look


class Choice(tk.Frame):
    """Labels in a row, of which one is chosen.

    Args:
        on_change: called when the reader has chosen another one.
        upright: below one another instead.

    Attributes:
        chosen: key of the one that is chosen; '' while there is none.
    """

    def __init__(self, master: tk.Misc, on_change: Callable[[], object], *, upright: bool = False) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=2, takefocus=True, cursor="hand2")
        self._on_change, self._upright = on_change, upright
        self._labels: dict[str, tk.Label] = {}
        self._off: frozenset[str] = frozenset()
        self._look: Look | None = None
        self.chosen = ""
        for key, by in (("Left", -1), ("Up", -1), ("Right", 1), ("Down", 1)):
            self.bind(f"<{key}>", partial(self._move, by))

    def offer(self, texts: Mapping[str, str], chosen: str, *, off: Collection[str] = ()) -> None:
        """What there is to choose from, by keys, and what is chosen; ``off`` cannot be now."""
        self._off = frozenset(off)
        open_ = [key for key in texts if key not in self._off]
        self.chosen = chosen if chosen in open_ else next(iter(open_), "")
        if list(self._labels) != list(texts):
            for label in self._labels.values():
                label.destroy()
            self._labels = {key: tk.Label(self, borderwidth=0) for key in texts}
            for key, label in self._labels.items():
                label.bind("<Button-1>", partial(self._clicked, key))
        for key, text in texts.items():
            self._labels[key].configure(text=text)
        self._arrange()

    def dress(self, look: Look, ground: str = "card") -> None:
        self._look = look
        self.configure(background=look["button"], highlightcolor=look["accent"], highlightbackground=look[ground])
        self._arrange()

    def _arrange(self) -> None:
        look = self._look
        if look is None:
            return
        for label in self._labels.values():
            label.configure(
                font=look.font(12), padx=look.px(10), pady=look.px(4), anchor="w" if self._upright else "center"
            )
            if self._upright:
                label.pack(side="top", fill="x", padx=look.px(2), pady=look.px(1))
            else:
                label.pack(side="left", padx=look.px(2), pady=look.px(2))
        self._mark()

    def _mark(self) -> None:
        look = self._look
        if look is None:
            return
        for key, label in self._labels.items():
            chosen = key == self.chosen
            label.configure(
                background=look["accent" if chosen else "button"],
                foreground=look["on_accent" if chosen else "edge" if key in self._off else "text"],
                cursor="arrow" if key in self._off else "hand2",
            )

    def choose(self, key: str) -> None:
        """As the reader does."""
        if key != self.chosen and key in self._labels and key not in self._off:
            self.chosen = key
            self._mark()
            self._on_change()

    def _clicked(self, key: str, _: tk.Event[tk.Misc]) -> None:
        self.focus_set()
        self.choose(key)

    def _move(self, by: int, _: tk.Event[tk.Misc]) -> str:
        keys = [key for key in self._labels if key not in self._off]
        if self.chosen in keys:
            self.choose(keys[max(0, min(len(keys) - 1, keys.index(self.chosen) + by))])
        return "break"
