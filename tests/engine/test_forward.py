"""The forward record: every operation with its expression, names, module, nodes, and whether torch follows it."""

from __future__ import annotations

import pytest

from core.engine import Options, record
from core.records import Op, Span, Trace
from tests.oracle.consistency import check_trace

X = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
X += "x = torch.tensor([1., 2.], requires_grad=True)\n"


def run(source: str) -> Trace:
    trace = record(source)
    assert trace.error is None
    assert trace.agrees is True
    check_trace(trace)
    return trace


def op(trace: Trace, text: str, hit: int = 0) -> Op:
    """The operation of an expression."""
    (found,) = [one for one in trace.ops if one.text == text and one.hit == hit]
    return found


def named(trace: Trace, name: str) -> list[int]:
    return [value.id for value in trace.values if name in value.names]


def nodes_of(trace: Trace, number: int) -> list[str]:
    """Names of the nodes of the first pass that an operation made."""
    return sorted(node.name for node in trace.passes[0].nodes if node.op == number)


def test_each_part_of_one_line() -> None:
    trace = run(X + "Q = 3*x**3 - -x.exp()\nQ.sum().backward()\n")
    found = {one.text: (one.name, one.span) for one in trace.ops if one.line == 5}
    assert found == {
        "x**3": ("pow", (5, 6, 5, 10)),
        "3*x**3": ("mul", (5, 4, 5, 10)),
        "x.exp()": ("exp", (5, 14, 5, 21)),
        "-x.exp()": ("neg", (5, 13, 5, 21)),
        "3*x**3 - -x.exp()": ("sub", (5, 4, 5, 21)),
    }
    assert nodes_of(trace, op(trace, "x**3").id) == ["PowBackward0"]
    assert op(trace, "3*x**3").inputs == op(trace, "x**3").outputs
    assert named(trace, "Q") == list(op(trace, "3*x**3 - -x.exp()").outputs)


def test_two_operations_that_read_alike_are_told_apart() -> None:
    trace = run(X + "y = (x * x) + (x * x)\ny.sum().backward()\n")
    assert [(one.span[1], one.hit) for one in trace.ops if one.text == "x * x"] == [(5, 0), (15, 0)]
    assert len({one.site for one in trace.ops}) == len(trace.ops)


def test_columns_are_characters_and_expressions_may_take_several_lines() -> None:
    trace = run(X + 'é = "😀"; 日本 = (x * 2\n  + x.exp())\n日本.sum().backward()\n')
    assert op(trace, "x * 2").span == (5, 15, 5, 20)
    assert op(trace, "x * 2\n  + x.exp()").span == (5, 15, 6, 11)
    assert named(trace, "日本") == list(op(trace, "x * 2\n  + x.exp()").outputs)


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("a = b = x * 2", ["a", "b"]),
        ("a, (b, *c) = x * 2, (x, x)", ["a"]),
        ("a: torch.Tensor = x * 2", ["a"]),
        ("print((a := x * 2))", ["a"]),
        ("for a in [x * 2]: pass", ["a"]),
        ("def f(a, *, k=1): return a\nf(x * 2)", ["a"]),
        ("def f(k, /, a): return a\nf(1, a=x * 2)", ["a"]),
        ("async def f(a): return a\ntry: f(x * 2).send(None)\nexcept StopIteration: pass", ["a"]),
        ("class O: pass\no = O(); o.a = x * 2", ["o.a"]),
        ("a = [x * 2, x]", ["a[0]"]),
        ("a = x * 2\nb = a", ["a", "b"]),
        (
            "from contextlib import nullcontext\nwith nullcontext(x * 2) as a: pass",
            ["a"],
        ),
    ],
)
def test_names(code: str, names: list[str]) -> None:
    trace = run(X + code + "\n")
    assert list(trace.values[op(trace, "x * 2").outputs[0]].names) == names


def test_loop_hits_and_functions() -> None:
    trace = run(X + "def f(v):\n    return v * 2\nfor _ in range(3):\n    y = f(x)\ny.sum().backward()\n")
    assert [(one.hit, one.function, one.line) for one in trace.ops if one.text == "v * 2"] == [
        (0, "f", 6),
        (1, "f", 6),
        (2, "f", 6),
    ]


def test_comprehensions_lambdas_and_generators() -> None:
    trace = run(X + "g = lambda v: v ** 2\nys = [g(w) * 3 for w in (x, x)]\nsum(y.sum() for y in ys).backward()\n")
    assert op(trace, "v ** 2").function == "<lambda>"
    assert [one.hit for one in trace.ops if one.text == "g(w) * 3"] == [0, 1]
    assert [one.hit for one in trace.ops if one.text == "y.sum()"] == [0, 1]


