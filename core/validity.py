"""Whether a trace from outside hangs together: every number in it points at something that is there.

What msgspec has decoded has the right types; the window also relies on indices within range, on chains that end, and
on tensors that hold as many bytes as their shape says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from core.records import MACHINE_WORDS, Event, Matrix, Op, Pass, Step, TensorSnapshot, Trace

LARGEST: Final = 1 << 62
"""A tensor has no more elements than this, and no number in a trace is larger."""

_BYTES: Final = {name: size * (2 if name.startswith("complex") else 1) for name, (_, size) in MACHINE_WORDS.items()}
_NEEDS: Final = {
    "op": ("op",),
    "pass": ("pass_",),
    "step": ("pass_", "step"),
    "end": ("pass_",),
    "grad": (),
    "data": (),
}


def check(trace: Trace) -> None:
    """Raises ValueError with one line where a trace does not hang together."""
    _Check(trace).all()


def check_tensor(tensor: TensorSnapshot | None) -> None:
    """Raises ValueError where a tensor's bytes are not those of its shape and type."""
    if tensor is None or tensor.opaque:
        return
    count = 1
    for size in tensor.shape:
        if size < 0:
            raise ValueError(f"a tensor of shape {list(tensor.shape)}")
        count *= size
    kept, rest = divmod(len(tensor.raw), _BYTES.get(tensor.dtype, 0) or LARGEST)
    if (
        rest
        or tensor.dtype not in _BYTES
        or count > LARGEST
        or (kept != count if tensor.elided is None else kept > count)
    ):
        raise ValueError(
            f"{len(tensor.raw)} bytes for a tensor of shape {list(tensor.shape)} and type {tensor.dtype[:20]!r}"
        )


def check_matrix(matrix: Matrix) -> None:
    """Raises ValueError where a Jacobian does not have the shape that its two tensors give it."""
    check_tensor(matrix.tensor)
    if matrix.tensor is not None:
        shape = math.prod(matrix.output_shape), math.prod(matrix.input_shape)
        if matrix.tensor.shape != shape:
            raise ValueError(f"a Jacobian of shape {list(matrix.tensor.shape)} in place of {list(shape)}")


def check_place(trace: Trace, pass_: int, node: int) -> None:
    """Raises ValueError where a checked trace has no such node."""
    _within((pass_,), "a pass", len(trace.passes))
    _within((node,), "a node", len(trace.passes[pass_].nodes))


class _Check:
    """One pass over a trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._values, self._ops = len(trace.values), len(trace.ops)
        self._steps = [len(backward.steps) for backward in trace.passes]

    def all(self) -> None:
        trace = self._trace
        for number, value in enumerate(trace.values):
            _within((number, value.id), "a value's number", number + 1, number)
            check_tensor(value.tensor)
            for earlier in (value.previous, value.view_of):
                if earlier is not None:
                    _within((earlier,), f"what value {number} comes from", number)
        for number, op in enumerate(trace.ops):
            self._op(number, op)
        for number, backward in enumerate(trace.passes):
            self._pass(number, backward)
        for event in trace.events:
            self._event(event)
        for leaf in trace.leaves:
            check_tensor(leaf.grad)
            _optional(leaf.value, "a leaf's value", self._values)
        _within((one.op for one in trace.checks), "the operation of a check", self._ops)
        if trace.error is not None and trace.error.node is not None:
            check_place(trace, *trace.error.node)

    def _op(self, number: int, op: Op) -> None:
        _within((number, op.id), "an operation's number", number + 1, number)
        _within(op.inputs, f"an input of operation {number}", self._values)
        _within(op.outputs, f"an output of operation {number}", self._values)
        _within(op.cut_inputs, f"a cut of operation {number}", len(op.inputs))
        if min(op.line, op.hit, *op.span) < 0 or max(op.line, *op.span) > LARGEST:
            raise ValueError(f"the place of operation {number}")
        if op.during is not None:
            self._step(op.during)

    def _pass(self, number: int, backward: Pass) -> None:
        nodes = len(backward.nodes)
        for place, node in enumerate(backward.nodes):
            _within((place, node.id), "a node's number", place + 1, place)
            _optional(node.op, "a node's operation", self._ops)
            _optional(node.value, "a node's value", self._values)
            if node.born is not None:
                self._step(node.born)
        for edge in backward.edges:
            _within((edge.source, edge.target), f"an edge of pass {number}", nodes)
            _within((edge.source_slot, edge.target_slot), f"a slot of an edge of pass {number}", LARGEST)
        for node_id, _ in backward.roots:
            _within((node_id + 1,), f"a root of pass {number}", nodes + 1)
        _within((node_id + 1 for node_id, _ in backward.inputs), f"an input of pass {number}", nodes + 1)
        for tensor in (*backward.seeds, *backward.results):
            check_tensor(tensor)
        for place, step in enumerate(backward.steps):
            self._one_step(number, place, step)
        if backward.parent is not None:
            _within(backward.parent[:1], f"the parent of pass {number}", number)
            self._step(backward.parent)
        if backward.error is not None and backward.error.node is not None:
            check_place(self._trace, *backward.error.node)

    def _one_step(self, number: int, place: int, step: Step) -> None:
        steps = self._trace.passes[number].steps
        _within((step.node,), f"the node of step {place} of pass {number}", len(self._trace.passes[number].nodes))
        for tensor in (*step.grad_outputs, *step.grad_inputs, *step.unsummed, step.grad_before, step.grad_after):
            check_tensor(tensor)
        for kept in step.saved:
            check_tensor(kept.tensor)
        for arrival in step.arrivals:
            if arrival.step is None:
                slots = len(self._trace.passes[number].seeds)
            else:
                _within((arrival.step,), f"what arrives at step {place} of pass {number}", place)
                slots = len(steps[arrival.step].grad_inputs)
            _within((arrival.slot,), f"the slot of what arrives at step {place} of pass {number}", slots)
            _within((arrival.into,), f"where it arrives at step {place} of pass {number}", len(step.grad_outputs))

    def _event(self, event: Event) -> None:
        if any(getattr(event, name) is None for name in _NEEDS[event.kind]):
            raise ValueError(f"an event of kind {event.kind} that does not say of what")
        _optional(event.op, "an event's operation", self._ops)
        _optional(event.value, "an event's value", self._values)
        if event.pass_ is not None:
            _within((event.pass_,), "an event's pass", len(self._steps))
            _optional(event.step, "an event's step", self._steps[event.pass_])
        check_tensor(event.before)
        check_tensor(event.after)

    def _step(self, place: tuple[int, int]) -> None:
        _within(place[:1], "a pass", len(self._steps))
        _within(place[1:], "a step", self._steps[place[0]] + 1)


def _within(numbers: Iterable[int], what: str, end: int, begin: int = 0) -> None:
    for number in numbers:
        if not begin <= number < end:
            raise ValueError(f"{what} is {number}, outside of {begin} to {end - 1}")


def _optional(number: int | None, what: str, end: int) -> None:
    if number is not None and not 0 <= number < end:
        raise ValueError(f"{what} is {number}, outside of 0 to {end - 1}")
