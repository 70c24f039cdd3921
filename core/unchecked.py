"""Which operations are compared with finite differences, and why one was not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from core.records import CHECK_LIMIT, CHECK_SECONDS, Check, Op, Trace

Reason = Literal["slow", "large", "infinite", "refused"]
"""The program took too long to be run again, the tensors are too large or not finite, or the operation cannot be run
again in float64."""


def unchecked(trace: Trace, checks: Sequence[Check]) -> dict[int, Reason]:
    """Operations that have a derivative and that were not compared, by id."""
    compared = {check.op for check in checks}
    return {op.id: _reason(trace, op) for op in trace.ops if differentiable(trace, op) and op.id not in compared}


def differentiable(trace: Trace, op: Op) -> bool:
    """Whether torch would go through it: what makes or fills a leaf has no derivative."""
    made = any(not trace.values[value].is_leaf for value in op.outputs)
    return op.tracked and op.grad_enabled and bool(op.inputs) and made


def _reason(trace: Trace, op: Op) -> Reason:
    if trace.seconds > CHECK_SECONDS:
        return "slow"
    into, out = (
        [trace.values[value] for value in values if trace.values[value].requires_grad]
        for values in (op.inputs, op.outputs)
    )
    if any(sum(value.tensor.numel for value in side) > CHECK_LIMIT for side in (into, out)):
        return "large"
    finite = not any(value.tensor.statistics.nan or value.tensor.statistics.inf for value in into)
    return "refused" if finite else "infinite"


def summary(checks: Sequence[Check]) -> tuple[int, int]:
    """How many operations agree, of how many that were compared."""
    return sum(check.agrees for check in checks), len(checks)
