"""The edit that stands for a what-if: the edited program gives torch's gradients of the what-if, bit for bit."""

from __future__ import annotations

import pytest

from core.edits import applied, edits
from core.engine import record
from core.records import Cut, Options, Trace, WhatIf

QUIET = Options(verify=False)
HEAD = "import torch\na = torch.tensor([2., 3.], requires_grad=True)\nb = torch.tensor([6., 4.], requires_grad=True)\n"


def gradients(trace: Trace) -> dict[str, object]:
    assert trace.error is None
    return {leaf.name: leaf.grad for leaf in trace.leaves}


def cut_of(trace: Trace, value: str, use: str = "", slot: int | None = None) -> Cut:
    sites = {op.text: op.site for op in reversed(trace.ops)}
    return Cut(sites[value], sites[use] if use else "", slot)


@pytest.mark.parametrize(
    ("body", "cut", "line"),
    [
        ("Q = 3*a**3 - b**2\nQ.sum().backward()\n", ("b**2", "3*a**3 - b**2", 1), "Q = 3*a**3 - (b**2).detach()"),
        ("Q = 3*a**3 - b**2\nQ.sum().backward()\n", ("b**2",), "Q = 3*a**3 - (b**2).detach()"),
        ("y = a*b\nz = y*a\nz.sum().backward()\n", ("a*b", "y*a", 0), "z = y.detach()*a"),
        ("y = a*b\nz = y*a + y\nz.sum().backward()\n", ("a*b", "y*a", 0), "z = y.detach()*a + y"),
        ("y = a*b\nz = y*y\nz.sum().backward()\n", ("a*b", "y*y", 1), "z = y*y.detach()"),
        ("y = torch.exp(a)\nz = (y\n     * b)\nz.sum().backward()\n", ("torch.exp(a)",), "y = torch.exp(a).detach()"),
        ("z = a*b\nz.sum().backward()\n", ("torch.tensor([2., 3.], requires_grad=True)", "a*b", 0), "z = a.detach()*b"),
        ("梯 = a*b; z = 梯*b\nz.sum().backward()\n", ("a*b", "梯*b", 0), "梯 = a*b; z = 梯.detach()*b"),
        ("s = '\u2028\x85'  # \x0c\ny = a*b + a\ny.sum().backward()\n", ("a*b",), "y = (a*b).detach() + a"),
    ],
)
def test_the_edited_program_gives_the_gradients_of_the_cut(body: str, cut: tuple[str, ...], line: str) -> None:
    written = record(HEAD + body, options=QUIET)
    supposed = record(HEAD + body, WhatIf(cuts=(cut_of(written, *cut),)), QUIET)  # type: ignore[arg-type]
    assert gradients(supposed) != gradients(written)
    found = edits(supposed)
    assert found is not None
    source = applied(supposed.source, found)
    assert line in source.split("\n")
    assert gradients(record(source, options=QUIET)) == gradients(supposed)


def test_what_runs_inside_a_backward_call_has_no_edit() -> None:
    body = "z = checkpoint(torch.sin, a*b, use_reentrant=True)\nz.sum().backward()\n"
    source = "from torch.utils.checkpoint import checkpoint\n" + HEAD + body
    written = record(source, options=QUIET)
    inner = next(op for op in written.ops if op.text == "z.sum().backward()")
    assert edits(record(source, WhatIf(cuts=(Cut(inner.site),)), QUIET)) is None


def test_a_heal_takes_the_detach_away() -> None:
    body = "y = a*b\nu = y.detach()\nz = u*a\nz.sum().backward()\n"
    written = record(HEAD + body, options=QUIET)
    site = next(op.site for op in written.ops if op.name == "detach")
    supposed = record(HEAD + body, WhatIf(heals=(site,)), QUIET)
    found = edits(supposed)
    assert found is not None
    source = applied(supposed.source, found)
    assert "u = y\n" in source
    assert gradients(record(source, options=QUIET)) == gradients(supposed)


def test_several_cuts_are_made_together() -> None:
    body = "y = a*b\nz = a**2 + y*b\nz.sum().backward()\n"
    written = record(HEAD + body, options=QUIET)
    cuts = (cut_of(written, "a**2"), cut_of(written, "a*b", "y*b", 0))
    supposed = record(HEAD + body, WhatIf(cuts=cuts), QUIET)
    found = edits(supposed)
    assert found is not None
    assert "z = (a**2).detach() + y.detach()*b" in applied(supposed.source, found).split("\n")


@pytest.mark.parametrize(
    ("body", "cut"),
    [
        ("y = a\nfor i in range(2):\n    y = y*b\ny.sum().backward()\n", ("y*b",)),
        ("y = a*b\ny += 1\n(y*a).sum().backward()\n", ("y += 1",)),
        ("(a*b).sum().backward()\n", ("torch.tensor([2., 3.], requires_grad=True)",)),
    ],
)
def test_where_no_one_edit_says_the_same_none_is_offered(body: str, cut: tuple[str, ...]) -> None:
    written = record(HEAD + body, options=QUIET)
    supposed = record(HEAD + body, WhatIf(cuts=(cut_of(written, *cut),)), QUIET)  # type: ignore[arg-type]
    assert gradients(supposed) != gradients(written)
    assert edits(supposed) is None


def test_a_seed_or_values_are_no_edit() -> None:
    body = "(a*b).backward(torch.ones(2))\n"
    assert edits(record(HEAD + body, WhatIf(seeds={0: (1.0, 0.0)}), QUIET)) is None
    assert edits(record(HEAD + body, options=QUIET)) is None


def test_a_place_as_a_person_writes_it() -> None:
    body = "y = a*b\nz = y + a*b + a*b\nz.sum().backward()\n"
    cut = record(HEAD + body, WhatIf(cuts=(Cut("4:a*b"),)), QUIET)
    found = edits(cut)
    assert found is not None
    source = applied(cut.source, found)
    assert "y = (a*b).detach()\nz = y + a*b" in source
    assert gradients(record(source, options=QUIET)) == gradients(cut)
    assert edits(record(HEAD + body, WhatIf(cuts=(Cut("5:a*b"),)), QUIET)) is None  # it stands there twice
