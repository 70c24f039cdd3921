"""What is asked for: which moments of a trace, which part of its picture, what stands beside it, how it looks."""

from __future__ import annotations

import locale
from dataclasses import dataclass
from typing import get_args

from core.layout import Direction
from core.playback import Playback
from gui.i18n import Words, words
from gui.picture.groups import Folding
from gui.theme import MAPS, THEMES, Palette, palette_of

LARGEST_SCALE = 16.0
SPEEDS = (0.1, 10.0)
PAPERS = ("A4", "letter")
LETTER = frozenset({"US", "CA", "MX", "PH", "CL", "CO", "CR", "GT", "NI", "PA", "PR", "SV", "VE", "BO", "DO"})
"""Countries that do not print on A4."""


def usual_paper() -> str:
    """What is printed on where the reader's system says they live."""
    country = (locale.getlocale()[0] or "").partition("_")[2]
    return "letter" if country in LETTER else "A4"


@dataclass(frozen=True, slots=True)
class Order:
    """Attributes:
    step: how many events have happened, with ``pass_`` how many of its steps; or 'last', or 'all' for what shows
        every moment.
    pass_: a backward call, 0-based.
    scale: pixels for each unit of the picture (pictures of pixels only).
    theme, lang: 'light' or 'dark'; 'en' or 'zh'.
    colours: the map of tensors' elements, a name in ``gui.theme.MAPS``.
    direction: where the program reads, 'right' or 'down'.
    folding: which groups are folded.
    transparent: without a ground (pictures of one moment only).
    cards: those that are shown, with what joins them; None for all.
    inspector, code: whether what is said of the step, and the program, stand beside the picture.
    caption: a text above it.
    chosen: the card that the inspector tells of; None for the step.
    speed: of an animation; twice as fast is 2.
    paper: of a handout, 'A4' or 'letter'.
    """

    step: int | str = "last"
    pass_: int | None = None
    scale: float = 2.0
    theme: str = "light"
    lang: str = "en"
    colours: str = "coolwarm"
    direction: Direction = "right"
    folding: Folding | None = None
    transparent: bool = False
    cards: frozenset[int] | None = None
    inspector: bool = False
    code: bool = False
    caption: str = ""
    chosen: int | None = None
    speed: float = 1.0
    paper: str = "A4"

    def check(self) -> None:
        """Raises ValueError, one line, when what is asked for does not exist."""
        for what, given, known in (
            ("theme", self.theme, tuple(THEMES)),
            ("colours", self.colours, tuple(MAPS)),
            ("direction", self.direction, get_args(Direction)),
            ("paper", self.paper, PAPERS),
        ):
            if given not in known:
                raise ValueError(f"no {what} {given!r}; there are {' and '.join(known)}")
        if not 0 < self.scale <= LARGEST_SCALE:
            raise ValueError(f"scale {self.scale:g} is not between 0 and {LARGEST_SCALE:g}")
        if not SPEEDS[0] <= self.speed <= SPEEDS[1]:
            raise ValueError(f"speed {self.speed:g} is not between {SPEEDS[0]:g} and {SPEEDS[1]:g}")

    @property
    def words(self) -> Words:
        return words(self.lang)

    @property
    def palette(self) -> Palette:
        return palette_of(self.theme, self.colours)

    def span(self, playback: Playback) -> tuple[int, int]:
        """First and last cursor asked for, equal where it is one moment; raises ValueError, one line.

        'last' is one moment, and all up to it for what shows every moment.
        """
        trace, index, step = playback.trace, playback.index, self.step
        start, stop = 0, len(trace.events)
        if self.pass_ is not None:
            if not 0 <= self.pass_ < len(trace.passes):
                raise ValueError(f"no pass {self.pass_}; the program made {len(trace.passes)}")
            steps = [index.step_at[(self.pass_, n)] + 1 for n in range(len(trace.passes[self.pass_].steps))
                     if (self.pass_, n) in index.step_at]  # fmt: skip
            begin = index.pass_at.get(self.pass_, 0) + 1
            start, stop = begin, steps[-1] if steps else begin
            if isinstance(step, int):
                if not 0 <= step <= len(steps):
                    raise ValueError(f"no step {step}; pass {self.pass_} has {len(steps)}")
                return (begin, begin) if not step else (steps[step - 1], steps[step - 1])
        if isinstance(step, int):
            if not 0 <= step <= stop:
                raise ValueError(f"no step {step}; the program has {stop}")
            return step, step
        if step not in ("last", "all"):
            raise ValueError(f"step {step!r} is not a number, last or all")
        return start, stop
