"""A lesson as it is once read: screens of text, with what they show, ask and check.

The three kinds of data blocks are written in TOML; unknown keys are refused, so that a misspelt one is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from msgspec import field

from core.records import Cut, Record, WhatIf

FORMAT: Final = 1
"""Version of the format that this Pullback writes; files of a newer one are read as far as they can be."""

Style = Literal["", "code", "strong", "em", "math"]


# ── Text ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text in one style.

    Attributes:
        computed: the expression whose value the text states; '' where it states none.
    """

    text: str
    style: Style = ""
    computed: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, an item of a list, or a formula on a line of its own."""

    kind: Literal["paragraph", "item", "formula"]
    spans: tuple[Span, ...]

    @property
    def plain(self) -> str:
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The same program in another library, to be read only."""

    library: str
    code: str


# ── Data ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Supposed(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program and what-ifs, written as on the command line.

    Attributes:
        seeds: number of the backward call, from 0, → its seed, row-major.
        cut, heal: such as ``4:y`` and ``4:y->6:u * x``; ``4:y.detach()``.
        set: name of a leaf → its values, row-major.
        untracked: leaves whose requires_grad is switched off.
        uncleared: places where a clearing of ``.grad`` is left out, such as ``8:x.grad.zero_()``.
        program: another program of the lesson; '' for the screen's own.
    """

    seeds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    cut: tuple[str, ...] = ()
    heal: tuple[str, ...] = ()
    set: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    untracked: tuple[str, ...] = ()
    uncleared: tuple[str, ...] = ()
    program: str = ""

    @property
    def what_if(self) -> WhatIf:
        """The same as a run is asked for it."""
        return WhatIf(
            cuts=tuple(Cut(value.strip(), use.strip()) for value, _, use in (cut.partition("->") for cut in self.cut)),
            heals=self.heal,
            seeds={int(call): seed for call, seed in self.seeds.items()},
            leaves=dict(self.set),
            requires_grad=dict.fromkeys(self.untracked, False),
            skip_zero_grad=self.uncleared,
        )


class Place(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A moment of the run.

    Attributes:
        at: 'start', 'backward' just before the backward call, 'seed' when its seed is there, 'end', or what has just
            happened there: an operation by its result, expression or name, a node by its name, ``backward z`` for the
            node of z, ``a.grad`` of a leaf, ``line 8`` for anything there.
        call: number of the backward call that is meant, from 0.
        select: what the card is called that is chosen there.
        page: 'output', 'words' or 'flow' below the program.
    """

    at: str = ""
    call: int = 0
    select: str = ""
    page: Literal["", "output", "words", "flow"] = ""


class Show(Place, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the window shows when a screen is opened.

    Attributes:
        suppose: the program, and what-ifs.
    """

    suppose: Supposed = Supposed()


class Choice(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer to choose; ``say`` is what is answered."""

    text: str
    right: bool = False
    say: str = ""


class Wrong(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wrong answer, and what is answered: the misconception behind it."""

    answer: tuple[float, ...] | float | str
    say: str


class Predict(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question before something is seen.

    Attributes:
        ask: the question.
        kind: 'numbers' are typed, a 'card' is picked on the picture, one of ``choices`` is chosen.
        answer: the numbers, or what the card is called.
        computed: expression whose value the numbers are, compared with torch when the lesson is checked.
        choices: of which one is right.
        right: what is answered to the right answer.
        wrong: answers that are expected, each with what is answered; anything else is answered by ``otherwise``.
        otherwise: '' says only that it is not so.
        then: where the run goes once it is answered.
    """

    ask: str
    kind: Literal["numbers", "card", "choice"]
    answer: tuple[float, ...] | float | str = ""
    computed: str = ""
    choices: tuple[Choice, ...] = ()
    right: str = ""
    wrong: tuple[Wrong, ...] = ()
    otherwise: str = ""
    then: Place = Place()


class Claim(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that must hold; exactly one of the attributes from ``value`` to ``at`` is given.

    Attributes:
        value, grad: name of a tensor, of a leaf: compared with ``equals``.
        shape: name of a tensor, compared with ``equals``.
        none: leaf whose ``.grad`` must be None.
        cut, healed: an expression of the program that must be cut at a use or at all, must pass gradients again.
        node: name of a node that must be in the graph; ``absent`` one that must not be.
        error: text that the program's error must contain; 'none' for a program that must not raise.
        seed: number of the backward call whose seed is compared with ``equals``.
        untracked: leaf that must not require a gradient.
        at, call: where the run must have come to, as in ``Place``.
        equals: an expression over the program's values and gradients, such as ``9*a**2`` or ``[36, 81]``.
        tolerance: relative, of ``equals``.
    """

    value: str = ""
    grad: str = ""
    shape: str = ""
    none: str = ""
    cut: str = ""
    healed: str = ""
    node: str = ""
    absent: str = ""
    error: str = ""
    seed: int | None = None
    untracked: str = ""
    at: str = ""
    call: int = 0
    equals: str = ""
    tolerance: float = 1e-5


class Mistake(Supposed, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A state that does not do, and what is said of it."""

    say: str


class Check(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to do, and what must hold once it is done.

    Attributes:
        ask: what is to be done.
        holds: all of it must hold.
        done: what is answered then.
        hints: one more each time it is asked for.
        solution: a state in which all holds; the lesson's check proves it.
        wrong: states that learners reach instead; each must not do.
    """

    ask: str
    holds: tuple[Claim, ...]
    done: str
    hints: tuple[str, ...] = ()
    solution: Supposed = Supposed()
    wrong: tuple[Mistake, ...] = ()


Block = Text | Elsewhere | Predict | Check


# ── The whole ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Screen:
    """One screen.

    Attributes:
        id: the same in every language.
        program: name of the program that stands in the editor.
        language: of its text; another than the lesson's where it is not translated.
        line: where it begins in its file.
        lines: where its blocks begin there; 0 for what another file lends it.
    """

    id: str
    title: str
    program: str
    show: Show
    blocks: tuple[Block, ...]
    language: str
    line: int = 0
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """What a contents page says of a lesson."""

    id: str
    title: str
    order: int
    minutes: int = 0
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Lesson:
    """A whole lesson in one language.

    Attributes:
        programs: name → text; the first is the lesson's own.
        digest: of the original; progress belongs to one, in whatever language.
        content: digest of all that was read for it; trust belongs to one.
    """

    head: Head
    programs: Mapping[str, str]
    screens: tuple[Screen, ...]
    digest: str
    content: str = ""

    @property
    def newer(self) -> bool:
        """Whether a newer Pullback wrote it: what this one does not know is left out, and it is not written over."""
        return self.head.format > FORMAT
