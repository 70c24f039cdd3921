"""The strip of everything that happened, in order; a click moves the cursor, as the arrows do everywhere."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from core.playback import Playback
from core.records import Event, Trace
from gui.figures import clip
from gui.theme import Look

HEIGHT = 44
WIDEST, NARROW = 84.0, 26.0
CELLS = 600
"""More events than this are drawn as one bar for each group."""
TOP, BOTTOM = 12, 32


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring events of one kind: the forward pass, one backward pass, or writes.

    Attributes:
        key, number: its name as a key of the texts, and the number of the pass.
        colour: of its cells.
        first, last: positions in ``Trace.events``, the last one excluded.
    """

    key: str
    number: int
    colour: str
    first: int
    last: int


def groups(trace: Trace) -> list[Group]:
    """The groups of a trace, in order."""

    def kind(event: Event) -> tuple[str, int, str]:
        if event.kind == "op":
            return ("line.forward", 0, "value")
        if event.pass_ is not None:
            return ("line.backward", event.pass_ + 1, "grad")
        return ("line.write", 0, "leaf")

    result, place = [], 0
    for (key, number, colour), events in groupby(trace.events, kind):
        count = sum(1 for _ in events)
        result.append(Group(key, number, colour, place, place + count))
        place += count
    return result


def without_writes(parts: Sequence[Group]) -> list[Group]:
    """The same with writes counted to what they happened in: among thousands of events they are but stripes."""
    result: list[Group] = []
    for part in parts:
        before = result[-1] if result else None
        if before and (part.key == "line.write" or (part.key, part.number) == (before.key, before.number)):
            result[-1] = replace(before, last=part.last)
        else:
            result.append(part)
    return result


def cell_text(playback: Playback, position: int) -> str:
    """What one event is called in its cell."""
    trace = playback.trace
    event = trace.events[position]
    if event.kind == "op" and event.op is not None:
        op = trace.ops[event.op]
        names = [name for value in op.outputs for name in trace.values[value].names]
        return names[0] if names else op.text if op.text and len(op.text) <= 10 else op.name
    if event.kind == "step" and event.pass_ is not None and event.step is not None:
        backward = trace.passes[event.pass_]
        node = backward.nodes[backward.steps[event.step].node]
        if node.name.endswith("AccumulateGrad") and node.value is not None:
            names = list(trace.values[node.value].names)
            return f"{names[0] if names else ''}.grad +="
        return node.name.removesuffix("0").removesuffix("Backward")
    if event.kind == "end" and event.pass_ is not None and trace.passes[event.pass_].error is not None:
        return "✗"
    return {"pass": "v", "end": "✓"}.get(event.kind, ".grad")


def plan(playback: Playback | None) -> tuple[object, ...]:
    """All that the cells are made of: two runs with the same plan are drawn alike."""
    if playback is None:
        return ()
    events = playback.trace.events
    said = [cell_text(playback, position) for position in range(len(events))] if len(events) <= CELLS else ()
    return tuple(groups(playback.trace)), tuple(event.kind for event in events), tuple(said)


