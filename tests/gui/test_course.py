"""How the shipped lessons look: every formula can be drawn, every character has a glyph, every screen fits."""

from __future__ import annotations

import json
import tkinter as tk
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from core.lessons.records import Check, Elsewhere, Lesson, Predict, Text
from core.lessons.shelf import heads, open_lesson
from core.lessons.walk import Outcome, Walk
from gui import fonts
from gui.app import App
from gui.inspector import formula
from gui.settings import Settings
from tests.gui.conftest import FakeWorker, Window

ASSETS = Path(__file__).parents[2] / "assets"
FOLDER = ASSETS / "lessons"
LESSONS = [head.id for head in heads(FOLDER, "en")]
LANGUAGES = ("en", "zh")

languages = pytest.mark.parametrize("language", LANGUAGES)
lessons = pytest.mark.parametrize("id_", LESSONS)


def written(lesson: Lesson) -> Iterator[str]:
    """Every text that a learner may read, but for formulas."""
    yield lesson.head.title
    yield from lesson.programs.values()
    for screen in lesson.screens:
        yield screen.title
        for block in screen.blocks:
            match block:
                case Text():
                    yield from (span.text for span in block.spans if span.style != "math")
                case Elsewhere():
                    yield from (block.library, block.code)
                case Predict():
                    yield from (block.ask, block.right, block.otherwise, *(wrong.say for wrong in block.wrong))
                    yield from (text for choice in block.choices for text in (choice.text, choice.say))
                case Check():
                    yield from (block.ask, block.done, *block.hints, *(wrong.say for wrong in block.wrong))


def glyphs() -> set[int]:
    """What the fonts that come along have, in the upright of each."""
    from matplotlib.font_manager import get_font

    return {char for path in fonts.files() if "Bold" not in path.name for char in get_font(path).get_charmap()}


def test_every_character_of_the_lessons_and_of_the_window_has_a_glyph() -> None:
    texts = [text for id_ in LESSONS for language in LANGUAGES for text in written(open_lesson(FOLDER, id_, language))]
    for table in sorted((ASSETS / "i18n").glob("*.json")):
        texts += json.loads(table.read_text(encoding="utf-8")).values()
    known = glyphs()
    assert len(known) > 6000
    assert {char for text in texts for char in text if char != "\n" and ord(char) not in known} == set()


@lessons
def test_every_formula_can_be_drawn(id_: str) -> None:
    for language in LANGUAGES:
        for screen in open_lesson(FOLDER, id_, language).screens:
            for block in screen.blocks:
                for span in block.spans if isinstance(block, Text) else ():
                    if span.style == "math":
                        drawn = formula.picture(span.text, 12, 72, "black")
                        assert drawn.getbbox() is not None, (screen.id, span.text)
                        assert drawn.width < 350, (screen.id, span.text)  # else it would be made smaller


# ── The panel ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module", params=LANGUAGES)
def window(request: pytest.FixtureRequest, display: str) -> Iterator[Window]:
    """A window of 1440 by 900 in a language, whose worker never answers: only the panel is looked at."""
    worker = FakeWorker()
    worker.held = True
    app = App(start=lambda: worker, settings=Settings(language=request.param, theme="light", size=100, motion="off"))
    tk.Tk.geometry(app, "1440x900+0+0")
    app.lessons.open(LESSONS[0])
    result = Window(app, worker)
    result.wait_until(lambda: app.canvas._ready)
    yield result
    errors = list(app.callback_errors)
    app.close()
    assert not errors, f"raised in a callback: {errors}"


@lessons
def test_every_screen_fits_the_panel_whatever_is_answered(window: Window, id_: str) -> None:
    """As it opens, after each wrong answer, when it is answered, with all hints, with each mistake, when it is done."""
    lesson = open_lesson(FOLDER, id_, window.app.look.words.language)
    cut_off = [
        (walk.screen.id, what, found)
        for what, walk, mistake in _states(lesson)
        if (found := _cut_off(window, walk, mistake))
    ]
    assert cut_off == []


def _states(lesson: Lesson) -> Iterator[tuple[str, Walk, str]]:
    """Every state that a learner may see, with what is said of a mistake."""
    walk = Walk.of(lesson)
    for number in range(len(lesson.screens)):
        walk = walk.at(number)
        yield "opened", walk, ""
        while walk.question is not None:
            right, *wrong = _answers(walk.question[1])
            yield from ((f"answered {answer}", walk.answer(answer), "") for answer in wrong)
            walk = walk.answer(right)
            yield "answered", walk, ""
        for place, check in walk.tasks:
            yield from (("mistaken", walk, mistake.say) for mistake in check.wrong)
            hinted = walk
            for _ in check.hints:
                hinted = hinted.hint()
            yield "hinted", hinted, ""
            walk = _done(walk, place)
            yield "done", walk, ""


def _done(walk: Walk, place: int) -> Walk:
    outcomes = {**walk.progress.outcomes, f"{walk.screen.id}/{place}": Outcome("done", True)}
    return replace(walk, progress=msgspec.structs.replace(walk.progress, outcomes=outcomes))


def _answers(predict: Predict) -> Iterator[tuple[float, ...] | str]:
    """The right answer, then the wrong ones."""
    if predict.kind == "choice":
        yield from (choice.text for choice in sorted(predict.choices, key=lambda choice: not choice.right))
    else:
        for answer in (predict.answer, *(wrong.answer for wrong in predict.wrong)):
            yield answer if isinstance(answer, str | tuple) else (answer,)


def _cut_off(window: Window, walk: Walk, mistake: str) -> list[str]:
    """What does not have the room it needs."""
    panel = window.app.lessons.panel
    panel.show(walk, mistake)
    window.app.update()
    window.wait_until(lambda: not panel.formulas.pending)
    window.app.update()
    parts = [panel.title, panel.box, panel.ask, panel.said, panel.row, panel.onward, *panel.choices]
    found = [
        f"{type(part).__name__} {part.winfo_reqheight()} in {part.winfo_height()}"
        for part in parts
        if part.winfo_ismapped() and part.winfo_reqheight() > part.winfo_height()
    ]
    if panel.title.winfo_reqwidth() > panel.title.winfo_width():
        found.append("title")
    if (walk.question is not None or walk.tasks) and not panel.box.winfo_ismapped():
        found.append("no box")
    if panel.text.yview() != (0.0, 1.0):
        found.append(f"text {panel.text.yview()}")
    return found
