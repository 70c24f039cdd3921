"""What must hold in every trace, whatever the program."""

from __future__ import annotations

import torch
from torch import Tensor

from core.records import Pass, Step, TensorSnapshot, Trace

BORN_UNSEEN = frozenset({"AliasBackward0", "UndefinedGradBackward"})
"""Nodes of functions that torch shows to no mode: ``as_subclass``, and a stand-in of ``gradcheck``."""


def tensor(taken: TensorSnapshot) -> Tensor:
    """The tensor a snapshot was taken of."""
    assert taken.data is not None
    return torch.tensor(taken.data, dtype=getattr(torch, taken.dtype)).reshape(taken.shape)


def bits(value: Tensor) -> tuple[object, ...]:
    """A tensor as something to compare to the last bit."""
    value = value.detach().resolve_conj().contiguous()
    return tuple(value.shape), value.dtype, bytes(value.flatten().view(torch.uint8).tolist()) if value.numel() else b""


def check_trace(trace: Trace) -> None:
    """Asserts that the parts of a trace agree with each other."""
    assert [op.id for op in trace.ops] == list(range(len(trace.ops)))
    assert [value.id for value in trace.values] == list(range(len(trace.values)))
    assert len({op.site for op in trace.ops}) == len(trace.ops)
    lines = trace.source.splitlines()
    for op in trace.ops:
        assert set(op.inputs + op.outputs) <= set(range(len(trace.values)))
        assert len(op.input_versions) == len(op.inputs)
        line, column, end_line, end_column = op.span
        assert op.line == line > 0
        rows = lines[line - 1 : end_line]
        rows[-1] = rows[-1][:end_column]
        rows[0] = rows[0][column:]
        assert "\n".join(rows) == op.text
    for value in trace.values:
        assert value.previous is None or value.previous < value.id
    _check_events(trace)
    for number, one in enumerate(trace.passes):
        _check_pass(trace, number, one)


def _check_events(trace: Trace) -> None:
    """Each operation and each step is one event, in its order; the steps of a pass lie between its two ends."""
    assert [e.op for e in trace.events if e.kind == "op"] == list(range(len(trace.ops)))
    assert [e.pass_ for e in trace.events if e.kind == "pass"] == list(range(len(trace.passes)))
    for number, one in enumerate(trace.passes):
        own = [e for e in trace.events if e.pass_ == number]
        assert [e.kind for e in own] == ["pass", *["step"] * len(one.steps), "end"]
        assert [e.step for e in own[1:-1]] == list(range(len(one.steps)))
    for event in trace.events:
        if event.kind in ("grad", "data"):
            assert event.value in range(len(trace.values))
            assert (event.before == event.after) == event.skipped


def _check_pass(trace: Trace, number: int, one: Pass) -> None:
    count = len(one.nodes)
    assert [node.id for node in one.nodes] == list(range(count))
    for edge in one.edges:
        assert edge.source in range(count)
        assert edge.target in range(count)
    edges = {(edge.source, edge.source_slot): (edge.target, edge.target_slot) for edge in one.edges}
    for node in one.nodes:
        if node.name == "AccumulateGrad":
            assert node.value is not None
            assert trace.values[node.value].is_leaf
        elif node.op is not None:
            assert node.value is None or node.value in trace.ops[node.op].outputs
        elif node.name not in BORN_UNSEEN:
            assert node.born is not None, f"{node.name} of pass {number} comes from nowhere"
            assert node.born < (number, 0)
            assert trace.passes[node.born[0]].create_graph
    for place, step in enumerate(one.steps):
        _check_step(one, edges, place, step)


def _check_step(one: Pass, edges: dict[tuple[int, int], tuple[int, int]], place: int, step: Step) -> None:
    arrived: dict[int, list[TensorSnapshot]] = {}
    for arrival in step.arrivals:
        if arrival.step is None:
            assert one.roots[arrival.slot] == (step.node, arrival.into)
            gradient = one.seeds[arrival.slot]
        else:
            assert arrival.step < place
            sender = one.steps[arrival.step]
            assert edges[sender.node, arrival.slot] == (step.node, arrival.into)
            gradient = sender.grad_inputs[arrival.slot]
        assert gradient is not None
        arrived.setdefault(arrival.into, []).append(gradient)
    for into, gradient in enumerate(step.grad_outputs):
        terms = arrived.get(into, [])
        whole = gradient is not None and all(t.data is not None and t.layout == "strided" for t in (gradient, *terms))
        if step.altered in ("arrived", "reader") or (gradient is not None and not whole):
            continue
        if gradient is None:
            assert not terms
            continue
        total = tensor(terms[0])
        for term in terms[1:]:
            total = total + tensor(term)
        assert bits(total) == bits(tensor(gradient))
    if one.nodes[step.node].name == "AccumulateGrad":
        (gradient,) = step.grad_outputs
        after = step.grad_after
        assert gradient is not None
        if gradient.data is not None and gradient.layout == "strided":
            assert after is not None
            start = step.grad_before
            expected = tensor(gradient) if start is None else tensor(start) + tensor(gradient)
            assert bits(expected) == bits(tensor(after))
    for one_unsummed, emitted in zip(step.unsummed, step.grad_inputs, strict=False):
        if one_unsummed is not None:
            assert emitted is not None
            if one_unsummed.data is not None and emitted.data is not None:
                assert bits(tensor(one_unsummed).sum_to_size(emitted.shape)) == bits(tensor(emitted))
