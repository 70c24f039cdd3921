"""The lowest row: what is being drawn, the what-ifs, whether the trace is torch's own, and what the worker does."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from core.unchecked import summary, unchecked
from gui import bounds
from gui.figures import number
from gui.i18n import Words
from gui.session import Session
from gui.theme import Look
from gui.widgets.button import Button
from gui.widgets.hints import Hints
from gui.widgets.toolkit import ctk

STAYS = 8000
"""Milliseconds that a note on something done stays."""
HEIGHT = 36
"""Units, whatever is in the row: nothing above it moves."""
GIVE_WAY: Final = (
    "bound",
    "seconds",
    "torch",
    "checks",
    "agrees",
    "state",
    "part",
    "checks",
    "stale",
    "what_if",
    "agrees",
)
"""Who takes a shorter form, or goes, where the row is narrow; the first one first."""
ON_THE_RIGHT: Final = ("part", "state", "seconds", "torch", "bound")
STILL: Final = 2.0
"""Seconds after which a program that runs is told how to be stopped."""
GAP, PILL, BUTTON, EDGE = 12, 26, 60, 16
"""Units before each part, around the text of a pill, of a button, and at the right end."""


class Said(NamedTuple):
    """What there is to say.

    Attributes:
        forms: from the longest to the shortest; () for nothing.
        colour: 'leaf' where something is certain, 'wrong', 'cut' for a what-if, or 'quiet'.
    """

    forms: tuple[str, ...] = ()
    colour: str = "quiet"


def said(session: Session, words: Words) -> dict[str, Said]:
    """What there is to say, by its role in the row."""
    settled = session.playback is not None and not (session.busy or session.stale)
    return {
        "what_if": _what_if(session, words),
        "stale": _changed(session, words),
        "agrees": _agrees(session, words) if settled else Said(),
        "checks": _checks(session, words) if settled else Said(),
        "state": _state(session, words),
        "part": _part(session, words) if settled else Said(),
        "seconds": _seconds(session, words) if settled else Said(),
        "bound": _bound(session, words),
        "torch": Said((words("state.torch", version=session.torch), "") if session.torch else ()),
    }


def _changed(session: Session, words: Words) -> Said:
    """Whether the picture is of another text than the editor's."""
    if not session.stale or session.busy:
        return Said()
    unread = session.unread is not None and session.unread.source == session.source
    return Said(_forms(words, "changed.unread" if unread else "changed.source"))


def _forms(words: Words, key: str, **facts: object) -> tuple[str, ...]:
    return words(key, **facts), words(f"{key}.short", **facts)


def _agrees(session: Session, words: Words) -> Said:
    """Whether the trace equals an unrecorded run; nothing of a run that failed or had no backward pass."""
    trace = session.playback.trace if session.playback is not None else None
    if trace is not None and trace.overwritten:
        return Said((words("agree.overwritten"), ""), "cut")
    if trace is None or session.agrees is None or (session.agrees is not False and (trace.error or not trace.passes)):
        return Said()
    if session.agrees == "waiting":
        return Said((*_forms(words, "agree.wait"), ""))
    return Said(_forms(words, "agree.yes"), "leaf") if session.agrees else Said(_forms(words, "agree.no"), "wrong")


def _checks(session: Session, words: Words) -> Said:
    """How many operations agree with finite differences."""
    if session.checks is None or session.playback is None:
        return Said()
    agree, compared = summary(session.checks)
    if agree < compared:
        return Said(_forms(words, "checks.differ", n=compared - agree, all=compared), "wrong")
    if compared:
        return Said((*_forms(words, "checks.agree", n=agree, all=compared), ""), "leaf")
    return Said((*_forms(words, "checks.none"), "") if unchecked(session.playback.trace, ()) else ())


def _state(session: Session, words: Words) -> Said:
    """What the worker does."""
    state = "file" if session.recorded and not session.busy else session.state
    if state == "running":
        line, seconds = session.progress
        if line and seconds >= STILL:
            return Said((words("state.still", line=line, seconds=seconds),))
        return Said((words("state.running", line=line, seconds=seconds) if line else words("state.running0"),))
    if state == "paused":
        return Said((words("state.paused", node=session.pending), ""))
    return Said((words(f"state.{state}"), "") if state != "none" else ())