def test_modules_by_path() -> None:
    trace = run(
        X
        + "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        + "        self.body = nn.Sequential(nn.Linear(2, 2), nn.Tanh())\n"
        + "    def forward(self, v):\n        return self.body(v) * 2\n"
        + "net = Net()\nnet(x).sum().backward()\n"
    )
    assert [(one.name, one.module) for one in trace.ops if one.module] == [
        ("linear", "Net.body.0"),
        ("tanh", "Net.body.1"),
        ("mul", "Net"),
    ]
    assert next(one for one in trace.ops if one.name == "linear").text == "self.body(v)"
    assert {leaf.name for leaf in trace.leaves} == {"x", "net.body.0.weight", "net.body.0.bias"}


def test_a_module_that_raises_is_left() -> None:
    trace = run(
        X + "class Bad(nn.Module):\n    def forward(self, v):\n        raise KeyError\n"
        "try:\n    Bad()(x)\nexcept KeyError:\n    y = x * 2\n"
    )
    assert op(trace, "x * 2").module is None


@pytest.mark.parametrize(
    ("expression", "name", "expected"),
    [
        ("torch.einsum('i,j->ij', x, x)", "einsum", {"UnsqueezeBackward0", "MulBackward0"}),
        ("F.cross_entropy(x, torch.tensor(1))", "cross_entropy", {"LogSoftmaxBackward0"}),
        ("nn.LSTM(2, 3).double()(x.double()[None])[0]", "lstm", {"MulBackward0", "SigmoidBackward0", "TanhBackward0"}),
        (
            "F.scaled_dot_product_attention(x[None, None], x[None, None], x[None, None], is_causal=True)",
            "scaled_dot_product_attention",
            set(),  # which kernel is the machine's choice
        ),
        (
            "F.multi_head_attention_forward(*q, 2, 1, w, None, None, None, False, 0., torch.ones(2, 2), None)[0]",
            "multi_head_attention_forward",
            {"BmmBackward0"},
        ),
    ],
)
def test_composites_own_their_nodes(expression: str, name: str, expected: set[str]) -> None:
    trace = run(X + f"w, q = torch.ones(6, 2), [x[None]] * 3\ny = {expression}\ny.sum().backward()\n")
    made = [one for one in trace.ops if one.name == name]
    assert len(made) == 1
    inner = nodes_of(trace, made[0].id)
    assert inner
    assert expected <= set(inner)
    assert all(node.op is not None for node in trace.passes[0].nodes if node.name != "AccumulateGrad")


def test_custom_functions_and_what_their_backward_runs() -> None:
    trace = run(
        X + "class Cube(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, v):\n"
        "        ctx.save_for_backward(v)\n        return v ** 3\n"
        "    @staticmethod\n    def backward(ctx, g):\n        v, = ctx.saved_tensors\n        return 3 * v ** 2 * g\n"
        "y = Cube.apply(x)\ny.sum().backward()\n"
    )
    apply = op(trace, "Cube.apply(x)")
    assert (apply.name, apply.custom) == ("Cube.apply", True)
    assert nodes_of(trace, apply.id) == ["CubeBackward"]
    inside = op(trace, "v ** 2")
    place = next(i for i, s in enumerate(trace.passes[0].steps) if trace.passes[0].nodes[s.node].name == "CubeBackward")
    assert inside.during == (0, place)
    assert not inside.grad_enabled
    assert not any(one.text == "v ** 3" for one in trace.ops)  # within apply, torch follows nothing


def test_in_place_operations_and_views() -> None:
    trace = run(X + "y = x * 2\nv = y[1:]\nv += 1\ny[0] = 5\nz = y * v.sum()\nz.sum().backward()\n")
    view, add, put, product = op(trace, "y[1:]"), op(trace, "v += 1"), op(trace, "y[0]"), op(trace, "y * v.sum()")
    assert trace.values[view.outputs[0]].view_of == op(trace, "x * 2").outputs[0]
    assert (add.name, add.inplace, put.name, put.inplace) == ("add_", True, "setitem", True)
    changed = trace.values[add.outputs[0]]
    assert (changed.previous, changed.version, changed.names) == (view.outputs[0], 1, ("v",))
    read = trace.values[product.inputs[0]]
    assert (read.names, read.tensor.data, read.version) == (("y",), [5.0, 5.0], 2)
    assert product.input_versions[0] == 2
    assert set(nodes_of(trace, put.id)) == {"CopySlices"}


def test_operations_in_threads() -> None:
    trace = run(
        X + "import threading\nout = []\ndef work():\n    out.append((x * 3).exp())\n"
        "t = threading.Thread(target=work, name='helper')\nt.start()\nt.join()\n(out[0] + x * 2).sum().backward()\n"
    )
    assert [(op(trace, text).thread, nodes_of(trace, op(trace, text).id)) for text in ("x * 3", "(x * 3).exp()")] == [
        ("helper", ["MulBackward0"]),
        ("helper", ["ExpBackward0"]),
    ]
    assert op(trace, "x * 2").thread == ""


