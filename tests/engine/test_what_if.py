"""What-ifs: what each form does, how it is marked in the trace, and what is refused in one line."""

from __future__ import annotations

from typing import Any

import pytest

from core.engine import Options, WhatIf, WhatIfError, record
from core.records import Cut, Trace
from tests.oracle.consistency import check_trace

DETACH = """import torch
x = torch.arange(4., requires_grad=True)
y = x * x
u = y.detach()
z = u * x
z.sum().backward()
"""
LOOP = """import torch
a = torch.tensor(1.5, requires_grad=True)
b = a
for i in range(3):
    b = b * a
b.backward()
"""
SITES = {op.text: op.site for op in record(DETACH, options=Options(verify=False)).ops}


def run(source: str, **changes: Any) -> Trace:
    trace = record(source, WhatIf(**changes))
    assert trace.agrees is True
    assert trace.what_if == WhatIf(**changes)
    check_trace(trace)
    return trace


def grad(trace: Trace, name: str = "x") -> Any:
    taken = next(leaf.grad for leaf in trace.leaves if leaf.name == name)
    return taken.data if taken is not None else None


def test_heal() -> None:
    for place in ("4:y.detach()", "4: y.detach( )", "4:u", SITES["y.detach()"]):
        assert grad(run(DETACH, heals=(place,))) == [0, 3, 12, 27]
    healed = run(DETACH, heals=(SITES["y.detach()"],))
    assert [op.cut for op in healed.ops if op.text == "y.detach()"] == ["healed"]


@pytest.mark.parametrize("spelling", ["torch.detach(y)", "y.data", "(y + 0).detach()", "y.clone().detach_()"])
def test_heal_of_other_spellings(spelling: str) -> None:
    assert grad(run(DETACH.replace("y.detach()", spelling), heals=("4:u",))) == [0, 3, 12, 27]


def test_cut_of_all_uses() -> None:
    healed = ("4:y.detach()",)
    for place in ("3:x * x", "3:y", SITES["x * x"], "4:y"):
        trace = run(DETACH, heals=healed, cuts=(Cut(place),))
        assert grad(trace) == [0, 1, 4, 9]
    assert [op.cut for op in run(DETACH, heals=healed, cuts=(Cut("3:y"),)).ops if op.text == "x * x"] == ["detached"]


def test_cut_of_one_use() -> None:
    healed = ("4:y.detach()",)
    for cut in (
        Cut("2:x", "5:u * x"),
        Cut("2:x", "5:x"),
        Cut("", SITES["u * x"], 1),
        Cut(SITES["torch.arange(4., requires_grad=True)"], SITES["u * x"]),
    ):
        trace = run(DETACH, heals=healed, cuts=(cut,))
        assert grad(trace) == [0, 2, 8, 18]
        assert [op.cut_inputs for op in trace.ops if op.text == "u * x"] == [(1,)]


def test_an_operation_that_uses_a_value_twice_is_cut_in_one_slot_or_both() -> None:
    assert grad(run(DETACH.replace(".detach()", ""), cuts=(Cut("", SITES["x * x"], 0),))) == [0, 2, 8, 18]
    assert grad(run(DETACH.replace(".detach()", ""), cuts=(Cut("2:x", "3:x * x"),))) == [0, 1, 4, 9]


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (Cut("5:b * a@0"), 1.5**2),
        (Cut("5:b * a@1"), 1.5**3),
        (Cut("5:b@1"), None),
        (Cut("2:a", "5:b * a@0"), 2 * 1.5**3),
        (Cut("5:b * a@1", "5:b * a@2"), 1.5**3),
        (Cut("#<module>|5:8-5:13|mul||1", ""), 1.5**3),
        (Cut("", "#<module>|5:8-5:13|mul||1", 1), 3 * 1.5**3),
    ],
)
def test_hits_in_a_loop(cut: Cut, expected: float | None) -> None:
    values = {Cut("5:b * a@0"): 2 * 1.5**3, Cut("5:b@1"): 1.5**3}
    assert grad(run(LOOP, cuts=(cut,)), "a") == [values.get(cut, expected)]


