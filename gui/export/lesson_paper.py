"""A lesson as a handout to print: screens with programs and pictures, room to answer, and behind them the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from core.lessons.claims import moment
from core.lessons.records import Check, Choice, Lesson, Place, Predict, Screen, Span, Supposed, Text
from core.playback import Playback
from core.records import Trace, WhatIf
from gui import figures
from gui.export import brief
from gui.export.blocks import CAPTION, LEADING, Block, run_width, stacked, text_block, wrapped, written
from gui.export.document import PAPERS, Document, Piece, pdf, section, text
from gui.export.fitting import Fitted, Pictures, fitted
from gui.export.frames import framed
from gui.export.handout import ABOUT, CLOSE, NARROW, TITLE, drawn, foot, titled
from gui.export.order import Order
from gui.export.paper import formula_block
from gui.export.watch import Watch
from gui.i18n import Words
from gui.inspector.styles import Style
from gui.picture.shapes import Box, Formula, Label, Scene, Shape, formula_size

BODY: Final = Style(13, above=4, below=4)
SPANS: Final = {
    "": BODY, "strong": replace(BODY, bold=True), "em": replace(BODY, colour="accent", bold=True),
    "code": Style(12, "value", mono=True), "math": BODY,
}  # fmt: skip
ASKED: Final = Style(13, bold=True, below=4)
ANSWER: Final = Style(13, "leaf", bold=True)
SMALL: Final = Style(12, below=2)
MATH: Final = 15.0
"""Size of the letters of formulas within a line."""
STANDS: Final = "\N{INVISIBLE SEPARATOR}"
"""Stands for a formula while a paragraph is broken into lines."""
BULLET: Final = 18.0
FIELD: Final = 34.0
"""Height of a line to write on."""
TICK: Final = 11.0
"""Side of a box to tick."""
ROOM: Final = 10.0
ROWS: Final = 60
"""Operations, and steps of a pass, that the run in brief lists at most."""

Runner = Callable[[str, WhatIf], Trace]
"""Runs a program; raises ValueError where it came to no end. ``core.lessons.running.in_worker`` gives one."""


def lesson_runs(lesson: Lesson, run: Runner) -> dict[str, Trace]:
    """The run that each screen shows, by the screen's id; what cannot be run is left out."""
    found = {}
    for screen in lesson.screens:
        try:
            found[screen.id] = run(lesson.programs[screen.program], screen.show.suppose.what_if)
        except ValueError:
            continue  # its program is printed without a picture
    return found


def lesson_handout(lesson: Lesson, runs: Mapping[str, Trace], order: Order, watch: Watch) -> bytes:
    """The PDF of a lesson, on ``order.paper``: questions first, and from a new page on what answers them.

    Args:
        runs: as ``lesson_runs`` gives them.
    """
    return pdf(lesson_document(lesson, runs, order, watch), order.palette, watch, ground=order.theme == "dark")


def lesson_document(lesson: Lesson, runs: Mapping[str, Trace], order: Order, watch: Watch) -> Document:
    """What is printed of a lesson."""
    return _Paper(lesson, runs, order, watch).document()


