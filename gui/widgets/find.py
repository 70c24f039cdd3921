"""The bar that looks for what is typed into it: for a card in the picture, for a text in the program."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence

from gui.theme import Look
from gui.widgets.button import Button
from gui.widgets.toolkit import ctk

NARROW = 300
"""Units of width below which a row has no buttons to go on and back."""


class FindBar(tk.Frame):
    """An entry; Enter or F3 goes on, with Shift back, Escape closes.

    Args:
        hint: key of the text in the empty entry.
        search: text → what matches, in order.
        on_found: called with the match to be shown, None when there is none; returns whether it is there already.
        on_close: gives the keyboard back.
        begin: tells which of the matches is shown first.
        beside: what stands in the other corner of the master; None where the bar takes the first row of its grid.
    """

    def __init__(
        self,
        master: tk.Misc,
        *,
        hint: str,
        search: Callable[[str], Sequence[int]],
        on_found: Callable[[int | None], bool],
        on_close: Callable[[], None],
        begin: Callable[[], int] = lambda: 0,
        beside: tk.Misc | None = None,
    ) -> None:
        super().__init__(master, borderwidth=0)
        self._hint, self._beside, self._begin = hint, beside, begin
        self._search, self._on_found, self._on_close = search, on_found, on_close
        self._look: Look | None = None
        self._matches: Sequence[int] = ()
        self._at = 0
        self.entry = ctk.CTkEntry(self, width=180, height=28, corner_radius=6, border_width=1)
        self.count = tk.Label(self, borderwidth=0, anchor="w", width=9)
        self._there = True
        self.buttons = [
            Button(self, command, width=28, height=28) for command in (self.previous, self.next, self.close)
        ]
        for column, widget in enumerate((self.entry, self.count, *self.buttons)):
            widget.grid(row=0, column=column, padx=3, pady=5, sticky="ew")
        self.columnconfigure(0, weight=1)
        self.entry.bind("<KeyRelease>", self._typed)
        for sequence, command in (
            ("<Return>", self.next), ("<Shift-Return>", self.previous), ("<F3>", self.next),
            ("<Shift-F3>", self.previous), ("<Down>", self.next), ("<Up>", self.previous), ("<Control-f>", self.open),
            ("<Escape>", self.close),
        ):  # fmt: skip
            self.entry.bind(sequence, lambda event, command=command: self._key(command))
        self._text = ""
        if beside is None:
            self.bind("<Configure>", lambda event: self.arrange())

    @property
    def opened(self) -> bool:
        return bool(self.winfo_manager())

    def open(self, text: str = "") -> None:
        """Shows the bar with a text, else the last one, chosen so that typing replaces it."""
        if self._beside is not None:
            self.place(x=0, y=0)
        else:
            self.grid(row=0, column=0, columnspan=2, sticky="ew")
        self.arrange()
        self.lift()
        self.entry.focus_set()
        if text:
            self.entry.delete(0, "end")
            self.entry.insert(0, text)
            self._look_for(text)
        else:
            self.search_again()
        self.entry.select_range(0, "end")

    def arrange(self) -> None:
        """Takes its place in the corner; where the master is narrow, below what stands in the other, and narrower."""
        if not self.opened or self._look is None:
            return
        if self._beside is None:
            self._leave_room()
            return
        self.update_idletasks()
        px, width = self._look.px, self.master.winfo_width()
        margin, wanted, taken = px(12), self.winfo_reqwidth(), self._beside.winfo_reqwidth()
        below = wanted + taken + 3 * margin > width
        y = px(10) + (self._beside.winfo_reqheight() + px(6) if below else 0)
        self.place(x=margin, y=y, width=max(1, min(wanted, width - 2 * margin)))

    def _leave_room(self) -> None:
        """In a row that is too narrow, keys do what the buttons would, and the entry has their place."""
        assert self._look is not None
        narrow = self.master.winfo_width() < self._look.px(NARROW)
        for button in self.buttons[:2]:
            if narrow:
                button.grid_remove()
            else:
                button.grid()
        if narrow:
            self.count.configure(width=0)

    def close(self) -> None:
        """Hides the bar; what was found last stays chosen."""
        if self.opened:
            self.place_forget()
            self.grid_forget()
            self._on_close()

    def next(self) -> None:
        self._go(1)

    def previous(self) -> None:
        self._go(-1)

    def search_again(self) -> None:
        """The picture is another, or the bar was closed meanwhile: nothing is shown, but the matches may be others."""
        if self.opened:
            self._matches = self._search(self._text)
            self._at, self._there = min(self._at, max(0, len(self._matches) - 1)), True
            self._tell()

    def dress(self, look: Look) -> None:
        self._look = look
        self.configure(background=look["card"], highlightthickness=1)
        self.configure(highlightbackground=look["line"], highlightcolor=look["line"])
        self.count.configure(background=look["card"], foreground=look["quiet"], font=look.font(12))
        self.entry.configure(
            font=look.widget_font(13), fg_color=look["card"], bg_color=look["card"], text_color=look["text"],
            border_color=look["accent"], placeholder_text=look.words(self._hint),
            placeholder_text_color=look["quiet"],
        )  # fmt: skip
        for button, sign in zip(self.buttons, "▲▼✕", strict=True):
            button.dress(look, sign, ground="card", size=11)
        self._tell()

    def _typed(self, event: tk.Event[tk.Misc]) -> None:
        text = self.entry.get().strip()
        if text != self._text:
            self._look_for(text)

    def _look_for(self, text: str) -> None:
        self._text = text
        self._matches = self._search(text)
        self._at = self._begin() if self._matches else 0
        self._show()

    def _go(self, way: int) -> None:
        if not self.opened:
            self.open()
        if self._matches:
            self._at = (self._at + way) % len(self._matches)
            self._show()

    def _show(self) -> None:
        self._there = self._on_found(self._matches[self._at] if self._matches else None)
        self._tell()

    def _key(self, command: Callable[[], None]) -> str:
        command()
        return "break"

    def _tell(self) -> None:
        """Which match of how many; that there is none; that it will be there only later."""
        if self._look is None:
            return
        words, text, colour = self._look.words, "", "quiet"
        if self._matches:
            text = words("find.count", n=self._at + 1, all=len(self._matches))
            text = text if self._there else f"{text} · {words('find.later')}"
        elif self._text:
            text, colour = words("find.none"), "wrong"
        self.count.configure(text=text, foreground=self._look[colour], width=9 if len(text) < 10 else 0)
        self.arrange()
