"""What an author must know of a lesson before learners do: every program is run, every answer and figure is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.expression import ExpressionError, evaluate
from core.lessons.claims import DOT, answered, called, feedback, holds, mistake, moment, told, worked_out
from core.lessons.records import Check, Lesson, Place, Predict, Screen, Supposed, Text
from core.playback import Playback
from core.records import Trace, WhatIf

WRITTEN: Final = 6e-4
"""How far a figure in a text may be off, relative to its size: four digits are written."""

Run = Callable[[str, WhatIf], Trace]
"""Runs a program with what-ifs; raises ValueError where they do not fit it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with a lesson, in one line for its author.

    Attributes:
        screen: its id.
        line: of the block, in the file that the screen was read from.
    """

    screen: str
    line: int
    message: str


def faults(lesson: Lesson, run: Run) -> Iterator[Fault]:
    """Everything that is wrong with a lesson."""
    known: dict[tuple[str, str], Playback | str] = {}

    def at_end(supposed: Supposed, program: str) -> Playback | str:
        """The run of a state, or why there is none."""
        key = (supposed.program or program, repr(supposed.what_if))
        if key not in known:
            try:
                known[key] = Playback.of(run(lesson.programs[key[0]], supposed.what_if)).end()
            except KeyError:
                known[key] = f"there is no program {key[0]!r}"
            except ValueError as error:
                known[key] = str(error)
        return known[key]

    for screen in lesson.screens:
        state = at_end(screen.show.suppose, screen.program)
        if isinstance(state, str):
            yield Fault(screen.id, screen.line, f"show: {state}")
            continue
        found = list(_of_screen(screen, state, lambda supposed, of=screen: at_end(supposed, of.program)))  # type: ignore[misc]
        error = state.trace.error
        if found and error is not None:  # as a rule the cause of all the others
            yield Fault(screen.id, screen.line, f"the program, line {error.line}: {error.type}: {error.message}")
        yield from (Fault(screen.id, line or screen.line, message) for line, message in found)


def _of_screen(
    screen: Screen, state: Playback, at_end: Callable[[Supposed], Playback | str]
) -> Iterator[tuple[int, str]]:
    """Lines and messages."""
    yield from ((screen.line, f"show: {message}") for message in _of_place(screen.show, state))
    opened = moment(screen.show, state)
    before = state if opened is None else state.at(opened)
    for block, line in zip(screen.blocks, screen.lines, strict=True):
        match block:
            case Text():
                yield from ((line, message) for message in _of_text(block, state))
            case Predict():
                yield from ((line, f"predict: {message}") for message in _of_predict(block, state))
            case Check():
                yield from ((line, f"check: {message}") for message in _of_check(block, before, at_end))


def _of_place(place: Place, state: Playback) -> Iterator[str]:
    if place.at and moment(place, state) is None:
        yield f"at: nothing that happens is called {place.at!r}"
    if place.select and place.select not in _cards(state):
        yield f"select: nothing is called {place.select!r}"


def _cards(state: Playback) -> set[str]:
    """What the cards of a run are called."""
    trace = state.trace
    return {name for op in trace.ops for name in called(trace, op)} | {leaf.name for leaf in trace.leaves}


def _of_text(text: Text, state: Playback) -> Iterator[str]:
    """Figures that are marked as computed."""
    for span in text.spans:
        if span.computed:
            try:
                written, found = evaluate(span.text, {}), worked_out(span.computed, state)
            except ExpressionError as error:
                yield f"{span.text!r} cannot be compared with {span.computed!r}: {_reason(error)}"
                continue
            if written.shape != found.shape or not _near(written, found):
                yield f"the text says {span.text}, but {span.computed} is {found.tolist()}"


def _near(written: np.ndarray, found: np.ndarray) -> bool:
    return bool(np.allclose(written, found, rtol=WRITTEN, atol=1e-9, equal_nan=True))


def _of_predict(predict: Predict, state: Playback) -> Iterator[str]:
    yield from _of_place(predict.then, state)
    if predict.kind == "card" and predict.answer not in _cards(state):
        yield f"nothing is called {predict.answer!r}"
    if predict.kind == "numbers":
        try:
            found = worked_out(predict.computed, state)
            if not _near(np.ravel(np.asarray(predict.answer, float)), np.ravel(found)):
                yield f"the answer is {predict.answer}, but {predict.computed} is {found.tolist()}"
        except ExpressionError as error:
            yield f"computed {predict.computed!r}: {_reason(error)}"
        except ValueError as error:
            yield f"the answer cannot be compared with {predict.computed!r}: {error}"
    for wrong in predict.wrong:
        if answered(predict, wrong.answer if isinstance(wrong.answer, str | tuple) else (wrong.answer,)):
            yield f"the wrong answer {wrong.answer} counts as right"
    for choice in predict.choices:
        if not feedback(predict, choice.text):
            yield f"nothing is answered to {choice.text!r}"
    if predict.kind != "choice" and not predict.right:
        yield "nothing is answered to the right answer"


def _of_check(check: Check, before: Playback, at_end: Callable[[Supposed], Playback | str]) -> Iterator[str]:
    if all(holds(claim, before) for claim in check.holds):
        yield "it holds before anything is done"
    for claim in check.holds:
        yield from _of_place(Place(at=claim.at, call=claim.call), before)
    solved = at_end(check.solution)
    if isinstance(solved, str):
        yield f"solution: {solved}"
    else:
        # Where the run must stand is for the learner to reach; the solution only shows that the place is there.
        unmet = (claim for claim in check.holds if not claim.at and not holds(claim, solved))
        yield from (f"the solution does not do: {told(claim)} does not hold" for claim in unmet)
    for wrong in check.wrong:
        state = at_end(wrong)
        if isinstance(state, str):
            yield f"wrong: {state}"
        elif all(holds(claim, state) for claim in check.holds):
            yield f"a wrong state does as well: {wrong.say!r}"
        elif mistake(check.wrong, wrong.program, state.trace) is not wrong:
            yield f"a wrong state is not told from the others: {wrong.say!r}"


def _reason(error: ExpressionError) -> str:
    said = f"{error.key.removeprefix('expression.')} {', '.join(map(str, error.facts.values()))}"
    return said.replace(DOT, ".").strip()
