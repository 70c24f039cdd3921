"""Traces built by hand, so that the window's tests need no torch."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import msgspec

from core.records import (
    Arrival,
    Cut,
    Edge,
    Event,
    Failure,
    Leaf,
    Node,
    Op,
    Pass,
    SavedTensor,
    Step,
    TensorSnapshot,
    Trace,
    Value,
    WhatIf,
)

FIRST = """import torch

a = torch.tensor([2., 3.], requires_grad=True)
b = torch.tensor([6., 4.], requires_grad=True)
Q = 3*a**3 - b**2

Q.backward(gradient=torch.tensor([1., 1.]))
print(a.grad, b.grad)
"""


def tensor(*numbers: float, shape: Sequence[int] | None = None) -> TensorSnapshot:
    """A float32 tensor; one dimension unless ``shape`` says otherwise."""
    sizes = (len(numbers),) if shape is None else tuple(shape)
    return TensorSnapshot(sizes, "float32", struct.pack(f"<{len(numbers)}f", *numbers))


def _value(id_: int, snapshot: TensorSnapshot, *names: str, leaf: bool = False, requires_grad: bool = True) -> Value:
    return Value(id_, names, snapshot.shape, "float32", requires_grad, leaf, snapshot)


def _op(id_: int, name: str, span: tuple[int, int, int, int], text: str, inputs: Sequence[int], output: int) -> Op:
    return Op(id_, name, span[0], span, text, tuple(inputs), (output,), site=f"{name}#{id_}", tracked=True)


def until(trace: Trace, step: int) -> Trace:
    """What is recorded of a trace with one pass while it waits to make a step."""
    end = next(number for number, event in enumerate(trace.events) if event.step == step)
    backward = msgspec.structs.replace(trace.passes[0], steps=trace.passes[0].steps[:step])
    leaves = tuple(msgspec.structs.replace(leaf, grad=None) for leaf in trace.leaves)
    return msgspec.structs.replace(trace, passes=(backward,), events=trace.events[:end], leaves=leaves, stdout="")


def first(seed: tuple[float, float] = (1.0, 1.0), cut: bool = False) -> Trace:
    """The trace of Q = 3a³ − b²; ``cut`` detaches b**2 where Q uses it."""
    v0, v1 = seed
    values = (
        _value(0, tensor(2, 3), "a", leaf=True),
        _value(1, tensor(6, 4), "b", leaf=True),
        _value(2, tensor(8, 27)),
        _value(3, tensor(24, 81)),
        _value(4, tensor(36, 16)),
        _value(5, tensor(-12, 65), "Q"),
        _value(6, tensor(1, 1), leaf=True, requires_grad=False),
    )
    ops = (
        _op(0, "tensor", (3, 4, 3, 46), "torch.tensor([2., 3.], requires_grad=True)", (), 0),
        _op(1, "tensor", (4, 4, 4, 46), "torch.tensor([6., 4.], requires_grad=True)", (), 1),
        _op(2, "pow", (5, 6, 5, 10), "a**3", (0,), 2),
        _op(3, "mul", (5, 4, 5, 10), "3*a**3", (2,), 3),
        _op(4, "pow", (5, 13, 5, 17), "b**2", (1,), 4),
        Op(5, "sub", 5, (5, 4, 5, 17), "3*a**3 - b**2", (3, 4), (5,), site="sub#5", tracked=True,
           cut_inputs=(1,) if cut else ()),
        Op(6, "tensor", 7, (7, 20, 7, 42), "torch.tensor([1., 1.])", (), (6,), site="tensor#6"),
    )  # fmt: skip
    nodes = [
        Node(0, "SubBackward0", 4, 5, 5),
        Node(1, "MulBackward0", 2, 3, 3),
        Node(2, "PowBackward0", 1, 2, 2),
        Node(3, "AccumulateGrad", 2**63, None, 0),
        Node(4, "PowBackward0", 3, 4, 4),
        Node(5, "AccumulateGrad", 2**63, None, 1),
    ]
    edges = [Edge(0, 0, 1, 0), Edge(1, 0, 2, 0), Edge(2, 0, 3, 0), Edge(0, 1, 4, 0), Edge(4, 0, 5, 0)]
    m = tensor(3 * v0, 3 * v1)
    da = tensor(36 * v0, 81 * v1)
    n = tensor(-v0, -v1)
    db = tensor(-12 * v0, -8 * v1)
    s = tensor(v0, v1)
    steps = [
        Step(0, (s,), (s, n), arrivals=(Arrival(None, 0, 0),)),
        Step(4, (n,), (db,), arrivals=(Arrival(0, 1, 0),), saved=(SavedTensor("self", tensor(6, 4)),)),
        Step(5, (db,), (), None, db, (Arrival(1, 0, 0),)),
        Step(1, (s,), (m,), arrivals=(Arrival(0, 0, 0),)),
        Step(2, (m,), (da,), arrivals=(Arrival(3, 0, 0),), saved=(SavedTensor("self", tensor(2, 3)),)),
        Step(3, (da,), (), None, da, (Arrival(4, 0, 0),)),
    ]
    if cut:
        none = (s, None)
        steps = [
            Step(0, (s,), none, arrivals=(Arrival(None, 0, 0),)),
            Step(1, (s,), (m,), arrivals=(Arrival(0, 0, 0),)),
            Step(2, (m,), (da,), arrivals=(Arrival(1, 0, 0),)),
            Step(3, (da,), (), None, da, (Arrival(2, 0, 0),)),
        ]
        nodes, edges = nodes[:4], edges[:3]
    events = [Event("op", op=number, line=ops[number].line) for number in range(7)]
    events += [Event("pass", pass_=0, line=7)]
    events += [Event("step", pass_=0, step=number, line=7) for number in range(len(steps))]
    events += [Event("end", pass_=0, line=7)]
    backward = Pass(
        "backward", 7, (s,), tuple(nodes), tuple(edges), tuple(steps), roots=((0, 0),), seeded=seed != (1.0, 1.0)
    )
    what_if = WhatIf(cuts=(Cut("pow#4", "sub#5", 1),) if cut else (), seeds={0: seed} if seed != (1.0, 1.0) else {})
    leaves = (Leaf("a", da, 0), Leaf("b", None if cut else db, 1))
    return Trace(
        "2.13.0+cpu", FIRST, "tensor([36., 81.]) tensor([-12.,  -8.])\n", values, ops, (backward,), leaves,
        tuple(events), agrees=True, what_if=what_if,
    )  # fmt: skip


def fan(seed: float = 1.0) -> Trace:
    """y = x·x: two paths into one leaf, both on edges between the same two cards."""
    values = (_value(0, tensor(3, shape=()), "x", leaf=True), _value(1, tensor(9, shape=()), "y"))
    ops = (
        _op(0, "tensor", (1, 4, 1, 40), "torch.tensor(3., requires_grad=True)", (), 0),
        _op(1, "mul", (2, 4, 2, 9), "x * x", (0, 0), 1),
    )
    nodes = (Node(0, "MulBackward0", 0, 1, 1), Node(1, "AccumulateGrad", 2**63, None, 0))
    part, whole = tensor(3 * seed, shape=()), tensor(6 * seed, shape=())
    steps = (
        Step(0, (tensor(seed, shape=()),), (part, part), arrivals=(Arrival(None, 0, 0),)),
        Step(1, (whole,), (), None, whole, (Arrival(0, 0, 0), Arrival(0, 1, 0))),
    )
    events = (
        Event("op", op=0), Event("op", op=1), Event("pass", pass_=0), Event("step", pass_=0, step=0),
        Event("step", pass_=0, step=1), Event("end", pass_=0), Event("grad", value=0, before=whole, how="none"),
    )  # fmt: skip
    backward = Pass(
        "backward", 3, (tensor(seed, shape=()),), nodes, (Edge(0, 0, 1, 0), Edge(0, 1, 1, 0)), steps, roots=((0, 0),)
    )
    source = "x = torch.tensor(3., requires_grad=True)\ny = x * x\ny.backward()\n"
    return Trace("2.13.0+cpu", source, "", values, ops, (backward,), (Leaf("x", None, 0),), events, agrees=True)


def failed() -> Trace:
    """A program whose third line raises."""
    source = "import torch\na = torch.ones(2, requires_grad=True)\nb = a @ torch.ones(3)\n"
    values = (_value(0, tensor(1, 1), "a", leaf=True),)
    ops = (_op(0, "ones", (2, 4, 2, 37), "torch.ones(2, requires_grad=True)", (), 0),)
    error = Failure(
        "RuntimeError", "inconsistent tensor size, expected tensor [2] and src [3]", 3, "The shapes do not match."
    )
    return Trace("2.13.0+cpu", source, "", values, ops, (), (), (Event("op", op=0, line=2),), error)


def chain(length: int) -> Trace:
    """A long chain of operations with a pass over it."""
    values = [_value(0, tensor(1, 2), "x", leaf=True)]
    ops = [_op(0, "ones", (1, 0, 1, 4), "ones", (), 0)]
    for number in range(1, length):
        values.append(_value(number, tensor(number, 2)))
        ops.append(_op(number, "mul", (2, 0, 2, 3), "x*w", (number - 1,), number))
    one = tensor(1, 1)
    nodes = [Node(i, "MulBackward0", i, length - 1 - i, length - 1 - i) for i in range(length - 1)]
    nodes.append(Node(length - 1, "AccumulateGrad", 2**63, None, 0))
    edges = [Edge(i, 0, i + 1, 0) for i in range(length - 1)]
    steps = [Step(i, (one,), (one,), arrivals=(Arrival(i - 1 if i else None, 0, 0),)) for i in range(length - 1)]
    steps.append(Step(length - 1, (one,), (), None, one, (Arrival(length - 2, 0, 0),)))
    events = [Event("op", op=i) for i in range(length)] + [Event("pass", pass_=0)]
    events += [Event("step", pass_=0, step=i) for i in range(length)] + [Event("end", pass_=0)]
    backward = Pass("backward", 3, (one,), tuple(nodes), tuple(edges), tuple(steps), roots=((0, 0),))
    return Trace("2.13.0+cpu", "x\n", "", tuple(values), tuple(ops), (backward,), (Leaf("x", one, 0),), tuple(events))
