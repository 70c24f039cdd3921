"""The bar that looks for a card by name, expression, line or shape."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence

from gui.button import Button
from gui.theme import Look
from gui.toolkit import ctk


class FindBar(tk.Frame):
    """An entry over the canvas; Enter goes on, Shift+Enter back, Escape closes.

    Args:
        search: text → what matches, in order.
        on_found: called with the match to be shown; None when there is none or the bar closes.
        on_close: gives the keyboard back.
    """

    def __init__(
        self,
        master: tk.Misc,
        *,
        search: Callable[[str], Sequence[int]],
        on_found: Callable[[int | None], None],
        on_close: Callable[[], None],
    ) -> None:
        super().__init__(master, borderwidth=0)
        self._search, self._on_found, self._on_close = search, on_found, on_close
        self._look: Look | None = None
        self._matches: Sequence[int] = ()
        self._at = 0
        self.entry = ctk.CTkEntry(self, width=180, height=28, corner_radius=6, border_width=1)
        self.count = tk.Label(self, borderwidth=0, anchor="w", width=9)
        self.buttons = [
            Button(self, command, width=28, height=28) for command in (self.previous, self.next, self.close)
        ]
        for column, widget in enumerate((self.entry, self.count, *self.buttons)):
            widget.grid(row=0, column=column, padx=3, pady=5)
        self.entry.bind("<KeyRelease>", self._typed)
        self.entry.bind("<Return>", lambda event: self.next())
        self.entry.bind("<Shift-Return>", lambda event: self.previous())
        self.entry.bind("<Down>", lambda event: self.next())
        self.entry.bind("<Up>", lambda event: self.previous())
        self.entry.bind("<Escape>", lambda event: self.close())
        self._text = ""

    @property
    def opened(self) -> bool:
        return bool(self.winfo_manager())

    def open(self) -> None:
        """Shows the bar with the last text chosen, so that typing replaces it."""
        margin = self._look.px(12) if self._look else 12
        self.place(x=margin, y=margin - 2)
        self.lift()
        self.entry.focus_set()
        self.entry.select_range(0, "end")

    def close(self) -> None:
        if self.opened:
            self.place_forget()
            self._text = ""
            self._on_found(None)
            self._on_close()

    def next(self) -> None:
        self._go(self._at + 1)

    def previous(self) -> None:
        self._go(self._at - 1)

    def dress(self, look: Look) -> None:
        self._look = look
        self.configure(background=look["card"], highlightthickness=1)
        self.configure(highlightbackground=look["line"], highlightcolor=look["line"])
        self.count.configure(background=look["card"], foreground=look["quiet"], font=look.font(12))
        self.entry.configure(
            font=look.widget_font(13), fg_color=look["card"], bg_color=look["card"], text_color=look["text"],
            border_color=look["accent"], placeholder_text=look.words("find.hint"),
            placeholder_text_color=look["quiet"],
        )  # fmt: skip
        for button, sign in zip(self.buttons, "▲▼✕", strict=True):
            button.dress(look, sign, ground="card", size=11)
        self._tell()

    def _typed(self, event: tk.Event[tk.Misc]) -> None:
        text = self.entry.get().strip()
        if text != self._text:
            self._text = text
            self._matches = self._search(text) if text else ()
            self._go(0)

    def _go(self, place: int) -> None:
        self._at = place % len(self._matches) if self._matches else 0
        self._on_found(self._matches[self._at] if self._matches else None)
        self._tell()

    def _tell(self) -> None:
        if self._look is None:
            return
        text = ""
        if self._matches:
            text = self._look.words("find.count", n=self._at + 1, all=len(self._matches))
        elif self._text:
            text = self._look.words("find.none")
        self.count.configure(text=text, foreground=self._look["wrong" if self._text and not self._matches else "quiet"])
