"""Why a gradient is None or zero, on programs that torch has run."""

from __future__ import annotations

import pytest

from core.engine import Live, Moment, record, salvage
from core.playback import Playback
from core.records import Cut, Options, Trace, WhatIf
from core.why import Reason, why

HEAD = "import torch\nx = torch.tensor([1., 2.], requires_grad=True)\nw = torch.tensor([3., 4.], requires_grad=True)\n"
IGNORING = """class Ignoring(torch.autograd.Function):
    @staticmethod
    def forward(ctx, t):
        return t * 1
    @staticmethod
    def backward(ctx, g):
        return None
"""


def played(body: str, what_if: WhatIf | None = None) -> Playback:
    return Playback.of(record(HEAD + body, what_if or WhatIf(), options=Options(verify=False))).end()


def reason(playback: Playback, name: str = "x") -> Reason | None:
    leaf = next(leaf for leaf in playback.trace.leaves if leaf.name == name)
    assert leaf.value is not None
    return why(playback, leaf.value)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("w.sum().backward()\n", Reason("unused")),
        ("y = x * 2\n", Reason("no_pass")),
        ("y = x * 2\nloss = w.sum()\nloss.backward()\n", Reason("no_path", name="loss")),
        ("y = (x * 2).detach()\n(y * w).sum().backward()\n", Reason("detached", 4, "detach")),
        ("with torch.no_grad():\n    y = x * 2\n(y * w).sum().backward()\n", Reason("no_grad", 5, "mul")),
        ("i = x.argmax()\n(i * w).sum().backward()\n", Reason("integer", 4, "argmax")),
        ("b = x > 1\n(b * w).sum().backward()\n", Reason("integer", 4, "gt")),
        ("(x * w).sum().backward(inputs=[w])\n", Reason("inputs")),
        ("(x * w).sum().backward()\nx.grad = None\n", Reason("cleared", 5)),
        ("(x * w).sum().backward()\n", None),
        ("(torch.relu(-x) * w).sum().backward()\n", Reason("zero_dead", 4, "ReluBackward0")),
        ("(x * 0 * w).sum().backward()\n", Reason("zero_node", 4, "MulBackward0")),
        ("(x * w).backward(torch.zeros(2))\n", Reason("zero_seed", 4)),
        ("((x - x) * w).sum().backward()\n", Reason("zero_cancel", 2, "AccumulateGrad")),
        (
            "y = x * 2\ny.register_hook(torch.zeros_like)\n(y * w).sum().backward()\n",
            Reason("zero_hook", 4, "MulBackward0"),
        ),
        ("x.register_hook(torch.zeros_like)\n(x * w).sum().backward()\n", Reason("zero_hook", 2, "AccumulateGrad")),
        ("(x * w).sum().backward()\n(-x * w).sum().backward()\n", Reason("zero_sum", 5)),
        ("(x * w).sum().backward()\nx.grad.zero_()\n", Reason("cleared", 5)),
        ("o = torch.optim.SGD([x])\n(x * w).sum().backward()\no.zero_grad(set_to_none=False)\n", Reason("cleared", 6)),
        ("(x.sum().item() * w).sum().backward()\n", Reason("numbers", 4, "item")),
        ("torch.autograd.grad((x * w).sum(), x)\n", Reason("returned", 4)),
        ("y = x * 2\ntry:\n    y.backward()\nexcept RuntimeError:\n    pass\n", Reason("failed", 6)),
        ("y = x.exp()\nz = (y * w).sum()\ny.mul_(2)\nz.backward()\n", Reason("failed", 7)),
        (IGNORING + "(Ignoring.apply(x) * w).sum().backward()\n", Reason("undefined", 11, "IgnoringBackward")),
    ],
)
def test_each_reason_is_told(body: str, expected: Reason | None) -> None:
    assert reason(played(body)) == expected


def test_what_will_still_come_is_not_reached_yet() -> None:
    playback = played("(x * w).sum().backward()\n")
    assert reason(playback.home()) == Reason("later")


def test_a_cut_by_what_if_is_told_as_one() -> None:
    body = "y = x * 2\n(y * w).sum().backward()\n"
    whole = played(body)
    mul, use = (op for op in whole.trace.ops if op.name == "mul")
    assert reason(played(body, WhatIf(cuts=(Cut(mul.site),)))) == Reason("cut", 4, "mul")
    one = reason(played(body, WhatIf(cuts=(Cut(mul.site, use.site, 0),))))
    assert one is not None
    assert (one.kind, one.line) == ("cut", 5)


def test_a_detach_on_one_path_does_not_hide_the_other() -> None:
    assert reason(played("y = x.detach() * x\n(y * w).sum().backward()\n")) is None


def test_each_leaf_has_a_reason_of_its_own() -> None:
    playback = played("(x.detach() * w).sum().backward()\n")
    assert reason(playback, "x") == Reason("detached", 4, "detach")
    assert reason(playback, "w") is None


def test_what_a_paused_pass_has_not_reached_is_not_reached_yet() -> None:
    seen: list[Trace] = []

    def on_pause(moment: Moment) -> None:
        trace = salvage()
        assert trace is not None
        seen.append(trace)
        live.go_on("never", {})

    live = Live(on_pause)
    record(HEAD + "(x * w).sum().backward()\n", options=Options(verify=False), live=live)
    assert reason(Playback.of(seen[0]).end()) == Reason("later")


def test_zeros_that_were_typed_over_what_arrived_are_told_as_such() -> None:
    live = Live(lambda moment: live.go_on("never", {0: (0.0,)}))
    trace = record(HEAD + "(x * w).sum().backward()\n", options=Options(verify=False), live=live)
    assert reason(Playback.of(trace).end()) == Reason("zero_reader", name="SumBackward0")
