"""A bar for every step of a backward pass: how the size of the gradient runs through the graph."""

from __future__ import annotations

import math
import tkinter as tk
from collections.abc import Callable

from core.flow import StepFlow, share, steps
from core.playback import Playback
from gui import figures
from gui.theme import Look

HEIGHT = 56
MARGIN, TOP = 16, 8
"""Units: left and right, and above and below the bars."""
WIDEST = 22
"""Units of a bar at most."""


class FlowStrip(tk.Canvas):
    """One bar a step, in the engine's order, on a scale of powers of ten; a click on one goes to that step.

    Where there are more steps than pixels, each pixel shows the step that is furthest from the rest: what is odd, else
    the largest.

    Args:
        on_seek: called with a cursor.
        on_point: called with what is pointed at in words, '' for nothing.
    """

    def __init__(self, master: tk.Misc, *, on_seek: Callable[[int], object], on_point: Callable[[str], object]) -> None:
        super().__init__(master, height=HEIGHT, highlightthickness=0, borderwidth=0)
        self._on_seek, self._on_point = on_seek, on_point
        self._look: Look | None = None
        self._steps: tuple[StepFlow, ...] = ()
        self._cursor = 0
        self._shown: object = None
        self._drawn: object = None
        self.bind("<Configure>", lambda event: self._draw())
        self.bind("<Button-1>", self._clicked)
        self.bind("<Motion>", self._pointed)
        self.bind("<Leave>", lambda event: self._on_point(""))

    def show(self, playback: Playback | None) -> None:
        shown = (playback.index, playback.current_pass) if playback is not None else None
        if shown != self._shown:
            self._shown = shown
            self._steps = steps(playback) if playback is not None else ()
        self._cursor = playback.cursor if playback is not None else 0
        self._draw()

    def dress(self, look: Look) -> None:
        self._look, self._drawn = look, None
        self.configure(background=look["panel"], height=look.px(HEIGHT))
        self._draw()

    def told(self, step: StepFlow) -> str:
        """A step in one line."""
        size = "None" if step.size is None else figures.number(step.size)
        odd = self._look.words(f"flow.{step.flag}") if step.flag and self._look is not None else ""
        return "  ".join(part for part in (step.name, size, odd) if part)

    def _draw(self) -> None:
        look, width = self._look, self.winfo_width()
        drawn = (self._steps, self._cursor, width, look)
        if look is None or width <= 1 or drawn == self._drawn:
            return
        self._drawn = drawn
        self.delete("all")
        top, bottom = look.px(TOP), look.px(HEIGHT - TOP)
        self.create_line(look.px(MARGIN), bottom, width - look.px(MARGIN), bottom, fill=look["line"])
        largest = max((one.size for one in self._steps if one.size and math.isfinite(one.size)), default=1.0)
        at: dict[int, tuple[tuple[bool, float], int]] = {}
        for number, one in enumerate(self._steps):
            if one.at < self._cursor:
                left = round(self._left(number))
                size = one.size if one.size is not None and math.isfinite(one.size) else 0.0
                at[left] = max(at.get(left, ((False, -1.0), 0)), ((bool(one.flag), size), number))
        wide = max(1, round(self._pitch) - look.px(2))
        for left, (_, number) in at.items():
            one = self._steps[number]
            colour = "wrong" if one.flag else "grad"
            part = 1.0 if one.flag in ("nan", "exploding") else share(one.size, largest)
            high = max(look.px(3), round(part * (bottom - top)))
            tags = ("bar", "odd") if one.flag else ("bar",)
            self.create_rectangle(left, bottom - high, left + wide, bottom, width=0, fill=look[colour], tags=tags)
            if one.at == self._cursor - 1:
                self.create_rectangle(left, bottom + 2, left + wide, bottom + look.px(4), width=0, fill=look["accent"])

    @property
    def _pitch(self) -> float:
        """Pixels from one bar to the next."""
        assert self._look is not None
        room = self.winfo_width() - 2 * self._look.px(MARGIN)
        return min(self._look.px(WIDEST), room / max(1, len(self._steps)))

    def _left(self, number: int) -> float:
        assert self._look is not None
        return self._look.px(MARGIN) + number * self._pitch

    def _step_at(self, x: int) -> StepFlow | None:
        if self._look is None or not self._steps:
            return None
        number = int((x - self._look.px(MARGIN)) // self._pitch)
        return self._steps[number] if 0 <= number < len(self._steps) else None

    def _clicked(self, event: tk.Event[tk.Misc]) -> None:
        step = self._step_at(event.x)
        if step is not None:
            self._on_seek(step.at + 1)

    def _pointed(self, event: tk.Event[tk.Misc]) -> None:
        step = self._step_at(event.x)
        self._on_point(self.told(step) if step is not None and step.at < self._cursor else "")
