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
        beside: stands in the other corner.
        search: text → what matches, in order.
        on_found: called with the match to be shown, None when there is none; returns whether it is there already.
        on_close: gives the keyboard back.
    """

    def __init__(
        self,
        master: tk.Misc,
        *,
        beside: tk.Misc,
        search: Callable[[str], Sequence[int]],
        on_found: Callable[[int | None], bool],
        on_close: Callable[[], None],
    ) -> None:
        super().__init__(master, borderwidth=0)
        self._beside, self._search, self._on_found, self._on_close = beside, search, on_found, on_close
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
        self.entry.bind("<Return>", lambda event: self.next())
        self.entry.bind("<Shift-Return>", lambda event: self.previous())
        self.entry.bind("<Down>", lambda event: self.next())
        self.entry.bind("<Up>", lambda event: self.previous())
        self.entry.bind("<Escape>", self._escaped)
        self._text = ""

    @property
    def opened(self) -> bool:
        return bool(self.winfo_manager())

    def open(self) -> None:
        """Shows the bar with the last text chosen, so that typing replaces it."""
        self.place(x=0, y=0)
        self.arrange()
        self.lift()
        self.entry.focus_set()
        self.entry.select_range(0, "end")
        self.search_again()

    def arrange(self) -> None:
        """Takes its place in the corner; where the canvas is narrow, below what stands in the other, and narrower."""
        if not self.opened or self._look is None:
            return
        self.update_idletasks()
        px, width = self._look.px, self.master.winfo_width()
        margin, wanted, taken = px(12), self.winfo_reqwidth(), self._beside.winfo_reqwidth()
        below = wanted + taken + 3 * margin > width
        y = px(10) + (self._beside.winfo_reqheight() + px(6) if below else 0)
        self.place(x=margin, y=y, width=max(1, min(wanted, width - 2 * margin)))

    def close(self) -> None:
        """Hides the bar; what was found last stays chosen."""
        if self.opened:
            self.place_forget()
            self._on_close()

    def next(self) -> None:
        self._go(1)

    def previous(self) -> None:
        self._go(-1)

    def search_again(self) -> None:
        """The picture is another, or the bar was closed meanwhile: nothing is shown, but the matches may be others."""
        if self.opened:
            self._matches = self._search(self._text) if self._text else ()
            self._at, self._there = min(self._at, max(0, len(self._matches) - 1)), True
            self._tell()

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
            self._at = 0
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

    def _escaped(self, event: tk.Event[tk.Misc]) -> str:
        self.close()
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
