"""The numbers of the course: each program in plain torch, and then in its trace."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch

from core.engine import WhatIf, pass_jacobian, record
from core.records import Cut, Options, Trace
from tests.oracle.consistency import check_trace, tensor
from tests.oracle.plain import run_in_process

Grads = dict[str, list[Any] | None]

Q = """import torch
a = torch.tensor([2., 3.], requires_grad=True)
b = torch.tensor([6., 4.], requires_grad=True)
Q = 3*a**3 - b**2
"""
XX = "import torch\nx = torch.tensor([2., 3.], requires_grad=True)\ny = torch.stack([x[0]**2, x[1]**3])\n"
DOT = "import torch\nx = torch.arange(4.0, requires_grad=True)\ny = 2 * torch.dot(x, x)\ny.backward()\n"
SQUARE = "import torch\nx = torch.arange(4.0, requires_grad=True)\ny = x * x\n"
DETACH = SQUARE + "u = y.detach()\nz = u * x\nz.sum().backward()\n"
FLOW = """import torch
a = torch.tensor({}, requires_grad=True)
def f(a):
    b = a * 2
    while b.norm() < 1000:
        b = b * 2
    if b.sum() > 0:
        c = b
    else:
        c = 100 * b
    return c
d = f(a)
d.backward()
"""
LOSS = """import torch
p = torch.tensor([0.5, 2.], requires_grad=True)
loss = torch.nn.MSELoss()(p, torch.tensor([1., 1.]))
loss.backward()
"""

NUMBERS: dict[str, tuple[str, Grads, Grads]] = {
    # source, values of names, gradients of leaves
    "Q": (Q + "Q.backward(gradient=torch.tensor([1., 1.]))", {"Q": [-12, 65]}, {"a": [36, 81], "b": [-12, -8]}),
    "Q.sum": (Q + "Q.sum().backward()", {"Q": [-12, 65]}, {"a": [36, 81], "b": [-12, -8]}),
    "seed 1 0": (Q + "Q.backward(gradient=torch.tensor([1., 0.]))", {}, {"a": [36, 0], "b": [-12, 0]}),
    "seed 0 1": (Q + "Q.backward(gradient=torch.tensor([0., 1.]))", {}, {"a": [0, 81], "b": [0, -8]}),
    "seed 2 .5": (Q + "Q.backward(gradient=torch.tensor([2., .5]))", {}, {"a": [72, 40.5], "b": [-24, -4]}),
    "scalar": ("import torch\nx = torch.tensor(2.0, requires_grad=True)\ny = x**2\ny.backward()", {"y": 4}, {"x": 4}),
    "scalar sum": (
        "import torch\nx = torch.tensor([1., 2.], requires_grad=True)\ny = x[0]**2 + x[1]**3\ny.backward()",
        {"y": 9},
        {"x": [2, 12]},
    ),
    "squares and cubes": (XX + "y.backward(gradient=torch.tensor([1., 1.]))", {"y": [4, 27]}, {"x": [4, 27]}),
    "squares, v 2 0": (XX + "y.backward(gradient=torch.tensor([2., 0.]))", {}, {"x": [8, 0]}),
    "squares, v 0 .5": (XX + "y.backward(gradient=torch.tensor([0., 0.5]))", {}, {"x": [0, 13.5]}),
    "squares, retained": (
        XX + "for v in ([1., 1.], [2., 0.], [0., .5]):\n    x.grad = None\n"
        "    y.backward(gradient=torch.tensor(v), retain_graph=True)",
        {},
        {"x": [0, 13.5]},
    ),
    "dot": (DOT, {"y": 28}, {"x": [0, 4, 8, 12]}),
    "accumulated": (DOT + "y = x.sum()\ny.backward()", {}, {"x": [1, 5, 9, 13]}),
    "zeroed": (DOT + "x.grad.zero_()\ny = x.sum()\ny.backward()", {}, {"x": [1, 1, 1, 1]}),
    "set to none": (DOT + "torch.optim.SGD([x], 0.1).zero_grad(set_to_none=True)", {}, {"x": None}),
    "sum": (SQUARE + "y.sum().backward()", {"y": [0, 1, 4, 9]}, {"x": [0, 2, 4, 6]}),
    "ones_like": (SQUARE + "y.backward(torch.ones_like(y))", {}, {"x": [0, 2, 4, 6]}),
    "mean": (SQUARE + "y.mean().backward()", {}, {"x": [0, 0.5, 1, 1.5]}),
    "detach": (DETACH, {"u": [0, 1, 4, 9]}, {"x": [0, 1, 4, 9]}),
    "without detach": (DETACH.replace(".detach()", ""), {}, {"x": [0, 3, 12, 27]}),
    "y stays": (DETACH + "x.grad.zero_()\ny.sum().backward()", {}, {"x": [0, 2, 4, 6]}),
    "control flow": (FLOW.format("1.5410"), {}, {"a": 1024}),
    "loss": (LOSS, {"loss": 0.625}, {"p": [-0.5, 1]}),
    "broadcast": (
        "import torch\nx = torch.ones(3, requires_grad=True)\nW = torch.ones(4, 3, requires_grad=True)\n"
        "(x + W).sum().backward()",
        {},
        {"x": [4, 4, 4], "W": [[1, 1, 1]] * 4},
    ),
    "ties": (
        "import torch\nx = torch.tensor([2., 2.], requires_grad=True)\nx.max().backward()",
        {},
        {"x": [0.5, 0.5]},
    ),
    "relu at the kink": (
        "import torch\nx = torch.tensor([-1., 0., 1.], requires_grad=True)\ntorch.relu(x).sum().backward()",
        {},
        {"x": [0, 0, 1]},
    ),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(name: str) -> None:
    source, values, grads = NUMBERS[name]
    module = run_in_process(source)
    trace = record(source)
    assert trace.error is None
    assert trace.agrees is True
    check_trace(trace)
    recorded = {held: value for value in trace.values for held in value.names}
    leaves = {leaf.name: leaf.grad for leaf in trace.leaves}
    for held, numbers in values.items():
        assert getattr(module, held).tolist() == numbers
        assert tensor(recorded[held].tensor).tolist() == numbers
    assert set(leaves) == set(grads)
    for held, wanted in grads.items():
        grad, seen = getattr(module, held).grad, leaves[held]
        assert (grad if grad is None else grad.tolist()) == wanted
        assert (seen if seen is None else tensor(seen).tolist()) == wanted


def step(trace: Trace, name: str, pass_: int = 0) -> Any:
    """The first step of a node of that name."""
    one = trace.passes[pass_]
    return next(s for s in one.steps if one.nodes[s.node].name == name)


def grad(trace: Trace, name: str) -> list[float] | None:
    taken = next(leaf.grad for leaf in trace.leaves if leaf.name == name)
    return taken.data if taken is not None else None


def test_leaves_before_any_backward() -> None:
    trace = record(Q + "print(a.is_leaf, Q.is_leaf, a.grad)")
    assert trace.stdout == "True False None\n"
    assert [(v.is_leaf, v.requires_grad) for v in trace.values if v.names in (("a",), ("Q",))] == [
        (True, True),
        (False, True),
    ]
    assert grad(trace, "a") is None


def test_without_requires_grad_the_branch_vanishes() -> None:
    trace = record(Q + "Q.sum().backward()", WhatIf(requires_grad={"b": False}))
    assert [leaf.name for leaf in trace.leaves if leaf.grad is not None] == ["a"]
    (one,) = trace.passes
    assert [node.name for node in one.nodes].count("PowBackward0") == 1


def test_integers_refuse_requires_grad_and_complex_numbers_do_not() -> None:
    trace = record("import torch\ntorch.tensor([1j], requires_grad=True)\ntorch.tensor([1], requires_grad=True)")
    assert trace.error is not None
    assert trace.error.message == "Only Tensors of floating point and complex dtype can require gradients"
    assert trace.error.line == 3


def test_a_sum_only_adds_a_node_that_makes_the_seed() -> None:
    seeded = record(Q + "Q.backward(gradient=torch.tensor([1., 1.]))").passes[0]
    summed = record(Q + "Q.sum().backward()")
    names = [[one.nodes[s.node].name for s in one.steps] for one in (seeded, summed.passes[0])]
    assert names[1] == ["SumBackward0", *names[0]]
    assert step(summed, "SumBackward0").grad_inputs[0].data == [1, 1]
    assert [seed and seed.data for seed in summed.passes[0].seeds] == [[1.0]]


@pytest.mark.parametrize(
    ("seed", "a", "b"),
    [([1, 0], [36, 0], [-12, 0]), ([0, 1], [0, 81], [0, -8]), ([2, 0.5], [72, 40.5], [-24, -4])],
)
def test_the_seed_as_a_what_if(seed: list[float], a: list[float], b: list[float]) -> None:
    trace = record(Q + "Q.backward(gradient=torch.tensor([1., 1.]))", WhatIf(seeds={0: seed}))
    assert (grad(trace, "a"), grad(trace, "b")) == (a, b)


JACOBIANS = {
    "curve": ("x = torch.tensor(2., requires_grad=True)\ny = torch.stack([x**2, x**3])", [4, 12], [2, 1]),
    "two by two": (
        "x = torch.tensor([1., 2.], requires_grad=True)\ny = torch.stack([x[0]**2 + x[1], x[0] + x[1]**3])",
        [2, 1, 1, 12],
        [2, 2],
    ),
    "diagonal": ("x = torch.tensor([2., 3.], requires_grad=True)\ny = 3*x**3", [36, 0, 0, 81], [2, 2]),
    "identity": ("x = torch.tensor([2., 3.], requires_grad=True)\ny = x * 1", [1, 0, 0, 1], [2, 2]),
}


@pytest.mark.parametrize("name", JACOBIANS)
def test_jacobians(name: str) -> None:
    body, entries, shape = JACOBIANS[name]
    module = run_in_process("import torch\n" + body)
    size = module.y.numel()
    rows = torch.autograd.grad(module.y, module.x, torch.eye(size), is_grads_batched=True)[0]
    assert rows.flatten().tolist() == entries
    source = "import torch\n" + body + "\ny.backward(torch.ones_like(y))\n"
    _, matrix = pass_jacobian(source, WhatIf(), Options(), 0)
    assert matrix.label == "dy/dx"
    assert matrix.tensor is not None
    assert matrix.tensor.data == entries
    assert list(matrix.tensor.shape) == shape


def test_calling_backward_twice_as_the_text_does() -> None:
    source = XX + "y.backward(gradient=torch.tensor([1., 1.]))\ny.backward(gradient=torch.tensor([2., 0.]))\n"
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        run_in_process(source)
    trace = record(source)
    assert trace.error is not None
    assert trace.error.message.startswith("Trying to backward through the graph a second time")
    assert trace.error.line == 5
    assert trace.passes[1].error == trace.error
    assert trace.agrees is True
    assert all(saved.freed for saved in step(trace, "PowBackward0").saved)


def test_task_weights() -> None:
    source = "import torch\nx = torch.tensor([1., 2.], requires_grad=True)\ny = x**2\n"
    source += "y.backward(torch.tensor([0.7, 0.3]))"
    wanted = (torch.tensor([0.7, 0.3]) * torch.tensor([2.0, 4.0])).tolist()
    assert grad(record(source), "x") == wanted
    assert [round(x, 6) for x in wanted] == [1.4, 1.2]
    cubes = source.replace("x**2", "torch.stack([x[0]**2, x[1]**3])")
    assert [round(x, 6) for x in grad(record(cubes), "x") or []] == [1.4, 3.6]


def test_two_paths_into_one_dot() -> None:
    trace = record(DOT)
    into = [edge for edge in trace.passes[0].edges if edge.target == len(trace.passes[0].nodes) - 1]
    assert len(into) == 2
    (leaf,) = [s for s in trace.passes[0].steps if s.grad_after is not None]
    assert [a.slot for a in leaf.arrivals] == [0, 1]
    assert leaf.grad_outputs[0].data == [0, 4, 8, 12]


def test_none_is_not_zero() -> None:
    trace = record(DOT + "x.grad.zero_()\nx.grad = None\n")
    written = [(e.how, e.after and e.after.data) for e in trace.events if e.kind == "grad"]
    assert written == [("zero", [0, 0, 0, 0]), ("none", None)]


def test_a_vector_has_no_implicit_seed_unless_a_what_if_gives_one() -> None:
    source = SQUARE + "y.backward()\n"
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        run_in_process(source)
    trace = record(source)
    assert trace.error is not None
    assert trace.error.message == "grad can be implicitly created only for scalar outputs"
    assert grad(record(source, WhatIf(seeds={0: [1, 1, 1, 1]})), "x") == [0, 2, 4, 6]


def test_heal_and_cut_of_the_detach_program() -> None:
    healed = record(DETACH, WhatIf(heals=("4:y.detach()",)))
    assert grad(healed, "x") == [0, 3, 12, 27]
    assert healed.agrees is True
    whole = DETACH.replace(".detach()", "")
    assert grad(record(whole, WhatIf(cuts=(Cut("3:y"),))), "x") == [0, 1, 4, 9]
    assert grad(record(whole, WhatIf(cuts=(Cut("2:x", "5:u * x"),))), "x") == [0, 2, 8, 18]  # what detach had lost


def test_control_flow_builds_another_graph_for_another_number() -> None:
    module = run_in_process(FLOW.format("1.5410"))
    assert module.a.grad == module.d / module.a
    trace = record(FLOW.format("1.5410"))
    doublings = [op for op in trace.ops if op.text == "b * 2"]
    assert [op.hit for op in doublings] == list(range(9))
    assert all(op.function == "f" for op in doublings)
    assert round(module.d.item(), 2) == 1577.98
    negative = record(FLOW.format("1.5410"), WhatIf(leaves={"a": [-1.5410]}))
    assert grad(negative, "a") == [102400.0]
    assert any(op.text == "100 * b" for op in negative.ops)
    assert grad(negative, "a") == [run_in_process(FLOW.format("-1.5410")).a.grad.item()]


def test_the_first_gradient_of_a_mean_has_its_n() -> None:
    assert step(record(LOSS), "MseLossBackward0").grad_inputs[0].data == [-0.5, 1.0]  # 2(p − y)/N


def test_broadcasting_sums() -> None:
    trace = record(NUMBERS["broadcast"][0])
    add = step(trace, "AddBackward0")
    assert add.unsummed[0].shape == (4, 3)
    assert add.grad_inputs[0].data == [4, 4, 4]
    assert add.unsummed[1] is None


def test_where_leaks_nan_from_the_branch_not_taken() -> None:
    source = "import torch\nx = torch.tensor([0., 4.], requires_grad=True)\n"
    source += "torch.where(x > 0, x.sqrt(), torch.zeros(2)).sum().backward()\n"
    trace = record(source)
    assert trace.error is None
    sqrt = step(trace, "SqrtBackward0")
    assert (sqrt.grad_outputs[0].nan, sqrt.grad_inputs[0].nan) == (0, 1)


def test_an_exponential_changed_in_place_raises() -> None:
    source = "import torch\nx = torch.ones(2, requires_grad=True)\ny = x.exp()\ny.add_(1)\ny.sum().backward()\n"
    with pytest.raises(RuntimeError, match="is at version 1; expected version 0 instead"):
        run_in_process(source)
    error = record(source).error
    assert error is not None
    assert "is at version 1; expected version 0 instead" in error.message
    assert set(error.lines) == {3, 4}


def test_a_non_leaf_keeps_no_grad_unless_asked() -> None:
    source = SQUARE + "y.retain_grad()\ny.sum().backward()\nprint(y.grad.tolist(), x.to(torch.float64).is_leaf)\n"
    assert record(source).stdout == "[1.0, 1.0, 1.0, 1.0] False\n"


def test_ten_sigmoids_shrink_the_gradient_below_a_quarter_each_time() -> None:
    source = "import torch\nx = torch.tensor(0.5, requires_grad=True)\ny = x\n"
    source += "for _ in range(10):\n    y = torch.sigmoid(y)\ny.backward()\n"
    one = record(source).passes[0]
    sizes = [s.grad_inputs[0].data[0] for s in one.steps if one.nodes[s.node].name == "SigmoidBackward0"]  # type: ignore[union-attr,index]
    assert len(sizes) == 10
    assert all(later <= earlier / 4 for earlier, later in pairwise(sizes))


@pytest.mark.parametrize(("factor", "agrees"), [("2", True), ("3", False)])
def test_the_wrong_backward_is_found_by_finite_differences(factor: str, agrees: bool) -> None:
    source = f"""import torch
