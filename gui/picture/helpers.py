"""Which operations are helpers, not drawn by default: what only makes data, fills memory or handles ``.grad``."""

from __future__ import annotations

from collections import Counter, defaultdict

from core.records import Op, Span, Trace


def find(trace: Trace, needed: frozenset[int] = frozenset()) -> set[int]:
    """The operations that are helpers; ``needed``: values that the line that raised was about to use.

    Drawn is what torch tracks, what is computed from a leaf, what feeds a tracked operation directly, and what the
    program itself writes out on the way there. The work of a library behind one expression is none of that.
    """
    uses = Counter(value for op in trace.ops for value in op.inputs)
    helpers = {op.id for op in trace.ops if _is_unused_constant(op, trace, uses)}
    tracked = {op.id for op in trace.ops if any(trace.values[value].requires_grad for value in op.outputs)}
    if not tracked:
        return helpers
    library = _library_work(trace)
    fillers = {op.span for op in trace.ops if op.span in library and _fills_a_leaf(op, trace)}
    computed = from_leaves(trace)
    feeding = {v for op in trace.ops if op.id in tracked and op.span not in fillers for v in op.inputs} | needed
    leading = feeding | _leading(trace, tracked, library, needed)
    for op in trace.ops:
        if op.id in tracked or (op.span not in fillers and not computed.isdisjoint(op.outputs)):
            continue
        if op.span in library:
            fills = op.inplace and not any(trace.values[value].names for value in op.outputs)
            drawn = not fills and not feeding.isdisjoint(op.outputs)
        else:
            drawn = not leading.isdisjoint(op.outputs)
        if not drawn:
            helpers.add(op.id)
    return (helpers | _idle(trace)) - {op.id for op in trace.ops if not needed.isdisjoint(op.outputs)}


def from_leaves(trace: Trace) -> set[int]:
    """Values computed from leaves that require grad, recorded by torch or not."""
    found: set[int] = set()
    for op in trace.ops:
        if any(value in found or trace.values[value].requires_grad for value in (*op.inputs, *op.outputs)):
            found.update(op.outputs)
    return found


def _leading(trace: Trace, tracked: set[int], library: set[Span], needed: frozenset[int]) -> set[int]:
    """Values on the way to a tracked operation, or to the line that raised; what updates a leaf is on no such way."""
    found = set(needed)
    for op in reversed(trace.ops):
        leads = op.span not in library and not found.isdisjoint(op.outputs)
        if leads or (op.id in tracked and not _fills_a_leaf(op, trace)):
            found.update(op.inputs)
    return found


def _library_work(trace: Trace) -> set[Span]:
    """Expressions that run several operations, such as ``nn.BatchNorm2d(8)``; ``x[i] += 1`` is written out."""
    names: dict[Span, set[str]] = defaultdict(set)
    for op in trace.ops:
        names[op.span].add("" if op.text.endswith("]") else op.name)
    return {span for span, found in names.items() if len(found) > 1 or not span[0]}


def _fills_a_leaf(op: Op, trace: Trace) -> bool:
    """Whether it fills or updates a leaf in place."""
    made = (trace.values[value] for value in op.outputs)
    return op.inplace and any(value.is_leaf and value.requires_grad for value in made)


def _idle(trace: Trace) -> set[int]:
    """Operations apart from every backward pass whose results no variable holds: a layer copied, a batch drawn.

    What fills a parameter that has a name stays: that no gradient reaches it may be what somebody looks for.
    """
    if not any(backward.nodes for backward in trace.passes):
        return set()
    parent = list(range(len(trace.values)))

    def find(value: int) -> int:
        while parent[value] != value:
            parent[value] = value = parent[parent[value]]
        return value

    for op in trace.ops:
        for value in (*op.inputs, *op.outputs):
            parent[find(value)] = find((*op.inputs, *op.outputs)[0])
    nodes = [node for backward in trace.passes for node in backward.nodes]
    busy = {find(node.value) for node in nodes if node.value is not None}
    busy |= {find(value) for node in nodes if node.op is not None for value in trace.ops[node.op].outputs}
    busy |= {find(value.id) for value in trace.values if any("." not in name for name in value.names)}
    return {
        op.id
        for op in trace.ops
        if busy.isdisjoint(map(find, (*op.inputs, *op.outputs)))
        and not any(trace.values[value].requires_grad and trace.values[value].names for value in op.outputs)
    }


def _is_unused_constant(op: Op, trace: Trace, uses: Counter[int]) -> bool:
    """A constant that nothing uses and no name holds, such as the tensor written inside ``backward(gradient=…)``."""
    return not op.inputs and all(
        not uses[value] and not trace.values[value].names and not trace.values[value].requires_grad
        for value in op.outputs
    )
