"""Why an operation was not compared with finite differences."""

from __future__ import annotations

import msgspec

from core.records import Check, Trace
from core.unchecked import unchecked
from tests.gui import traces


def changed(trace: Trace, value: int, *numbers: float) -> Trace:
    """The trace with other numbers in a value."""
    values = list(trace.values)
    values[value] = msgspec.structs.replace(values[value], tensor=traces.tensor(*numbers))
    return msgspec.structs.replace(trace, values=tuple(values))


def test_what_was_compared_and_what_is_not_tracked_is_left_out() -> None:
    trace = traces.first()
    tracked = [op.id for op in trace.ops if op.tracked and op.inputs]
    assert tracked
    checks = [Check(op, 0.0, True) for op in tracked[1:]]
    assert unchecked(trace, checks) == {tracked[0]: "refused"}
    assert unchecked(trace, [*checks, Check(tracked[0], 1.0, False)]) == {}


def test_the_reason_is_the_time_the_size_or_a_number_that_is_not_finite() -> None:
    trace = traces.first()
    op = next(op for op in trace.ops if op.tracked and op.inputs)
    (value,) = op.inputs
    assert unchecked(changed(trace, value, 1.0, float("inf")), ())[op.id] == "infinite"
    assert unchecked(changed(trace, value, 1.0, float("nan")), ())[op.id] == "infinite"
    assert unchecked(changed(trace, value, *range(65)), ())[op.id] == "large"
    assert unchecked(changed(trace, value, *range(64)), ())[op.id] == "refused"
    assert set(unchecked(msgspec.structs.replace(trace, seconds=2.5), ()).values()) == {"slow"}
