"""Explanations of errors that torch itself raised a moment ago, and of traces built by hand."""

import re
import string
import textwrap
import traceback
import warnings

import pytest

from core.engine import record
from core.engine.explain import RULES, explain
from core.records import Edge, Event, Failure, Node, Op, Options, Pass, Step, TensorSnapshot, Trace, Value

HEADER = "import torch\nfrom torch import nn, tensor\n"
FUNCTION = """
class F(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, k=None):
        return x * 2
    @staticmethod
    def backward(ctx, grad):
        return {}
x = tensor([1., 2.], requires_grad=True)
F.apply(x).sum().backward()
"""


def raised(source: str) -> Failure:
    """What the program raises in plain torch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(source, "program", "exec"), {})
        except Exception as error:
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "program"]
            return Failure(type(error).__name__, str(error), frames[-1].lineno or 0)
    raise AssertionError("the program raises nothing")


X = "x = tensor([1., 2.], requires_grad=True)\n"

# source → kind and facts, found from the message and the source alone
PROGRAMS: dict[str, tuple[str, dict[str, str]]] = {
    X + "(x * x).backward()": ("non-scalar-unknown", {}),
    X + "torch.autograd.grad(x * x, x)": ("non-scalar-unknown", {}),
    "x = tensor(1j, requires_grad=True)\n(x * x).backward()": ("complex-scalar", {"dtype": "complex64"}),
    X + "y = x * x\ny.backward(torch.ones(3))": (
        "seed-shape",
        {"index": "0", "given": "[3]", "expected": "[2]", "name": "y"},
    ),
    X + "torch.autograd.backward(x * x, torch.ones(()))": (
        "seed-shape",
        {"index": "0", "given": "[]", "expected": "[2]", "name": "x * x"},
    ),
    X + "y = x * x\ny.backward(torch.ones(2, dtype=torch.complex64))": (
        "seed-dtype",
        {"index": "0", "given": "complex64", "expected": "float32", "name": "y"},
    ),
    X + "(x * x).backward([1., 1.])": ("seed-type", {"type": "float"}),
    X + "torch.autograd.backward([x * x, x * 2], [torch.ones(2)])": ("seed-count", {"roots": "2", "seeds": "1"}),
    "torch.ones(()).backward()": ("no-graph", {}),
    X + "y = (x * x).sum()\ny.backward()\ny.backward()": ("second-backward-unknown", {}),
    X + "y = x.exp()\ny.add_(1)\ny.sum().backward()": (
        "in-place-unknown",
        {"shape": "2", "version": "1", "expected": "0"},
    ),
    X + "m = tensor(3.)\ny = x * m\nm += 1\ny.sum().backward()": (
        "in-place-unknown",
        {"shape": "", "version": "1", "expected": "0"},
    ),
    X + "with torch.autograd.set_detect_anomaly(True):\n    y = x.exp()\n    y.add_(1)\n    y.sum().backward()": (
        "in-place-unknown",
        {"shape": "2", "version": "1", "expected": "0"},
    ),
    X + "x += 1": ("leaf-in-place", {"name": "x"}),
    X + "x.add_(1)": ("leaf-in-place", {"name": "x"}),
    X + "x[:] = 0": ("leaf-in-place", {"name": "x"}),
    X + "x[0] = 1": ("leaf-view-in-place", {"name": "x"}),
    X + "x[0].add_(1)": ("leaf-view-in-place", {"name": "x[0]"}),
    X + "a, b = (x * 1).unbind()\na.add_(1)": (
        "view-of-several-in-place",
        {"output": "0", "function": "Unbind", "name": "a"},
    ),
    FUNCTION.format("grad")
    .replace("x * 2", "x.view(-1)")
    .replace("F.apply(x).sum().backward()", "F.apply(x * 1).add_(1)"): (
        "view-of-custom-in-place",
        {"output": "0", "function": "F", "name": "F.apply(x * 1)"},
    ),
    X + "y = x * 1\nwith torch.no_grad():\n    v = y[0]\nv += x[1]": (
        "view-of-no-grad-in-place",
        {"mode": "no_grad", "name": "v"},
    ),
    X + "y = x * 1\nwith torch.no_grad():\n    v = y[:2]\nv[0] = 2": (
        "view-of-no-grad-in-place",
        {"mode": "no_grad", "name": "v"},
    ),
    "x = torch.ones(1).expand(3)\nx.add_(1)": ("expanded-in-place", {"name": "x"}),
    "tensor([1, 2], requires_grad=True)": ("integer-leaf", {}),
    "tensor([1, 2]).requires_grad_()": ("integer-leaf", {}),
    "x = tensor([1, 2])\nx.requires_grad = True": ("integer-leaf", {}),
    "nn.Parameter(tensor([1, 2]))": ("integer-leaf", {}),
    X + "y = x * 2\ny.requires_grad = False": ("requires-grad-of-non-leaf", {}),
    X + "z = x * 3\ntorch.autograd.grad(x.sum() * 2, [x, z])": ("unused-input", {"name": "z"}),
    X + "z = tensor(1.)\ntorch.autograd.grad(x.sum(), z)": ("input-without-grad-unknown", {}),
    "torch.ones(2).retain_grad()": ("retain-grad-without-grad", {}),
    "torch.ones(2).register_hook(print)": ("hook-without-grad", {}),
    X + "x.grad = torch.ones(3)": ("grad-shape", {"given": "[3]", "expected": "[2]"}),
    X + "x.grad = torch.ones(2).double()": ("grad-dtype", {"given": "double", "expected": "Float"}),
    FUNCTION.format("grad, grad, grad"): ("custom-count", {"function": "F", "expected": "1", "got": "3"}),
    FUNCTION.format("grad.sum().expand(3)"): (
        "custom-shape",
        {"function": "F", "index": "0", "got": "[3]", "expected": "[2]"},
    ),
    FUNCTION.format("grad.to('meta')"): (
        "custom-device",
        {"function": "F", "index": "0", "got": "meta", "expected": "cpu"},
    ),
    FUNCTION.format("grad, grad").replace("F.apply(x)", "F.apply(x, 3)"): (
        "custom-position",
        {"function": "F", "position": "2"},
    ),
    X + "y = x * x\ndef halve(grad):\n    return grad.sum()\ny.register_hook(halve)\ny.sum().backward()": (
        "hook-shape-unknown",
        {"hook": "halve"},
    ),
    X + "y = x * x\ny.register_hook(lambda g: g.double())\ny.sum().backward()": (
        "hook-dtype",
        {"hook": "<lambda>", "expected": "torch.FloatTensor", "got": "torch.DoubleTensor"},
    ),
    X + "y = x * x\ny.grad_fn.register_hook(lambda a, b: a[:1])\ny.sum().backward()": (
        "hook-count",
        {"hook": "<lambda>", "got": "1", "expected": "2"},
    ),
    X + "y = x * x\ny.register_hook(lambda g: 1.0)\ny.sum().backward()": ("hook-type", {"type": "float"}),
    "x = tensor(-1., requires_grad=True)\nwith torch.autograd.set_detect_anomaly(True):\n    x.sqrt().backward()": (
        "anomaly-nan",
        {"function": "SqrtBackward0", "output": "0"},
    ),
    X + "with torch.inference_mode():\n    a = torch.ones(2)\nx * a": ("inference-saved", {}),
    "with torch.inference_mode():\n    a = torch.ones(2)\na += 1": ("inference-in-place", {}),
    "with torch.inference_mode():\n    a = torch.ones(2)\na.requires_grad_()": ("inference-requires-grad", {}),
    X + "x.numpy()": ("numpy-of-tracked", {}),
    X + "x.item()": ("not-one-number", {"count": "2"}),
    X + "torch.optim.SGD([x * 2], 0.1)": ("optimizer-non-leaf", {}),
    "torch.optim.SGD([], 0.1)": ("optimizer-empty", {}),
    "torch.empty(10**15)": ("memory", {"bytes": "4000000000000000", "size": "4 PB"}),
    "torch.ones(2, 3) @ torch.ones(2, 3)": ("other", {}),
    "1 / 0": ("other", {}),
    FUNCTION.format("1.0"): ("other", {}),  # known only with the node that ran
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_torch_raised(program: str):
    kind, facts = PROGRAMS[program]
    source = HEADER + program
    failure = raised(source)
    found = explain(Trace("", source), failure)
    assert (found.kind, found.facts) == (kind, facts)
    assert (found.type, found.message, found.line) == (failure.type, failure.message, failure.line)
    assert bool(found.explanation) == (kind != "other")
    assert all(fact in found.explanation for name, fact in facts.items() if f"{{{name}}}" in sentence(kind))


def sentence(kind: str) -> str:
    return next((rule.sentence for rule in RULES if rule.kind == kind), "")


def test_the_table():
    kinds = [rule.kind for rule in RULES]
    assert len(set(kinds)) == len(kinds)
    for rule in RULES:
        re.compile(rule.pattern)
        assert rule.sentence.endswith(".")
        assert all(name.isidentifier() for _, name, _, _ in string.Formatter().parse(rule.sentence) if name is not None)


def test_a_program_that_cannot_be_parsed():
    failure = Failure("RuntimeError", "a leaf Variable that requires grad is being used in an in-place operation.", 1)
    assert explain(Trace("", "x +=\0"), failure).kind == "leaf-in-place"
    assert explain(Trace("", ""), failure).facts == {"name": ""}


# ── Traces built by hand ──────────────────────────────────────────────────────────────────────────────────────────


class Built:
    """A small trace in the making: values and operations of a program whose lines are numbered from 1."""

    def __init__(self, source: str) -> None:
        self.source = textwrap.dedent(source).strip() + "\n"
        self.values: list[Value] = []
        self.ops: list[Op] = []
        self.passes: list[Pass] = []
        self.events: list[Event] = []

    def value(
        self, *names: str, shape: tuple[int, ...] = (2,), grad: bool = True, dtype: str = "float32", **more: object
    ) -> int:
        made = bool(more.pop("made", False))
        tensor = TensorSnapshot(shape, dtype, opaque="not needed")
        number = len(self.values)
        self.values.append(Value(number, names, shape, dtype, grad, not made, tensor, **more))  # type: ignore[arg-type]
        return number

    def op(self, line: int, text: str, inputs: list[int], *names: str, name: str = "mul", **more: object) -> int:
        of_op = {key: more.pop(key) for key in ("inplace", "grad_enabled", "cut") if key in more}
        output = self.value(*names, made=True, **more)  # type: ignore[arg-type]
        versions = tuple(self.values[number].version for number in inputs)
        record = Op(
            len(self.ops), name, line, (line, 0, line, 0), text, tuple(inputs), (output,), input_versions=versions,
            **of_op,  # type: ignore[arg-type]
        )  # fmt: skip
        self.ops.append(record)
        self.events.append(Event("op", op=record.id))
        return output

    def backward(
        self, line: int, names: list[str], ran: int, *, numbers: list[int] | None = None, **more: object
    ) -> None:
        """A pass over a chain of nodes, of which the first ``ran`` ran; each names the operation with its index."""
        numbers = numbers or list(range(len(names), 0, -1))
        nodes = tuple(
            Node(i, name, number, op=number - 1, value=self.ops[number - 1].outputs[0])
            for i, (name, number) in enumerate(zip(names, numbers, strict=True))
        )
        edges = tuple(Edge(i, 0, i + 1, 0) for i in range(len(names) - 1))
        steps = tuple(Step(i, (), ()) for i in range(ran))
        self.passes.append(Pass("backward", line, (None,), nodes, edges, steps, roots=((0, 0),), **more))  # type: ignore[arg-type]

    def explain(self, **more: object) -> Failure:
        """The failure that torch raises for the program, explained; checks that the sentence has no gap."""
        failure = raised("import torch; from torch import nn, tensor; " + self.source)
        trace = Trace(
            "", self.source, values=tuple(self.values), ops=tuple(self.ops), passes=tuple(self.passes),
            events=tuple(self.events),
        )  # fmt: skip
        found = explain(trace, failure)
        assert found.explanation
        assert "{" not in found.explanation
        return found


def test_a_root_of_several_numbers():
    built = Built("""
        x = tensor([1., 2.], requires_grad=True)
        y = x * x
        y.backward()
    """)
    x = built.value("x")
    built.op(2, "x * x", [x, x], "y")
    found = built.explain()
    assert (found.kind, found.lines) == ("non-scalar", (2,))
    assert found.facts == {"name": "y", "shape": "[2]", "count": "2"}


def test_a_root_without_a_name():
    built = Built("""
        x = tensor([1., 2.], requires_grad=True)
        torch.autograd.backward(tensors=[x.sum(), x * x])
    """)
    x = built.value("x")
    built.op(2, "x.sum()", [x], shape=())
    built.op(2, "x * x", [x, x])
    assert built.explain().facts == {"name": "x * x", "shape": "[2]", "count": "2"}


def test_the_graph_was_freed():
    built = Built("""
        x = tensor([1., 2.], requires_grad=True)
        y = (x * x).sum()
        y.backward()
        y.backward()
    """)
    x = built.value("x")
    square = built.op(2, "x * x", [x, x])
    built.op(2, "(x * x).sum()", [square], "y", shape=())
    built.backward(3, ["SumBackward0", "MulBackward0"], 2)
    built.backward(4, ["SumBackward0", "MulBackward0"], 1)
    found = built.explain()
    assert (found.kind, found.facts, found.lines) == ("second-backward", {"first": "3"}, (3,))
    assert found.node == (1, 1)


def test_a_state_carried_over():
    built = Built("""
        h = tensor([1., 2.], requires_grad=True) * 1
        for _ in range(2):
            h = h.exp()
            h.sum().backward()
    """)
    x = built.value()
    h = built.op(1, "tensor([1., 2.], requires_grad=True) * 1", [x], "h")
    h = built.op(3, "h.exp()", [h], "h", name="exp")
    built.op(4, "h.sum()", [h], shape=())
    h = built.op(3, "h.exp()", [h], "h", name="exp")
    built.op(4, "h.sum()", [h], shape=())
    built.backward(4, ["SumBackward0", "ExpBackward0", "MulBackward0"], 3)
    built.backward(4, ["SumBackward0", "ExpBackward0", "ExpBackward0", "MulBackward0"], 2, numbers=[5, 4, 2, 1])
    found = built.explain()
    assert (found.kind, found.lines, found.node) == ("second-backward-loop", (3,), (1, 2))
    assert found.facts == {"first": "4", "text": "h.exp()", "line": "3"}


def changed_in_place() -> Built:
    built = Built("""
        x = tensor([1., 2.], requires_grad=True)
        y = x.exp()
        y.add_(1)
        y.sum().backward()
    """)
    x = built.value("x")
    y = built.op(2, "x.exp()", [x], "y", name="exp")
    y = built.op(3, "y.add_(1)", [y], "y", name="add_", inplace=True, version=1, previous=y)
    built.op(4, "y.sum()", [y], shape=())
    return built


@pytest.mark.parametrize("with_pass", [False, True])
def test_a_saved_tensor_was_changed(with_pass: bool):
    built = changed_in_place()
    if with_pass:
        built.backward(4, ["SumBackward0", "AddBackward0", "ExpBackward0"], 2)
    found = built.explain()
    assert (found.kind, found.lines) == ("in-place", (2, 3))
    assert found.node == ((0, 2) if with_pass else None)
    assert found.facts == {
        "name": "y",
        "shape": "[2]",
        "saved_line": "2",
        "saved_text": "x.exp()",
        "changed_line": "3",
        "changed_text": "y.add_(1)",
        "version": "1",
        "expected": "0",
    }


def test_a_saved_tensor_was_changed_through_its_base():
    built = Built("""
        x = tensor([1., 2.], requires_grad=True)
        w = torch.ones(2, 2)
        y = x * w[0]
        w.zero_()
        y.sum().backward()
    """)
    x, w = built.value("x"), built.value("w", shape=(2, 2), grad=False)
    row = built.op(3, "w[0]", [w], name="getitem", grad=False, view_of=w)
    y = built.op(3, "x * w[0]", [x, row], "y")
    built.op(4, "w.zero_()", [w], "w", name="zero_", grad=False, shape=(2, 2), inplace=True, version=1, previous=w)
    built.op(5, "y.sum()", [y], shape=())
    built.backward(5, ["SumBackward0", "MulBackward0"], 1, numbers=[4, 2])
    found = built.explain()
    assert (found.kind, found.lines) == ("in-place", (3, 4))
    assert found.facts["name"] == "w[0]"


def test_an_optimizer_changed_a_saved_leaf():
    built = Built("""
        w = tensor([1., 2.], requires_grad=True); optimizer = torch.optim.SGD([w], 0.1)
        y = w * w
        y.sum().backward(retain_graph=True)
        optimizer.step()
        y.sum().backward()
    """)
    w = built.value("w")
    y = built.op(2, "w * w", [w, w], "y")
    built.op(3, "y.sum()", [y], shape=())
    built.backward(3, ["SumBackward0", "MulBackward0"], 2, retain_graph=True)
    built.events.append(Event("data", value=w, how="optimizer", line=4))
    built.op(5, "y.sum()", [y], shape=())
    built.backward(5, ["SumBackward0", "MulBackward0"], 1, numbers=[3, 1])
    found = built.explain()
    assert (found.kind, found.lines, found.node) == ("in-place", (2, 4), (1, 1))
    assert found.facts["changed_text"] == "optimizer.step()"


def test_where_the_change_is_unknown_the_line_that_saved_is_not():
    built = changed_in_place()
    built.backward(4, ["SumBackward0", "AddBackward0", "ExpBackward0"], 2)
    built.events.clear()
    found = built.explain()
    assert (found.kind, found.lines, found.facts["saved_text"]) == ("in-place-saved", (2,), "x.exp()")


CUTS: dict[str, tuple[str, str, dict[str, object]]] = {
    "no-graph-detach": ("x.detach()", "detach", {}),
    "no-graph-no-grad": ("x.square()", "square", {"grad_enabled": False}),
    "no-graph-what-if": ("x.square()", "square", {"cut": "detached"}),
    "no-graph-whole-numbers": ("(x > 0)", "gt", {"dtype": "bool"}),
    "no-graph-operation": ("x.sign()", "sign", {}),
}


@pytest.mark.parametrize("kind", CUTS)
def test_where_the_graph_was_cut(kind: str):
    text, name, more = CUTS[kind]
    built = Built(f"""
        x = tensor([1., 2.], requires_grad=True)
        u = ({text}).detach()
        y = u * 2
        loss = y.sum()
        loss.backward()
    """)
    x = built.value("x")
    u = built.op(2, text, [x], "u", name=name, grad=False, **more)
    y = built.op(3, "u * 2", [u], "y", grad=False)
    built.op(4, "y.sum()", [y], "loss", grad=False, shape=())
    found = built.explain()
    assert (found.kind, found.lines) == (kind, (2,))
    assert (found.facts["name"], found.facts["line"], found.facts["text"]) == ("loss", "2", text)


def test_a_number_was_taken_out():
    built = Built("""
        x = tensor([1., 2.], requires_grad=True)
        n = x.sum().item()
        loss = tensor(n)
        loss.backward()
    """)
    x = built.value("x")
    total = built.op(2, "x.sum()", [x], shape=())
    built.ops.append(Op(1, "item", 2, (2, 0, 2, 0), "x.sum().item()", (total,), ()))
    built.value("loss", shape=(), grad=False)
    found = built.explain()
    assert (found.kind, found.lines) == ("no-graph-number", (2,))
    assert found.facts == {"name": "loss", "line": "2", "text": "x.sum().item()"}


@pytest.mark.parametrize(("kind", "dtype"), [("no-graph-leaves", "float32"), ("no-graph-integer-leaves", "int64")])
def test_no_leaf_requires_grad(kind: str, dtype: str):
    built = Built(f"""
        a = torch.ones(2, dtype=torch.{dtype})
        b = torch.ones(2, dtype=torch.{dtype})
        loss = (a * b).sum()
        loss.backward()
    """)
    a, b = (built.value(name, grad=False, dtype=dtype) for name in "ab")
    product = built.op(3, "a * b", [a, b], grad=False, dtype=dtype)
    built.op(3, "(a * b).sum()", [product], "loss", grad=False, dtype=dtype, shape=())
    found = built.explain()
    assert (found.kind, found.facts) == (kind, {"name": "loss", "leaves": "a, b", "dtype": dtype})


def test_a_gradient_without_a_graph():
    built = Built("""
        x = tensor([1., 2.], requires_grad=True)
        g, = torch.autograd.grad((x * x).sum(), x)
        g.sum().backward()
    """)
    built.value("x")
    g = built.value("g", grad=False)
    built.op(3, "g.sum()", [g], grad=False, shape=())
    built.passes.append(Pass("grad", 2, (None,), results=(built.values[g].tensor,)))
    found = built.explain()
    assert (found.kind, found.facts) == ("no-graph-create-graph", {"name": "g", "line": "2"})


def test_an_input_that_does_not_require_grad():
    built = Built("""
        x = tensor([1., 2.], requires_grad=True)
        z = tensor(1.)
        torch.autograd.grad(x.sum(), [x, z])
    """)
    built.value("x")
    built.value("z", grad=False)
    assert (built.explain().kind, built.explain().facts) == ("input-without-grad", {"name": "z"})


@pytest.mark.parametrize(("target", "kind"), [("x", "grad-none"), ("y", "non-leaf-grad")])
def test_grad_is_none(target: str, kind: str):
    built = Built(f"""
        x = tensor([1., 2.], requires_grad=True)
        y = x * 2
        {target}.grad.zero_()
    """)
    x = built.value("x")
    built.op(2, "x * 2", [x], "y")
    assert (built.explain().kind, built.explain().facts) == (kind, {"name": target})


def test_the_hook_and_the_shape_it_should_return():
    built = Built("""
        x = tensor([1., 2.], requires_grad=True)
        y = x * x
        y.register_hook(lambda grad: grad.sum())
        y.sum().backward()
    """)
    x = built.value("x")
    y = built.op(2, "x * x", [x, x], "y")
    built.op(4, "y.sum()", [y], shape=())
    built.backward(4, ["SumBackward0", "MulBackward0"], 1)
    found = built.explain()
    assert (found.kind, found.lines, found.node) == ("hook-shape", (2,), (0, 1))
    assert found.facts == {"hook": "<lambda>", "name": "y", "expected": "[2]"}


@pytest.mark.parametrize(
    ("kind", "body", "facts"),
    [
        ("custom-type", "def backward(ctx, grad): return 1.0", {"function": "F", "type": "float"}),
        ("custom-missing", "def other(ctx): pass", {"function": "F"}),
    ],
)
def test_a_custom_function_is_named(kind: str, body: str, facts: dict[str, str]):
    built = Built(f"""
        x = tensor([1., 2.], requires_grad=True)
        class F(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x): return x * 2
            @staticmethod
            {body}
        F.apply(x).sum().backward()
    """)
    x = built.value("x")
    y = built.op(7, "F.apply(x)", [x], name="F.apply")
    built.op(7, "F.apply(x).sum()", [y], shape=())
    built.backward(7, ["SumBackward0", "FBackward"], 1)
    found = built.explain()
    assert (found.kind, found.facts, found.node, found.lines) == (kind, facts, (0, 1), (7,))


# ── Whole programs ────────────────────────────────────────────────────────────────────────────────────────────────

WHOLE: dict[str, tuple[str, tuple[int, ...], dict[str, str]]] = {
    "y = x * x\ny.backward()": ("non-scalar", (4,), {"name": "y", "shape": "[2]"}),
    "nn.Linear(2, 3)(x).backward()": ("non-scalar", (4,), {"name": "nn.Linear(2, 3)(x)", "shape": "[3]"}),
    "y = (x * x).sum()\ny.backward()\ny.backward()": ("second-backward", (5,), {"first": "5"}),
    "y = x * x\ny.sum().backward()\ny.mean().backward()": ("second-backward", (5,), {"first": "5"}),
    "h = x\nfor _ in range(2):\n    h = h.exp()\n    h.sum().backward()": (
        "second-backward-loop",
        (6,),
        {"first": "7"},
    ),
    "y = x.exp()\ny += 1\ny.sum().backward()": ("in-place", (4, 5), {"name": "y", "changed_text": "y += 1"}),
    "y = x * 1\nz = y ** 2\ny[0] = 5\nz.sum().backward()": ("in-place", (5, 6), {"name": "y", "saved_text": "y ** 2"}),
    "w = torch.ones(2)\ny = x * w\nw.zero_()\ny.sum().backward()": ("in-place", (5, 6), {"name": "w"}),
    "y = x * 1\nz = y[:1].exp() * y[:1]\ny.mul_(2)\nz.sum().backward()": ("in-place", (5, 6), {}),
    "o = torch.optim.SGD([x], 1)\ny = (x * x).sum()\ny.backward(retain_graph=True)\no.step()\ny.backward()": (
        "in-place",
        (5, 7),
        {"name": "x", "changed_text": "o.step()"},
    ),
    "y = (x * x).detach()\ny.sum().backward()": ("no-graph-detach", (4,), {"text": "(x * x).detach()"}),
    "y = x.data * 2\ny.sum().backward()": ("no-graph-detach", (4,), {"text": "x.data"}),
    "with torch.no_grad():\n    y = x * x\ny.sum().backward()": ("no-graph-no-grad", (5,), {"text": "x * x"}),
    "loss = (x > 1).float().mean()\nloss.backward()": (
        "no-graph-whole-numbers",
        (4,),
        {"name": "loss", "dtype": "bool"},
    ),
    "loss = tensor(x.sum().item())\nloss.backward()": ("no-graph-number", (4,), {"name": "loss"}),
    "a = torch.ones(2)\nloss = (a * 2).sum()\nloss.backward()": ("no-graph-leaves", (), {"leaves": "a"}),
    "a = tensor([1, 2])\nloss = (a * 2).sum()\nloss.backward()": ("no-graph-integer-leaves", (), {"leaves": "a"}),
    "g, = torch.autograd.grad((x * x).sum(), x)\ng.sum().backward()": ("no-graph-create-graph", (4,), {"name": "g"}),
    "y = x * x\ny.backward(torch.ones(3))": ("seed-shape", (), {"given": "[3]", "expected": "[2]"}),
    "z = tensor(1.)\ntorch.autograd.grad(x.sum(), z)": ("input-without-grad", (), {"name": "z"}),
    "z = x * 3\ntorch.autograd.grad(x.sum() * 2, [x, z])": ("unused-input", (), {"name": "z"}),
    "y = x * x\ny.sum().backward()\ny.grad.zero_()": ("non-leaf-grad", (), {"name": "y"}),
    "x.grad.zero_()": ("grad-none", (), {"name": "x"}),
    "x += 1": ("leaf-in-place", (), {"name": "x"}),
    "tensor([1, 2], requires_grad=True)": ("integer-leaf", (), {}),
    "y = x * x\ny.register_hook(lambda g: g.sum())\ny.sum().backward()": (
        "hook-shape",
        (4,),
        {"name": "y", "expected": "[2]"},
    ),
}


@pytest.mark.filterwarnings("ignore:The .grad attribute")
@pytest.mark.filterwarnings("ignore:Converting a tensor")
@pytest.mark.parametrize("program", WHOLE)
def test_a_recorded_program(program: str):
    kind, lines, facts = WHOLE[program]
    source = HEADER + X + program
    plain = raised(source)
    trace = record(source, options=Options(verify=False))
    assert trace.error is not None
    assert (trace.error.type, trace.error.message, trace.error.line) == (plain.type, plain.message, plain.line)
    assert (trace.error.kind, trace.error.lines) == (kind, lines)
    assert trace.error.facts | facts == trace.error.facts
    if trace.error.node is not None:
        index, node = trace.error.node
        assert trace.passes[index].error is not None
        assert node not in {step.node for step in trace.passes[index].steps}


@pytest.mark.parametrize(
    ("returned", "kind", "facts"),
    [
        ("grad, grad, grad", "custom-count", {"function": "F", "expected": "1", "got": "3"}),
        ("grad.sum().expand(3)", "custom-shape", {"got": "[3]", "expected": "[2]"}),
        ("1.0", "custom-type", {"function": "F", "type": "float"}),
    ],
)
def test_a_recorded_custom_function(returned: str, kind: str, facts: dict[str, str]):
    source = HEADER + FUNCTION.format(returned)
    failure = record(source, options=Options(verify=False)).error
    assert failure is not None
    assert failure.kind == kind
    assert failure.facts | facts == failure.facts
    assert failure.lines == (len(source.splitlines()),)
    assert failure.node is not None


@pytest.mark.parametrize(
    ("source", "part"),
    [
        (X + "y = x * 2 + torch.ones(3)", "x * 2 + torch.ones(3)"),
        (X + "导 = x * 2; 导.backward(\n)", "导.backward(\n)"),
        ("def f(x):\n    return [g(i) for i in x]\ndef g(i):\n    return i.none + 1\nf([1])", "i.none"),
        ("import json\njson.loads('{')", "json.loads('{')"),
        ("x = (", "("),
    ],
)
def test_a_failure_names_the_innermost_expression_of_the_program(source: str, part: str) -> None:
    failure = record(HEADER + source).error
    assert failure is not None
    line, column, end_line, end_column = failure.span
    lines = (HEADER + source).split("\n")[line - 1 : end_line] if line else [""]
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    assert "\n".join(lines) == part
