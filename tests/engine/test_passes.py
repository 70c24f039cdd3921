"""Backward calls as a trace tells them: which, from where, in what order, with every write to ``.grad``."""

from __future__ import annotations

from typing import Any

import pytest

from core.engine import Options, WhatIf, local_jacobian, local_jacobians, pass_jacobian, record, whole_tensor
from core.engine import run as running
from core.records import Event, Pass, Step, Trace
from tests.oracle.consistency import check_trace

X = "import torch\nx = torch.tensor([1., 2.], requires_grad=True)\n"


def run(source: str) -> Trace:
    trace = record(source)
    assert trace.error is None
    assert trace.agrees is True
    check_trace(trace)
    return trace


def names(one: Pass) -> list[str]:
    return [one.nodes[step.node].name for step in one.steps]


def step(one: Pass, name: str) -> Step:
    return next(s for s in one.steps if one.nodes[s.node].name == name)


def writes(trace: Trace) -> list[tuple[str, Any, Any, int]]:
    """Writes to ``.grad`` and changes of leaves: how, before, after, line."""

    def data(event: Event) -> tuple[Any, Any]:
        return event.before and event.before.data, event.after and event.after.data

    return [(e.how, *data(e), e.line) for e in trace.events if e.kind in ("grad", "data")]


def test_every_way_to_call_it() -> None:
    trace = run(
        X + "y = x * x\nz = x.exp()\ny.sum().backward()\n"
        "torch.autograd.backward([x * 2, z], [torch.ones(2), torch.ones(2)], retain_graph=True)\n"
        "torch.autograd.grad(z.sum(), x, create_graph=True)\n"
        "torch.autograd.backward((x * 3).sum(), inputs=[x])\n"
    )
    kinds = [(p.call, p.line, len(p.roots), p.retain_graph, p.create_graph, len(p.inputs)) for p in trace.passes]
    assert kinds == [
        ("backward", 5, 1, False, False, 0),
        ("backward", 6, 2, True, False, 0),
        ("grad", 7, 1, True, True, 1),
        ("backward", 8, 1, False, False, 1),
    ]
    assert [seed and seed.data for seed in trace.passes[1].seeds] == [[1.0, 1.0], [1.0, 1.0]]
    (result,) = trace.passes[2].results
    assert result is not None
    assert result.data == step(trace.passes[2], "ExpBackward0").grad_inputs[0].data  # type: ignore[union-attr]


def test_contributions_come_in_the_engines_order() -> None:
    trace = run(X + "((x * 2) + (x * 3) + x.exp()).sum().backward()\n")
    one = trace.passes[0]
    (leaf,) = [s for s in one.steps if s.grad_after is not None]
    senders = [one.nodes[one.steps[a.step].node].name for a in leaf.arrivals if a.step is not None]
    assert senders == ["ExpBackward0", "MulBackward0", "MulBackward0"]
    first = [one.steps[a.step].grad_inputs[a.slot] for a in leaf.arrivals if a.step is not None]
    assert [g and g.data for g in first][1:] == [[3.0, 3.0], [2.0, 2.0]]


def test_grad_before_and_after() -> None:
    trace = run(X + "(x * 2).sum().backward()\n(x * 3).sum().backward()\n")
    seen = [
        (s.grad_before and s.grad_before.data, s.grad_after.data)
        for one in trace.passes
        for s in one.steps
        if s.grad_after is not None
    ]
    assert seen == [(None, [2.0, 2.0]), ([2.0, 2.0], [5.0, 5.0])]


def test_undefined_is_not_zero() -> None:
    trace = run(
        X
        + "class Half(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a, b):\n        return a + b\n"
        "    @staticmethod\n    def backward(ctx, g):\n        return g, None\n"
        "Half.apply(x, x * 2).sum().backward()\n"
    )
    one = trace.passes[0]
    assert step(one, "HalfBackward").grad_inputs[1] is None
    assert step(one, "MulBackward0").grad_outputs == (None,)


def test_the_vjp_before_it_is_summed() -> None:
    trace = run(X + "w = torch.ones(3, 2, requires_grad=True)\n(w * x).sum().backward()\n")
    product = step(trace.passes[0], "MulBackward0")
    wide = product.unsummed[1]
    assert wide is not None
    assert (wide.shape, wide.data) == ((3, 2), [1.0] * 6)
    assert product.unsummed[0] is None
    assert product.grad_inputs[1] is not None
    assert product.grad_inputs[1].data == [3.0, 3.0]