def _bound(session: Session, words: Words) -> Said:
    """Whether programs are kept from the reader's files and the network."""
    if session.bound is None or session.recorded:
        return Said()
    count = sum(what in session.bound for what in bounds.SANDBOX)
    return Said((words(f"bound.{('none', 'some', 'all')[count]}"), ""))


def _part(session: Session, words: Words) -> Said:
    """How much was recorded of a program that did more than is recorded."""
    trace = session.playback.trace if session.playback is not None else None
    if trace is None or not trace.unrecorded:
        return Said()
    n, all_ = len(trace.ops), len(trace.ops) + trace.unrecorded
    return Said((words("state.part", n=f"{n:,}", all=f"{all_:,}"), ""))


def _seconds(session: Session, words: Words) -> Said:
    """How long the program took while it was recorded."""
    seconds = session.playback.trace.seconds if session.playback is not None else 0.0
    if not seconds:
        return Said()
    time = f"{number(seconds * 1000, 2)} ms" if seconds < 0.0995 else f"{seconds:.{int(seconds < 99.5)}f} s"
    return Said((words("state.seconds", time=time), ""))


def _what_if(session: Session, words: Words) -> Said:
    """What the run was made with."""
    counts = {
        key: len(getattr(session.what_if, key))
        for key in ("cuts", "heals", "seeds", "leaves", "requires_grad", "skip_zero_grad")
    }
    parts = [words(f"whatif.{key}", n=count) for key, count in counts.items() if count]
    return Said(_forms(words, "whatif.on", what=", ".join(parts), n=sum(counts.values())) if parts else ())