def test_a_cut_that_leaves_nothing_gives_torchs_own_error() -> None:
    for cut in (Cut("2:x"), Cut("5:z"), Cut(SITES["u * x"]), Cut("6:z.sum()")):
        trace = run(DETACH, cuts=(cut,))
        assert trace.error is not None
        assert trace.error.message == "element 0 of tensors does not require grad and does not have a grad_fn"
        assert trace.error.line == 6
        assert trace.passes[0].error == trace.error
        assert grad(trace) is None


def test_seed() -> None:
    trace = run(DETACH, seeds={0: [3.0]})
    assert grad(trace) == [0, 3, 12, 27]
    assert trace.passes[0].seeded
    assert trace.passes[0].seeds[0] is not None
    assert trace.passes[0].seeds[0].data == [3.0]
    twice = DETACH.replace("backward()", "backward(retain_graph=True)\n") + "torch.autograd.grad(z, x, torch.ones(4))\n"
    (result,) = run(twice, seeds={1: [1, 2, 3, 4]}).passes[1].results
    assert result is not None
    assert result.data == [0, 2, 12, 36]


@pytest.mark.parametrize("wrong", ["", "torch.ones(3)"])
def test_a_seed_rescues_a_call_that_torch_would_refuse(wrong: str) -> None:
    source = DETACH.replace("z.sum().backward()", f"z.backward({wrong})")
    assert record(source).error is not None
    assert grad(run(source, seeds={0: [1, 1, 1, 2]})) == [0, 1, 4, 18]


def test_several_roots_share_the_numbers_of_a_seed() -> None:
    source = DETACH.replace("z.sum().backward()", "torch.autograd.backward([z, x.sum()], [torch.ones(4), None])")
    assert grad(record(source)) == [1, 2, 5, 10]
    assert grad(run(source, seeds={0: [0, 1, 0, 0, 5]})) == [5, 6, 5, 5]


def test_leaf_values() -> None:
    trace = run(DETACH, leaves={"x": [1, 1, 1, 2]})
    assert grad(trace) == [1, 1, 1, 4]
    assert next(v for v in trace.values if "x" in v.names).tensor.data == [1, 1, 1, 2]
    net = "import torch\nnet = torch.nn.Linear(1, 1)\nnet(torch.ones(1)).pow(2).backward()\n"
    assert grad(run(net, leaves={"net.weight": [2], "net.bias": [1]}), "net.weight") == [6]


def test_requires_grad() -> None:
    assert grad(run(DETACH.replace(", requires_grad=True", ""), requires_grad={"x": True})) == [0, 1, 4, 9]


def test_a_write_to_grad_left_out() -> None:
    source = DETACH + "x.grad.zero_()\nx.sum().backward()\nx.grad = None\n"
    assert grad(run(source, skip_zero_grad=("7:x.grad.zero_()", "9:x.grad"))) == [1, 2, 5, 10]


def test_several_at_once_and_the_source_is_the_same() -> None:
    trace = run(DETACH, heals=("4:u",), cuts=(Cut("2:x", "5:u*x"),), seeds={0: [2]}, leaves={"x": [1, 1, 1, 1]})
    assert grad(trace) == [4, 4, 4, 4]
    assert trace.source == DETACH


