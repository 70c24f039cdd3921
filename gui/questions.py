"""What can be asked about a trace by running its program once more, and what the worker answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from core import wire
from core.records import Matrix, Options, TensorSnapshot, Trace

QUICK: Final = 3.0
"""Seconds of a program that may be run again without the reader's word."""
ANSWERS_KEPT = 64 << 20
"""Bytes of answers kept; beyond, the oldest are asked for again."""


@dataclass(frozen=True, slots=True)
class LocalJacobian:
    """The Jacobians of the node that ran in a step of a pass."""

    pass_: int
    step: int

    def job(self, trace: Trace) -> wire.Job:
        return wire.AskLocalJacobian(
            trace.source, trace.what_if, _options(trace), pass_index=self.pass_, step_index=self.step
        )


@dataclass(frozen=True, slots=True)
class PassJacobian:
    """The Jacobians of every root of a pass with respect to itself and to every leaf."""

    pass_: int

    def job(self, trace: Trace) -> wire.Job:
        return wire.AskPassJacobian(trace.source, trace.what_if, _options(trace), pass_index=self.pass_)


@dataclass(frozen=True, slots=True)
class WholeTensor:
    """Every element of a tensor; ``where`` as in ``wire.AskTensor``."""

    where: str

    def job(self, trace: Trace) -> wire.Job:
        return wire.AskTensor(trace.source, trace.what_if, _options(trace), where=self.where)


Question = LocalJacobian | PassJacobian | WholeTensor


class Known(Protocol):
    """What a report can know of the answers; a session does, and so does ``gui.export.knowledge``."""

    @property
    def answers(self) -> Mapping[Question, Answer]:
        """Those that there are."""
        ...

    @property
    def obstacle(self) -> str:
        """Why no more can be asked, ``jacobian.OBSTACLE`` in the tables of words; '' where they can."""
        ...

    @property
    def asked(self) -> Question | None:
        """The question that is being answered."""
        ...


def together(trace: Trace, questions: Sequence[LocalJacobian], limit: int) -> wire.Job:
    """All of them in one run of the program; what the worker answers is in ``several``."""
    steps = tuple((question.pass_, question.step) for question in questions)
    return wire.AskJacobians(trace.source, trace.what_if, _options(trace), steps=steps, limit=limit)


def answer_of(reply: wire.AnyReply) -> Answer | None:
    """What a reply says; None for one that does not end its job."""
    match reply:
        case wire.Answered():
            return Answer(reply.matrices, reply.tensor)
        case wire.Stopped():
            return Answer(missing=reply.reason)
        case wire.Refused() | wire.Failed() | wire.Died():
            return Answer(missing=reply.message)
        case _:
            return None  # what the program prints once more, and how far it is


def _options(trace: Trace) -> Options:
    return Options(path=trace.path, verify=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """Matrices or a tensor, or in one line why there is neither."""

    matrices: tuple[Matrix, ...] = ()
    tensor: TensorSnapshot | None = None
    missing: str = ""

    @property
    def size(self) -> int:
        """Bytes of what it holds."""
        tensors = (self.tensor, *(matrix.tensor for matrix in self.matrices))
        return sum(len(tensor.raw) for tensor in tensors if tensor is not None)


class Answers(dict[Question, Answer]):
    """Those asked for last, up to a size."""

    def add(self, question: Question, answer: Answer) -> None:
        """Keeps an answer, and lets the oldest go where there is no room."""
        self[question] = answer
        while len(self) > 1 and sum(known.size for known in self.values()) > ANSWERS_KEPT:
            del self[next(iter(self))]