class StatusBar(tk.Frame):
    """Labels and buttons that come and go."""

    def __init__(
        self,
        master: tk.Misc,
        *,
        on_reset: Callable[[], object],
        on_cancel: Callable[[], object],
        on_checks: Callable[[], object],
    ) -> None:
        super().__init__(master, borderwidth=0)
        self.pack_propagate(False)
        self._look: Look | None = None
        self._said: dict[str, Said] = {}
        self._shown: object = None
        self._bounds: tuple[str, ...] = ()
        self._note = ("", False)
        self._forgetting = ""
        self.note = tk.Label(self, borderwidth=0)
        self.cancel_button = Button(self, on_cancel, width=BUTTON, height=24)
        self.what_if = ctk.CTkLabel(self, text="", corner_radius=12, height=24)
        self.reset_button = Button(self, on_reset, width=BUTTON, height=24)
        self.stale = tk.Label(self, borderwidth=0)
        self.agrees = ctk.CTkLabel(self, text="", corner_radius=12, height=24)
        self.checks = Button(self, on_checks, width=20, height=24)
        self.checks.configure(corner_radius=12)
        self.state = tk.Label(self, borderwidth=0)
        self.hints = Hints(self)
        self.hints.explain(self.agrees, partial(self._in_full, "agrees"))
        self.hints.explain(self.checks, partial(self._in_full, "checks"))
        self.hints.explain(self.state, self._bounds_in_full)
        self.bind("<Configure>", lambda event: self._arrange())

    def tell(self, text: str, *, busy: bool = False) -> None:
        """What is being drawn or has been; while ``busy`` it can be cancelled, else it goes after a while."""
        if self._forgetting:
            self.after_cancel(self._forgetting)
            self._forgetting = ""
        if text and not busy:
            self._forgetting = self.after(STAYS, self._forget)
        self._note = (text, busy)
        self._arrange()

    def _forget(self) -> None:
        self._forgetting = ""
        self.tell("")

    def destroy(self) -> None:
        self.hints.stop()
        if self._forgetting:
            self.after_cancel(self._forgetting)
        super().destroy()

    def show(self, session: Session) -> None:
        if self._look is not None:
            self._said = said(session, self._look.words)
            bound = session.bound if self._said["bound"].forms else None
            self._bounds = tuple(bounds.said(bound, session.limits, self._look.words)) if bound is not None else ()
            self._arrange()

    def _in_full(self, role: str) -> str:
        """The longest form of what is said, and what a click does."""
        forms = self._said[role].forms if role in self._said else ()
        click = self._look.words("hint.checks") if role == "checks" and self._look is not None else ""
        return "\n".join(filter(None, (*forms[:1], click)))

    def _bounds_in_full(self) -> str:
        return "\n".join(self._bounds)

    def _arrange(self) -> None:
        """Puts in the row what has something to say, as long as there is room for."""
        look = self._look
        if look is None:
            return
        shown = (self._said, self._note, self.winfo_width())
        if shown == self._shown:
            return  # measuring texts takes longer than a step may
        self._shown = shown
        texts = self._fitting(look)
        self._write(texts, look)
        for widget in self.pack_slaves():
            widget.pack_forget()
        note, busy = self._note
        for widget, wanted in (
            (self.note, note), (self.cancel_button, busy), (self.what_if, texts["what_if"]),
            (self.reset_button, texts["what_if"]), (self.stale, texts["stale"]), (self.agrees, texts["agrees"]),
            (self.checks, texts["checks"]),
        ):  # fmt: skip
            if wanted:
                own = 1.0 if isinstance(widget, tk.Label) else look.scale  # customtkinter enlarges its own distances
                px = [round(units * look.scale / own) for units in (GAP, 2, 9)]
                widget.pack(side="left", padx=(px[0], 0), pady=(px[1], px[2]))
        self.state.pack(side="right", padx=look.px(EDGE), pady=(look.px(2), look.px(9)))

    def _fitting(self, look: Look) -> dict[str, str]:
        """The longest form of everything that the row has room for."""
        forms = {role: one.forms or ("",) for role, one in self._said.items()}
        room = self.winfo_width()
        for role in ("", *GIVE_WAY):
            if len(forms.get(role, ())) > 1:
                forms[role] = forms[role][1:]
            texts = {role: left[0] for role, left in forms.items()}
            if room <= 1 or self._width(texts, look) <= room:
                break
        return {role: texts.get(role, "") for role in ("what_if", "stale", "agrees", "checks", *ON_THE_RIGHT)}

    def _width(self, texts: dict[str, str], look: Look) -> int:
        """Pixels that the row would need."""
        note, busy = self._note
        around = {"what_if": PILL + GAP + BUTTON, "agrees": PILL, "checks": PILL}
        parts = [note, *(text for role, text in texts.items() if role not in ON_THE_RIGHT)]
        units = sum(around.get(role, 0) for role, text in texts.items() if text) + (GAP + BUTTON) * busy
        units += GAP * sum(map(bool, parts)) + 2 * EDGE
        return sum(map(self._font.measure, (*parts, _right(texts)))) + look.px(units)

    def _write(self, texts: dict[str, str], look: Look) -> None:
        grounds = {"leaf": "leaf_soft", "wrong": "wrong_soft", "cut": "cut_soft"}
        for role, widget in (("agrees", self.agrees), ("checks", self.checks)):
            colour = self._said[role].colour if role in self._said else "quiet"
            widget.configure(text=texts[role], text_color=look[colour], fg_color=look[grounds.get(colour, "panel")])
        self.checks.configure(hover_color=look["button_hover"])
        self.note.configure(text=self._note[0])
        self.what_if.configure(text=texts["what_if"])
        self.stale.configure(text=texts["stale"])
        self.state.configure(text=_right(texts))

    def dress(self, look: Look) -> None:
        self._look, self._shown = look, None
        self._font = tkfont.Font(self, font=look.font(12))
        self.hints.dress(look)
        self.configure(background=look["panel"], height=look.px(HEIGHT))
        for label, colour in ((self.stale, "quiet"), (self.state, "quiet"), (self.note, "text")):
            label.configure(background=look["panel"], foreground=look[colour], font=look.font(12))
        self.agrees.configure(font=look.widget_font(12), bg_color=look["panel"])
        self.what_if.configure(
            font=look.widget_font(12), bg_color=look["panel"], fg_color=look["cut_soft"], text_color=look["cut"]
        )
        self.reset_button.dress(look, look.words("whatif.reset"), size=12)
        self.cancel_button.dress(look, look.words("canvas.cancel"), size=12)
        self.checks.dress(look, "", size=12)


def _right(texts: dict[str, str]) -> str:
    return "  ·  ".join(text for role in ON_THE_RIGHT if (text := texts.get(role, "")))
