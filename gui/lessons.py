"""The lesson that is open: ties what the learner does in the window to their walk, and keeps how far they are."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterable
from pathlib import Path

from core.expression import ExpressionError, Values, evaluate
from core.lessons.claims import called, moment
from core.lessons.records import Place, Show
from core.lessons.shelf import heads, load_progress, named, open_lesson, save_progress
from core.lessons.walk import Walk
from core.playback import Playback
from core.records import Trace
from gui import figures
from gui.cards import Card
from gui.lesson_list import LessonList, Line
from gui.lesson_panel import Learner, LessonPanel
from gui.session import Session
from gui.theme import Look

KEEP_DELAY = 400
"""Milliseconds after a change before progress is written."""
PAGES = {"output": "output.title", "words": "transcript.title", "flow": "flow.title"}


class Lessons(tk.Frame):
    """The lesson's panel or the contents page, whichever is open.

    Args:
        session: what the learner steps and changes.
        folder: where the lessons are.
        kept: the file that progress is kept in; None keeps nothing.
        tell: says what is wrong, by the key of its text.
        on_change: the panel has come or gone, or another lesson is open.
        on_place: goes to a place: chooses its card, turns to its page.

    Attributes:
        walk: None while no lesson is open.
        folder: where the lesson that is open came from.
        listing: whether the contents page is open.
    """

    def __init__(
        self, master: tk.Misc, session: Session, folder: Path, kept: Path | None, *, tell: Callable[..., object],
        on_change: Callable[[], object], on_place: Callable[[Place], object],
    ) -> None:  # fmt: skip
        super().__init__(master, borderwidth=0)
        self._session, self._folder, self._kept = session, folder, kept
        self.folder = folder
        self._wanted: Place | None = None
        self._tell, self._on_change, self._on_place = tell, on_change, on_place
        self._look: Look | None = None
        self._mistake = self._keeping = ""
        self.progress = load_progress(kept) if kept is not None else {}
        self.walk: Walk | None = None
        self.listing = False
        learner = Learner(
            answer=self.answer, skip=self.skip, hint=self.hint, go=self.go, put_back=self.put_back,
            contents=self.list, close=self.close,
        )  # fmt: skip
        self.panel = LessonPanel(self, learner)
        self.list_page = LessonList(self, on_open=self.open, on_reset=self.reset, on_close=self._unlist)

    @property
    def shown(self) -> bool:
        return self.listing or self.walk is not None

    @property
    def asking(self) -> bool:
        """Whether a question waits for an answer."""
        return self.walk is not None and self.walk.question is not None

    # ── Opening and closing ───────────────────────────────────────────────────────────────────────────────────────

    def open(self, id_: str) -> bool:
        """Opens a lesson of the folder where it was left; False where it cannot be, which is said."""
        return self._open(self._folder, id_)

    def resume(self, id_: str) -> bool:
        """Opens the lesson that was open last, else the first one; False where there is none."""
        assert self._look is not None
        known = [head.id for head in heads(self._folder, self._look.words.language)]
        return bool(known) and self.open(id_ if id_ in known else known[0])

    def open_file(self, path: Path) -> bool:
        """Opens a lesson from anywhere; what it has in it runs only when the reader says so."""
        id_, language = named(path)
        return self._open(path.parent, id_, language)

    def _open(self, folder: Path, id_: str, only: str = "") -> bool:
        assert self._look is not None
        try:
            lesson = open_lesson(folder, id_, only or self._look.words.language)
        except OSError:
            self._tell("lesson.unknown", wrong=True, id=id_)
            return False
        except ValueError as error:
            self._tell("lesson.bad", wrong=True, name=id_, reason=str(error))
            return False
        self.listing, self.folder = False, folder
        self._take(Walk.of(lesson, self.progress.get(id_)), moved=True)
        self._on_change()
        return True

    def close(self) -> None:
        """The program stays; the lesson goes."""
        if self.shown:
            self.walk, self.listing = None, False
            self._on_change()
            self.show()

    def list(self) -> None:
        """Opens the contents page."""
        assert self._look is not None
        lines = []
        for head in heads(self._folder, self._look.words.language):
            kept = self.progress.get(head.id)
            score = None
            if kept is not None:
                walk = Walk.of(open_lesson(self._folder, head.id, self._look.words.language), kept)
                score = walk.score if walk.progress.seen else None
            lines.append(Line(head, score))
        self.list_page.show(lines, self.walk.lesson.head.id if self.walk is not None else "")
        self.listing = True
        self._on_change()
        self.show()
        self.list_page.text.focus_set()

    def _unlist(self) -> None:
        self.listing = False
        self._on_change()
        self.show()

    def reset(self) -> None:
        """Forgets all progress."""
        self.progress = {}
        self._keep()
        if self.walk is not None:
            self._take(Walk.of(self.walk.lesson), moved=True)
        self.list()

    # ── What the learner does ─────────────────────────────────────────────────────────────────────────────────────

    def answer(self, typed: str) -> None:
        """Answers the question that is open, with what was typed or chosen or picked."""
        question = self.walk.question if self.walk is not None else None
        if self.walk is None or question is None:
            return
        if question[1].kind != "numbers":
            self._answered(self.walk.answer(typed))
            return
        numbers = self._numbers(typed)
        if numbers is not None:
            self._answered(self.walk.answer(numbers))

    def picked(self, names: Iterable[str]) -> bool:
        """A card was clicked that is called so; whether that was the answer to a question."""
        question = self.walk.question if self.walk is not None else None
        if self.walk is None or question is None or question[1].kind != "card":
            return False
        names = list(names)
        known = (question[1].answer, *(wrong.answer for wrong in question[1].wrong))
        name = next((name for name in known if name in names), next(iter(names), ""))
        if name:
            self._answered(self.walk.answer(str(name)))
        return bool(name)

    def skip(self) -> None:
        if self.walk is not None:
            self._answered(self.walk.skip())

    def onward(self) -> None:
        """The next screen; an open question is shown its answer first."""
        if self.walk is not None and self.walk.question is not None:
            self.skip()
        elif self.walk is not None:
            self.go(self.walk.number + 1)

    def backward(self) -> None:
        if self.walk is not None:
            self.go(self.walk.number - 1)

    def hint(self) -> None:
        if self.walk is not None:
            self._take(self.walk.hint())

    def go(self, number: int) -> None:
        """Another screen; past the last one, the contents page."""
        if self.walk is None:
            return
        if number >= len(self.walk.lesson.screens):
            self._keep()
            self.list()
        elif number >= 0:
            self._take(self.walk.at(number), moved=True)

    def put_back(self) -> None:
        """The screen's program as the lesson has it."""
        if self.walk is not None:
            self._take(self.walk.put_back(), moved=True)

    def _numbers(self, typed: str) -> tuple[float, ...] | None:
        """Numbers, or an expression over the values that are there."""
        try:
            return tuple(figures.parse_numbers(typed))
        except ValueError:
            pass
        playback = self._session.playback
        try:
            names = Values(playback) if playback is not None else {}
            return tuple(evaluate(typed, names).ravel().tolist())
        except ExpressionError:
            self._mistake = self._look.words("lesson.number", text=figures.clip(typed, 24)) if self._look else ""
            self.show()
            return None

    def _answered(self, walk: Walk) -> None:
        before = self.walk.question if self.walk is not None else None
        self._mistake = ""
        self._take(walk)
        if before is not None and walk.question is None:
            self._go(before[1].then)

    # ── The session has changed ───────────────────────────────────────────────────────────────────────────────────

    def heard(self) -> None:
        """Looks at what the learner has done."""
        session, walk = self._session, self.walk
        if walk is None:
            return
        walk = walk.edit(session.source)
        playback, mistake = session.playback, None
        if playback is not None and not session.busy and not session.stale:
            if self._wanted is not None:
                wanted, self._wanted = self._wanted, None
                self._on_place(wanted)
            walk = walk.watch(playback)
            mistake = walk.mistaken(playback)
        if walk.question is None:  # else what is said of an answer stays
            self._mistake = mistake.say if mistake is not None else ""
        if walk != self.walk:
            self._take(walk)
        else:
            self.show()

    def _take(self, walk: Walk, *, moved: bool = False) -> None:
        asked, self.walk = self.asking, walk
        self.progress = {**self.progress, walk.lesson.head.id: walk.progress}
        self._keep()
        if moved:
            self._mistake = ""
            self._stage(walk)
        if self.asking != asked:
            self._on_change()
        self.show()

    def _stage(self, walk: Walk) -> None:
        """Puts the screen's program and what-ifs before the learner, runs them, and goes to the moment it shows.

        A screen that shows nothing leaves everything as it is, but for another program.
        """
        session, show = self._session, walk.screen.show
        shows = show != Show()
        same = session.source == walk.program and (not shows or session.what_if == show.suppose.what_if)
        if not same:
            session.open_program(walk.program, "", show.suppose.what_if if shows else None)
        if shows:
            self._go(show)

    def _go(self, place: Place) -> None:
        """Goes to a place in the run; where there is none yet, the program runs first."""
        playback = self._session.playback
        if place.at and (playback is None or self._session.stale):
            self._session.run(lambda playback: _land(place, playback))
            self._wanted = place
            return
        found = moment(place, playback) if playback is not None else None
        if found is not None:
            self._session.seek(found)
        self._on_place(place)

    def _keep(self) -> None:
        """Keeps progress soon, once for many changes."""
        if self._kept is not None and not self._keeping:
            self._keeping = self.after(KEEP_DELAY, self._write)

    def _write(self) -> None:
        self._keeping = ""
        assert self._kept is not None
        try:
            save_progress(self.progress, self._kept)
        except OSError as error:
            self._tell("error.settings", wrong=True, reason=error.strerror or str(error))

    def end(self) -> None:
        """Keeps what is not kept yet; the window is about to close."""
        if self._keeping:
            self.after_cancel(self._keeping)
            self._write()

    # ── Appearance ────────────────────────────────────────────────────────────────────────────────────────────────

    def show(self) -> None:
        page: tk.Widget = self.list_page if self.listing else self.panel
        if not page.winfo_manager():
            for other in self.pack_slaves():
                other.pack_forget()
            page.pack(fill="both", expand=True)
        self.panel.show(self.walk, self._mistake)

    def dress(self, look: Look) -> None:
        """Another language is another file of the same lesson; the learner stays where they are."""
        again = self._look is not None and self._look.words.language != look.words.language
        self._look = look
        self.configure(background=look["panel"])
        self.panel.dress(look)
        self.list_page.dress(look)
        if again and self.walk is not None:
            self._translate(look.words.language)
        if again and self.listing:
            self.list()

    def _translate(self, language: str) -> None:
        assert self.walk is not None
        try:
            lesson = open_lesson(self.folder, self.walk.lesson.head.id, language)
        except (OSError, ValueError):
            return
        self._take(Walk.of(lesson, self.walk.progress))


def _land(place: Place, playback: Playback) -> int:
    found = moment(place, playback)
    return found if found is not None else 0


def names_of(trace: Trace, card: Card) -> set[str]:
    """What a lesson may call a card: its title, its results' names, its expression, torch's name."""
    names = {card.title, *(name for value in card.values for name in trace.values[value].names)}
    return names | (set(called(trace, trace.ops[card.op])) if card.op is not None else set())