def test_saved_tensors_with_versions_and_never_through_unpack_hooks() -> None:
    trace = run(
        X + "unpacked = []\ndef unpack(t):\n    unpacked.append(1)\n    return t\n"
        "with torch.autograd.graph.saved_tensors_hooks(lambda t: t, unpack):\n    h = x.exp()\n"
        "m = torch.ones(2)\nm += 1\ny = x * m\n(h + y).sum().backward()\nprint(len(unpacked))\n"
    )
    one = trace.passes[0]
    assert trace.stdout == "1\n"
    assert [(s.name, s.tensor) for s in step(one, "ExpBackward0").saved] == [("result", None)]
    other = next(s for s in step(one, "MulBackward0").saved if s.name == "other")
    assert other.tensor is not None
    assert (other.tensor.data, other.version, other.freed) == ([2.0, 2.0], 1, True)
    kept = run(X + "(x * x).sum().backward(retain_graph=True)\n").passes[0]
    assert not any(s.freed for s in step(kept, "MulBackward0").saved)


def test_hooks_that_change_gradients_are_marked() -> None:
    trace = run(
        X + "y = x * 2\ny.register_hook(lambda g: g * 10)\nz = y.exp()\n"
        "z.grad_fn.register_hook(lambda grads, given: (grads[0] + 1,))\nw = z.sin()\nw.register_hook(lambda g: None)\n"
        "w.sum().backward()\n"
    )
    one = trace.passes[0]
    assert {one.nodes[s.node].name: s.altered for s in one.steps if s.altered} == {
        "MulBackward0": "arrived",
        "ExpBackward0": "emitted",
    }


def test_a_second_pass_knows_where_its_nodes_were_born() -> None:
    trace = run(X + "g, = torch.autograd.grad((x ** 4).sum(), x, create_graph=True)\n(g * x).sum().backward()\n")
    first, second = trace.passes
    at = names(first).index("PowBackward0")
    born = {node.name: node.born for node in second.nodes if node.born}
    assert set(born.values()) == {(0, at)}
    assert len(born) >= 2
    assert step(second, "PowBackward0").grad_outputs[0] is not None
    made_by = {trace.ops[node.op].text: node.born for node in second.nodes if node.op is not None}
    assert made_by == {"g * x": None, "(g * x).sum()": None}


def test_each_node_is_born_in_the_step_that_made_it() -> None:
    trace = run(X + "g, = torch.autograd.grad(x.exp().sin().sum(), x, create_graph=True)\ng.sum().backward()\n")
    assert names(trace.passes[0]) == ["SumBackward0", "SinBackward0", "ExpBackward0"]
    assert [(node.name, node.born) for node in trace.passes[1].nodes if node.born] == [
        ("MulBackward0", (0, 2)),
        ("MulBackward0", (0, 1)),
        ("CosBackward0", (0, 1)),
    ]


def test_sums_of_captured_gradients_are_born_in_the_last_step() -> None:
    trace = run(
        X + "y = x * 1\ng, = torch.autograd.grad((y * y + y ** 3).sum(), y, create_graph=True)\ng.sum().backward()\n"
    )
    assert trace.passes[1].nodes[1].name == "AddBackward0"
    assert trace.passes[1].nodes[1].born == (0, len(trace.passes[0].steps) - 1)


def test_nested_passes() -> None:
    trace = run(
        X + "def nested(g):\n    with torch.enable_grad():\n        c = torch.ones(2, requires_grad=True)\n"
        "        (c * g).sum().backward()\ny = x * 2\ny.register_hook(nested)\ny.sum().backward()\n"
    )
    outer, inner = trace.passes
    assert (outer.parent, inner.parent) == (None, (0, 1))
    assert names(inner) == ["SumBackward0", "MulBackward0", "AccumulateGrad"]
    order = [(e.kind, e.pass_) for e in trace.events if e.kind in ("pass", "end")]
    assert order == [("pass", 0), ("pass", 1), ("end", 1), ("end", 0)]


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointed_passes(reentrant: bool) -> None:
    trace = run(
        X + "from torch.utils.checkpoint import checkpoint\n"
        f"y = checkpoint(lambda v: v.sin().exp(), x, use_reentrant={reentrant})\n"
        "y.sum().backward()\n"
    )
    again = [one for one in trace.ops if one.name == "sin" and one.during]
    assert len(again) == 1
    assert [one.parent for one in trace.passes] == ([None, again[0].during] if reentrant else [None])
    assert "SinBackward0" in names(trace.passes[-1])


