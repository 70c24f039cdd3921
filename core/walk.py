"""A trace told in words: one line for each event, in the order they happened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.records import Event, TensorSnapshot, Trace

SHOWN: Final = 6
"""Numbers of a tensor that are written out."""


def walk(trace: Trace) -> Iterator[str]:
    """Lines for a terminal."""
    width = len(str(len(trace.events)))
    for number, event in enumerate(trace.events, 1):
        yield f"{number:>{width}}  {_sentence(trace, event)}"
    for leaf in trace.leaves:
        yield f"{leaf.name}.grad = {numbers(leaf.grad)}"
    if trace.error is not None:
        yield f"line {trace.error.line}: {trace.error.type}: {trace.error.message}"
    if trace.agrees is not None:
        yield "the same as an unrecorded run, bit for bit" if trace.agrees else "NOT the same as an unrecorded run"


def numbers(tensor: TensorSnapshot | None) -> str:
    """A tensor in one short line; None, which is not zero, is said as such."""
    if tensor is None:
        return "None"
    if tensor.opaque:
        return f"({tensor.opaque})"
    shown = [f"{x:.6g}" if isinstance(x, float) else str(x) for x in tensor.head[: SHOWN + 1]]
    if not tensor.shape:
        return shown[0]
    if tensor.numel <= SHOWN:
        return f"[{', '.join(shown)}]" + (f" of shape {list(tensor.shape)}" if len(tensor.shape) > 1 else "")
    return f"[{', '.join(shown[:SHOWN])}, …] of shape {list(tensor.shape)}"


def _sentence(trace: Trace, event: Event) -> str:
    match event.kind:
        case "op" if event.op is not None:
            op = trace.ops[event.op]
            made = ", ".join(numbers(trace.values[value].tensor) for value in op.outputs)
            names = [name for value in op.outputs for name in trace.values[value].names]
            text = f"{op.text}  ({op.name})" if op.text else op.name
            return f"line {op.line}: {text}{f' → {names[0]}' if names else ''} = {made}"
        case "pass" if event.pass_ is not None:
            begun = trace.passes[event.pass_]
            return f"line {begun.line}: {begun.call}() begins, seed {', '.join(map(numbers, begun.seeds))}"
        case "step" if event.pass_ is not None and event.step is not None:
            backward = trace.passes[event.pass_]
            step = backward.steps[event.step]
            arrived = ", ".join(map(numbers, step.grad_outputs))
            node = backward.nodes[step.node]
            if node.name == "AccumulateGrad":
                name = (trace.values[node.value].names or ("leaf",))[0] if node.value is not None else "leaf"
                before, after = numbers(step.grad_before), numbers(step.grad_after)
                return f"{node.name}: {arrived} arrives; {name}.grad was {before}, is {after}"
            return f"{node.name}: {arrived} arrives, {', '.join(map(numbers, step.grad_inputs))} goes on"
        case "end" if event.pass_ is not None:
            ended = trace.passes[event.pass_]
            return f"{ended.call}() ends{f' with {ended.error.type}' if ended.error else ''}"
        case _:
            names = list(trace.values[event.value].names) if event.value is not None else []
            what = f"{(names or ['leaf'])[0]}{'.grad' if event.kind == 'grad' else ''}"
            return f"line {event.line}: {what} was {numbers(event.before)}, is {numbers(event.after)}"
