"""Which Jacobians the pages of a run show, and how they are known: asked of a worker, or taken from a window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from core import wire
from core.client import Client
from core.layout import Cancelled
from core.playback import Playback
from core.records import Trace
from gui.i18n import words
from gui.inspector.report import describe
from gui.picture.cards import build
from gui.questions import Answer, LocalJacobian, PassJacobian, Question, answer_of, together

ABSENT: Final = "absent"
"""The obstacle of what nobody worked out: ``jacobian.absent`` in the tables of words."""
LIMIT: Final = 1 << 20
"""Entries of a Jacobian above which it is not worked out."""
LOOK: Final = 0.1
"""Seconds between two looks at whether to go on."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known of the Jacobians of a run, with nobody there to ask for more; see ``gui.questions.Known``."""

    answers: Mapping[Question, Answer] = field(default_factory=dict)
    obstacle: str = ABSENT
    asked: Question | None = None


class _LookedFor(Mapping[Question, Answer]):
    """No answers; remembers which were looked for."""

    def __init__(self) -> None:
        self.questions: dict[Question, None] = {}

    def __getitem__(self, question: Question) -> Answer:
        self.questions[question] = None
        raise KeyError(question)

    def __iter__(self) -> Iterator[Question]:
        return iter(())

    def __len__(self) -> int:
        return 0


def questions(trace: Trace, cursors: Iterable[int], chosen: int | None = None) -> tuple[Question, ...]:
    """What has to be asked so that the reports on these moments say all they can, in the order they say it.

    Args:
        chosen: the card that is told instead of what has just happened.
    """
    start, looked = Playback.of(trace), _LookedFor()
    graph = build(trace, start.index)
    for cursor in cursors:
        describe(start.at(cursor), graph, chosen, words("en"), None, Knowledge(looked))
    return tuple(looked.questions)


def gather(
    client: Client,
    trace: Trace,
    cursors: Iterable[int],
    *,
    chosen: int | None = None,
    limit: int = LIMIT,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Callable[[float], None] = lambda share: None,
) -> Knowledge:
    """Runs the program of a trace again in a worker: once for the Jacobians of all nodes, once for each pass.

    Args:
        cursors: the moments that will be told.
        chosen: the card that is told at each of them, where one is.
        limit: entries of a node's Jacobian above which it is not worked out.
        progress: told the share that is done.

    Raises:
        Cancelled: it was; the worker has been stopped.
    """
    if trace.overwritten:
        return Knowledge(obstacle="overwritten")
    asked = questions(trace, cursors, chosen)
    local = [question for question in asked if isinstance(question, LocalJacobian)]
    whole = [question for question in asked if isinstance(question, PassJacobian)]
    answers: dict[Question, Answer] = {}
    runs = bool(local) + len(whole)
    if local:
        reply, answer = _asked(client, together(trace, local, limit), cancelled)
        if isinstance(reply, wire.Answered):
            for question, matrices in zip(local, reply.several, strict=True):
                if matrices or not _passes_on(trace, question):  # of a step that was not reached nothing is known
                    answers[question] = Answer(matrices)
        else:
            answers |= dict.fromkeys(local, answer)
        progress(1 / runs)
    for number, one in enumerate(whole, runs - len(whole) + 1):
        _, answers[one] = _asked(client, one.job(trace), cancelled)
        progress(number / runs)
    return Knowledge(answers)


def _passes_on(trace: Trace, question: LocalJacobian) -> bool:
    """Whether the node of a step has anything to pass on."""
    backward = trace.passes[question.pass_]
    node = backward.steps[question.step].node
    return any(edge.source == node for edge in backward.edges)


def _asked(client: Client, job: wire.Job, cancelled: Callable[[], bool]) -> tuple[wire.AnyReply, Answer]:
    """The reply that ends a job, and what it says."""
    number = client.ask(job)
    while True:
        if cancelled():
            client.stop()
            raise Cancelled
        for reply in client.wait(LOOK):
            answer = answer_of(reply)
            if reply.id == number and answer is not None:
                return reply, answer
