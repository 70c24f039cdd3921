"""A button that the keyboard can reach: Tab shows a ring around it, Space and Enter press it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import Any

from gui.theme import Look
from gui.widgets.toolkit import ctk


class Button(ctk.CTkButton):
    """One of the window's buttons; ``primary`` ones are filled with the accent."""

    def __init__(self, master: tk.Misc, command: Callable[[], object], *, width: int = 36, height: int = 30) -> None:
        configure = master.configure
        super().__init__(master, width=width, height=height, corner_radius=7, border_width=0, command=command)
        for name in ("configure", "config"):
            setattr(master, name, configure)  # customtkinter's own would reach for the button even when it is gone
        self._ringed = False
        self._canvas.configure(takefocus=1)
        self._canvas.bind("<<TraverseIn>>", lambda event: self._ring(True), add="+")
        self._canvas.bind("<FocusOut>", lambda event: self._ring(False), add="+")
        for key in ("<space>", "<Return>"):
            self._canvas.bind(key, self._pressed, add="+")

    def dress(self, look: Look, text: str, *, ground: str = "panel", primary: bool = False, size: int = 13) -> None:
        self.configure(
            text=text, font=look.widget_font(size), bg_color=look[ground], border_color=look["text"],
            fg_color=look["accent" if primary else "button"],
            hover_color=look["value" if primary else "button_hover"],
            text_color=look["on_accent" if primary else "text"], text_color_disabled=look["quiet"],
        )  # fmt: skip

    def configure(self, require_redraw: bool = False, **options: Any) -> None:
        """As customtkinter's; Tab passes over a button that is greyed."""
        super().configure(require_redraw, **options)
        if "state" in options:
            self._canvas.configure(takefocus=int(options["state"] != "disabled"))

    def _ring(self, on: bool) -> None:
        if on != self._ringed:
            self._ringed = on
            self.configure(border_width=2 if on else 0)

    def _pressed(self, event: tk.Event[tk.Misc]) -> str | None:
        # A button that was only clicked leaves Space to the window, where it is a step.
        if not self._ringed:
            return None
        self.invoke()
        return "break"