def test_sites_are_stable_when_other_what_ifs_apply_and_between_runs() -> None:
    plain = [op.site for op in record(DETACH).ops]
    assert [op.site for op in record(DETACH).ops] == plain
    assert [op.site for op in run(DETACH, seeds={0: [2]}, leaves={"x": [1, 2, 3, 4]}).ops] == plain
    assert [op.site for op in run(DETACH, cuts=(Cut("3:y"),)).ops] == plain


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"cuts": (Cut("nonsense"),)}, "'nonsense' is not a place"),
    ({"cuts": (Cut("3:"),)}, "'3:' is not a place"),
    ({"cuts": (Cut("3:q"),)}, "line 3 has no expression 'q'"),
    ({"cuts": (Cut("99:x"),)}, "line 99 has no expression 'x'"),
    ({"cuts": (Cut("3:x +"),)}, "line 3 has no expression"),
    ({"cuts": (Cut("3:x * x@5"),)}, "the place is reached 1 times, counted from 0"),
    ({"cuts": (Cut("3:y", "5:u * x"),)}, "the value is not used there"),
    ({"cuts": (Cut("3:y", "5:nothing"),)}, "line 5 has no expression 'nothing'"),
    ({"cuts": (Cut("1:torch"),)}, "line 1 has no expression 'torch'"),
    ({"cuts": (Cut("2:torch"),)}, "its value is not a tensor"),
    ({"cuts": (Cut("#nowhere"),)}, "nothing in this run to apply it to"),
    ({"cuts": (Cut("", "#nowhere", 0),)}, "nothing in this run to apply it to"),
    ({"cuts": (Cut("", SITES["u * x"], 7),)}, "nothing in this run to apply it to"),
    ({"heals": ("5:u",)}, r"there is no .detach\(\) in it to heal"),
    ({"heals": ("#nowhere",)}, "nothing in this run to apply it to"),
    ({"heals": (SITES["x * x"],)}, "nothing in this run to apply it to"),
    ({"seeds": {0: [1, 2]}}, r"expected shape \[\], which is 1 number, not 2"),
    ({"seeds": {1: [1]}}, "the program makes 1 backward call, counted from 0"),
    ({"leaves": {"x": [1]}}, r"expected shape \[4\], which is 4 numbers, not 1"),
    ({"leaves": {"y": [1, 1, 1, 1]}}, "y is not a leaf"),
    ({"leaves": {"nobody": [1]}}, "nothing in this run to apply it to"),
    ({"requires_grad": {"nobody": True}}, "nothing in this run to apply it to"),
    ({"skip_zero_grad": ("3:x",)}, "nothing in this run to apply it to"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(WhatIfError, match=message) as caught:
        record(DETACH, WhatIf(**changes))
    assert "\n" not in str(caught.value)


def test_a_refusal_gets_past_the_programs_own_except() -> None:
    source = DETACH.replace("z.sum().backward()", "try:\n    z.sum().backward()\nexcept BaseException:\n    pass")
    with pytest.raises(WhatIfError, match="expected shape"):
        record(source, WhatIf(seeds={0: [1, 2]}))


def test_a_changed_view_cannot_be_detached() -> None:
    source = "import torch\nx = torch.ones(2, requires_grad=True)\ny = x * 2\nv = y[1:]\nv += 1\ny.sum().backward()\n"
    site = next(op.site for op in record(source).ops if op.text == "v += 1")
    with pytest.raises(WhatIfError, match="cut its base instead"):
        record(source, WhatIf(cuts=(Cut(site),)))


def test_a_clearing_that_is_left_out_stays_an_event() -> None:
    source = (
        "import torch\n"
        "x, y = (torch.tensor([1.0], requires_grad=True) for _ in range(2))\n"
        "opt = torch.optim.SGD([x, y], lr=0.0)\n"
        "for _ in range(2):\n"
        "    opt.zero_grad({})\n"
        "    (2 * x).sum().backward()\n"
    )
    for how, argument in (("none", ""), ("zero", "set_to_none=False")):
        written = run(source.replace("{}", argument))
        site = next(event.site for event in written.events if event.kind == "grad")
        supposed = run(source.replace("{}", argument), skip_zero_grad=(site,))
        assert grad(supposed) == [4]
        (event,) = [event for event in supposed.events if event.kind == "grad"]
        assert (event.skipped, event.how, event.site, event.line) == (True, how, site, 5)
        assert event.before == event.after
        assert event.before is not None
        assert event.before.data == [2]
