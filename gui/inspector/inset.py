"""What stands in a text besides letters: pictures, drawings and links scroll with it."""

from __future__ import annotations

import tkinter as tk

from gui.inspector.board import Board
from gui.inspector.link import Link
from gui.theme import Look
from gui.widgets import wheel

Widget = Board | Link


class Insets:
    """One kind of things in a text widget.

    Args:
        text: the widget they stand in.
    """

    def __init__(self, text: tk.Text) -> None:
        self.text = text
        self.look: Look | None = None
        self.width = 0

    def dress(self, look: Look) -> None:
        """For what is inserted from now on."""
        self.look = look

    def fit(self, width: int) -> None:
        """So many pixels are there."""
        if width != self.width:
            self.width = width
            self.refit()

    def refit(self) -> None:
        """Makes what is there fit the width."""
        raise NotImplementedError

    def clear(self) -> None:
        """The text is emptied."""
        raise NotImplementedError


class Widgets(Insets):
    """Widgets in a text: the wheel scrolls the text below them, and Tab reaches those that are out of sight too.

    Attributes:
        shown: from top to bottom.
    """

    def __init__(self, text: tk.Text) -> None:
        super().__init__(text)
        self.shown: list[Widget] = []
        self._reached_with_tab(text)

    def refit(self) -> None:
        for widget in self.shown:
            if self.look is not None:
                widget.show(self.look, self.width)

    def clear(self) -> None:
        for widget in self.shown:
            widget.destroy()
        self.shown = []

    def insert(self, widget: Widget, tag: str) -> None:
        """Adds one, whose master is the text, at the end."""
        if self.look is not None:
            widget.show(self.look, self.width)
        zoom = widget.zoom if isinstance(widget, Board) else lambda notches, x, y: None
        wheel.bind(widget, lambda dx, dy: self.text.yview_scroll(int(dy), "pixels"), zoom)
        self._reached_with_tab(widget)
        self.shown.append(widget)
        place = self.text.index("end-1c")
        self.text.window_create("end", window=widget)
        self.text.tag_add(tag, place)

    def _reached_with_tab(self, widget: tk.Misc) -> None:
        for key, by in (("<<NextWindow>>", 1), ("<<PrevWindow>>", -1)):
            widget.bind(key, lambda event, by=by: self._go(widget, by))  # type: ignore[misc]

    def _go(self, widget: tk.Misc, by: int) -> str | None:
        """The focus goes on to the next one, or back; Tk itself would skip what has been scrolled away."""
        order: list[tk.Misc] = [self.text, *self.shown]
        place = order.index(widget) + by
        if not 0 <= place < len(order):
            return None  # out of the text
        if place:
            self.text.see(str(order[place]))
            self.text.update_idletasks()
        order[place].focus_set()
        return "break"
