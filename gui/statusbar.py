"""The lowest row: what is being drawn, the what-ifs, whether the trace is torch's own, and what the worker does."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from gui.button import Button
from gui.i18n import Words
from gui.session import Session
from gui.theme import Look
from gui.toolkit import ctk

STAYS = 8000
"""Milliseconds that a note on something done stays."""
HEIGHT = 36
"""Units, whatever is in the row: nothing above it moves."""


def agree_text(session: Session, words: Words) -> tuple[str, str]:
    """Whether the trace equals an unrecorded run, and the colour of that."""
    if session.playback is None or session.busy or session.stale:
        return "", "quiet"
    if session.playback.trace.overwritten:
        return words("agree.overwritten"), "cut"
    if session.agrees is None:
        return "", "quiet"
    if session.agrees == "waiting":
        return words("agree.wait"), "quiet"
    return (words("agree.yes"), "leaf") if session.agrees else (words("agree.no"), "wrong")


def state_text(session: Session, words: Words) -> str:
    """What the worker does, and which torch it has."""
    state = "file" if session.recorded and not session.busy else session.state
    if state == "running":
        line, seconds = session.progress
        text = words("state.running", line=line, seconds=seconds) if line else words("state.running0")
    elif state == "paused":
        text = words("state.paused", node=session.pending)
    else:
        text = words(f"state.{state}") if state != "none" else ""
    version = words("state.torch", version=session.torch) if session.torch else ""
    return "  ·  ".join(part for part in (text, version) if part)


def what_if_text(session: Session, words: Words) -> str:
    """What the run was made with; '' when as written."""
    what_if = session.what_if
    parts = [
        words(f"whatif.{key}", n=len(changes))
        for key in ("cuts", "heals", "seeds", "leaves", "requires_grad", "skip_zero_grad")
        if (changes := getattr(what_if, key))
    ]
    return words("whatif.on", what=", ".join(parts)) if parts else ""


class StatusBar(tk.Frame):
    """Labels that come and go."""

    def __init__(self, master: tk.Misc, *, on_reset: Callable[[], object], on_cancel: Callable[[], object]) -> None:
        super().__init__(master, borderwidth=0)
        self.pack_propagate(False)
        self._look: Look | None = None
        self._shown: tuple[tuple[str, str], str, str, str] | None = None
        self._note = ("", False)
        self._forgetting = ""
        self.note = tk.Label(self, borderwidth=0)
        self.cancel_button = Button(self, on_cancel, width=60, height=24)
        self.agrees = ctk.CTkLabel(self, text="", corner_radius=12, height=24)
        self.what_if = ctk.CTkLabel(self, text="", corner_radius=12, height=24)
        self.reset_button = Button(self, on_reset, width=60, height=24)
        self.stale = tk.Label(self, borderwidth=0)
        self.state = tk.Label(self, borderwidth=0)

    def tell(self, text: str, *, busy: bool = False) -> None:
        """What is being drawn or has been; while ``busy`` it can be cancelled, else it goes after a while."""
        if self._forgetting:
            self.after_cancel(self._forgetting)
            self._forgetting = ""
        if text and not busy:
            self._forgetting = self.after(STAYS, self._forget)
        if (text, busy) != self._note:
            before, self._note = self._note, (text, busy)
            self.note.configure(text=text)
            if (bool(text), busy) != (bool(before[0]), before[1]):
                self._arrange()

    def _forget(self) -> None:
        self._forgetting = ""
        self.tell("")

    def destroy(self) -> None:
        if self._forgetting:
            self.after_cancel(self._forgetting)
        super().destroy()

    def show(self, session: Session) -> None:
        look = self._look
        if look is None:
            return
        stale = look.words("changed.source") if session.stale and not session.busy else ""
        agree = agree_text(session, look.words)
        shown = (agree, what_if_text(session, look.words), stale, state_text(session, look.words))
        if shown == self._shown:
            return
        self._shown = shown
        (text, colour), what_if, stale, state = shown
        ground = {"leaf": "leaf_soft", "wrong": "wrong_soft", "cut": "cut_soft"}.get(colour, "panel")
        self.agrees.configure(text=text, text_color=look[colour], fg_color=look[ground])
        self.what_if.configure(text=what_if)
        self.stale.configure(text=stale)
        self.state.configure(text=state)
        self._arrange()

    def _arrange(self) -> None:
        """Puts in the row what has something to say."""
        look = self._look
        if look is None:
            return
        for widget in self.pack_slaves():
            widget.pack_forget()
        (text, _), what_if, stale, _ = self._shown or (("", ""), "", "", "")
        note, busy = self._note
        # What the reader can press or must know comes first, the worker's state gives way.
        for widget, wanted in (
            (self.note, note), (self.cancel_button, busy), (self.what_if, what_if), (self.reset_button, what_if),
            (self.stale, stale), (self.agrees, text),
        ):  # fmt: skip
            if wanted:
                own = 1.0 if isinstance(widget, tk.Label) else look.scale  # customtkinter enlarges its own distances
                px = [round(units * look.scale / own) for units in (12, 2, 9)]
                widget.pack(side="left", padx=(px[0], 0), pady=(px[1], px[2]))
        self.state.pack(side="right", padx=look.px(16), pady=(look.px(2), look.px(9)))

    def dress(self, look: Look) -> None:
        self._look, self._shown = look, None
        self.configure(background=look["panel"], height=look.px(HEIGHT))
        for label, colour in ((self.stale, "quiet"), (self.state, "quiet"), (self.note, "text")):
            label.configure(background=look["panel"], foreground=look[colour], font=look.font(12))
        self.agrees.configure(font=look.widget_font(12), bg_color=look["panel"])
        self.what_if.configure(
            font=look.widget_font(12), bg_color=look["panel"], fg_color=look["cut_soft"], text_color=look["cut"]
        )
        self.reset_button.dress(look, look.words("whatif.reset"), size=12)
        self.cancel_button.dress(look, look.words("canvas.cancel"), size=12)