class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2
    @staticmethod
    def backward(ctx, g):
        return g * {factor}
x = torch.tensor([1., -2.], requires_grad=True)
Double.apply(x).sin().sum().backward()
"""
    trace = record(source, options=Options(finite_differences=True))
    named = {trace.ops[check.op].name: check for check in trace.checks}
    assert named["Double.apply"].agrees is agrees
    assert named["Double.apply"].custom
    assert named["sin"].agrees
    assert not named["sin"].custom


def test_what_runs_without_gradients_is_not_compared() -> None:
    source = "import torch\nw = torch.empty(3, requires_grad=True)\nwith torch.no_grad():\n    w.uniform_(1, 2)\n"
    trace = record(source + "torch.nn.init.ones_(w)\n(w * w).sum().backward()\n")
    assert [trace.ops[check.op].name for check in trace.checks] == ["mul", "sum"]


def test_attention_with_a_causal_mask() -> None:
    source = """import torch
torch.manual_seed(0)
x = torch.randn(3, 4)
Wq, Wk, Wv = (torch.randn(4, 2).requires_grad_() for _ in range(3))
q, k, v = x @ Wq, x @ Wk, x @ Wv
s = (q @ k.T / 2 ** 0.5).masked_fill(torch.ones(3, 3).triu(1).bool(), float("-inf"))
p = torch.softmax(s, -1)
(p @ v)[1].sum().backward()
print(p[0].tolist(), p.sum(-1).allclose(torch.ones(3)))
"""
    trace = record(source)
    assert trace.stdout == "[1.0, 0.0, 0.0] True\n"
    arrived = step(trace, "SoftmaxBackward0").grad_outputs[0].data
    assert any(arrived[3:6])
    assert not any(arrived[:3] + arrived[6:])
    assert trace.agrees is True


def test_what_changes_nothing_is_not_compared_in_place_of_the_next_operation() -> None:
    source = "import torch\nx = torch.ones(2, requires_grad=True)\nz = x.contiguous().float().sin()\nw = x.float()\n"
    trace = record(source)
    assert [(trace.ops[check.op].name, check.agrees) for check in trace.checks] == [("sin", True)]
