"""A learner's way through a lesson: where they are, what they have answered and done. Every move gives another Walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from core.lessons import claims
from core.lessons.records import Block, Check, Lesson, Mistake, Predict, Screen
from core.playback import Playback
from core.records import Record

SKIPPED: Final = "skipped"

Numbers = tuple[float, ...]


class Outcome(Record, frozen=True):
    """What came of a question or a task.

    Attributes:
        given: the first answer, as it was given; 'skipped' for none.
        right: whether that was right; of a task, whether it was done.
        tries: how many answers were given, of a task how many hints were asked for.
    """

    given: str = ""
    right: bool = False
    tries: int = 0


class Progress(Record, frozen=True):
    """What is kept of a lesson between starts; it belongs to one version of the lesson's files.

    Attributes:
        screen: id of the screen that was open.
        outcomes: by ``screen/number of the block``.
        programs: screen → the program as the learner changed it.
        seen: screens that have been open.
    """

    digest: str
    screen: str = ""
    outcomes: dict[str, Outcome] = msgspec.field(default_factory=dict)
    programs: dict[str, str] = msgspec.field(default_factory=dict)
    seen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Walk:
    """A lesson and how far it has been walked.

    Attributes:
        number: of the screen, from 0.
        said: what was answered to the last answer; '' for nothing.
        tried: the last answer of the question that is open, '' for none.
    """

    lesson: Lesson
    progress: Progress
    number: int = 0
    said: str = ""
    tried: str = field(default="", compare=False)

    @classmethod
    def of(cls, lesson: Lesson, kept: Progress | None = None) -> Walk:
        """Goes on where the same version of the lesson was left, else begins it."""
        if kept is None or kept.digest != lesson.digest:
            kept = Progress(lesson.digest)
        number = next((at for at, screen in enumerate(lesson.screens) if screen.id == kept.screen), 0)
        return cls(lesson, kept).at(number)

    @property
    def screen(self) -> Screen:
        return self.lesson.screens[self.number]

    @property
    def at_end(self) -> bool:
        return self.number == len(self.lesson.screens) - 1

    def at(self, number: int) -> Walk:
        """Another screen, kept inside the lesson."""
        number = max(0, min(number, len(self.lesson.screens) - 1))
        id_ = self.lesson.screens[number].id
        seen = self.progress.seen if id_ in self.progress.seen else (*self.progress.seen, id_)
        kept = Progress(self.progress.digest, id_, self.progress.outcomes, self.progress.programs, seen)
        return Walk(self.lesson, kept, number)

    # ── What is seen ──────────────────────────────────────────────────────────────────────────────────────────────

    def outcome(self, place: int) -> Outcome | None:
        """What came of a block of the screen."""
        return self.progress.outcomes.get(f"{self.screen.id}/{place}")

    @property
    def blocks(self) -> tuple[tuple[int, Block], ...]:
        """The blocks that are seen, with their places: what follows a question comes once it is answered."""
        seen = []
        for place, block in enumerate(self.screen.blocks):
            seen.append((place, block))
            if isinstance(block, Predict) and self.outcome(place) is None:
                break
        return tuple(seen)

    @property
    def question(self) -> tuple[int, Predict] | None:
        """The question that waits for an answer."""
        place, block = self.blocks[-1] if self.blocks else (0, None)
        return (place, block) if isinstance(block, Predict) and self.outcome(place) is None else None

    @property
    def tasks(self) -> tuple[tuple[int, Check], ...]:
        """What is to be done and has not been done yet."""
        return tuple(
            (place, block)
            for place, block in self.blocks
            if isinstance(block, Check) and not (self.outcome(place) or Outcome()).right
        )

    @property
    def program(self) -> str:
        """The program of the screen, as the learner left it."""
        return self.progress.programs.get(self.screen.id, self.lesson.programs[self.screen.program])

    @property
    def changed(self) -> bool:
        return self.screen.id in self.progress.programs

    @property
    def score(self) -> tuple[int, int]:
        """How many questions and tasks were answered right or done, of how many."""
        wanted = [
            f"{screen.id}/{place}"
            for screen in self.lesson.screens
            for place, block in enumerate(screen.blocks)
            if isinstance(block, Predict | Check)
        ]
        return sum(self.progress.outcomes.get(key, Outcome()).right for key in wanted), len(wanted)

    # ── What the learner does ─────────────────────────────────────────────────────────────────────────────────────

    def answer(self, given: Numbers | str) -> Walk:
        """Answers the question that is open. The first answer counts; a wrong one can be tried again."""
        if self.question is None:
            return self
        place, predict = self.question
        said, text = claims.feedback(predict, given), _text(given)
        if not claims.answered(predict, given):
            return replace(self._tried(place, text), said=said, tried=text)
        before = self._tries.get(f"{self.screen.id}/{place}")
        outcome = Outcome(before.given, False, before.tries + 1) if before else Outcome(text, True, 1)
        return replace(self._with(place, outcome), said=said)

    def skip(self) -> Walk:
        """Shows the answer without one."""
        if self.question is None:
            return self
        place, predict = self.question
        before = self._tries.get(f"{self.screen.id}/{place}", Outcome(SKIPPED))
        right = next((choice.say for choice in predict.choices if choice.right), predict.right)
        return replace(self._with(place, before), said=right)

    def watch(self, playback: Playback) -> Walk:
        """Looks at a run: tasks that are done by it are done."""
        walk = self
        for place, check in self.tasks:
            if all(claims.holds(claim, playback) for claim in check.holds):
                tries = (self.outcome(place) or Outcome()).tries
                walk = replace(walk._with(place, Outcome("done", True, tries)), said="")
        return walk

    def mistaken(self, playback: Playback) -> Mistake | None:
        """The listed mistake that a run is, for the first task that is still to be done."""
        source = playback.trace.source
        program = next((name for name, text in self.lesson.programs.items() if text == source), self.screen.program)
        for _, check in self.tasks[:1]:
            return claims.mistake(check.wrong, program, playback.trace)
        return None

    def hint(self) -> Walk:
        """One hint more for the first task that is still to be done."""
        for place, check in self.tasks[:1]:
            given = (self.outcome(place) or Outcome()).tries
            return self._with(place, Outcome("", False, min(given + 1, len(check.hints))))
        return self

    def hints(self, place: int, check: Check) -> tuple[str, ...]:
        """The hints asked for so far."""
        return check.hints[: (self.outcome(place) or Outcome()).tries]

    def edit(self, source: str) -> Walk:
        """The program of the screen has been changed; as the lesson has it, it is no change."""
        own = {id_: text for id_, text in self.progress.programs.items() if id_ != self.screen.id}
        if source != self.lesson.programs[self.screen.program]:
            own[self.screen.id] = source
        return replace(self, progress=msgspec.structs.replace(self.progress, programs=own))

    def put_back(self) -> Walk:
        """The program as the lesson has it."""
        return self.edit(self.lesson.programs[self.screen.program])

    # ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _tries(self) -> Mapping[str, Outcome]:
        """Questions that were answered wrong so far; kept apart, since they stay open."""
        return {key.removesuffix("?"): one for key, one in self.progress.outcomes.items() if key.endswith("?")}

    def _tried(self, place: int, given: str) -> Walk:
        key = f"{self.screen.id}/{place}"
        before = self._tries.get(key, Outcome(given))
        outcome = Outcome(before.given, False, before.tries + 1)
        return replace(
            self,
            progress=msgspec.structs.replace(self.progress, outcomes={**self.progress.outcomes, f"{key}?": outcome}),
        )

    def _with(self, place: int, outcome: Outcome) -> Walk:
        outcomes = {**self.progress.outcomes, f"{self.screen.id}/{place}": outcome}
        return replace(self, progress=msgspec.structs.replace(self.progress, outcomes=outcomes), tried="")


def _text(given: Sequence[float] | str) -> str:
    return given if isinstance(given, str) else ", ".join(f"{number:g}" for number in given)
