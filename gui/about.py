"""The sheet that says which Pullback this is, on which torch, and under which licences all that it holds stands."""

from __future__ import annotations

import platform
import tkinter as tk
from functools import partial
from pathlib import Path
from typing import Final

from core.version import VERSION
from gui.programs import ASSETS
from gui.theme import Look
from gui.widgets.sheet import Sheet
from gui.widgets.toolkit import ctk

ROWS, WIDTH = 20, 76
"""Lines that are seen at once at most, and letters of a line."""
HEADING: Final = "═══ "
"""What a line begins with that names a component; see scripts/make_licences.py."""
ICON = 40


def licences() -> str:
    """The licences of all that the executable holds; '' in a checkout, where each package has its own beside it."""
    file = ASSETS / "licences.txt"
    return file.read_text(encoding="utf-8") if file.exists() else ""


def own_licence() -> str:
    """Pullback's own, for a checkout."""
    file = ASSETS.parent / "LICENSE"
    return file.read_text(encoding="utf-8") if file.exists() else ""


class AboutSheet(Sheet):
    """A read-only text that the arrows scroll, below the versions."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master)
        self._torch = ""
        self._icons = [tk.PhotoImage(master=self, file=_icon(size)) for size in (48, 128)]
        self.icon = tk.Label(self, borderwidth=0)
        self.versions = tk.Label(self, anchor="w", justify="left", borderwidth=0)
        self.text = tk.Text(
            self, borderwidth=0, highlightthickness=0, wrap="word", width=WIDTH, height=ROWS, state="disabled",
            cursor="arrow", takefocus=False,
        )  # fmt: skip
        self.bar = ctk.CTkScrollbar(self, command=self.text.yview, width=12)
        self.text.configure(yscrollcommand=self.bar.set)
        for sequence in ("<Escape>", "<Return>", "<space>"):
            self.bind(sequence, self.dismissed)
        for sequence, by in (("<Up>", -1), ("<Down>", 1), ("<Prior>", 2 - ROWS), ("<Next>", ROWS - 2)):
            self.bind(sequence, lambda event, by=by: self.text.yview_scroll(by, "units"))  # type: ignore[misc]
        for sequence, to in (("<Home>", 0.0), ("<End>", 1.0)):
            self.bind(sequence, partial(self._go, to))
        self.text.bind("<Button-1>", lambda event: "break")  # it would take the keyboard, and the sheet would close
        for widget in (self, self.icon, self.title, self.versions):
            widget.bind("<Button-1>", self.dismissed)

    def show(self, torch: str) -> None:
        """Opens it; the version of torch is '' while nobody knows it."""
        if self._look is None or self.opened:
            return
        self._torch = torch
        if not self.text.get("1.0", "end-1c"):
            self._fill()
        self.toggle()

    def _go(self, to: float, event: tk.Event[tk.Misc]) -> str:
        self.text.yview_moveto(to)
        return "break"  # the window steps to an end of the run by the same key

    def _fill(self) -> None:
        """Once: it is the same in every language."""
        self.text.configure(state="normal")
        for line in (licences() or own_licence()).splitlines(keepends=True):
            named = line.startswith(HEADING)
            self.text.insert("end", line.removeprefix(HEADING), "name" if named else "plain")
        self.text.configure(state="disabled")

    def arrange(self, look: Look) -> None:
        words, px, ground = look.words, look.px, look["card"]
        large = px(ICON) > 48
        self._shown = self._icons[large].subsample(128 // px(ICON) or 1) if large else self._icons[0]
        torch = f"  ·  torch {self._torch}" if self._torch else ""
        told = words("about.licences" if licences() else "about.checkout")
        self.icon.configure(image=self._shown, background=ground)
        self.title.configure(text=f"Pullback {VERSION}")
        self.versions.configure(
            text=f"Python {platform.python_version()}{torch}\n{told}", background=ground, foreground=look["quiet"],
            font=look.font(12), wraplength=px(560),
        )  # fmt: skip
        self.text.configure(
            background=ground, foreground=look["text"], font=look.font(11, mono=True),
            selectbackground=look["running_span"], selectforeground=look["text"],
        )  # fmt: skip
        self.text.tag_configure("name", font=look.font(12, bold=True), spacing1=px(16), spacing3=px(2))
        self.bar.configure(fg_color=ground, button_color=look["far"], button_hover_color=look["edge"])
        self.grid_columnconfigure(1, weight=1)
        self.icon.grid(row=0, column=0, rowspan=2, sticky="n", padx=(px(24), px(14)), pady=(px(22), 0))
        self.title.grid(row=0, column=1, columnspan=2, sticky="w", padx=(0, px(24)), pady=(px(18), 0))
        self.versions.grid(row=1, column=1, columnspan=2, sticky="w", padx=(0, px(24)), pady=(px(4), px(12)))
        self.text.grid(row=2, column=0, columnspan=2, sticky="nsew", padx=(px(24), px(4)), pady=(0, px(20)))
        self.bar.grid(row=2, column=2, sticky="ns", padx=(0, px(12)), pady=(0, px(20)))


def _icon(size: int) -> Path:
    return ASSETS / "icons" / f"pullback-{size}.png"
