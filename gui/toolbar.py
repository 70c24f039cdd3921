"""The row of buttons at the top: run, stop, and the steps."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable, Mapping
from functools import partial

from core.playback import Playback
from gui.picture.moment import where_text
from gui.theme import Look
from gui.widgets.button import Button
from gui.widgets.hints import Hints
from gui.widgets.toolkit import ctk

FULL, MIDDLE = 1200, 760
"""Units of width from which on there is room for words on the buttons, and for the file and the moment."""
SIGNS = {"run": "▶ F5", "stop": "■", "back": "◀", "step": "▶", "play": "▶▶", "pause": "❚❚", "find": "⌕", "export": "↓"}
"""What the buttons say where there is no room for words."""
WIDTHS = {
    "run": 96,
    "stop": 78,
    "home": 38,
    "back": 80,
    "step": 80,
    "play": 60,
    "end": 38,
    "find": 78,
    "export": 92,
    "language": 66,
}
THEMES = {"dark": "light", "light": "dark"}
"""Theme → the other, which the button goes to."""
NARROW = 38
PAD, AROUND = 8, 76
"""Units around each button, and around the moment and at the ends."""


class Toolbar(tk.Frame):
    """Buttons by their role, the file's name, and the moment."""

    def __init__(self, master: tk.Misc, commands: Mapping[str, Callable[[], object]]) -> None:
        super().__init__(master, borderwidth=0)
        self._look: Look | None = None
        self._room = ""
        self._playing = False
        self._state: dict[str, tuple[bool, bool]] = {}
        self._shown: object = None
        self._moment: tuple[Playback | None, bool, bool, str] = (None, False, False, "")
        self.brand = tk.Label(self, text="Pullback", borderwidth=0)
        self.file = tk.Label(self, borderwidth=0)
        self.where = ctk.CTkLabel(self, text="", corner_radius=13, height=26)
        self.buttons = {
            role: Button(self, command, width=WIDTHS.get(role, NARROW)) for role, command in commands.items()
        }
        self.buttons["step"].lift()
        self.bind("<Configure>", lambda event: self._arrange())
        self.hints = Hints(self)
        for role, button in self.buttons.items():
            self.hints.explain(button, partial(self._hint, role))

    def play(self, playing: bool) -> None:
        """Whether it plays; the button says what it does now."""
        self._playing = playing
        if self._look is not None:
            self.buttons["play"].configure(text=self._text("play", self._look))

    def _text(self, role: str, look: Look) -> str:
        said = "pause" if role == "play" and self._playing else role
        if self._room != "full" and role in SIGNS:
            return SIGNS[said]
        return look.words(f"bar.{THEMES[look.name] if role == 'theme' else said}")

    def show(self, playback: Playback | None, *, busy: bool, paused: bool, file: str) -> None:
        """What can be pressed now; a run that is paused goes on where its record ends."""
        self._moment = (playback, busy, paused, file)
        if self._look is None:
            return
        at_start = playback is None or not playback.cursor
        at_end = playback is not None and playback.at_end
        for role, enabled in (
            ("stop", busy),
            ("home", not at_start),
            ("back", not at_start),
            ("step", paused or not at_end),
            ("play", playback is not None and bool(playback.trace.events) and not busy),
            ("end", playback is not None and not at_end),
        ):
            muted = role == "step" and not enabled
            if self._state.get(role) != (enabled, muted):
                self._state[role] = (enabled, muted)
                self.buttons[role].configure(state="normal" if enabled else "disabled")
                if role == "step":
                    self.buttons[role].configure(fg_color=self._look["button" if muted else "accent"])
        # At the very beginning the canvas says what to do.
        text, colour = where_text(playback, self._look.words) if playback and playback.cursor else ("", "quiet")
        if (text, colour, file) != self._shown:
            self._shown = (text, colour, file)
            ground = f"{colour}_soft" if colour in ("grad", "wrong") else "button" if text else "panel"
            self.where.configure(text=text, text_color=self._look[colour], fg_color=self._look[ground])
            self.file.configure(text=file)
            self._place_where()

    def dress(self, look: Look) -> None:
        self._look, self._room, self._shown = look, "", None
        self._state.clear()
        self._font = tkfont.Font(self, font=look.font(12))
        for widget in (self, self.brand, self.file):
            widget.configure(background=look["panel"])
        self.brand.configure(foreground=look["text"], font=look.font(16, bold=True))
        self.file.configure(foreground=look["quiet"], font=look.font(12))
        self.where.configure(font=look.widget_font(12), bg_color=look["panel"])
        self.hints.dress(look)
        self._arrange()

    def destroy(self) -> None:
        self.hints.stop()
        super().destroy()

    def _hint(self, role: str) -> str:
        """What a button does, and its key."""
        return self._look.words(f"hint.{role}") if self._look is not None else ""

    def _place_where(self) -> None:
        """The moment stands in the row where all of it has room."""
        look = self._look
        if look is None:
            return
        others = [widget for widget in self.pack_slaves() if widget is not self.where]
        used = sum(widget.winfo_reqwidth() + look.px(PAD) for widget in others) + look.px(AROUND)
        if used + self._font.measure(self.where.cget("text")) > self.winfo_width():
            self.where.pack_forget()
        elif not self.where.winfo_manager():
            self.where.pack(side="left", padx=10)

    def _arrange(self) -> None:
        """Puts in the row what there is room for."""
        look = self._look
        if look is None:
            return
        width = self.winfo_width() / look.scale
        room = "full" if width >= FULL else "middle" if width >= MIDDLE else "small"
        if room == self._room:
            self._place_where()
            return
        self._room = room
        for role, button in self.buttons.items():
            short = room != "full" and role in SIGNS
            button.dress(look, self._text(role, look), primary=role in ("run", "step"))
            button.configure(width=NARROW if short and role != "run" else WIDTHS.get(role, NARROW) - 30 * short)
        self._state.clear()
        for widget in self.pack_slaves():
            widget.pack_forget()
        # customtkinter enlarges the distances of its widgets by itself. What is packed first keeps its place when the
        # window grows narrow; the menu has all that is left out.
        for role in ("menu",) if room == "small" else ("menu", "theme", "language", "export", "find"):
            self.buttons[role].pack(side="right", padx=(3, 12 if role == "menu" else 3), pady=12)
        if room != "small":
            self.brand.pack(side="left", padx=(look.px(16), look.px(10)))
        if room == "full":
            self.file.pack(side="left", padx=(0, look.px(12)))
        for role in ("run", "stop", "home", "back", "step", "play", "end"):
            first = role == "home" or (role == "run" and room == "small")
            self.buttons[role].pack(side="left", padx=(14 if first else 3, 3))
        playback, busy, paused, file = self._moment
        self.show(playback, busy=busy, paused=paused, file=file)
        self._place_where()
        # Tab goes from left to right, whatever was packed first.
        order = ("run", "stop", "home", "back", "step", "play", "end", "find", "export", "language", "theme", "menu")
        for role in order:
            self.buttons[role].lift()
