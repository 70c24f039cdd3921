"""The seed of a backward pass, edited where it stands in the picture."""

from __future__ import annotations

import math
import random
import re
import struct
import tkinter as tk
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from core.expression import Values
from core.playback import Playback
from core.records import Pass, TensorSnapshot, Trace
from gui import figures
from gui.canvas import overlay
from gui.canvas.canvas import GraphCanvas
from gui.i18n import Words
from gui.numbers.number_editor import FIELDS, SIDE, Caption, NumberEditor
from gui.numbers.typed_numbers import LARGEST, Numbers, count, editable
from gui.picture.scene import Seed
from gui.picture.shapes import Rect, inside
from gui.session import Session
from gui.theme import Look
from gui.widgets.button import Button
from gui.widgets.menu import RULE, Entry, PopUp

TERMS = 4
"""Terms of the loss that are written out."""
WIDTH = 288
"""Units of the panel."""
MARGIN = 8
"""Units between the panel, the seed and the edges of the canvas."""


def seed_pass(playback: Playback | None) -> int | None:
    """The pass whose seed is edited unless another was chosen: the current one, before it the next one."""
    if playback is None or not playback.trace.passes:
        return None
    if playback.current_pass is not None:
        return playback.current_pass
    return min(playback.index.pass_at, key=playback.index.pass_at.__getitem__, default=None)


def seeds_of(backward: Pass) -> tuple[TensorSnapshot | None, ...]:
    """The seeds of a call; ones, which mean the sum, where it was refused because it had none."""
    error = backward.error
    if error is None or error.kind != "non-scalar":
        return backward.seeds
    shape = tuple(map(int, re.findall(r"\d+", error.facts.get("shape", ""))))
    return (TensorSnapshot(shape, "float32", struct.pack("<f", 1) * min(math.prod(shape), LARGEST + 1)),)


def element_names(name: str, shape: tuple[int, ...]) -> Iterator[str]:
    """What the elements of a tensor are called, row-major: Q[0,0], Q[0,1]…"""
    for place in np.ndindex(shape):
        yield f"{name}[{','.join(map(str, place))}]" if shape else name


def written_loss(seed: Sequence[float | None], names: Sequence[str]) -> str:
    """The loss whose gradient the seed asks for: ``L = 1·Q[0] − 2·Q[1]``; a weight that is not known yet is ``?``."""
    text = ""
    for weight, name in list(zip(seed, names, strict=True))[:TERMS]:
        said = "?" if weight is None else figures.number(abs(weight))
        minus = weight is not None and figures.number(weight).startswith("-")
        text += (" − " if minus else " + ") if text else ("−" if minus else "")
        text += f"{said}·{name}"
    return f"L = {text}{' + …' if len(names) > TERMS else ''}"