class _Paper:
    """A lesson on its way to paper."""

    def __init__(self, lesson: Lesson, runs: Mapping[str, Trace], order: Order, watch: Watch) -> None:
        self.lesson, self.runs, self.order, self.watch = lesson, runs, order, watch
        self.words: Words = order.words
        self._printed: dict[str, int] = {}  # program → number of the screen that it is printed at

    def document(self) -> Document:
        head, words = self.lesson.head, self.words
        kind = "lesson" if head.minutes else "lesson.short"
        pieces = [text([(words(f"handout.{kind}", number=head.order, minutes=head.minutes), ABOUT)]),
                  text([(head.title, TITLE)])]  # fmt: skip
        for number, screen in enumerate(self.lesson.screens, 1):
            pieces += self._screen(number, screen)
        pieces += [replace(piece, scale=CLOSE) for piece in (*self._answers(), *self._run())]
        trace = next(iter(self.runs.values()), Trace("", ""))
        return Document(head.title, foot(trace), pieces, words, PAPERS[self.order.paper], 2)

    # ── Screens ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _screen(self, number: int, screen: Screen) -> Iterator[Piece]:
        self.watch.check()
        trace = self.runs.get(screen.id)
        before = self._printed.get(screen.program)
        picture = self._picture(screen, trace) if before is None and trace is not None else None
        beside = picture.figure if picture is not None and picture.place == "beside" else None
        if beside is not None and self._printed:  # it may have to wait for the next page
            caption = f"{number} · {self.words('handout.graph')}"
            beside = replace(titled(beside, [(caption, CAPTION)], beside.width), optional=True)
        last = list(self._printed.values())[-1:] == [before]
        yield section(f"{number}  {screen.title}", figure=beside)
        if before is None:
            self._printed[screen.program] = number
            program = Trace("", self.lesson.programs[screen.program])
            yield Piece(lambda width: brief.program(program, width), above=4.0, least=NARROW)
        elif not last:
            self._printed[screen.program] = self._printed.pop(screen.program)  # it is the last one by now
            yield text([(self.words("handout.as_in", number=before), ABOUT)], keep=True)
        if picture is not None and beside is None:
            yield from drawn(picture, f"{number} · {self.words('handout.graph')}", self.words)
        yield from self._shown(screen.show, screen.show.suppose, trace)
        asked = False
        for block in screen.blocks:
            if isinstance(block, Predict):
                asked = True
                yield _question(block, self.words)
            elif isinstance(block, Check):
                yield _task(block, self.words)
            elif isinstance(block, Text) and (not asked or block.kind == "item"):
                yield _text(block)

    def _picture(self, screen: Screen, trace: Trace) -> Fitted | None:
        """The graph at the moment that a screen shows; where that is the start, or none, all that is there before the
        first backward call. Of further programs, only one that takes no page of its own."""
        start = Playback.of(trace)
        before = min(start.index.pass_at.values(), default=len(trace.events))
        now = start.at(moment(screen.show, start) or before)
        paper = PAPERS[self.order.paper]
        found = fitted(Pictures(trace, start.index, self.order, self.watch), now, self.order, paper)
        return None if found is None or (self._printed and found.place not in ("across", "beside")) else found

    def _shown(self, place: Place, suppose: Supposed, trace: Trace | None) -> Iterator[Piece]:
        """What the window shows, in a line."""
        said = []
        if place.at:
            fixed = self.words.get(f"handout.shown.{place.at}", "", number=place.call + 1)
            said.append(fixed or self.words("handout.shown.at", what=place.at))
        said += brief.what_if_lines(suppose.what_if, trace or Trace("", ""), self.words)
        if said:
            yield text([(" · ".join(said), ABOUT)], above=12.0, keep=True)

    # ── Answers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _answers(self) -> Iterator[Piece]:
        yield section(self.words("handout.answers"), fresh=True)
        for number, screen in enumerate(self.lesson.screens, 1):
            asked = False
            pieces: list[Piece] = []
            for block in screen.blocks:
                if isinstance(block, Predict):
                    asked = True
                    pieces += self._answer(block.ask, _right(block), _said(block))
                elif isinstance(block, Check):
                    pieces += self._answer(block.ask, "", block.done)
                    pieces += self._solution(block.solution)
                elif isinstance(block, Text) and asked and block.kind != "item":
                    pieces.append(_text(block))
            if pieces:
                yield text([(f"{number}  {screen.title}", Style(13, "quiet", bold=True))], above=12.0, keep=True)
                yield from pieces

    def _answer(self, ask: str, right: str, said: str) -> Iterator[Piece]:
        yield text(_inline(ask, SMALL), above=4.0, keep=True)
        answer = [(f"{right}  ", ANSWER)] if right else []
        yield text([*answer, *_inline(said, BODY)])

    def _solution(self, solution: Supposed) -> Iterator[Piece]:
        trace = Trace("", "")
        for line in brief.what_if_lines(solution.what_if, trace, self.words):
            yield text([("✓  ", ANSWER), (line, SMALL)])
        if solution.program:
            program = Trace("", self.lesson.programs[solution.program])
            yield Piece(lambda width: brief.program(program, width), least=NARROW)

    # ── The run ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> Iterator[Piece]:
        """The run of the lesson's own program, in brief."""
        screen = self.lesson.screens[0]
        trace = self.runs.get(screen.id)
        if trace is None or not trace.ops:
            return
        start, words = Playback.of(trace), self.words
        yield section(words("handout.run", number=1), least=NARROW)
        if trace.error is not None:
            yield brief.failure(trace.error, words)
        outside = [event for _, event in brief.outside(start)]
        yield brief.operations(start, outside[:ROWS], words)
        yield from brief.left_out(len(outside) - ROWS, words)
        for number, backward in enumerate(trace.passes[:ROWS]):
            steps = range(len(backward.steps))
            if steps:
                yield text([(words("line.backward", number=number + 1), ASKED)], above=12.0, keep=True)
                yield brief.steps(start, number, steps[:ROWS], words)
                yield from brief.left_out(len(steps) - ROWS, words)
        if not trace.passes or any(leaf.grad is None for leaf in trace.leaves):  # else the steps have told them
            yield text([(words("handout.gradients"), ASKED)], above=12.0, keep=True)
            yield from brief.gradients(start, words)


def _right(predict: Predict) -> str:
    """The right answer as it is written."""
    if predict.kind == "choice":
        return next(choice.text for choice in predict.choices if choice.right)
    if isinstance(predict.answer, str):
        return predict.answer
    numbers = predict.answer if isinstance(predict.answer, tuple) else (predict.answer,)
    said = ", ".join(map(figures.number, numbers))
    return said if len(numbers) == 1 else f"[{said}]"


def _said(predict: Predict) -> str:
    return next((choice.say for choice in predict.choices if choice.right), predict.right)


