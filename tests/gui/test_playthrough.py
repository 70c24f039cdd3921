"""Every lesson of the course walked through as a learner does it, by events on the real window with the real worker.

Each prediction is typed, chosen or picked, each task is done by the means that its text names; at the end all of it
must count.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.lessons.records import Check, Predict, Supposed
from core.lessons.shelf import heads
from core.lessons.walk import Walk
from core.playback import Playback
from gui.app import App, start_worker
from gui.editor.mistake import LINE
from gui.lesson.lessons import names_of
from gui.picture.cards import Card
from gui.settings import Settings
from tests.gui.conftest import FakeWorker, Window
from tests.gui.test_menu import choose, labels, right_click
from tests.gui.test_seed_editor import write

FOLDER = Path(__file__).parents[2] / "assets" / "lessons"
LESSONS = [head.id for head in heads(FOLDER, "en")]
IN_CHINESE = ("detach", "accumulate", "kinks")
BY_HAND = {("dot", "cut"): ("x", "torch.dot(x, x)")}
"""Tasks whose solution is written as a program, since one slot of a use cannot be named: here a wire is clicked."""
STEPS = 120


class Learner:
    """Somebody at the window.

    Attributes:
        chosen: how many choices were made: every other one by the keyboard.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.app: App = window.app
        self.chosen = self.turned = 0

    # ── What stands there ─────────────────────────────────────────────────────────────────────────────────────────

    @property
    def walk(self) -> Walk:
        assert self.app.lessons.walk is not None
        return self.app.lessons.walk

    @property
    def playback(self) -> Playback:
        assert self.app.session.playback is not None
        return self.app.session.playback

    def rest(self) -> None:
        """Until the program has run and is drawn."""
        self.window.settle()
        self.window.wait_until(lambda: not self.app.session.busy and self._drawn, 90)
        self.window.settle()
        assert not self.app.callback_errors

    @property
    def _drawn(self) -> bool:
        """Whether the picture is of the run that is shown."""
        picture, playback = self.app.canvas.picture, self.app.session.playback
        shown = picture.trace if picture is not None else None
        return not self.app.canvas.arranging and (playback is None or shown is playback.trace)

    def card(self, name: str) -> Card:
        """The card that a lesson calls so; in sight."""
        if not self.app.session.playback:
            self.step()
        graph = self.app.graph
        assert graph is not None
        found = next(card for card in graph.cards if name in names_of(self.playback.trace, card))
        self.app.canvas.reveal(found.id)
        self.window.settle()
        return found

    def corner(self, name: str) -> tuple[float, float]:
        """A pixel on that card."""
        card, picture = self.card(name), self.app.canvas.picture
        assert picture is not None
        left, top, right, bottom = picture.rect(card.id)
        return self.window.on_screen(left + (right - left) / 4, top + (bottom - top) / 6)

    # ── What is done ──────────────────────────────────────────────────────────────────────────────────────────────

    def step(self) -> None:
        self.window.key("<space>", self.app.canvas)
        self.rest()

    def click(self, widget: tk.Misc) -> None:
        """A click in the middle of a widget that is in sight."""
        self.app.update()
        assert widget.winfo_viewable()
        x, y = widget.winfo_width() // 2, widget.winfo_height() // 2
        for event in ("<Enter>", "<ButtonPress-1>", "<ButtonRelease-1>"):
            widget.event_generate(event, x=x, y=y)
        self.rest()

    def answer(self, predict: Predict) -> None:
        """Gives the right answer."""
        panel = self.app.lessons.panel
        if predict.kind == "numbers":
            numbers = predict.answer if isinstance(predict.answer, tuple) else (predict.answer,)
            write(self.window, panel.entry, ", ".join(f"{float(number):g}" for number in numbers))
        elif predict.kind == "card":
            self.window.click(*self.corner(str(predict.answer)))
        else:
            label = panel.choices[next(n for n, choice in enumerate(predict.choices) if choice.right)]
            self.chosen += 1
            if self.chosen % 2:
                self.click(label)
            else:
                self.window.key("<Return>", label)
        self.rest()

    def do(self, check: Check) -> None:
        """Makes the changes that solve a task, then steps to where it asks for."""
        solution, place = check.solution, (self.walk.lesson.head.id, self.walk.screen.id)
        if place in BY_HAND:
            self.window.click(*self.window.on_wire(*BY_HAND[place]))
        elif solution.program:
            self.type_program(self.walk.lesson.programs[solution.program])
        else:
            self.suppose(solution)
        self.rest()
        for _ in range(STEPS):
            if not self.walk.tasks or self.walk.tasks[0][1] is not check:
                return
            self.step()

    def suppose(self, solution: Supposed) -> None:
        for call, numbers in solution.seeds.items():
            self.type_seed(int(call), numbers)
        for name, values in solution.set.items():
            self.type_leaf(name, values)
        for name in solution.untracked:
            self.by_menu(self.corner(name), "menu.untrack")
        for place in solution.uncleared:
            self.leave_out(int(place.partition(":")[0]))
        for place in solution.cut:
            self.cut(*place.partition("->")[::2])
        for place in solution.heal:
            self.heal(place)

    def type_program(self, source: str) -> None:
        """Puts a program in place of the one that stands there, and runs it."""
        text = self.app.editor.text
        self.window.key("<Control-a>", text)
        self.app.clipboard_clear()
        self.app.clipboard_append(source)
        text.event_generate("<<Paste>>")
        self.window.settle()
        assert self.app.session.source == source
        self.window.key("<F5>", text)

    def type_seed(self, number: int, numbers: tuple[float, ...]) -> None:
        """Clicks the seed on the picture and types another."""
        editor, picture = self.app.seed_editor, self.app.canvas.picture
        while picture is None or self.playback.current_pass is None:
            self.step()
            picture = self.app.canvas.picture
        seed = next(seed for seed in picture.seeds if seed.pass_ == number)
        rect = self.app.canvas.seed_rect(seed)
        assert rect is not None
        self.window.click(*self.window.on_screen((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2))
        assert editor.opened
        self.type_numbers(editor.used, numbers)
        self.window.key("<Escape>")

    def type_leaf(self, name: str, values: tuple[float, ...]) -> None:
        """Clicks a leaf and types its values into the fields below the inspector."""
        self.window.click(*self.corner(name))
        assert self.app.leaf_editor.winfo_ismapped()
        self.type_numbers(self.app.leaf_editor.used, values)

    def type_numbers(self, fields: Callable[[], object], numbers: tuple[float, ...]) -> None:
        for place, number in enumerate(numbers):
            field = fields()[place]  # type: ignore[index]
            write(self.window, field, f"{number:g}")
            self.rest()

    def by_menu(self, where: tuple[float, float], key: str) -> None:
        say = self.app.look.words
        right_click(self.window, *where)
        assert say(key) in labels(self.window)
        choose(self.window, say(key))

    def leave_out(self, line: int) -> None:
        """Goes to where ``.grad`` is cleared in a line, and says in the menu of the picture that it should not be."""
        go = "<Left>" if self.playback.at_end else "<space>"
        for _ in range(STEPS):
            event = self.playback.event
            if event is not None and event.kind == "grad" and event.line == line:
                break
            self.window.key(go, self.app.canvas)
        canvas = self.app.canvas
        self.by_menu((canvas.winfo_width() - 20, canvas.winfo_height() * 0.8), "menu.no_clear")

    def cut(self, value: str, use: str) -> None:
        """Clicks the edge of that use."""
        source = value.partition(":")[2].strip()
        target = use.partition(":")[2].strip()
        self.click_wire(source, target)

    def heal(self, place: str) -> None:
        """Clicks the dashed edge into a ``.detach()``."""
        self.click_wire("", place.partition(":")[2].strip())

    def click_wire(self, source: str, target: str) -> None:
        """Clicks a wire from one card to another; '' is whichever there is."""
        graph = self.app.graph
        assert graph is not None
        cards = {card.id: names_of(self.playback.trace, card) for card in graph.cards}
        wire = next(
            wire for wire in graph.wires
            if source in (*cards[wire.source], "") and target in (*cards[wire.target], "")
        )  # fmt: skip
        self.window.click(*self.window.on_wire(graph.cards[wire.source].title, graph.cards[wire.target].title))

    def go_on(self) -> None:
        """The next screen: every other time by the keyboard."""
        self.turned += 1
        if self.turned % 2:
            self.click(self.app.lessons.panel.onward._canvas)
        else:
            self.window.key("<F4>", self.app.canvas)
        self.rest()


@pytest.fixture(scope="module")
def course(display: str) -> Iterator[Learner]:
    """One window and one worker for all lessons."""
    app = App(start=start_worker, settings=Settings(language="en", theme="light", size=100, motion="off"))
    window = Window(app, FakeWorker())
    app.lessons.open(LESSONS[0])
    app.focus_force()
    window.wait_until(lambda: app.canvas._ready and app.session.state == "ready", 90)
    yield Learner(window)
    errors = list(app.callback_errors)
    app.close()
    assert not errors, f"raised in a callback: {errors}"


@pytest.mark.parametrize(("id_", "language"), [*((id_, "en") for id_ in LESSONS), *((id_, "zh") for id_ in IN_CHINESE)])
def test_a_lesson_from_the_first_screen_to_the_recap(course: Learner, id_: str, language: str) -> None:
    app = course.app
    app.lessons.close()
    app.lessons.progress = {}
    app.prefer(language=language)
    assert app.lessons.open(id_)
    course.rest()
    screens = course.walk.lesson.screens
    for number, screen in enumerate(screens):
        assert course.walk.screen is screen
        assert course.walk.number == number
        while course.walk.question is not None or course.walk.tasks:
            before = course.walk.progress.outcomes
            if course.walk.question is not None:
                course.answer(course.walk.question[1])
            else:
                course.do(course.walk.tasks[0][1])
            assert course.walk.progress.outcomes != before, f"{screen.id}: nothing came of it"
        if number < len(screens) - 1:
            course.go_on()
    right, wanted = course.walk.score
    assert right == wanted, course.walk.progress.outcomes
    course.go_on()
    assert app.lessons.listing
    assert app.lessons.list_page.winfo_ismapped()
    assert not app.callback_errors


def opened(course: Learner, id_: str, screen: str) -> None:
    """A screen of a lesson that is begun anew."""
    app = course.app
    app.lessons.close()
    app.lessons.progress = {}
    app.prefer(language="en")
    app.lessons.open(id_)
    app.lessons.go([one.id for one in course.walk.lesson.screens].index(screen))
    course.rest()


def test_a_wrong_answer_is_told_its_mistake_and_what_is_no_number_is_no_answer(course: Learner) -> None:
    opened(course, "detach", "predict")
    panel, cursor = course.app.lessons.panel, course.playback.cursor
    write(course.window, panel.entry, "1, 2 or 3")
    assert "cannot be read as numbers" in panel.said.cget("text")
    assert not course.walk.progress.outcomes
    write(course.window, panel.entry, "[0, 3, 12, 27]")
    assert "The path through y is cut" in panel.said.cget("text")
    assert (course.walk.score[0], course.playback.cursor) == (0, cursor)
    write(course.window, panel.entry, "x**2")
    course.rest()
    assert course.walk.question is None
    assert course.playback.at_end
    assert course.walk.score[0] == 0  # the first answer counts


def seen(text: tk.Text) -> str:
    """What is not held back of a text."""
    return str(text.tk.call(text, "get", "-displaychars", "--", "1.0", "end"))


def test_what_would_answer_a_question_is_not_shown_before(course: Learner) -> None:
    app = course.app
    opened(course, "jacobian", "map-two")
    assert "It is shown once you have answered." in app.inspector.text.get("1.0", "end")
    course.click(app.lessons.panel.onward._canvas)
    assert course.walk.question is None
    course.window.wait_until(lambda: "dense" in app.inspector.text.get("1.0", "end"), 60)
    opened(course, "detach", "predict")
    app.pages.turn("transcript.title")
    assert "arange" in seen(app.transcript.text)
    assert "x.grad" not in seen(app.transcript.text)
    write(course.window, app.lessons.panel.entry, "0 1 4 9")
    course.rest()
    assert "x.grad" in seen(app.transcript.text)
    opened(course, "in-place", "outcome")
    assert not app.editor.text.tag_ranges(LINE)
    assert "once you have answered" in app.output.text.get("1.0", "end")
    course.click(app.lessons.panel.choices[0])
    assert app.editor.text.tag_ranges(LINE)
    assert "modified by an inplace operation" in app.output.text.get("1.0", "end")


def test_a_program_that_has_not_run_runs_once_the_question_is_answered(course: Learner) -> None:
    opened(course, "in-place", "caught")
    assert course.app.session.playback is None
    course.click(course.app.lessons.panel.choices[0])
    assert course.playback.at_end
    assert course.playback.trace.error is not None
