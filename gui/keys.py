"""The sheet of keys: what can be done without a mouse, laid over the window until the next key or click."""

from __future__ import annotations

import tkinter as tk
from typing import Final

from gui.shortcuts import MAC, spelled
from gui.theme import Look
from gui.widgets.sheet import Sheet

Row = tuple[str, str]
COLUMNS: Final[tuple[tuple[Row, ...], ...]] = (
    (
        ("F2", "keys.lessons"), ("F4   Shift+F4", "keys.onward"),
        ("F5", "keys.run"), ("Ctrl+F5", "keys.live"), ("Shift+F5", "keys.stop"), ("Space   →   F10", "keys.step"),
        ("←   Shift+F10", "keys.back"), ("F11   Shift+F11", "keys.into"),
        ("P", "keys.play"), ("Home   End", "keys.ends"), ("Ctrl+→   Ctrl+←", "keys.calls"), ("Enter", "keys.run_to"),
        ("E", "keys.seed"), ("Ctrl+Z   Ctrl+Y", "keys.undo"), ("Ctrl+O   Ctrl+S", "keys.files"),
        ("Ctrl+Shift+S", "keys.save_as"), ("Ctrl+E", "keys.export"), ("Ctrl+Shift+C", "keys.copy"),
        ("M", "keys.mark"),
    ),
    (
        ("Tab   Shift+Tab", "keys.tab"), ("Ctrl+Tab", "keys.leave"),
        ("↑   ↓", "keys.cards"), ("Shift+↑ ↓ ← →", "keys.beside"), ("Ctrl+Enter", "keys.menu"),
        ("V   Shift+V", "keys.view"), ("Shift+↑ ↓   Enter", "keys.tensors"), ("↑ ↓   Shift+↑ ↓", "keys.elements"),
        ("F9", "keys.projector"), ("Delete", "keys.forget"),
        ("+   −", "keys.zoom"), ("Ctrl+0", "keys.fit"), ("Ctrl+F", "keys.find"), ("F3   Shift+F3", "keys.match"),
        ("Ctrl+/   Ctrl+L", "keys.program"), ("Esc", "keys.escape"), ("F1", "keys.sheet"),
        *(() if MAC else (("Alt+F", "keys.window"),)), ("Ctrl+Q", "keys.quit"),
    ),
)  # fmt: skip
"""Keys, and the text that says what they do."""


class KeysSheet(Sheet):
    """Every row of ``COLUMNS``; any key or click closes it."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master)
        self._cells = [
            (tk.Label(self, anchor="w", borderwidth=0), tk.Label(self, anchor="w", borderwidth=0), row, column, number)
            for column, rows in enumerate(COLUMNS)
            for number, row in enumerate(rows)
        ]
        for sequence in ("<Key>", "<Button>"):
            self.bind(sequence, self.dismissed)
        for label in (self.title, *(label for cell in self._cells for label in cell[:2])):
            label.bind("<Button>", self.dismissed)

    def arrange(self, look: Look) -> None:
        self.title.configure(text=look.words("keys.title"))
        self.title.grid(row=0, column=0, columnspan=4, sticky="w", padx=look.px(24), pady=(look.px(20), look.px(10)))
        rows = max(map(len, COLUMNS))
        for keys, does, row, column, number in self._cells:
            below = (0, look.px(20 if number == rows - 1 else 7))
            keys.configure(
                text=spelled(row[0]), background=look["card"], foreground=look["text"], font=look.font(12, mono=True)
            )
            keys.grid(row=number + 1, column=2 * column, sticky="w", padx=(look.px(24), look.px(16)), pady=below)
            does.configure(
                text=look.words(row[1]), background=look["card"], foreground=look["quiet"], font=look.font(12)
            )
            does.grid(row=number + 1, column=2 * column + 1, sticky="w", padx=(0, look.px(24)), pady=below)