class Timeline(tk.Canvas):
    """Shows every event as a cell; ``on_seek`` is called with the cursor that a click asks for."""

    def __init__(self, master: tk.Misc, *, on_seek: Callable[[int], None]) -> None:
        super().__init__(master, height=HEIGHT, borderwidth=0, takefocus=True)
        self._on_seek = on_seek
        self._look: Look | None = None
        self._playback: Playback | None = None
        self._trace: Trace | None = None
        self._built: tuple[object, ...] | None = None
        self._cells: list[tuple[float, float]] = []
        self._items: list[tuple[int, int]] = []
        self._bars: list[tuple[Group, float, float, int]] = []
        self._drawn = 0
        self._top, self._bottom = TOP, BOTTOM
        self._frame = self.create_rectangle(0, 0, 0, 0, width=0)
        self.bind("<Configure>", lambda event: self._draw())
        self.bind("<Button-1>", self._click)
        self.bind("<B1-Motion>", self._click)

    def dress(self, look: Look) -> None:
        self._look = look
        ring = look.px(2)
        self.configure(
            background=look["panel"], height=look.px(HEIGHT) - 2 * ring, highlightthickness=ring,
            highlightcolor=look["accent"], highlightbackground=look["panel"],
        )  # fmt: skip
        self._top, self._bottom = look.px(TOP), look.px(BOTTOM)
        self._trace = self._built = None
        self._draw()

    def show(self, playback: Playback | None) -> None:
        self._playback = playback
        self._draw()

    def _click(self, event: tk.Event[tk.Misc]) -> None:
        if not self._cells:
            return
        nearest = min(range(len(self._cells)), key=lambda n: abs(sum(self._cells[n]) / 2 - event.x))
        self._on_seek(nearest + 1)

    def _draw(self) -> None:
        look, playback = self._look, self._playback
        if look is None:
            return
        trace = playback.trace if playback else None
        if trace is not self._trace or self._built is None or self._built[0] != self.winfo_width():
            built = (self.winfo_width(), plan(playback))
            if built != self._built:  # else a what-if has changed numbers only
                self._build(look, playback)
            self._trace, self._built = trace, built
        if playback is None:
            return
        cursor = playback.cursor
        self.itemconfigure(self._frame, dash=(3, 3) if playback.part else "")
        if self._items:
            low, high = sorted((self._drawn, cursor))
            for position in range(low, min(high, len(self._items))):
                self._paint_cell(position, position < cursor, look)
            self._drawn = cursor
        for group, left, right, item in self._bars:
            share = max(0.0, min(1.0, (cursor - group.first) / max(1, group.last - group.first)))
            self.coords(item, left, self._top, left + (right - left) * share, self._bottom)
            self.itemconfigure(item, state="normal" if share else "hidden")
        shown = cursor if playback.part else cursor - 1  # a node that is told part by part comes next
        if shown >= 0 and self._cells:
            left, right = self._cells[shown]
            self.coords(self._frame, left - 2, self._top - 3, max(right, left + 3) + 2, self._bottom + 3)
            self.itemconfigure(self._frame, state="normal")
            self.tag_raise(self._frame)
        else:
            self.itemconfigure(self._frame, state="hidden")

    def _paint_cell(self, position: int, done: bool, look: Look) -> None:
        box, text = self._items[position]
        colour = self._colour_of[position]
        fill = look[colour] if done else look["button"]
        self.itemconfigure(box, fill=fill)
        if text:
            self.itemconfigure(text, fill=look["on_accent"] if done else look["quiet"])

    def _build(self, look: Look, playback: Playback | None) -> None:
        self.delete("all")
        self._frame = self.create_rectangle(0, 0, 0, 0, outline=look["accent"], width=2, state="hidden")
        self._cells, self._items, self._bars, self._drawn = [], [], [], 0
        self._colour_of: list[str] = []
        if playback is None or not playback.trace.events:
            return
        trace = playback.trace
        events = len(trace.events)
        parts = groups(trace) if events <= CELLS else without_writes(groups(trace))
        width = max(self.winfo_width() - look.px(32), 100)
        captions = [look.words(part.key, number=part.number) for part in parts]
        if events > CELLS:
            captions = [f"{said} · {part.last - part.first:,}" for said, part in zip(captions, parts, strict=True)]
        title = tkfont.Font(self, font=look.font(12))
        room = [title.measure(caption) + look.px(10) for caption in captions]
        gap = min(14.0 * look.scale, width * 0.2 / len(parts))
        titled = sum(room) + gap * len(parts) < width * 0.4
        left_over = width - (sum(room) if titled else 0) - gap * len(parts)
        small = sum(event.kind in ("pass", "end") for event in trace.events)
        wide = min(
            WIDEST * look.scale,
            (left_over - small * min(NARROW * look.scale, left_over / events)) / max(1, events - small),
        )
        narrow = min(NARROW * look.scale, left_over / events)
        wide = max(0.0, wide)
        font = tkfont.Font(self, font=look.font(11))
        x = 16.0 * look.scale
        for part, caption, space in zip(parts, captions, room, strict=True):
            if titled:
                self.create_text(
                    x, (self._top + self._bottom) / 2, text=caption, anchor="w", fill=look["quiet"], font=look.font(12)
                )
                x += space
            start = x
            for position in range(part.first, part.last):
                side = narrow if trace.events[position].kind in ("pass", "end") else wide
                self._cells.append((x, x + max(side - 3, side * 0.7)))
                x += side
            if events <= CELLS:
                for position in range(part.first, part.last):
                    self._add_cell(position, part, playback, look, font)
            else:
                self.create_rectangle(start, self._top, x, self._bottom, fill=look["button"], width=0)
                bar = self.create_rectangle(start, self._top, start, self._bottom, fill=look[part.colour], width=0)
                self._bars.append((part, start, x, bar))
            x += gap

    def _add_cell(self, position: int, part: Group, playback: Playback, look: Look, font: tkfont.Font) -> None:
        left, right = self._cells[position]
        box = self.create_rectangle(left, self._top, right, self._bottom, fill=look["button"], width=0)
        text = 0
        if right - left > look.px(20):
            said = cell_text(playback, position)
            while said and font.measure(said) > right - left - look.px(6):
                said = clip(said, len(said) - 1) if len(said) > 2 else ""
            if said:
                text = self.create_text(
                    (left + right) / 2,
                    (self._top + self._bottom) / 2,
                    text=said,
                    fill=look["quiet"],
                    font=look.font(11),
                )
        self._items.append((box, text))
        self._colour_of.append(part.colour)
