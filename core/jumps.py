"""Where in a run to go next: the next backward call, the first NaN, the first zero gradient, a leaf's next change.

Each function gives a cursor just after the event that is looked for, or None where there is none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

from core.playback import Playback
from core.records import Event, TensorSnapshot, Trace


def next_call(playback: Playback) -> int | None:
    """The next backward call, at its seed."""
    return next((at + 1 for at, _ in playback.index.pass_order if at + 1 > playback.cursor), None)


def previous_call(playback: Playback) -> int | None:
    """The backward call before this place."""
    return next((at + 1 for at, _ in reversed(playback.index.pass_order) if at + 1 < playback.cursor), None)


def first_nan(playback: Playback) -> int | None:
    """The first value or gradient with a NaN or an infinity in it."""
    return _first(playback.trace, lambda brought: any(one.nan or one.inf for one in brought))


def first_zero(playback: Playback) -> int | None:
    """The first step of a backward pass that emits a gradient of zeros only, though not all that arrived was zero."""
    for position, event in enumerate(playback.trace.events):
        if event.kind == "step" and event.pass_ is not None and event.step is not None:
            step = playback.trace.passes[event.pass_].steps[event.step]
            arrived = [one for one in step.grad_outputs if one is not None]
            emitted = [one for one in _known(step.grad_inputs) if one.numel]
            if any(one.is_zero for one in emitted) and not all(one.is_zero for one in arrived):
                return position + 1
    return None


def next_change(playback: Playback, value: int) -> int | None:
    """The next change of a leaf's ``.grad``, from the first one on again after the last."""
    history = playback.index.grads.get(playback.index.leaf_of.get(value, value))
    if history is None or not history.positions:
        return None
    number = bisect_right(history.positions, playback.cursor - 1)
    return history.positions[number % len(history.positions)] + 1


def _first(trace: Trace, found: Callable[[list[TensorSnapshot]], bool]) -> int | None:
    return next((at + 1 for at, event in enumerate(trace.events) if found(list(_brought(trace, event)))), None)


def _brought(trace: Trace, event: Event) -> Iterator[TensorSnapshot]:
    """The tensors that an event brings."""
    if event.kind == "op" and event.op is not None:
        yield from _known(trace.values[value].tensor for value in trace.ops[event.op].outputs)
    elif event.kind == "step" and event.pass_ is not None and event.step is not None:
        step = trace.passes[event.pass_].steps[event.step]
        yield from _known((*step.grad_outputs, *step.grad_inputs, step.grad_after))
    elif event.kind == "pass" and event.pass_ is not None:
        yield from _known(trace.passes[event.pass_].seeds)
    elif event.kind in ("grad", "data"):
        yield from _known((event.after,))


def _known(tensors: Iterable[TensorSnapshot | None]) -> Iterator[TensorSnapshot]:
    return (one for one in tensors if one is not None and not one.opaque)