class SeedEditor(NumberEditor):
    """A small panel over the picture; it goes where the seed goes and stays wholly inside.

    Args:
        canvas: whose picture it stands on.
        session: whose seeds are edited.
        menu: shows the presets.
    """

    ground = "card"
    low = 300
    symbol = "v"

    def __init__(self, canvas: GraphCanvas, session: Session, menu: PopUp) -> None:
        super().__init__(canvas, busy=lambda: session.busy)
        self._canvas, self._session, self._menu = canvas, session, menu
        self._trace: Trace | None = None
        self._pass: int | None = None
        self._slot = 0  # of the pass's seeds, the one it stands at
        self._names: Mapping[str, np.ndarray] = {}
        self._away: tuple[float, float] | None = None  # from the seed
        self.rule.pack_forget()
        self.close_button = Button(self.head, self.close, width=24, height=24)
        self.close_button.pack(side="right")
        self.presets_button = Button(self.buttons, self._open_presets, width=64, height=28)
        self._place_presets(narrow=False)
        canvas.bind("<<Drawn>>", lambda event: self._follow(), add="+")

    @property
    def opened(self) -> bool:
        return self._pass is not None

    def open(self, seed: Seed | None = None) -> bool:
        """Opens at a seed, by itself at that of the current pass; False where there is none that can be edited."""
        playback = self._session.playback
        pass_ = seed.pass_ if seed is not None else seed_pass(playback)
        if playback is None or pass_ is None or not editable(seeds_of(playback.trace.passes[pass_])):
            return False
        self._pass, self._slot = pass_, seed.slots[0] if seed is not None else 0
        self._trace, self._away = None, None
        self.show(playback)
        self._wrap(self._look.px(WIDTH) if self._look is not None else WIDTH)
        self.update_idletasks()  # how high it is
        self._reveal()
        self._follow()
        self.focus_field(count(self._tensors[: self._slot]))
        return True

    def close(self) -> None:
        """Gives the keyboard back; what was typed and not asked for is let go."""
        if self.opened:
            self._vanish()
            self._canvas.focus_set()

    def show(self, playback: Playback | None) -> None:
        """Another run, or another moment of it."""
        self.go_on()
        if self._pass is None:
            return
        passes = playback.trace.passes if playback is not None else ()
        if playback is None or self._pass >= len(passes) or not editable(seeds_of(passes[self._pass])):
            if not self._busy():
                self._vanish()
            return
        before, trace = self._trace, playback.trace
        if trace is not before:
            self._trace = trace
            self._names = Values(playback.at(playback.index.pass_at.get(self._pass, playback.cursor)))
            self.fill([seed for seed in seeds_of(trace.passes[self._pass]) if seed is not None],
                      anew=before is None or before.source != trace.source)  # fmt: skip
        self.tell()

    def caption(self, words: Words) -> Caption:
        if self._trace is None or self._pass is None:
            return Caption("", "", "", changed=False)
        backward, names = self._trace.passes[self._pass], self._element_names(words)
        obstacle = self._session.obstacle
        note = words(f"error.{obstacle}") if obstacle in ("recorded", "stale") else words("seed.hint")
        title = words("seed.title", number=self._pass + 1)
        return Caption(title, written_loss(self.typed(), names), note, backward.seeded)

    def names(self) -> Mapping[str, np.ndarray]:
        return self._names

    def presets(self, words: Words) -> list[Entry]:
        """Ones, their mean, each unit vector, random numbers; beside each the expression that says the same."""
        total = count(self._tensors)

        def entry(text: str, expression: str) -> Entry:
            return Entry(text, lambda: self.apply_to_all(expression), expression)

        units = [
            entry(words("seed.unit", element=name), f"eye({number})")
            for number, name in enumerate(self._element_names(words)[:FIELDS] if total > 1 else ())
        ]
        return [
            entry(words("seed.ones"), "ones"),
            *([entry(words("seed.mean"), "1/n")] if total > 1 else ()),
            *units,
            RULE,
            Entry(words("seed.random"), self._take_random),
        ]

    def ask_for(self, numbers: Numbers, *, again: bool) -> None:
        if self._pass is not None:
            self._session.set_seed(self._pass, numbers, again=again)

    def reset(self) -> None:
        if self._pass is not None:
            self._session.set_seed(self._pass, None)

    def leave(self) -> None:
        self.close()

    def dress(self, look: Look) -> None:
        super().dress(look)
        self.configure(highlightthickness=look.px(2))
        self.configure(highlightbackground=look[self.colour], highlightcolor=look[self.colour])
        self.presets_button.dress(look, look.words("seed.presets"), ground=self.ground, size=12)
        self.close_button.dress(look, "✕", ground=self.ground, size=11)
        self._follow()

    # ── Where it stands ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _seed(self) -> Seed | None:
        """What it stands at, in the picture as it is now; None where that is not drawn."""
        seeds = self._canvas.picture.seeds if self._canvas.picture is not None else ()
        return next((seed for seed in seeds if seed.pass_ == self._pass and self._slot in seed.slots), None)

    def _follow(self) -> None:
        """Goes where the seed has gone; it stays on the side where it was opened, so that nothing jumps."""
        if self._pass is None or self._look is None:
            return
        margin, view = self._look.px(MARGIN), self._canvas.view
        room = (self._canvas.winfo_width(), self._canvas.winfo_height())
        width = min(self._look.px(WIDTH), room[0] - 2 * margin)
        size = (width, self.winfo_reqheight())
        found = self._seed
        rect = self._canvas.seed_rect(found) if found is not None else None
        below = (room[0] / 2, room[1], room[0] / 2, room[1])  # the picture is not there yet, or was given up
        seed = below if rect is None else (*view.pixel(*rect[:2]), *view.pixel(*rect[2:]))
        if self._away is None:
            x, y = overlay.beside(seed, size, room, self._boxes(margin), margin)
            self._away = (x - seed[0], y - seed[1])
        x, y = overlay.inside((seed[0] + self._away[0], seed[1] + self._away[1]), size, room, margin)
        self.place(x=x, y=y, width=width)

    def _reveal(self) -> None:
        """Brings the seed into sight, where there is room for that together with its card and the panel below."""
        picture, view, seed = self._canvas.picture, self._canvas.view, self._seed
        rect = self._canvas.seed_rect(seed) if seed is not None else None
        if rect is not None and seed is not None and picture is not None and self._look is not None:
            card = picture.rect(seed.card)
            below = (self.winfo_reqheight() + 2 * self._look.px(MARGIN)) / view.scale
            view.reveal(rect)
            view.reveal((min(rect[0], card[0]), min(rect[1], card[1]), max(rect[2], card[2]), rect[3] + below))
            self._canvas.redraw()

    def _boxes(self, around: float) -> list[Rect]:
        """Where the cards are, in pixels, with some room around each."""
        picture, view = self._canvas.picture, self._canvas.view
        if picture is None:
            return []
        corners = (
            (*view.pixel(*rect[:2]), *view.pixel(*rect[2:])) for rect in picture.rects[inside(picture.rects, view.rect)]
        )
        return [(left - around, top - around, right + around, bottom + around) for left, top, right, bottom in corners]

    def _vanish(self) -> None:
        self._pass, self._trace, self._tensors = None, None, []
        self.place_forget()

    # ── The rest ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _element_names(self, words: Words) -> list[str]:
        """What the elements of all roots are called; a root without a name of its own is the loss."""
        assert self._trace is not None
        assert self._pass is not None
        backward, found = self._trace.passes[self._pass], list[str]()
        for slot, seed in enumerate(self._tensors):
            node = backward.roots[slot][0] if slot < len(backward.roots) else -1
            value = backward.nodes[node].value if node >= 0 else None
            names = self._trace.values[value].names if value is not None else ()
            if not backward.roots and backward.error is not None:
                names = (backward.error.facts.get("name", words("seed.loss")),)
            found += element_names(names[0] if names else words("seed.loss"), seed.shape)
        return found

    def _take_random(self) -> None:
        for field, _ in enumerate(self.used()):
            self._write(field, figures.number(round(random.gauss(0, 1), 3)))
        if len(self.used()) < count(self._tensors):
            numbers = (figures.number(round(random.gauss(0, 1), 3)) for _ in range(count(self._tensors)))
            self._write(0, ", ".join(numbers))
        self._clear_whole()
        self.apply()

    def _resized(self, event: tk.Event[tk.Misc]) -> None:
        super()._resized(event)
        if self._look is not None:
            row = (self.apply_button, self.reset_button, self.presets_button)
            room = event.width - 2 * self._look.px(SIDE + 2)
            self._place_presets(narrow=sum(button.winfo_reqwidth() for button in row) + 12 > room)
            self._follow()

    def _place_presets(self, *, narrow: bool) -> None:
        """Beside the other buttons, or below them."""
        if narrow:
            self.presets_button.grid(row=1, column=0, columnspan=2, padx=0, pady=(6, 0), sticky="ew")
        else:
            self.presets_button.grid(row=0, column=2, columnspan=1, padx=(6, 0), pady=0, sticky="ew")

    def _open_presets(self) -> None:
        if self._look is not None:
            button = self.presets_button
            entries = self.presets(self._look.words)
            self._menu.show(entries, button.winfo_rootx(), button.winfo_rooty() + button.winfo_height())