def test_optimizer_closures() -> None:
    trace = run(
        X + "opt = torch.optim.LBFGS([x], max_iter=3)\ndef closure():\n    opt.zero_grad()\n    loss = (x ** 2).sum()\n"
        "    loss.backward()\n    return loss\nopt.step(closure)\n"
    )
    assert len(trace.passes) >= 2
    assert {one.line for one in trace.passes} == {7}
    assert [one.hit for one in trace.ops if one.text == "x ** 2"] == list(range(len(trace.passes)))
    assert not any(one.line == 9 for one in trace.ops)  # the optimizer's own arithmetic is no operation of the program


def test_writes_to_grad_in_their_order() -> None:
    trace = run(
        X + "opt = torch.optim.SGD([x], lr=1.)\n(x * 2).sum().backward()\nopt.step()\nx.grad.zero_()\n"
        "x.grad = torch.ones(2)\nx.grad += 1\nopt.zero_grad()\nx.grad = None\n"
    )
    assert writes(trace) == [
        ("optimizer", [1.0, 2.0], [-1.0, 0.0], 5),
        ("zero", [2.0, 2.0], [0.0, 0.0], 6),
        ("assign", [0.0, 0.0], [1.0, 1.0], 7),
        ("assign", [1.0, 1.0], [2.0, 2.0], 8),
        ("none", [2.0, 2.0], None, 9),
    ]
    kinds = [e.kind for e in trace.events]
    assert kinds.index("end") < kinds.index("data") < kinds.index("grad")


def test_hooks_behind_a_leaf_come_behind_its_step() -> None:
    trace = run(
        X + "opt = torch.optim.SGD([x], lr=1.)\ndef done(p):\n    opt.step()\n    opt.zero_grad()\n"
        "x.register_post_accumulate_grad_hook(done)\nfor _ in range(2):\n    (x * 2).sum().backward()\n"
    )
    assert [e.how or e.kind for e in trace.events if e.kind in ("step", "grad", "data", "end")] == [
        *["step", "step", "step", "optimizer", "none", "end"],
    ] * 2
    leaves = [s for one in trace.passes for s in one.steps if s.grad_after is not None]
    assert [(s.grad_before, s.grad_after and s.grad_after.data) for s in leaves] == [(None, [2.0, 2.0])] * 2


def test_an_error_of_the_engine_is_kept_with_the_steps_before_it() -> None:
    trace = record(X + "y = x * 2\ndef bad(g):\n    raise KeyError('no')\ny.register_hook(bad)\ny.sum().backward()\n")
    (one,) = trace.passes
    assert one.error is not None
    assert (one.error.type, one.error.line) == ("KeyError", 5)
    assert names(one) == ["SumBackward0"]
    assert trace.agrees is True


def test_a_call_that_never_reached_the_engine() -> None:
    trace = record(X + "try:\n    (x * 2).backward()\nexcept RuntimeError:\n    pass\n(x * 3).sum().backward()\n")
    refused, done = trace.passes
    assert refused.error is not None
    assert "scalar outputs" in refused.error.message
    assert (refused.steps, refused.line) == ((), 4)
    assert done.error is None
    assert trace.error is None


def test_jacobians_on_request() -> None:
    source = X + "y = x ** 3\ny.sum().backward()\n"
    one = run(source).passes[0]
    at = names(one).index("PowBackward0")
    (local,) = local_jacobian(source, WhatIf(), Options(), 0, at)
    assert local.tensor is not None
    assert local.tensor.data == [3.0, 0.0, 0.0, 12.0]
    itself, whole = pass_jacobian(source, WhatIf(), Options(), 0)
    assert itself.tensor is not None
    assert (itself.label, itself.tensor.data) == ("doutput/doutput", [1.0])
    assert whole.tensor is not None
    assert (whole.label, whole.tensor.data) == ("doutput/dx", [3.0, 12.0])
    with pytest.raises(ValueError, match="no step 99 in pass 0"):
        local_jacobian(source, WhatIf(), Options(), 0, 99)
    with pytest.raises(ValueError, match="no pass 3"):
        pass_jacobian(source, WhatIf(), Options(), 3)


TWO_PASSES = (
    "import torch\ntorch.manual_seed(0)\nx = torch.randn(4, 3).requires_grad_()\nw = torch.randn(3).requires_grad_()\n"
    "y = torch.dropout(torch.tanh(x @ w), 0.5, True)\ny.sum().backward(retain_graph=True)\n(y ** 2).mean().backward()\n"
)


def test_jacobians_of_all_steps_in_one_run_are_those_of_each() -> None:
    trace = run(TWO_PASSES)
    steps = [(number, step) for number, one in enumerate(trace.passes) for step in range(len(one.steps))]
    together = local_jacobians(TWO_PASSES, WhatIf(), Options(), steps[::-1])
    assert together == tuple(local_jacobian(TWO_PASSES, WhatIf(), Options(), *step) for step in steps[::-1])
    assert sum(map(bool, together)) == len(steps) - 4  # but for the leaves' nodes


