"""Menus made of entries, so that what they offer can be told apart from how Tk shows it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gui.shortcuts import spelled
from gui.theme import Look


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a menu.

    Attributes:
        text: '' is a rule.
        command: None greys it out.
        keys: shown at the right.
        chosen: a mark before it; None where there is nothing to choose.
        entries: of a menu behind it.
    """

    text: str = ""
    command: Callable[[], object] | None = None
    keys: str = ""
    chosen: bool | None = None
    entries: tuple[Entry, ...] = ()


RULE = Entry()


class PopUp(tk.Menu):
    """One menu, filled anew each time it is shown."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, tearoff=False)
        self._look: Look | None = None
        self._room: tk.PhotoImage | str = ""
        self._children: list[PopUp] = []

    def dress(self, look: Look) -> None:
        self._look = look
        # The menu's own ground is what its border is drawn with; the entries have theirs.
        self.configure(
            background=look["edge"], foreground=look["text"], activebackground=look["accent"],
            activeforeground=look["on_accent"], disabledforeground=look["quiet"], font=look.font(13),
            borderwidth=1, activeborderwidth=0, relief="flat",
        )  # fmt: skip
        if isinstance(self.master, PopUp):
            self._room = self.master._room
        elif self.tk.call("tk", "windowingsystem") == "x11":
            # Room above and below the texts: a border round the chosen entry would be drawn in relief. As narrow as can
            # be, because Tk draws dots over the image of an entry that is greyed.
            self._room = tk.PhotoImage(master=self, width=1, height=look.px(26))

    def show(self, entries: Sequence[Entry], x: int, y: int, *, leftwards: bool = False) -> None:
        """Shows the entries at a point of the screen, ``leftwards`` to the left of it."""
        self.fill(entries)
        if leftwards:
            self.update_idletasks()
            x -= self.winfo_reqwidth()
        # Tk takes the grab and gives it back by itself; without it a click beside the menu would not close it on X11.
        self.tk_popup(x, y)

    def fill(self, entries: Sequence[Entry]) -> None:
        self.delete(0, "end")
        for child in self._children:
            child.destroy()
        self._children = []
        marked = any(entry.chosen is not None for entry in entries)
        ground = self._look["card"] if self._look is not None else ""
        room: dict[str, Any] = {"background": ground, "image": self._room, "compound": "left"}
        for entry in entries:
            if not entry.text:
                self.add_separator(background=ground)
            elif entry.entries:
                child = PopUp(self)
                self._children.append(child)
                if self._look is not None:
                    child.dress(self._look)
                child.fill(entry.entries)
                self.add_cascade(label=self._label(entry, marked), menu=child, **room)
            else:
                self.add_command(
                    label=self._label(entry, marked), accelerator=f"{spelled(entry.keys)}  ",
                    command=entry.command or "", state="normal" if entry.command else "disabled", **room,
                )  # fmt: skip
        self._break_columns(len(entries))

    def _break_columns(self, count: int) -> None:
        """Another column where the screen ends: Tk would leave the rest of the entries below it."""
        self.update_idletasks()
        edges = [*(self.yposition(number) for number in range(count)), self.winfo_reqheight()]
        top = 0
        for number in range(count):
            if edges[number + 1] - top > self.winfo_screenheight():
                self.entryconfigure(number, columnbreak=True)
                top = edges[number]

    def _label(self, entry: Entry, marked: bool) -> str:
        """The text, with room before it, for a mark where any entry of the menu may have one."""
        return f"  {'✓' if entry.chosen else '   '}  {entry.text}" if marked else f"  {entry.text}"
