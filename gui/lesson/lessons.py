"""The lesson that is open: ties what the learner does in the window to their walk, and keeps how far they are."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from core.expression import ExpressionError, Values, evaluate
from core.lessons.claims import called, moment
from core.lessons.records import Lesson, Place, Show
from core.lessons.shelf import NewerError, found, heads, load_progress, named, open_file, open_lesson, save_progress
from core.lessons.trust import Trust
from core.lessons.walk import Progress, Walk
from core.playback import Playback
from core.records import Trace
from gui import bounds, figures
from gui.i18n import Words
from gui.lesson.lesson_list import LessonList, Line
from gui.lesson.lesson_panel import Learner, LessonPanel
from gui.lesson.trust_banner import ASKED, TrustBanner
from gui.picture.cards import Card
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
        path: the file of the lesson that is open.
        listing: whether the contents page is open.
        drafting: the walk is through a lesson that is being written: nothing is kept of it, and nothing runs for it.
        sheltering: the program in the editor is a lesson's, which is kept with the progress.
        leave: asked before a lesson that is being written goes; False keeps it.
        may_open: asked before a lesson takes the place of the program; False keeps that.
        turned: told of the screen the author wants to see.
    """

    def __init__(
        self, master: tk.Misc, session: Session, folder: Path, kept: Path | None, *, tell: Callable[..., object],
        on_change: Callable[[], object], on_place: Callable[[Place], object],
    ) -> None:  # fmt: skip
        super().__init__(master, borderwidth=0)
        self._session, self._folder, self._kept = session, folder, kept
        self.path: Path | None = None
        self.drafting = self.sheltering = False
        self.leave: Callable[[], bool] = lambda: True
        self.may_open: Callable[[], bool] = lambda: True
        self.turned: Callable[[int], object] = lambda number: None
        self.trust = Trust(folder, kept and kept.with_name("trusted.json"))
        self._trusted, self._reading, self._asks = True, False, False
        session.may_run = self.may_run
        self._wanted: Place | None = None
        self._tell, self._on_change, self._on_place = tell, on_change, on_place
        self._look: Look | None = None
        self._mistake = self._keeping = ""
        self.progress: dict[str, Progress] = {}
        self._on_disk: dict[str, Progress] = {}
        if kept is not None:
            self.progress, damaged = load_progress(kept)
            self._on_disk = self.progress
            if damaged:
                self.after_idle(lambda: tell("lesson.damaged", wrong=True, name=damaged))
        self._forgotten: dict[str, Progress] = {}
        self.walk: Walk | None = None
        self.listing = False
        learner = Learner(
            answer=self.answer, skip=self.skip, hint=self.hint, go=self.go, put_back=self.put_back,
            contents=self.list, close=self.close,
        )  # fmt: skip
        self.panel = LessonPanel(self, learner)
        self.list_page = LessonList(
            self, on_open=self.open, on_forget=self.begin_anew, on_reset=self.reset, on_close=self._unlist
        )
        self.banner = TrustBanner(self, self._trust_answered, self._bounds)

    @property
    def shown(self) -> bool:
        return self.listing or self.walk is not None

    @property
    def on_disk(self) -> bool:
        """Whether all progress is kept as it is."""
        return self.progress == self._on_disk

    @property
    def asking(self) -> bool:
        """Whether a question waits for an answer."""
        return self.walk is not None and self.walk.question is not None

    @property
    def id(self) -> str:
        """Of the lesson that is open, if it came with Pullback; '' otherwise."""
        own = self.walk is not None and self.path is not None and self.trust.came_along(self.path)
        return self.walk.lesson.head.id if self.walk is not None and own else ""

    # ── Opening and closing ───────────────────────────────────────────────────────────────────────────────────────

    def open(self, id_: str) -> bool:
        """Opens a lesson of the folder where it was left; False where it cannot be, which is said."""
        assert self._look is not None
        try:
            return self.open_file(found(self._folder, id_, self._look.words.language))
        except OSError:
            self._tell("lesson.unknown", wrong=True, id=id_)
            return False

    def resume(self, id_: str) -> bool:
        """Opens the lesson that was open last, else the first one; False where there is none."""
        assert self._look is not None
        known = [head.id for head in heads(self._folder, self._look.words.language)]
        return bool(known) and self.open(id_ if id_ in known else known[0])

    def open_file(self, path: Path) -> bool:
        """Opens a lesson from anywhere; what it has in it runs only when the reader says so."""
        assert self._look is not None
        if not (self.leave() and self.may_open()):
            return False
        try:
            lesson = open_file(path, self._look.words.language)
        except OSError as error:
            self._tell("lesson.bad", wrong=True, name=path.name, reason=error.strerror or str(error))
            return False
        except ValueError as error:
            self._tell("lesson.bad", wrong=True, name=path.name, reason=str(error))
            return False
        self.listing, self._reading = False, False
        self.trust.ask_again()
        self._be_of(path, lesson)
        self._take(Walk.of(lesson, self.progress.get(self._key(lesson))), moved=True)
        self._on_change()
        return True

    def _be_of(self, path: Path, lesson: Lesson) -> None:
        self.path, self._asks = path, False
        self._trusted = self.trust.covers(path, lesson)

    def _key(self, lesson: Lesson) -> str:
        """What progress is kept under: a stranger's lesson is not mistaken for one of Pullback's own."""
        own = self.path is not None and self.trust.came_along(self.path)
        return lesson.head.id if own else f"{lesson.head.id} {lesson.digest[:12]}"

    def close(self) -> None:
        """The program stays, but for one that has not been trusted; the lesson goes."""
        if self.shown and self.leave():
            strange = self.walk is not None and not self._trusted
            self.walk, self.listing, self._trusted, self.sheltering = None, False, True, False
            if strange:
                self._session.open_program("", "")
            self._on_change()
            self.show()

    # ── Trust ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def here(self) -> tuple[Lesson, bool] | None:
        """The lesson that is open, and whether its programs may run."""
        return (self.walk.lesson, self._trusted) if self.walk is not None else None

    def in_language(self, language: str) -> tuple[Lesson, bool] | None:
        """The same, in a language where there is a file of it."""
        if self.path is None or self.drafting:
            return self.here
        try:
            path = found(self.path.parent, named(self.path)[0], language)
            lesson = open_file(path, language)
        except (OSError, ValueError):
            return self.here
        return lesson, self.trust.covers(path, lesson)

    def may_run(self) -> bool:
        """Whether a program may run now; the reader is asked where it is a stranger's."""
        if self.walk is None or self._trusted:
            return True
        self._asks, self.listing = True, False
        self.show()
        return False

    def _bounds(self, words: Words) -> Iterable[str]:
        """What a program can and cannot do here, as far as the worker has said by now."""
        bound = self._session.bound
        return bounds.said(bound, self._session.limits, words) if bound is not None else ()

    def _trust_answered(self, answer: str) -> None:
        if self.walk is None:
            return
        self._asks, self._reading = False, answer == "read"
        if answer == "read":
            self.show()
            return
        self._trusted = True
        try:
            (self.trust.once if answer == "once" else self.trust.always)(self.walk.lesson)
        except OSError as error:
            self._tell("error.settings", wrong=True, reason=error.strerror or str(error))
        if not self.drafting:
            self._stage(self.walk)
            if not self._session.busy and self._session.playback is None:
                self._session.run()
        self.show()

    # ── The contents page ─────────────────────────────────────────────────────────────────────────────────────────

    def list(self) -> None:
        """Opens the contents page."""
        if self.leave():
            self._forgotten = {}
            self._list()

    def _list(self) -> None:
        assert self._look is not None
        lines = []
        for head in heads(self._folder, self._look.words.language):
            kept = self.progress.get(head.id)
            score = None
            if kept is not None:
                walk = Walk.of(open_lesson(self._folder, head.id, self._look.words.language), kept)
                score = walk.score if walk.progress.seen else None
            lines.append(Line(head, score, forgotten=head.id in self._forgotten))
        self.list_page.show(lines, self.id)
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

    def begin_anew(self, id_: str) -> None:
        """Forgets the progress of one lesson; once more, as long as the contents page is open, brings it back."""
        back = self._forgotten.pop(id_, None)
        if back is not None:
            self.progress = {**self.progress, id_: back}
        elif id_ in self.progress:
            self._forgotten[id_] = self.progress[id_]
            self.progress = {other: kept for other, kept in self.progress.items() if other != id_}
        else:
            return
        self._keep()
        if self.walk is not None and id_ == self.id:
            self.walk = Walk.of(self.walk.lesson, back)
            self._stage(self.walk)
        self._list()
        self.list_page.choose(id_)

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
        if self.drafting:
            self.turned(min(number, len(self.walk.lesson.screens) - 1))
        elif number >= len(self.walk.lesson.screens):
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
        if before is not None and walk.question is None and not self.drafting:
            self._go(before[1].then)

    # ── The session has changed ───────────────────────────────────────────────────────────────────────────────────

    def heard(self) -> None:
        """Looks at what the learner has done."""
        session, walk = self._session, self.walk
        self.banner.refresh()
        if walk is None or self.drafting:
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
        if self.drafting:
            self.show()
            return
        self.sheltering = True
        self.progress = {**self.progress, self._key(walk.lesson): walk.progress}
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
        """Goes to a place in the run; where there is none yet, the program runs first, unless it is only to be read."""
        if self._reading and not self._trusted:
            return
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
            self.progress = self._on_disk = save_progress(self.progress, self._kept, self._on_disk)
        except OSError as error:
            self._tell("error.settings", wrong=True, reason=error.strerror or str(error))
        except NewerError as error:
            self._tell("lesson.progress_newer", wrong=True, name=error.name)
            self._kept = None
        if self.walk is not None and not self.drafting:  # another window may be in the same lesson
            kept = self.progress.get(self._key(self.walk.lesson), self.walk.progress)
            self.walk = replace(self.walk, progress=kept)

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
        newer = self.walk is not None and self.walk.lesson.newer
        if not self.listing and (self._asks or newer):
            self.banner.show(ASKED if self._asks else "lesson.newer", asks=self._asks)
            self.banner.pack(side="top", fill="x", before=page)
        else:
            self.banner.pack_forget()
        self.panel.show(self.walk, self._mistake)

    def dress(self, look: Look) -> None:
        """Another language is another file of the same lesson; the learner stays where they are."""
        again = self._look is not None and self._look.words.language != look.words.language
        self._look = look
        self.configure(background=look["panel"])
        self.panel.dress(look)
        self.list_page.dress(look)
        self.banner.dress(look)
        if again and self.walk is not None and not self.drafting:
            self._translate(look.words.language)
        if again and self.listing:
            self._list()

    def _translate(self, language: str) -> None:
        """The same lesson from the file in another language beside it, if there is one."""
        assert self.walk is not None
        assert self.path is not None
        try:
            path = found(self.path.parent, named(self.path)[0], language)
            lesson = open_file(path, language)
        except (OSError, ValueError):
            return
        before = self._trusted
        self._be_of(path, lesson)
        self._trusted = self._trusted and before  # what stands in the editor is still of the other file
        self._take(Walk.of(lesson, self.walk.progress))

    # ── A lesson that is being written ────────────────────────────────────────────────────────────────────────────

    def draft(self, walk: Walk | None) -> None:
        """Shows a walk through it; None for none that can be read yet."""
        if not self.drafting:
            self.drafting, self.listing = True, False
            self.walk = walk if walk is not None else self.walk
            self._on_change()
        self.walk = walk if walk is not None else self.walk
        self._mistake = ""
        self.show()

    def written(self, lesson: Lesson) -> None:
        """The author has saved it: what they may run, they may run as it is now."""
        if self._trusted:
            try:
                self.trust.always(lesson)
            except OSError as error:
                self._tell("error.settings", wrong=True, reason=error.strerror or str(error))

    def end_draft(self) -> None:
        """The lesson that was being written goes; the caller opens another."""
        self.drafting = False


def _land(place: Place, playback: Playback) -> int:
    found = moment(place, playback)
    return found if found is not None else 0


def names_of(trace: Trace, card: Card) -> set[str]:
    """What a lesson may call a card: its title, its results' names, its expression, torch's name."""
    names = {card.title, *(name for value in card.values for name in trace.values[value].names)}
    return names | (set(called(trace, trace.ops[card.op])) if card.op is not None else set())