def test_a_step_that_is_not_reached_has_no_jacobians() -> None:
    there, nowhere = local_jacobians(TWO_PASSES, WhatIf(), Options(), [(0, 1), (7, 0)])
    assert there
    assert nowhere == ()
    assert local_jacobians("while True: pass", WhatIf(), Options(), []) == ()


def test_jacobians_in_one_answer_have_a_size_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    source = X + "y = ((x * 2) * 3) * 4\ny.sum().backward()\n"
    steps = [(0, 1), (0, 2), (0, 3)]
    monkeypatch.setattr(running, "TOGETHER", 7)
    found = [matrices[0] for matrices in local_jacobians(source, WhatIf(), Options(), steps)]
    assert [matrix.tensor is not None for matrix in found] == [True, False, False]
    assert found[2].note.startswith("2 × 2 is too large")
    (small,) = local_jacobians(source, WhatIf(), Options(), steps[:1], limit=3)
    assert small[0].tensor is None


def test_a_question_is_answered_though_the_program_catches_everything() -> None:
    source = X + "try:\n    (x ** 2).sum().backward()\nexcept BaseException:\n    pass\n"
    (local,) = local_jacobian(source, WhatIf(), Options(), 0, 1)
    assert local.tensor is not None
    assert local.tensor.data == [2.0, 0.0, 0.0, 4.0]
    _, whole = pass_jacobian(source, WhatIf(), Options(), 0)
    assert whole.tensor is not None
    assert whole.tensor.data == [2.0, 4.0]


def test_each_root_of_a_pass_by_itself_and_by_each_leaf() -> None:
    source = X + "w = torch.ones(1, requires_grad=True)\ny = x ** 2\nz = y[:1] * w\nz.retain_grad()\n"
    source += "torch.autograd.backward([y, z, w], [torch.ones(2), torch.ones(1), torch.ones(1)])\n"
    trace = run(source)
    found = {(matrix.label, matrix.output): matrix for matrix in pass_jacobian(source, WhatIf(), Options(), 0)}
    assert set(found) == {
        ("dy/dy", 0), ("dy/dx", 0), ("dy/dw", 0), ("dz/dz", 1), ("dz/dx", 1), ("dz/dw", 1), ("dw/dw", 2), ("dw/dx", 2)
    }  # fmt: skip
    entries = {key: matrix.tensor.data for key, matrix in found.items() if matrix.tensor is not None}
    assert entries["dy/dy", 0] == [1, 0, 0, 1]
    assert entries["dz/dx", 1] == [2, 0]
    assert entries["dw/dw", 2] == [1]
    assert ("dy/dw", 0) not in entries
    for (label, _), matrix in found.items():
        assert trace.values[matrix.input].names == (label[-1],)


def test_a_dense_gradient_behind_a_sparse_one() -> None:
    trace = run(
        "import torch\nw = torch.ones(3, 2, requires_grad=True)\nw.register_post_accumulate_grad_hook(lambda p: None)\n"
        "torch.nn.functional.embedding(torch.tensor([1]), w, sparse=True).sum().backward()\n(w * 2).sum().backward()\n"
    )
    before, after = (step(one, "AccumulateGrad").grad_after for one in trace.passes)
    assert before is not None
    assert after is not None
    assert (before.layout, after.layout) == ("sparse_coo", "strided")
    assert after.data == [2.0, 2.0, 3.0, 3.0, 2.0, 2.0]


def test_a_whole_tensor_on_request() -> None:
    source = "import torch\nx = torch.arange(5000., requires_grad=True)\n(x * 2).sum().backward()\n"
    numbers = [float(n) for n in range(5000)]
    assert whole_tensor(source, WhatIf(), Options(), "value/0").data == numbers
    assert whole_tensor(source, WhatIf(), Options(), "leaf/x").data == [2.0] * 5000
    assert whole_tensor(source, WhatIf(), Options(), "step/0/1/grad_inputs/0").data == [2.0] * 5000
    assert whole_tensor(source, WhatIf(), Options(), "step/0/2/grad_after").data == [2.0] * 5000
    assert whole_tensor(source, WhatIf(), Options(), "seed/0/0").data == [1.0]
    for nowhere in ("value/99", "step/0/0/grad_after", "leaf/y", "nonsense"):
        with pytest.raises(ValueError, match="no tensor at"):
            whole_tensor(source, WhatIf(), Options(), nowhere)