def test_untracked_regions() -> None:
    trace = run(
        X + "with torch.no_grad():\n    a = x * 2\nwith torch.inference_mode():\n    b = x * 3\nc = x * 4\n"
        "d = c.detach()\ne = torch.ones(2) * 5\n@torch.no_grad()\ndef f(v): return v * 6\nf(x)\nc.sum().backward()\n"
    )
    marks = {
        text: (op(trace, text).grad_enabled, op(trace, text).tracked)
        for text in ("x * 2", "x * 3", "x * 4", "c.detach()", "torch.ones(2) * 5", "v * 6")
    }
    assert marks == {
        "x * 2": (False, False),
        "x * 3": (False, False),
        "x * 4": (True, True),
        "c.detach()": (True, False),
        "torch.ones(2) * 5": (True, False),
        "v * 6": (False, False),
    }


def test_a_number_taken_out_of_the_graph_is_an_operation_that_ends_there() -> None:
    trace = run(X + "k = x.sum().item()\n(x * k).sum().backward()\n")
    assert (op(trace, "x.sum().item()").name, op(trace, "x.sum().item()").outputs) == ("item", ())


def test_an_operation_tells_from_where_its_functions_were_called() -> None:
    trace = run(
        X + "def f(x, n):\n    return x * 2 if n == 0 else f(x, n - 1) + 1\n"
        "def g(x):\n    return sum([f(part, 0) for part in x])\n"
        "class Net(torch.nn.Module):\n    def forward(self, x):\n        return x - 5\n"
        "y = f(x, 2)\ng(x)\nNet()(f(x, 0))\n"
    )

    def said(span: Span) -> str:
        return trace.source.splitlines()[span[0] - 1][span[1] : span[3]]

    told = [(one.text, [said(span) for span in one.calls]) for one in trace.ops if one.name in ("mul", "add", "sub")]
    assert told[:4] == [
        ("x * 2", ["f(x, 2)", "f(x, n - 1)", "f(x, n - 1)"]),
        ("f(x, n - 1) + 1", ["f(x, 2)", "f(x, n - 1)"]),
        ("f(x, n - 1) + 1", ["f(x, 2)"]),
        # A comprehension is no call.
        ("x * 2", ["g(x)", "f(part, 0)"]),
    ]
    assert told[-2:] == [("x * 2", ["f(x, 0)"]), ("x - 5", ["Net()(f(x, 0))"])]


def test_calls_of_a_deep_recursion_are_not_told() -> None:
    trace = run(X + "def f(x, n):\n    return x * n if n == 0 else f(x * n, n - 1)\nf(x, 60)\n")
    assert [len(one.calls) for one in trace.ops if one.name == "mul"] == [*range(1, 51), *[0] * 11]


def test_values_as_they_stood() -> None:
    trace = run(
        X + "before = x * 1\nwith torch.no_grad():\n    x += 10\nafter = x * 1\nx.data = torch.zeros(2)\nlast = x * 1\n"
    )
    read = [trace.values[one.inputs[0]].tensor.data for one in trace.ops if one.text == "x * 1"]
    assert read == [[1.0, 2.0], [11.0, 12.0], [0.0, 0.0]]
    assert [(e.before.data, e.after.data) for e in trace.events if e.kind == "data" and e.before and e.after] == [
        ([1.0, 2.0], [11.0, 12.0]),
        ([11.0, 12.0], [0.0, 0.0]),
    ]


def test_large_values_are_elided_and_whole_on_request() -> None:
    source = "import torch\nx = torch.arange({}.0, requires_grad=True)\n(x * 2).sum().backward()\n"
    small, large = record(source.format(4096)), record(source.format(4097))
    assert small.values[0].tensor.data == list(range(4096))
    taken = large.values[0].tensor
    assert taken.data is None
    assert taken.head == list(range(64))
    assert (taken.min, taken.max, taken.mean) == (0.0, 4096.0, 2048.0)
    assert large.agrees is True
    whole = record(source.format(4097), options=Options(full=True))
    assert whole.values[0].tensor.data == list(range(4097))
    assert all(g is None or g.data is not None for s in whole.passes[0].steps for g in s.grad_inputs)


def test_operations_above_the_limit_run_unrecorded() -> None:
    source = X + "y = x\nfor _ in range(300):\n    y = y + 1\ny.sum().backward()\nprint(x.grad.tolist(), y.tolist())\n"
    trace = record(source, options=Options(operations=100))
    assert len(trace.ops) == 100
    assert trace.unrecorded >= 200
    assert trace.stdout == "[1.0, 1.0] [301.0, 302.0]\n"
    assert trace.agrees is True
    assert [(leaf.name, leaf.grad and leaf.grad.data) for leaf in trace.leaves] == [("x", [1.0, 1.0])]


def test_two_hundred_thousand_operations() -> None:
    source = X + "y = x\nfor _ in range(200_000):\n    y = y + 1\ny.sum().backward()\nprint(x.grad.tolist())\n"
    trace = record(source, options=Options(operations=1000, verify=False))
    assert trace.error is None
    assert (len(trace.ops), trace.stdout) == (1000, "[1.0, 1.0]\n")
    assert trace.unrecorded > 199_000
