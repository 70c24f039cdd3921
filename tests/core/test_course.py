"""The lessons that are shipped: every program is run, every answer and every figure is tried, in both languages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from core.engine import record
from core.lessons.checking import faults
from core.lessons.claims import feedback
from core.lessons.records import Check, Elsewhere, Lesson, Predict, Text
from core.lessons.shelf import heads, open_lesson
from core.lessons.walk import Walk
from core.playback import Playback
from core.records import Options, Trace, WhatIf

FOLDER = Path(__file__).parents[2] / "assets" / "lessons"
TABLES = FOLDER.parent / "i18n"
LANGUAGES = ("en", "zh")
NAMED = ("menu.heal", "menu.untrack", "menu.no_clear", "seed.presets", "jacobian.whole", "where.grad")
"""What lessons name of the window, by the key of its word."""
HEADS = heads(FOLDER, "en")

lessons = pytest.mark.parametrize("id_", [head.id for head in HEADS])
languages = pytest.mark.parametrize("language", LANGUAGES)


RUNS: dict[tuple[str, str], Trace] = {}


def run(source: str, what_if: WhatIf) -> Trace:
    """Each program runs once for both languages."""
    key = (source, repr(what_if))
    if key not in RUNS:
        RUNS[key] = record(source, what_if, Options(verify=False))
    return RUNS[key]


@cache
def lesson(id_: str, language: str) -> Lesson:
    return open_lesson(FOLDER, id_, language)


def test_twenty_lessons_stand_in_order() -> None:
    assert [head.order for head in HEADS] == list(range(1, 21))
    assert all(0 < head.minutes <= 15 for head in HEADS)


@languages
@lessons
def test_nothing_is_wrong_with_a_lesson(id_: str, language: str) -> None:
    assert list(faults(lesson(id_, language), run)) == []


@lessons
def test_a_translation_lacks_nothing_and_says_the_same_figures(id_: str) -> None:
    english, chinese = (lesson(id_, language) for language in LANGUAGES)
    assert english.head.title != chinese.head.title
    assert {screen.language for screen in chinese.screens} == {"zh"}
    for one, other in zip(english.screens, chinese.screens, strict=True):
        assert one.title != other.title, one.id
        assert _figures(one.blocks) == _figures(other.blocks), one.id
        for ours, theirs in zip(_said(one.blocks), _said(other.blocks), strict=True):
            assert (theirs == ours) == (not ours), (one.id, ours)


@lessons
def test_what_a_text_names_in_the_window_is_called_so_there(id_: str) -> None:
    tables = [json.loads((TABLES / f"{language}.json").read_text(encoding="utf-8")) for language in LANGUAGES]
    screens = zip(*(lesson(id_, language).screens for language in LANGUAGES), strict=True)
    for screen in screens:
        english, chinese = (" ".join(_written(one.blocks)).casefold() for one in screen)
        for key in NAMED:
            ours, theirs = (table[key].casefold() for table in tables)
            assert (ours in english) <= (theirs in chinese), (screen[0].id, ours, theirs)


def _written(blocks: tuple[object, ...]) -> Iterator[str]:
    """Texts, tasks and hints."""
    for block in blocks:
        if isinstance(block, Text):
            yield block.plain
        elif isinstance(block, Check):
            yield from (block.ask, *block.hints)


def _figures(blocks: tuple[object, ...]) -> set[str]:
    """What a text marks as computed."""
    return {span.computed for block in blocks if isinstance(block, Text) for span in block.spans if span.computed}


def _said(blocks: tuple[object, ...]) -> list[str]:
    """What is asked, and everything that is answered to it."""
    said: list[str] = []
    for block in blocks:
        if isinstance(block, Predict):
            choices = [choice.say for choice in block.choices]
            said += [block.ask, block.right, block.otherwise, *choices, *(wrong.say for wrong in block.wrong)]
        elif isinstance(block, Check):
            said += [block.ask, block.done, *(wrong.say for wrong in block.wrong)]
    return said


@lessons
def test_a_lesson_asks_before_it_tells_and_ends_with_a_recap(id_: str) -> None:
    screens = lesson(id_, "en").screens
    blocks = [block for screen in screens for block in screen.blocks]
    assert screens[-1].id == "recap"
    assert any(isinstance(block, Predict) for block in screens[-1].blocks)
    assert sum(isinstance(block, Predict) for block in blocks) >= 3
    assert sum(isinstance(block, Check) for block in blocks) >= 1
    libraries = {block.library for block in blocks if isinstance(block, Elsewhere)}
    assert libraries in (set(), {"TensorFlow", "JAX", "Paddle"})


@languages
@lessons
def test_every_answer_is_answered_as_the_lesson_says(id_: str, language: str) -> None:
    walk = Walk.of(lesson(id_, language))
    for number in range(len(walk.lesson.screens)):
        walk = walk.at(number)
        while walk.question is not None:
            predict = walk.question[1]
            answers = _answers(predict)
            for given, said, right in sorted(answers, key=lambda answer: answer[2]):
                assert feedback(predict, given) == said
                tried = walk.answer(given)
                assert (tried.question is None or tried.question[1] is not predict) == right
                assert tried.said == said
            walk = walk.answer(next(given for given, _, right in answers if right))
    questions = sum(isinstance(block, Predict) for screen in walk.lesson.screens for block in screen.blocks)
    assert walk.score[0] == questions


def _answers(predict: Predict) -> list[tuple[tuple[float, ...] | str, str, bool]]:
    """The right answer and each listed wrong one, with what is answered."""
    if predict.kind == "choice":
        return [(choice.text, choice.say, choice.right) for choice in predict.choices]
    wrong = [(_given(wrong.answer), wrong.say, False) for wrong in predict.wrong]
    return [(_given(predict.answer), predict.right, True), *wrong]


def _given(answer: tuple[float, ...] | float | str) -> tuple[float, ...] | str:
    return answer if isinstance(answer, str | tuple) else (answer,)


@lessons
def test_every_task_is_done_by_its_solution_and_by_nothing_else(id_: str) -> None:
    walk = Walk.of(lesson(id_, "en"))
    for number, screen in enumerate(walk.lesson.screens):
        walk = walk.at(number)
        while walk.question is not None:
            walk = walk.skip()
        for place, check in walk.tasks:
            for wrong in check.wrong:
                end = _end(walk, wrong.program or screen.program, wrong.what_if)
                assert walk.watch(end).tasks == walk.tasks
                assert walk.mistaken(end) is wrong
            solution = check.solution
            done = walk.watch(_end(walk, solution.program or screen.program, solution.what_if))
            assert place not in dict(done.tasks)


def _end(walk: Walk, program: str, what_if: WhatIf) -> Playback:
    return Playback.of(run(walk.lesson.programs[program], what_if)).end()
