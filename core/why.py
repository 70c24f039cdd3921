"""Why a leaf's ``.grad`` is None, or zero: found in the record, by following what was computed from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from core.playback import NodeKey, Playback
from core.records import Op, Pass, TensorSnapshot, Trace, Value

DETACHING: Final = frozenset({"detach", "detach_", "data"})
LEAVING: Final = frozenset({"item", "tolist", "numpy", "__float__", "__int__", "__bool__", "__array__"})
"""What makes numbers of a tensor that torch does not follow."""
UNDIFFERENTIABLE: Final = ("int", "uint", "bool")


class Reason(NamedTuple):
    """Attributes:
    kind: which sentence says it.
    line: of the program; 0 where no line is concerned.
    name: of the operation, the node or the root concerned.
    """

    kind: str
    line: int = 0
    name: str = ""


_BLOCKS: Final[tuple[tuple[str, Callable[[Op, Trace], bool]], ...]] = (
    ("cut", lambda op, trace: op.cut == "detached" or bool(op.cut_inputs)),
    ("detached", lambda op, trace: op.name in DETACHING),
    ("no_grad", lambda op, trace: not op.grad_enabled),
    ("integer", lambda op, trace: all(trace.values[v].dtype.startswith(UNDIFFERENTIABLE) for v in op.outputs)),
    ("untracked", lambda op, trace: True),
)
"""What an operation stops a gradient by, the first that holds."""


def why(playback: Playback, value: int) -> Reason | None:
    """Why the ``.grad`` of a leaf is None or all zeros now; None where it is neither, or where nothing explains it."""
    grad = playback.grad(value)
    if grad is None:
        return _why_none(playback, value)
    return _why_zero(playback, value) if grad.numel and grad.is_zero else None


def _past(playback: Playback, value: int) -> list[tuple[int, TensorSnapshot | None]]:
    """What the ``.grad`` of a leaf has become by now, and the positions of the events."""
    history = playback.index.grads.get(playback.index.leaf_of.get(value, value))
    if history is None:
        return []
    pairs = zip(history.positions, history.states, strict=True)
    return [(at, state) for at, state in pairs if at < playback.cursor]


def _why_none(playback: Playback, value: int) -> Reason | None:
    trace, first = playback.trace, playback.index.leaf_of
    history = playback.index.grads.get(first.get(value, value))
    if history is not None:
        past = _past(playback, value)
        if past and (history.initial is not None or any(state is not None for _, state in past)):
            return Reason("cleared", trace.events[past[-1][0]].line)
        if any(state is not None for state in history.states[len(past) :]):
            return Reason("later")
    if not trace.passes:
        return Reason("no_pass")
    held = {record.id for record in trace.values if first.get(record.id) == first.get(value)}
    if not any(held & set(op.inputs) for op in trace.ops):
        return Reason("unused")
    connected, blocked = _follow(trace, held)
    roots = [root for backward in trace.passes for root in _roots(backward, trace)]
    for number, backward in enumerate(trace.passes):
        if any(root.id in connected for root in _roots(backward, trace)):
            return _why_not_by(playback, number, held)
    failed = [backward for backward in trace.passes if backward.error is not None and not backward.roots]
    if len(failed) == len(trace.passes):
        return Reason("failed", failed[0].line)
    for root in roots:
        if root.id in blocked:
            op = blocked[root.id]
            kind = next(kind for kind, holds in _BLOCKS if holds(op, trace))
            return Reason(kind, op.line, op.name)
    out = next((op for op in trace.ops if op.name in LEAVING and connected & set(op.inputs)), None)
    if out is not None:
        return Reason("numbers", out.line, out.name)
    return Reason("no_path", name=next((root.names[0] for root in roots if root.names), ""))


def _why_not_by(playback: Playback, number: int, held: set[int]) -> Reason:
    """Why a pass from whose roots a gradient could have come brought none."""
    backward = playback.trace.passes[number]
    if backward.error is not None:
        return Reason("failed", backward.line)
    if backward.call == "grad":
        return Reason("returned", backward.line)
    if backward.inputs:
        return Reason("inputs")
    waiting, seen = [node.id for node in backward.nodes if node.value in held], set[int]()
    while waiting:
        target = waiting.pop()
        for edge in (edge for edge in backward.edges if edge.target == target and edge.source not in seen):
            step = playback.emitted((number, edge.source))
            if step is None or not any(arrived is not None for arrived in step.grad_outputs):
                seen.add(edge.source)
                waiting.append(edge.source)
            elif step.grad_inputs[edge.source_slot] is None:
                return _reason(playback, "undefined", (number, edge.source))
    return Reason("later")  # its record ends before


def _follow(trace: Trace, start: set[int]) -> tuple[set[int], dict[int, Op]]:
    """Values that a gradient can come back from, and values computed from the start otherwise → what stops it."""
    connected, blocked = set(start), dict[int, Op]()
    for op in trace.ops:
        passing = op.tracked and op.cut != "detached"
        reached = [number for number, value in enumerate(op.inputs) if value in connected]
        open_ = [number for number in reached if number not in op.cut_inputs]
        stopped = next((blocked[value] for value in op.inputs if value in blocked), op if reached else None)
        for value in op.outputs:
            if open_ and passing and trace.values[value].requires_grad:
                connected.add(value)
            elif stopped is not None and value not in connected:
                blocked[value] = stopped
    return connected, blocked


def _roots(backward: Pass, trace: Trace) -> list[Value]:
    values = (backward.nodes[node].value for node, _ in backward.roots if node >= 0)
    return [trace.values[value] for value in values if value is not None]


def _why_zero(playback: Playback, value: int) -> Reason | None:
    """Goes back from the leaf to the node that let nothing through, in the last pass that reached it."""
    trace, leaf = playback.trace, playback.index.leaf_of.get(value, value)
    past = _past(playback, value)
    if past and trace.events[past[-1][0]].kind == "grad":
        return Reason("cleared", trace.events[past[-1][0]].line)
    for number in range(len(trace.passes) - 1, -1, -1):
        for node in trace.passes[number].nodes:
            if "AccumulateGrad" in node.name and node.value is not None:
                step = playback.emitted((number, node.id))
                if step is not None and playback.index.leaf_of.get(node.value, node.value) == leaf:
                    if any(arrived is not None and not arrived.is_zero for arrived in step.grad_outputs):
                        return Reason("zero_sum", trace.passes[number].line)
                    return _stopped_at(playback, (number, node.id))
    return None


def _stopped_at(playback: Playback, key: NodeKey) -> Reason | None:
    """The last place on the way to a node where something that was not zero became zero."""
    backward = playback.trace.passes[key[0]]
    waiting, seen = [key[1]], {key[1]}
    while waiting:
        number = waiting.pop()
        inflow, ran = playback.index.inflow((key[0], number)), playback.emitted((key[0], number))
        if ran is not None and ran.altered == "reader":
            return Reason("zero_reader", name=backward.nodes[number].name)
        if any(one.tensor is not None and not one.tensor.is_zero for one in inflow):
            kind = "zero_hook" if ran is not None and ran.altered == "arrived" else "zero_cancel"
            return _reason(playback, kind, (key[0], number))
        for contribution in inflow:
            if contribution.tensor is None:
                continue
            if contribution.source is None:
                return Reason("zero_seed", backward.line)
            step = playback.emitted((key[0], contribution.source))
            if step is None or contribution.source in seen:
                continue
            if any(arrived is not None and not arrived.is_zero for arrived in step.grad_outputs):
                name = backward.nodes[contribution.source].name
                kind = "zero_hook" if step.altered == "emitted" else "zero_node"
                kind = "zero_dead" if name.startswith("Relu") else kind
                return _reason(playback, kind, (key[0], contribution.source))
            seen.add(contribution.source)
            waiting.append(contribution.source)
    return None


def _reason(playback: Playback, kind: str, key: NodeKey) -> Reason:
    """A reason that is found at a node."""
    op = playback.operation_of(key)
    line = playback.trace.ops[op].line if op is not None else 0
    return Reason(kind, line, playback.trace.passes[key[0]].nodes[key[1]].name)
