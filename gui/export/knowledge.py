"""Which Jacobians the pages of a run show, and how they are known: asked of a worker, or taken from a window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from core import wire
from core.client import Client
from core.layout import Cancelled
from core.playback import NodeKey, Playback
from core.records import Trace
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


def questions(trace: Trace, cursors: Iterable[int]) -> tuple[Question, ...]:
    """What has to be asked so that the reports on these moments say all they can, in their order."""
    start = Playback.of(trace)
    found: dict[Question, None] = {}
    for cursor in cursors:
        playback = start.at(cursor)
        key, event = playback.node, playback.event
        if key is not None and _edges(trace, key):  # a leaf's node has none
            found[LocalJacobian(key[0], playback.index.step_of[key])] = None
        elif event is not None and event.kind in ("pass", "end") and event.pass_ is not None:
            found[PassJacobian(event.pass_)] = None
    return tuple(found)


def gather(
    client: Client,
    trace: Trace,
    cursors: Iterable[int],
    *,
    limit: int = LIMIT,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Callable[[float], None] = lambda share: None,
) -> Knowledge:
    """Runs the program of a trace again in a worker: once for the Jacobians of all nodes, once for each pass.

    Args:
        cursors: the moments that will be told.
        limit: entries of a node's Jacobian above which it is not worked out.
        progress: told the share that is done.

    Raises:
        Cancelled: it was; the worker has been stopped.
    """
    if trace.overwritten:
        return Knowledge(obstacle="overwritten")
    asked = questions(trace, cursors)
    local = [question for question in asked if isinstance(question, LocalJacobian)]
    whole = [question for question in asked if isinstance(question, PassJacobian)]
    answers: dict[Question, Answer] = {}
    runs = bool(local) + len(whole)
    if local:
        reply, answer = _asked(client, together(trace, local, limit), cancelled)
        if isinstance(reply, wire.Answered):
            # Of a step that this run did not reach nothing is known.
            found = zip(local, reply.several, strict=True)
            answers |= {question: Answer(matrices) for question, matrices in found if matrices}
        else:
            answers |= dict.fromkeys(local, answer)
        progress(1 / runs)
    for number, question in enumerate(whole, runs - len(whole) + 1):
        _, answers[question] = _asked(client, question.job(trace), cancelled)
        progress(number / runs)
    return Knowledge(answers)


def _edges(trace: Trace, key: NodeKey) -> bool:
    """Whether a node passes anything on."""
    return any(edge.source == key[1] for edge in trace.passes[key[0]].edges)


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
