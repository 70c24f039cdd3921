"""Live runs: nothing changes where nothing is overwritten, and what is overwritten goes through torch's own engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import msgspec
import pytest

from core.engine import Live, Moment, interrupt, record, salvage
from core.playback import Playback
from core.records import Before, Options, Trace
from tests.engine.test_programs import PROGRAMS
from tests.oracle.consistency import check_trace

Answer = tuple[Before, Mapping[int, Sequence[float]]]
GO_ON: Answer = ("next", {})
QUICK = Options(finite_differences=False)

CHAIN = """import torch
a = torch.tensor([2., 3.], requires_grad=True)
b = torch.tensor([6., 4.], requires_grad=True)
c = a * b
{hook}Q = (c ** 2 + a).sum()
Q.backward()
print(a.grad, b.grad)
"""
HOOK = "c.register_hook(lambda g: torch.tensor([0.5, -7.]))\n"


def live(source: str, answer: Callable[[Moment], Answer] = lambda moment: GO_ON) -> tuple[Trace, list[Moment]]:
    """A live run, and where it has paused."""
    moments: list[Moment] = []

    def on_pause(moment: Moment) -> None:
        moments.append(moment)
        run.go_on(*answer(moment))

    run = Live(on_pause)
    return record(source, options=QUICK, live=run), moments


def at(name: str, trace: Trace | None, moment: Moment) -> bool:
    """Whether a moment is before a node of that name."""
    assert trace is not None
    return trace.passes[moment.pass_index].nodes[moment.node].name == name


def steps(trace: Trace) -> bytes:
    """What the engine did, in its order, to the last bit."""
    return msgspec.msgpack.encode(
        [
            [
                (s.node, s.grad_outputs, s.grad_inputs, s.grad_before, s.grad_after, s.arrivals, s.altered)
                for s in p.steps
            ]
            for p in trace.passes
        ]
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "a neighbouring module"])
def test_a_live_run_with_nothing_overwritten_is_an_ordinary_one(name: str) -> None:
    ordinary = record(PROGRAMS[name], options=Options(verify=False))
    trace, moments = live(PROGRAMS[name])
    assert steps(trace) == steps(ordinary)
    assert trace.stdout == ordinary.stdout
    assert trace.agrees is True
    check_trace(trace)
    assert len(moments) >= sum(len(one.steps) for one in trace.passes)


def test_an_overwritten_gradient_gives_what_a_hook_with_the_same_gradient_gives() -> None:
    def answer(moment: Moment) -> Answer:
        return "next", {0: (0.5, -7.0)} if at("MulBackward0", salvage(), moment) else {}

    trace, _ = live(CHAIN.format(hook=""), answer)
    hooked = record(CHAIN.format(hook=HOOK), options=QUICK)
    assert trace.stdout == hooked.stdout == "tensor([  4., -27.]) tensor([  1., -21.])\n"
    assert [leaf.grad for leaf in trace.leaves] == [leaf.grad for leaf in hooked.leaves]
    (step,) = [step for step in trace.passes[0].steps if step.altered]
    (other,) = [step for step in hooked.passes[0].steps if step.altered]
    assert (step.altered, other.altered) == ("reader", "arrived")
    assert step.grad_outputs == other.grad_outputs
    assert step.grad_inputs == other.grad_inputs
    assert trace.overwritten
    assert trace.agrees is None
    assert hooked.agrees is True
    check_trace(trace)
    (arrival,) = step.arrivals  # what arrived stays what the square sent
    assert arrival.step is not None
    sent = trace.passes[0].steps[arrival.step].grad_inputs[arrival.slot]
    assert sent is not None
    assert sent.data == [24.0, 24.0]


@pytest.mark.parametrize("hook", ["", "a.register_post_accumulate_grad_hook(lambda a: print('after', a.grad))\n"])
def test_what_arrives_at_a_leaf_can_be_overwritten(hook: str) -> None:
    def answer(moment: Moment) -> Answer:
        return "next", {0: (1.0, 2.0)} if at("AccumulateGrad", salvage(), moment) else {}

    trace, _ = live(CHAIN.format(hook=hook), answer)
    assert [leaf.grad.data for leaf in trace.leaves if leaf.grad is not None] == [[1.0, 2.0], [1.0, 2.0]]
    assert [step.altered for step in trace.passes[0].steps if not step.grad_inputs] == ["reader", "reader"]
    check_trace(trace)


def test_one_of_several_outputs_is_overwritten() -> None:
    source = "import torch\nx = torch.tensor([1., 2.], requires_grad=True)\np, q, r = (x * torch.ones(3, 2)).unbind()\n"

    def answer(moment: Moment) -> Answer:
        return "next", {1: (9.0, 9.0)} if at("UnbindBackward0", salvage(), moment) else {}

    trace, _ = live(source + "(p + q).sum().backward()\n", answer)
    assert trace.leaves[0].grad is not None
    assert trace.leaves[0].grad.data == [10.0, 10.0]


@pytest.mark.parametrize(
    ("slot", "numbers", "said"),
    [
        (0, (1.0, 2.0, 3.0), "expected shape [2], which is 2 numbers, not 3"),
        (1, (1.0, 2.0), "no gradient has arrived at output 1 of the node"),
    ],
)
def test_numbers_that_do_not_fit_are_refused_and_the_program_waits(
    slot: int, numbers: tuple[float, ...], said: str
) -> None:
    refused: list[str] = []

    def on_pause(moment: Moment) -> None:
        try:
            run.go_on("next", {slot: numbers})
        except ValueError as error:
            refused.append(str(error))
            run.go_on("never", {})

    run = Live(on_pause)
    source = "import torch\na = torch.tensor([2., 3.], requires_grad=True)\na.exp().backward(torch.ones(2))\n"
    trace = record(source, options=QUICK, live=run)
    assert refused == [said]
    assert not trace.overwritten


def test_the_program_runs_on_to_a_node_and_then_to_its_end() -> None:
    ordinary = record(CHAIN.format(hook=""), options=QUICK)
    backward = ordinary.passes[0]
    number, step = next((n, s) for n, s in enumerate(backward.steps) if backward.nodes[s.node].name == "MulBackward0")
    _, moments = live(
        CHAIN.format(hook=""), lambda moment: ("never", {}) if moment.step_index else ((0, step.node), {})
    )
    assert [moment[:3] for moment in moments] == [(0, 0, backward.steps[0].node), (0, number, step.node)]


def test_the_trace_while_it_waits_holds_all_that_has_arrived() -> None:
    seen: list[Trace | None] = []

    def answer(moment: Moment) -> Answer:
        seen.append(salvage())
        return GO_ON

    whole, moments = live(CHAIN.format(hook=""), answer)
    for trace, moment in zip(seen, moments, strict=True):
        assert trace is not None
        assert len(trace.passes[0].steps) == moment.step_index
        playback = Playback.of(trace).end()
        assert playback.arrived((0, moment.node)).complete
        used = whole.passes[0].steps[moment.step_index].grad_outputs
        assert playback.held((0, moment.node)) == moment.arrived == used


def test_waiting_is_no_time_of_the_program_and_hears_an_interrupt() -> None:
    paused = threading.Event()
    run = Live(lambda moment: paused.set())

    def stop() -> None:
        paused.wait(10)
        threading.Event().wait(0.5)
        interrupt()

    threading.Thread(target=stop).start()
    trace = record(CHAIN.format(hook=""), options=Options(verify=False), live=run)
    assert trace.error is not None
    assert trace.error.type == "KeyboardInterrupt"
    assert run.waited > 0.4
    assert trace.seconds < 0.4
    assert [event.kind for event in trace.events][-2:] == ["pass", "end"]
