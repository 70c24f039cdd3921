"""What can be asked about a trace by running its program once more, and what the worker answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

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
