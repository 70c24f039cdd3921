"""Random programs and random what-ifs: a what-if does what editing the source would do, to the last bit."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.engine import Options, WhatIf, record
from core.records import Cut, Op, Trace
from tests.oracle.consistency import bits, check_trace, tensor
from tests.oracle.plain import run_in_process

EXPRESSIONS = (
    ("{0} * {1}", 2),
    ("{0} - {1}", 2),
    ("torch.maximum({0}, {1})", 2),
    ("torch.stack([{0}, {1}, {0}]).sum(0)", 2),
    ("{0}.sin()", 1),
    ("torch.tanh({0}) * {0}", 1),
    ("-{0}", 1),
    ("{0}.view(3, 1).expand(3, 2).sum(1)", 1),
    ("{0}[torch.tensor([2, 0, 0])]", 1),
    ("{0}.mean() * {1}", 2),
    ("F.softmax({0}, dim=0)", 1),
    ("twice({0})", 1),
    ("Scale.apply({0}, 3.0)", 1),
)
"""Templates, each with its number of operands."""

DIRECT = ("{0} * {1}", "{0} - {1}", "torch.maximum({0}, {1})", "{0}.sin()", "-{0}", "twice({0})")
"""Those whose operands are the direct parts of the expression."""

HEADER = """import torch
import torch.nn.functional as F
def twice(v):
    return v + v
class Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, v, k):
        ctx.k = k
        return v * k
    @staticmethod
    def backward(ctx, g):
        return g * ctx.k, None"""


class Statement(NamedTuple):
    """``target = template(operands)``; kind '=' or 'detach', or in place '+='."""

    target: str
    kind: str
    template: str
    operands: tuple[str, ...]

    def expression(self, cut: str = "", slot: int | None = None) -> str:
        """The right-hand side, with the operand of that name (or only the one in that slot) detached."""
        shown = [
            f"{name}.detach()" if name == cut and slot in (None, number) else name
            for number, name in enumerate(self.operands)
        ]
        return self.template.format(*shown)

    def source(self, cut: str = "", slot: int | None = None) -> str:
        if self.kind == "detach":
            return f"{self.target} = {self.operands[0]}.detach()"
        return f"{self.target} {self.kind} {self.expression(cut, slot)}"


class Program(NamedTuple):
    """A program in pieces that a test can edit."""

    leaves: dict[str, tuple[float, ...]]
    statements: tuple[Statement, ...]
    seed: tuple[float, ...]
    repeats: int

    @property
    def header(self) -> list[str]:
        literals = {
            name: f"torch.tensor({list(numbers)}, dtype=torch.float64, requires_grad=True)"
            for name, numbers in self.leaves.items()
        }
        return [*HEADER.splitlines(), *(f"{name} = {literal}" for name, literal in literals.items())]

    def line(self, statement: int) -> int:
        return len(self.header) + 1 + statement

    def source(self, edits: dict[int, str] | None = None) -> str:
        """The text, with some statements replaced."""
        body = [statement.source() for statement in self.statements]
        for number, text in (edits or {}).items():
            body[number] = text
        last = self.statements[-1].target
        end = [
            f"for _ in range({self.repeats}):",
            f"    {last} = {last} * a",
            f"{last}.backward(gradient=torch.tensor({list(self.seed)}, dtype=torch.float64))",
        ]
        return "\n".join([*self.header, *body, *end]) + "\n"


NOTHING = WhatIf()

NUMBERS = st.tuples(*[st.floats(-2, 2, allow_nan=False, width=16)] * 3)


@st.composite
def programs(draw: Any) -> Program:
    names = ["a", "b"]
    statements: list[Statement] = []
    for number in range(draw(st.integers(1, 6))):
        template, count = draw(st.sampled_from(EXPRESSIONS))
        operands = tuple(draw(st.sampled_from(names)) for _ in range(count))
        kind = draw(st.sampled_from(["=", "=", "=", "detach", "+="]))
        changeable = [s.target for s in statements if s.kind == "=" and "view" not in s.template]
        if kind == "+=" and changeable:
            statements.append(Statement(draw(st.sampled_from(changeable)), kind, template, operands))
            continue
        target = f"v{number}"
        statements.append(Statement(target, "detach" if kind == "detach" else "=", template, operands))
        names.append(target)
    parts = tuple(dict.fromkeys(s.target for s in statements))
    total = " + ".join(f"{{{number}}}" for number in range(len(parts))) + f" + {{{len(parts)}}}"
    statements.append(Statement("out", "=", total, (*parts, "a")))
    return Program({name: draw(NUMBERS) for name in "ab"}, tuple(statements), draw(NUMBERS), draw(st.integers(0, 2)))


def plain(source: str) -> tuple[dict[str, Any], str]:
    """Leaf gradients of the program run without a recorder, and what it raised."""
    try:
        return grads(run_in_process(source)), ""
    except RuntimeError as error:
        return grads(error.module), str(error).split("[")[0]  # type: ignore[attr-defined]


def grads(module: ModuleType) -> dict[str, Any]:
    leaves: dict[str, Tensor] = {name: getattr(module, name) for name in "ab"}
    return {name: None if leaf.grad is None else bits(leaf.grad) for name, leaf in leaves.items()}


def traced(trace: Trace) -> tuple[dict[str, Any], str]:
    leaves = {leaf.name: leaf.grad for leaf in trace.leaves}
    message = trace.error.message.split("[")[0] if trace.error else ""
    found = {name: grad if (grad := leaves[name]) is None else bits(tensor(grad)) for name in "ab"}
    return found, message


def op_of(trace: Trace, program: Program, statement: int) -> Op | None:
    """The operation that made what a statement assigned, if it is one."""
    at = [op for op in trace.ops if op.line == program.line(statement)]
    return at[-1] if at else None


def run(source: str, what_if: WhatIf = NOTHING) -> Trace:
    trace = record(source, what_if, Options(verify=True))
    assert trace.agrees is True
    check_trace(trace)
    return trace


MANY = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)


@MANY
@given(programs())
def test_a_recorded_program_is_the_plain_program(program: Program) -> None:
    source = program.source()
    trace = run(source)
    assert traced(trace) == plain(source)
    again = run(source)
    assert [op.site for op in again.ops] == [op.site for op in trace.ops]
    assert [(one.nodes, one.edges, one.steps) for one in again.passes] != [] or trace.error
    assert [[one.nodes[s.node].name for s in one.steps] for one in again.passes] == [
        [one.nodes[s.node].name for s in one.steps] for one in trace.passes
    ]


@MANY
@given(programs(), st.data())
def test_a_cut_of_one_use_is_a_detach_in_the_source(program: Program, data: Any) -> None:
    uses = [n for n, s in enumerate(program.statements) if s.kind != "detach"]
    use = data.draw(st.sampled_from(uses))
    statement = program.statements[use]
    name = data.draw(st.sampled_from(statement.operands))
    if name == statement.target:
        return  # ``v += f(v)``: the place would name what is assigned
    edited = program.source({use: statement.source(cut=name)})
    place = f"{program.line(use)}:{name}"
    cut = Cut(place, f"{program.line(use)}:{statement.expression()}")
    if statement.template in DIRECT:
        assert traced(run(program.source(), WhatIf(cuts=(cut,)))) == plain(edited)
    assert traced(run(program.source(), WhatIf(cuts=(Cut(place),)))) == plain(edited)


@MANY
@given(programs(), st.data())
def test_a_cut_of_a_value_is_a_detach_behind_its_assignment(program: Program, data: Any) -> None:
    at = data.draw(st.integers(0, len(program.statements) - 1))
    statement = program.statements[at]
    name = statement.target
    edited = program.source({at: f"{statement.source()}; {name} = {name}.detach()"})
    expected = plain(edited)
    assert traced(run(program.source(), WhatIf(cuts=(Cut(f"{program.line(at)}:{name}"),)))) == expected
    op = op_of(run(program.source()), program, at)
    if op is not None and statement.kind == "=":
        assert traced(run(program.source(), WhatIf(cuts=(Cut(op.site),)))) == expected


@MANY
@given(programs(), st.data())
def test_a_cut_of_an_input_of_an_operation_is_a_detach_of_that_operand(program: Program, data: Any) -> None:
    direct = [n for n, s in enumerate(program.statements) if s.template in ("{0} * {1}", "{0} - {1}")]
    direct = [n for n in direct if program.statements[n].kind == "="]
    if not direct:
        return
    at = data.draw(st.sampled_from(direct))
    slot = data.draw(st.integers(0, 1))
    statement = program.statements[at]
    op = op_of(run(program.source()), program, at)
    assert op is not None
    edited = program.source({at: statement.source(cut=statement.operands[slot], slot=slot)})
    cut = run(program.source(), WhatIf(cuts=(Cut("", op.site, slot),)))
    assert traced(cut) == plain(edited)
    assert cut.ops[op.id].cut_inputs == (slot,)


@MANY
@given(programs(), st.data())
def test_a_heal_is_the_program_without_the_detach(program: Program, data: Any) -> None:
    detached = [n for n, s in enumerate(program.statements) if s.kind == "detach"]
    if not detached:
        return
    at = data.draw(st.sampled_from(detached))
    statement = program.statements[at]
    edited = program.source({at: f"{statement.target} = {statement.operands[0]}"})
    expected = plain(edited)
    place = f"{program.line(at)}:{statement.operands[0]}.detach()"
    assert traced(run(program.source(), WhatIf(heals=(place,)))) == expected
    op = op_of(run(program.source()), program, at)
    assert op is not None
    assert traced(run(program.source(), WhatIf(heals=(op.site,)))) == expected


@MANY
@given(programs(), NUMBERS, NUMBERS)
def test_another_seed_and_other_leaves_are_other_literals(program: Program, seed: Any, leaf: Any) -> None:
    edited = program._replace(seed=seed, leaves={**program.leaves, "b": leaf}).source()
    what_if = WhatIf(seeds={0: list(seed)}, leaves={"b": list(leaf)})
    assert traced(run(program.source(), what_if)) == plain(edited)


@MANY
@given(programs(), st.integers(0, 1))
def test_a_cut_of_one_hit_is_a_detach_in_that_round(program: Program, hit: int) -> None:
    program = program._replace(repeats=2)
    last = program.statements[-1].target
    source = program.source()
    loop = f"    {last} = {last} * a\n"
    assert loop in source
    edited = source.replace(loop, f"    {last} = ({last} * a).detach() if _ == {hit} else {last} * a\n")
    place = f"{program.line(len(program.statements)) + 1}:{last} * a@{hit}"
    assert traced(run(source, WhatIf(cuts=(Cut(place),)))) == plain(edited)


def test_the_generator_makes_what_it_promises() -> None:
    program = Program(
        {"a": (1.0, 2.0, 3.0), "b": (1.0, 1.0, 1.0)},
        (Statement("v0", "=", "{0} * {1}", ("a", "b")), Statement("out", "=", "{0} + {1}", ("v0", "a"))),
        (1.0, 0.0, 2.0),
        0,
    )
    found, message = traced(run(program.source()))
    assert message == ""
    assert found["a"] == bits(torch.tensor([2.0, 0.0, 4.0], dtype=torch.float64))
    cut, _ = traced(run(program.source(), WhatIf(cuts=(Cut(f"{program.line(0)}:a"),))))
    assert cut["a"] == bits(torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64))
