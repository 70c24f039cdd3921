"""The sheet of keys: what can be done without a mouse, laid over the window until the next key or click."""

from __future__ import annotations

import tkinter as tk
from typing import Final

from gui.theme import Look

Row = tuple[str, str]
COLUMNS: Final[tuple[tuple[Row, ...], ...]] = (
    (
        ("F5", "keys.run"), ("Ctrl+F5", "keys.live"), ("Shift+F5", "keys.stop"), ("Space   →   F10", "keys.step"),
        ("←   Shift+F10", "keys.back"), ("F11   Shift+F11", "keys.into"),
        ("P", "keys.play"), ("Home   End", "keys.ends"), ("Ctrl+→   Ctrl+←", "keys.calls"), ("Enter", "keys.run_to"),
        ("Ctrl+Z   Ctrl+Y", "keys.undo"), ("Ctrl+O   Ctrl+S", "keys.files"), ("Ctrl+E", "keys.export"),
    ),
    (
        ("Tab", "keys.tab"), ("↑   ↓", "keys.cards"), ("Shift+↑ ↓ ← →", "keys.beside"), ("Ctrl+Enter", "keys.menu"),
        ("V   Shift+V", "keys.view"),
        ("E", "keys.seed"),
        ("+   −", "keys.zoom"), ("Ctrl+0", "keys.fit"), ("Ctrl+F   F3", "keys.find"), ("Ctrl+Shift+C", "keys.copy"),
        ("Ctrl+/   Ctrl+L", "keys.program"), ("Esc", "keys.escape"), ("F1", "keys.sheet"),
    ),
)  # fmt: skip
"""Keys, and the text that says what they do."""


class KeysSheet(tk.Frame):
    """A frame placed in the middle of its master."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=1, takefocus=True)
        self.title = tk.Label(self, anchor="w", borderwidth=0)
        self._cells = [
            (tk.Label(self, anchor="w", borderwidth=0), tk.Label(self, anchor="w", borderwidth=0), row, column, number)
            for column, rows in enumerate(COLUMNS)
            for number, row in enumerate(rows)
        ]
        self._before: tk.Misc | None = None
        for sequence in ("<Key>", "<Button>", "<FocusOut>"):
            self.bind(sequence, self._dismissed)
        for label in (self.title, *(label for cell in self._cells for label in cell[:2])):
            label.bind("<Button>", self._dismissed)

    @property
    def opened(self) -> bool:
        return bool(self.winfo_manager())

    def toggle(self) -> None:
        """Opens the sheet, or closes it and gives the keyboard back."""
        if self.opened:
            self.close()
            return
        self._before = self.focus_get()
        self.place(relx=0.5, rely=0.5, anchor="center")
        self.lift()
        self.focus_set()

    def close(self) -> None:
        self.place_forget()
        before, self._before = self._before, None
        if before is not None and before.winfo_exists():
            before.focus_set()

    def dress(self, look: Look) -> None:
        self.configure(background=look["card"], highlightbackground=look["edge"], highlightcolor=look["edge"])
        self.title.configure(
            text=look.words("keys.title"), background=look["card"], foreground=look["text"],
            font=look.font(15, bold=True),
        )  # fmt: skip
        self.title.grid(row=0, column=0, columnspan=4, sticky="w", padx=look.px(24), pady=(look.px(20), look.px(10)))
        for keys, does, row, column, number in self._cells:
            last = (0, look.px(20) if number == max(map(len, COLUMNS)) - 1 else look.px(7))
            keys.configure(text=row[0], background=look["card"], foreground=look["text"], font=look.font(12, mono=True))
            keys.grid(row=number + 1, column=2 * column, sticky="w", padx=(look.px(24), look.px(16)), pady=last)
            does.configure(
                text=look.words(row[1]), background=look["card"], foreground=look["quiet"], font=look.font(12)
            )
            does.grid(row=number + 1, column=2 * column + 1, sticky="w", padx=(0, look.px(24)), pady=last)

    def _dismissed(self, event: tk.Event[tk.Misc]) -> str | None:
        if not self.opened:
            return None
        if event.type == tk.EventType.FocusOut:
            self._before = None  # the keyboard has gone elsewhere already
        self.close()
        return "break"
