"""Several panels in one place, chosen by buttons above them."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping

from gui.theme import Look
from gui.widgets.button import Button


class Pages(tk.Frame):
    """Panels by the key of their title; the first is shown. They are children of this frame.

    Attributes:
        shown: key of the panel that is shown.
    """

    def __init__(self, master: tk.Misc, on_turn: Callable[[], object]) -> None:
        super().__init__(master, borderwidth=0)
        self._on_turn = on_turn
        self._look: Look | None = None
        self.shown = ""
        self.rule = tk.Frame(self, height=1)
        self.row = tk.Frame(self, borderwidth=0)
        self.rule.pack(fill="x")
        self.row.pack(fill="x")
        self.buttons: dict[str, Button] = {}
        self._panels: dict[str, tk.Widget] = {}

    def fill(self, panels: Mapping[str, tk.Widget]) -> None:
        """The panels, by the keys of their titles."""
        self._panels = dict(panels)
        for key in panels:
            self.buttons[key] = Button(self.row, lambda key=key: self.turn(key), width=20, height=24)  # type: ignore[misc]
        self.row.bind("<Configure>", lambda event: self._flow())
        self.turn(next(iter(panels)))

    def turn(self, key: str) -> None:
        """Shows a panel."""
        if key == self.shown:
            return
        if self.shown:
            self._panels[self.shown].pack_forget()
        self.shown = key
        self._panels[key].pack(fill="both", expand=True)
        self._mark()
        self._on_turn()

    def dress(self, look: Look) -> None:
        self._look = look
        self.configure(background=look["panel"])
        self.row.configure(background=look["panel"])
        self.rule.configure(background=look["line"])
        self.row.pack_configure(padx=look.px(10), pady=(look.px(5), 0))
        for key, button in self.buttons.items():
            button.dress(look, look.words(key), size=11)
        self._mark()
        self._flow()

    def _flow(self) -> None:
        """The buttons beside each other, and below where there is no room for that."""
        row = column = used = 0
        for button in self.buttons.values():
            wide = button.winfo_reqwidth()
            if column and used + wide > self.row.winfo_width():
                row, column, used = row + 1, 0, 0
            button.grid(row=row, column=column, sticky="w")
            column, used = column + 1, used + wide

    def _mark(self) -> None:
        if self._look is not None:
            for key, button in self.buttons.items():
                colour = "text" if key == self.shown else "quiet"
                ground = "button" if key == self.shown else "panel"
                button.configure(text_color=self._look[colour], fg_color=self._look[ground])
