"""Every tensor of a trace has a place: what the worker is asked with, to see the whole of a tensor kept in part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.records import TensorSnapshot, Trace


def place_of(trace: Trace, tensor: TensorSnapshot) -> str:
    """The place of a tensor that is part of a trace, '' for one that was only computed from it.

    It is the tensor itself that is looked for: an equal one may stand elsewhere.
    """
    return next((place for place, other in tensors(trace) if other is tensor), "")


def tensor_at(trace: Trace, place: str) -> TensorSnapshot | None:
    """The tensor at a place; None where there is none."""
    return next((tensor for other, tensor in tensors(trace) if other == place), None)


def tensors(trace: Trace) -> Iterator[tuple[str, TensorSnapshot]]:
    """Every tensor and its place.

    ``value/3``, ``seed/0/0`` (pass, root), ``leaf/a`` (its ``.grad`` at the end), ``step/0/4/grad_outputs/1`` (pass,
    step, field, slot), ``step/0/4/grad_after``, ``event/5/before``.
    """
    return ((place, tensor) for place, tensor in _everything(trace) if tensor is not None)


def _everything(trace: Trace) -> Iterator[tuple[str, TensorSnapshot | None]]:
    for value in trace.values:
        yield f"value/{value.id}", value.tensor
    for number, backward in enumerate(trace.passes):
        yield from _slots(f"seed/{number}", backward.seeds)
        for step_number, step in enumerate(backward.steps):
            path = f"step/{number}/{step_number}"
            for field in ("grad_outputs", "grad_inputs", "unsummed"):
                yield from _slots(f"{path}/{field}", getattr(step, field))
            yield from _slots(f"{path}/saved", [saved.tensor for saved in step.saved])
            yield f"{path}/grad_before", step.grad_before
            yield f"{path}/grad_after", step.grad_after
    for number, event in enumerate(trace.events):
        yield f"event/{number}/before", event.before
        yield f"event/{number}/after", event.after
    for leaf in trace.leaves:
        yield f"leaf/{leaf.name}", leaf.grad


def _slots(path: str, found: Sequence[TensorSnapshot | None]) -> Iterator[tuple[str, TensorSnapshot | None]]:
    return ((f"{path}/{slot}", tensor) for slot, tensor in enumerate(found))