# ── Blocks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _question(predict: Predict, words: Words) -> Piece:
    """A question, with room for the answer."""

    def make(width: float) -> Block:
        room = width - 2 * ROOM
        rows = [text_block(_inline(predict.ask, ASKED), room)]
        if predict.kind == "choice":
            rows += [_tick(choice, room) for choice in predict.choices]
        else:
            rows.append(_field(words(f"handout.{predict.kind}"), room))
        return framed(stacked(rows), "", "edge", ROOM)

    return Piece(make, above=8.0)


def _task(check: Check, words: Words) -> Piece:
    """Something to do, as an instruction."""

    def make(width: float) -> Block:
        room = width - 2 * ROOM
        head = text_block([(words("handout.task"), Style(11, "quiet", bold=True, below=3))], room)
        return framed(stacked([head, _tick(Choice(text=check.ask), room)]), "frame", "", ROOM)

    return Piece(make, above=8.0)


def _tick(choice: Choice, width: float) -> Block:
    """A box to tick, and what it stands for."""
    said = text_block(_inline(choice.text, SMALL), width - BULLET)
    middle = LEADING * SMALL.size / 2
    box = Box(0, middle - TICK / 2, TICK, TICK, "", "text", radius=2)
    return _shifted(said, BULLET, (box,), 4.0)


def _field(label: str, width: float) -> Block:
    """A line to write on."""
    wide = run_width(label, SMALL) + 10
    _, labels = written([(label, SMALL)], 0, FIELD - 10)
    line = Box(wide, FIELD - 4, min(width, 420.0) - wide, 0.8, "text", radius=0)
    return Block(Scene((line,), tuple(labels)), width, FIELD)


def _shifted(block: Block, by: float, shapes: Iterable[Shape] = (), below: float = 0.0) -> Block:
    """A block of text further to the right, with something before it."""
    labels = tuple(replace(label, x=label.x + by) for label in block.scene.labels)
    moved = tuple(replace(shape, x=shape.x + by) for shape in block.scene.shapes if isinstance(shape, Formula | Box))
    return Block(Scene((*moved, *shapes), labels), block.width + by, block.height + below, block.breaks)


def _text(block: Text) -> Piece:
    """A paragraph, an item of a list, or a formula on a line of its own."""
    if block.kind == "formula" and _measured(block.plain) is not None:
        return Piece(lambda width: _shifted(formula_block(block.plain, width - 2 * BULLET), BULLET))
    if block.kind == "item":
        dot = Box(5, BODY.above + 6, 4.5, 4.5, "text", radius=2.25)
        return Piece(lambda width: _shifted(paragraph(block.spans, width - BULLET), BULLET, (dot,)))
    return Piece(lambda width: paragraph(block.spans, width))


def _inline(said: str, style: Style) -> list[tuple[str, Style]]:
    """Words with code in backticks; the first says how the paragraph stands."""
    code = replace(style, size=style.size - 1, mono=True)
    return [(part, code if number % 2 else style) for number, part in enumerate(said.split("`")) if part or not number]


def _measured(formula: str) -> tuple[float, float, float] | None:
    """Width, height and depth of a formula within a line; None for what is no mathtext."""
    try:
        return formula_size(formula, MATH)
    except ValueError:
        return None


def paragraph(spans: Sequence[Span], width: float) -> Block:
    """Text in its styles, with formulas within the lines; a page ends at least two lines from its begin and end."""
    runs: list[tuple[str, Style]] = []
    formulas: list[Formula] = []
    for span in spans:
        size = _measured(span.text) if span.style == "math" else None
        if size is None:
            runs.append((span.text.replace(STANDS, ""), SPANS["code" if span.style == "math" else span.style]))
            continue
        share = min(1.0, width / size[0])
        formulas.append(Formula(0, 0, span.text, BODY.colour, MATH * share))
        runs.append((STANDS, replace(BODY, size=size[0] * share)))
    shapes: list[Shape] = []
    labels: list[Label] = []
    edges = [BODY.above]
    waiting = iter(formulas)
    for line in wrapped(runs, width):
        here = [next(waiting) for said, _ in line for _ in range(said.count(STANDS))]
        high = _line(line, here, edges[-1], shapes, labels)
        edges.append(edges[-1] + high)
    return Block(Scene(tuple(shapes), tuple(labels)), width, edges[-1] + BODY.below, tuple(edges[2:-2]))


def _line(
    line: Sequence[tuple[str, Style]], formulas: list[Formula], top: float, shapes: list[Shape], labels: list[Label]
) -> float:
    """Writes a line, all of it on one baseline; returns its height."""
    above, below = 0.86 * BODY.size, (LEADING - 0.86) * BODY.size
    for formula in formulas:
        _, high, depth = formula_size(formula.text, formula.size)
        above, below = max(above, high - depth + 2), max(below, depth + 2)
    base, x, waiting = top + above, 0.0, iter(formulas)
    for said, style in line:
        if STANDS not in said:
            more, words = written([(said, style)], x, base - 0.36 * style.size)
            shapes += more
            labels += words
            x += run_width(said, style)
            continue
        for _ in said:
            formula = next(waiting)
            wide, high, depth = formula_size(formula.text, formula.size)
            shapes.append(replace(formula, x=x, y=base + depth - high / 2))
            x += wide
    return above + below
