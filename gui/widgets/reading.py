"""Texts that are only read: Tab reaches them, a ring shows it, and the arrows scroll."""

from __future__ import annotations

import tkinter as tk
from functools import partial

from gui.theme import Look


def enable(text: tk.Text) -> None:
    """For a disabled text, once."""
    text.configure(takefocus=True, highlightthickness=1)
    for key, lines in (("<Up>", -1), ("<Down>", 1)):
        text.bind(key, partial(_scroll, text, lines))


def dress(text: tk.Text, look: Look) -> None:
    """The ring in the theme's colours."""
    text.configure(highlightcolor=look["accent"], highlightbackground=look["panel"])


def _scroll(text: tk.Text, lines: int, event: tk.Event[tk.Misc]) -> str:
    text.yview_scroll(lines, "units")
    return "break"
