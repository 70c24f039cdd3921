"""Why a leaf's ``.grad`` is None, or zero: found in the record, by following what was computed from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from core.playback import NodeKey, Playback
from core.records import Op, Pass, Trace, Value

DETACHING: Final = frozenset({"detach", "detach_", "data"})
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


def _why_none(playback: Playback, value: int) -> Reason | None:
    trace, first = playback.trace, playback.index.leaf_of
    history = playback.index.grads.get(first.get(value, value))
    if history is not None:
        past = [
            (at, state) for at, state in zip(history.positions, history.states, strict=True) if at < playback.cursor
        ]
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
    if any(root.id in connected for root in roots):
        # Without inputs= a pass reaches every leaf, unless its record ends before.
        return Reason("inputs" if any(backward.inputs for backward in trace.passes) else "later")
    for root in roots:
        if root.id in blocked:
            op = blocked[root.id]
            kind = next(kind for kind, holds in _BLOCKS if holds(op, trace))
            return Reason(kind, op.line, op.name)
    return Reason("no_path", name=next((root.names[0] for root in roots if root.names), ""))


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
    for number in range(len(trace.passes) - 1, -1, -1):
        for node in trace.passes[number].nodes:
            if "AccumulateGrad" in node.name and node.value is not None:
                ran = playback.emitted((number, node.id)) is not None
                if ran and playback.index.leaf_of.get(node.value, node.value) == leaf:
                    return _stopped_at(playback, (number, node.id))
    return None


def _stopped_at(playback: Playback, key: NodeKey) -> Reason | None:
    backward = playback.trace.passes[key[0]]
    waiting, seen = [key[1]], {key[1]}
    while waiting:
        node = waiting.pop()
        ran = playback.emitted((key[0], node))
        if ran is not None and ran.altered == "reader":
            return Reason("zero_reader", name=backward.nodes[node].name)
        for contribution in playback.index.inflow((key[0], node)):
            if contribution.tensor is None or not contribution.tensor.is_zero:
                continue
            if contribution.source is None:
                return Reason("zero_seed", backward.line)
            step = playback.emitted((key[0], contribution.source))
            if step is None or contribution.source in seen:
                continue
            if any(arrived is not None and not arrived.is_zero for arrived in step.grad_outputs):
                name = backward.nodes[contribution.source].name
                op = playback.operation_of((key[0], contribution.source))
                line = playback.trace.ops[op].line if op is not None else 0
                return Reason("zero_dead" if name.startswith("Relu") else "zero_node", line, name)
            seen.add(contribution.source)
            waiting.append(contribution.source)
    return None
