"""The step-by-step backward iterator: one node for each ``next()``, stopped, dropped, nested and interleaved."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.engine import BackwardPass, record_backward
from tests.oracle.compare import all_same, first_difference, same_bits
from tests.oracle.engine_hooks import observed_backward
from tests.oracle.oracle import edge_of, reachable

LINUX_THREADS = "/proc/self/task"


def threads() -> tuple[list[threading.Thread], int]:
    """Python's threads, and how many the system counts."""
    return threading.enumerate(), len(os.listdir(LINUX_THREADS))


@pytest.fixture(autouse=True, scope="module")
def _quick_collections() -> Iterator[None]:
    """Keep what torch itself allocated out of the many collections here, and its own threads out of our counts."""
    for _ in BackwardPass(torch.ones(64, 64, requires_grad=True).exp().sum()):
        pass
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = threads()
    yield
    gc.collect()
    assert settles(lambda: threads() == before), f"{threads()} instead of {before}"


def settles(condition: Callable[[], bool]) -> bool:
    """Whether ``condition`` comes true within two seconds: the system's thread ends a moment after Python's."""
    deadline = time.monotonic() + 2
    while not condition():
        if time.monotonic() > deadline:
            return False
        os.sched_yield()
    return True


def leaf(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, requires_grad=True)


class Tangle:
    """A graph with fan-out, several outputs and leaves of equal priority, and counters of torch's own hooks on it."""

    def __init__(self) -> None:
        numbers = torch.Generator().manual_seed(3)
        self.leaves = [torch.randn(4, generator=numbers).requires_grad_() for _ in range(6)]
        first, second, *rest = self.leaves
        left, right = (first.exp() * second).chunk(2)
        self.root = (torch.stack([*rest, first]).prod(0) + torch.cat([right, left * right])).sin().sum()
        self.begun: list[Any] = []
        self.ended: list[Any] = []
        self.nodes = reachable([self.root.grad_fn])
        for node in self.nodes:
            node.register_prehook(lambda arrived, node=node: self.begun.append(node))
            node.register_hook(lambda left, arrived, node=node: self.ended.append(node))

    @property
    def grads(self) -> list[Tensor | None]:
        return [leaf.grad for leaf in self.leaves]


# ── What a step is ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_steps_of_a_polynomial() -> None:
    """Every number of the best-known example: Q = 3a³ − b²."""
    a, b = leaf(2, 3), leaf(6, 4)
    first_number = torch._C._autograd._get_sequence_nr()
    root = 3 * a**3 - b**2
    steps = list(BackwardPass(root, torch.tensor([1.0, 1.0])))

    def plain(gradients: tuple[Tensor | None, ...]) -> list[list[float] | None]:
        return [None if gradient is None else gradient.tolist() for gradient in gradients]

    leaf_number = 2**64 - 1
    told = [(s.name, s.sequence_nr, plain(s.grad_outputs), plain(s.grad_inputs)) for s in steps]
    assert told == [
        ("SubBackward0", first_number + 3, [[1, 1]], [[1, 1], [-1, -1]]),
        ("PowBackward0", first_number + 2, [[-1, -1]], [[-12, -8]]),
        ("AccumulateGrad", leaf_number, [[-12, -8]], []),
        ("MulBackward0", first_number + 1, [[1, 1]], [[3, 3], None]),
        ("PowBackward0", first_number, [[3, 3]], [[36, 81]]),
        ("AccumulateGrad", leaf_number, [[36, 81]], []),
    ]
    for step in steps:
        assert isinstance(step.grad_outputs, tuple)
        assert isinstance(step.grad_inputs, tuple)


def test_grad_before_and_after_belong_to_leaves() -> None:
    x = leaf(1, 2)
    x.grad = torch.tensor([10.0, 20.0])
    y = x * x
    y.retain_grad()
    *inner, last = BackwardPass(y.sum())
    assert all(step.grad_before is None and step.grad_after is None for step in inner)
    assert last.grad_before is not None
    assert last.grad_before.tolist() == [10, 20]
    assert last.grad_after is not None
    assert last.grad_after.tolist() == [12, 24]


def test_grad_before_is_none_for_a_leaf_without_gradient() -> None:
    x = leaf(1, 2)
    *_, last = BackwardPass((x * x).sum())
    assert last.grad_before is None
    assert same_bits(last.grad_after, torch.tensor([2.0, 4.0]))


def test_grad_after_is_what_was_accumulated_even_if_a_hook_clears_it() -> None:
    x = leaf(1, 2)
    x.grad = torch.tensor([1.0, 1.0])
    x.register_post_accumulate_grad_hook(lambda parameter: setattr(parameter, "grad", None))
    *_, last = BackwardPass((x * x).sum())
    assert x.grad is None
    assert same_bits(last.grad_before, torch.tensor([1.0, 1.0]))
    assert same_bits(last.grad_after, torch.tensor([3.0, 5.0]))


def test_a_step_keeps_its_values() -> None:
    """Later steps, later passes and changes to ``.grad`` do not reach into it."""
    x = leaf(1, 2)
    y = x * 3
    root = (y.exp() + y).sum()
    steps = list(BackwardPass(root, retain_graph=True))
    kept = [
        [None if t is None else t.clone() for t in (*s.grad_outputs, *s.grad_inputs, s.grad_before, s.grad_after)]
        for s in steps
    ]
    assert x.grad is not None
    for _ in BackwardPass(root):
        pass
    x.grad.zero_()
    for step, values in zip(steps, kept, strict=True):
        assert all_same([*step.grad_outputs, *step.grad_inputs, step.grad_before, step.grad_after], values)


def test_hooks_of_the_program_come_first() -> None:
    """What arrives and what leaves is what the program's own hooks made of it."""
    x = leaf(1, 2)
    y = x * 3
    y.register_hook(lambda gradient: gradient * 2)
    y.grad_fn.register_prehook(lambda arrived: (arrived[0] * 5,))
    y.grad_fn.register_hook(lambda left, arrived: (left[0] * 7, None))
    x.register_hook(lambda gradient: gradient * 11)
    _, multiply, accumulate = BackwardPass(y.sum())
    assert same_bits(multiply.grad_outputs[0], torch.full((2,), 10.0))
    assert same_bits(multiply.grad_inputs[0], torch.full((2,), 210.0))
    assert same_bits(accumulate.grad_outputs[0], torch.full((2,), 2310.0))
    assert same_bits(x.grad, torch.full((2,), 2310.0))


def test_an_undefined_gradient_is_none() -> None:
    x = torch.randn(3, requires_grad=True)
    _, deviation = torch.std_mean(x)
    steps = list(BackwardPass(deviation))
    assert steps[0].grad_outputs[0] is None
    assert steps[0].grad_outputs[1] is not None


def test_a_differentiable_pass_and_its_own_pass() -> None:
    """Nodes born in the first pass run in the second one, which ``create_graph`` may again make differentiable."""
    x = torch.tensor(2.0, requires_grad=True)
    with pytest.warns(UserWarning, match="create_graph=True will create a reference cycle"):
        first = list(BackwardPass(x**4, create_graph=True))
    assert x.grad is not None
    assert x.grad.requires_grad
    assert x.grad.item() == 32
    slope, x.grad = x.grad, None
    second = list(BackwardPass(slope))
    assert len(second) > len(first)
    assert x.grad is not None
    assert x.grad.item() == 48


# ── One node for each next() ──────────────────────────────────────────────────────────────────────────────────────


def test_each_next_runs_exactly_one_node() -> None:
    tangle = Tangle()
    expected = observed_backward([(other := Tangle()).root])
    iterator = BackwardPass(tangle.root)
    assert iter(iterator) is iterator
    assert (tangle.begun, tangle.ended) == ([], [])
    for count, step in enumerate(iterator, 1):
        assert len(tangle.begun) == len(tangle.ended) == count
        assert step.sequence_nr == tangle.ended[-1]._sequence_nr()
    assert len(tangle.ended) == len(tangle.nodes) == len(expected)
    assert [tangle.nodes.index(node) for node in tangle.ended] == [other.nodes.index(ran.node) for ran in expected]
    assert all_same(tangle.grads, other.grads)


def test_leaves_receive_their_gradient_at_their_own_step() -> None:
    tangle = Tangle()
    accumulators = [edge_of(one)[0] for one in tangle.leaves]
    for _ in BackwardPass(tangle.root):
        has_run = [node in tangle.ended for node in accumulators]
        assert [gradient is not None for gradient in tangle.grads] == has_run
    assert all(has_run)


def test_every_leaf_is_done_at_the_last_step_already() -> None:
    tangle, plain = Tangle(), Tangle()
    plain.root.backward()
    iterator = BackwardPass(tangle.root)
    for _ in tangle.nodes:
        next(iterator)
    assert all_same(tangle.grads, plain.grads)
    with pytest.raises(StopIteration):
        next(iterator)


def test_the_end_stays_the_end() -> None:
    iterator = BackwardPass(leaf(1) * 2)
    assert len(list(iterator)) == 2
    for _ in range(3):
        with pytest.raises(StopIteration):
            next(iterator)
    iterator.close()


@pytest.mark.parametrize("run", [BackwardPass, record_backward])
def test_roots_and_seeds_may_come_from_generators(run: Callable[..., Any]) -> None:
    x = leaf(1, 2)
    steps = run((x * factor for factor in (2, 3)), (torch.ones(2) for _ in range(2)))
    assert len(list(getattr(steps, "steps", steps))) == 3
    assert x.grad is not None
    assert x.grad.tolist() == [5, 5]


def test_saved_tensors_are_freed_unless_retained() -> None:
    for retain in (False, True):
        x = leaf(1, 2)
        y = x.exp()
        for _ in BackwardPass(y.sum(), retain_graph=retain):
            pass
        if retain:
            assert same_bits(y.grad_fn._saved_result, y)
        else:
            with pytest.raises(RuntimeError, match="after they have already been freed"):
                _ = y.grad_fn._saved_result


def test_the_program_may_go_on_between_steps() -> None:
    """Other passes of the same thread, over the same leaf and even the same nodes, are none of the iterator's steps."""
    x = leaf(1, 2)
    y = x.exp()
    root = (y * y).sum()
    names = []
    for step in BackwardPass(root, retain_graph=True):
        names.append(step.name)
        (x * 2).sum().backward()
        root.backward(retain_graph=True)
        torch.autograd.grad(y.sum(), x, retain_graph=True)
    assert names == ["SumBackward0", "MulBackward0", "ExpBackward0", "AccumulateGrad"]
    slope = 2 * (2 * x.detach()).exp()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, 5 * slope + 4 * torch.tensor([2.0, 2.0]))


def test_another_thread_may_take_the_steps() -> None:
    x = leaf(1, 2)
    iterator = BackwardPass((x * x).exp().sum())
    taken = [next(iterator)]
    thread = threading.Thread(target=lambda: taken.extend(iterator))
    thread.start()
    thread.join()
    assert [step.name for step in taken] == ["SumBackward0", "ExpBackward0", "MulBackward0", "AccumulateGrad"]


# ── Stopping early ────────────────────────────────────────────────────────────────────────────────────────────────

NODES = len(Tangle().nodes)


@pytest.mark.parametrize("taken", range(NODES + 1))
def test_close_after_any_step(taken: int) -> None:
    """No thread is left, leaves not yet run keep their ``.grad``, no hook stays, and a retained graph still works."""
    tangle, plain = Tangle(), Tangle()
    before = threading.enumerate()
    iterator = BackwardPass(tangle.root, retain_graph=True)
    for _ in range(taken):
        next(iterator)
    iterator.close()
    assert threading.enumerate() == before
    assert len(tangle.begun) == len(tangle.ended) == taken
    assert [grad is not None for grad in tangle.grads] == [edge_of(one)[0] in tangle.ended for one in tangle.leaves]
    with pytest.raises(StopIteration):
        next(iterator)
    iterator.close()

    for one in tangle.leaves:
        one.grad = None
    tangle.root.backward()
    plain.root.backward()
    assert len(tangle.ended) == taken + NODES
    assert all_same(tangle.grads, plain.grads)


@pytest.mark.parametrize("taken", range(NODES + 1))
def test_a_pass_closed_early_frees_what_an_aborted_one_frees(taken: int) -> None:
    """Without retain_graph, nodes that have run are used up just as when a hook raises at the same place."""
    stepped, aborted = Tangle(), Tangle()
    iterator = BackwardPass(stepped.root)
    for _ in range(taken):
        next(iterator)
    iterator.close()

    if taken:

        def abort(left: Any, arrived: Any) -> None:
            if len(aborted.ended) == taken:
                raise InterruptedError

        for node in aborted.nodes:
            node.register_hook(abort)
        with pytest.raises(InterruptedError):
            aborted.root.backward()
        aborted.ended.clear()
        aborted.ended.extend([None] * NODES)
    assert error_of(stepped.root.backward) == error_of(aborted.root.backward)


def error_of(call: Callable[[], Any]) -> tuple[type[BaseException], str] | None:
    try:
        call()
    except BaseException as error:
        return type(error), str(error)
    return None


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_an_abandoned_iterator_is_closed(taken: int) -> None:
    tangle = Tangle()
    before = threading.enumerate()
    iterator = BackwardPass(tangle.root)
    for _ in range(taken):
        next(iterator)
    del iterator
    gc.collect()
    assert threading.enumerate() == before
    assert len(tangle.ended) == taken


def test_an_abandoned_iterator_in_a_cycle_is_closed() -> None:
    before = threading.enumerate()
    iterator = BackwardPass(leaf(1, 2).exp().sum())
    next(iterator)
    cycle: list[Any] = [iterator]
    cycle.append(cycle)
    del iterator, cycle
    gc.collect()
    assert threading.enumerate() == before


def test_break_leaves_nothing_behind() -> None:
    before = threading.enumerate()
    for _ in BackwardPass(leaf(1, 2).exp().sum()):
        break
    gc.collect()
    assert threading.enumerate() == before


def test_what_the_steps_hold_is_freed_with_the_iterator() -> None:
    """Neither an ended nor a closed pass keeps the graph alive."""

    class Kept:
        pass

    for taken in (2, 5):
        x = leaf(1, 2)
        y = x.exp()
        y.grad_fn.metadata["kept"] = Kept()
        alive = weakref.ref(y.grad_fn.metadata["kept"])
        iterator = BackwardPass((y * 2).sum())
        for _, step in zip(range(taken), iterator, strict=False):
            assert step.name
        iterator.close()
        del y
        gc.collect()
        assert alive() is None


@pytest.mark.parametrize("ending", ["pass", "it.close()", "del it", "raise SystemExit(0)"])
def test_an_interpreter_ends_with_a_pass_under_way(ending: str) -> None:
    program = (
        "import torch\nfrom core.engine import BackwardPass\n"
        "x = torch.ones(2, requires_grad=True)\n"
        "it = BackwardPass((x * x).exp().sum())\nnext(it), next(it)\n" + ending
    )
    assert run_python(program) == (0, "", "")


def run_python(program: str) -> tuple[int, str, str]:
    """Run a program in an interpreter of its own; return its status, output and errors."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


# ── Errors ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_error_comes_out_of_next_and_ends_the_pass() -> None:
    x = leaf(1, 2)
    y = x.exp()
    refusal = ValueError("refused")

    def refuse(gradient: Tensor) -> None:
        raise refusal

    y.register_hook(refuse)
    iterator = BackwardPass((y * 2).sum())
    assert [next(iterator).name for _ in range(2)] == ["SumBackward0", "MulBackward0"]
    with pytest.raises(ValueError, match="refused") as raised:
        next(iterator)
    assert raised.value is refusal
    assert traceback.extract_tb(refusal.__traceback__)[-1].name == "refuse"
    assert x.grad is None
    with pytest.raises(StopIteration):
        next(iterator)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_arguments_that_the_constructor_refuses() -> None:
    with pytest.raises(TypeError):
        BackwardPass()  # type: ignore[call-arg]
    gc.collect()


@pytest.mark.parametrize("misuse", [next, BackwardPass.close])
@pytest.mark.parametrize("elsewhere", [False, True], ids=["from a hook", "from another thread"])
def test_a_pass_that_is_running_a_node(misuse: Callable[[BackwardPass], Any], elsewhere: bool) -> None:
    x = leaf(1, 2)
    y = x.exp()
    refused: list[str] = []

    def misused() -> None:
        with pytest.raises(ValueError, match="running a node already"):
            misuse(iterator)
        refused.append("refused")

    def hook(gradient: Tensor) -> None:
        if not elsewhere:
            return misused()
        other = threading.Thread(target=misused)
        other.start()
        return other.join()

    y.register_hook(hook)
    iterator = BackwardPass((y * 2).sum())
    assert len(list(iterator)) == 4
    assert refused == ["refused"]
    assert x.grad is not None


def test_an_error_does_not_keep_the_graph_alive() -> None:
    x = leaf(1, 2)
    y = x.exp()
    gone = weakref.ref(y)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        list(BackwardPass(y * 2))
    del y
    gc.collect()
    assert gone() is None


# ── Several passes at once ────────────────────────────────────────────────────────────────────────────────────────


def two_graphs() -> tuple[Tensor, Tensor, Tensor]:
    x = leaf(1, 2)
    return x, (x * x).exp().sum(), (x.sin() * x + x).sum()


@pytest.mark.parametrize("order", ["in turn", "second inside first", "first starts, second ends"])
def test_two_passes_meet_in_a_leaf(order: str) -> None:
    x, one, two = two_graphs()
    y, same_one, same_two = two_graphs()
    judged_one = observed_backward([same_one])
    assert y.grad is not None
    alone = y.grad.clone()
    judged_two = observed_backward([same_two])
    shift = same_one.grad_fn._sequence_nr() - one.grad_fn._sequence_nr()

    first, second = BackwardPass(one), BackwardPass(two)
    if order == "in turn":
        pairs = list(zip_longest(first, second))
        steps_one = [step for step, _ in pairs if step is not None]
        steps_two = [step for _, step in pairs if step is not None]
    elif order == "second inside first":
        steps_one = [next(first)]
        steps_two = list(second)
        steps_one += first
    else:
        steps_one, steps_two = [next(first)], [next(second)]
        steps_one += first
        assert x.grad is not None
        torch.testing.assert_close(x.grad, alone)
        steps_two += second
    assert first_difference(steps_one, judged_one, shift) == ""
    assert first_difference(steps_two, judged_two, shift) == ""
    assert x.grad is not None
    torch.testing.assert_close(x.grad, y.grad)
    for steps in (steps_one, steps_two):
        (accumulate,) = [step for step in steps if step.name == "AccumulateGrad"]
        added = accumulate.grad_outputs[0]
        before = torch.zeros(2) if accumulate.grad_before is None else accumulate.grad_before
        assert same_bits(before + added, accumulate.grad_after)


def test_closing_one_of_two_passes_leaves_the_other() -> None:
    x, one, two = two_graphs()
    first, second = BackwardPass(one), BackwardPass(two)
    next(first)
    next(second)
    first.close()
    names = [step.name for step in second]
    assert names == ["AddBackward0", "MulBackward0", "SinBackward0", "AccumulateGrad"]
    y, _, same_two = two_graphs()
    same_two.backward()
    assert same_bits(x.grad, y.grad)


def test_two_passes_over_the_same_nodes() -> None:
    x = leaf(1, 2)
    root = (x * x).exp().sum()
    first, second = BackwardPass(root, retain_graph=True), BackwardPass(root, retain_graph=True)
    names = [(one.name, two.name) for one, two in zip(first, second, strict=True)]
    assert names == [(name, name) for name in ("SumBackward0", "ExpBackward0", "MulBackward0", "AccumulateGrad")]
    y = leaf(1, 2)
    (2 * (y * y).exp()).sum().backward()
    assert same_bits(x.grad, y.grad)


def test_many_passes_at_once() -> None:
    x = leaf(1, 2)
    passes = [BackwardPass((x * k).sin().sum()) for k in range(20)]
    rounds = [[next(one) for one in passes] for _ in range(4)]
    assert [{step.name for step in steps} for steps in rounds] == [
        {"SumBackward0"}, {"SinBackward0"}, {"MulBackward0"}, {"AccumulateGrad"},
    ]  # fmt: skip
    for one in passes:
        assert list(one) == []


def test_a_pass_inside_a_hook_of_another() -> None:
    """Both are iterators over graphs that share the leaf; each yields its own nodes and no others."""
    x = leaf(1, 2)
    inner_root = (x * 5).sin().sum()
    inner: list[str] = []
    y = x * x
    y.register_hook(lambda gradient: inner.extend(step.name for step in BackwardPass(inner_root)))
    outer = [step.name for step in BackwardPass(y.exp().sum())]
    assert outer == ["SumBackward0", "ExpBackward0", "MulBackward0", "AccumulateGrad"]
    assert inner == ["SumBackward0", "SinBackward0", "MulBackward0", "AccumulateGrad"]


def test_reentrant_checkpoint_steps_over_the_outer_graph() -> None:
    layer = nn.Linear(2, 2)
    x = torch.ones(1, 2, requires_grad=True)
    root = (checkpoint(lambda value: layer(value).tanh(), x, use_reentrant=True) * 2).sum() + layer.weight.sum()
    names = [step.name for step in BackwardPass(root)]
    assert names.count("CheckpointFunctionBackward") == 1
    assert "TanhBackward0" not in names
    assert names.count("AccumulateGrad") == 2  # x, and the weight of the outer sum


# ── Size ──────────────────────────────────────────────────────────────────────────────────────────────────────────

DEEP = """
import sys, threading
import torch
from core.engine import BackwardPass, record_backward


def program():
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    RUN
    sys.stdout.write(f"{count} {x.grad}")


threading.stack_size(512 << 20)  # as the worker does: torch frees a chain that Python has seen by recursion
thread = threading.Thread(target=program)
thread.start()
thread.join()
"""


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ("count = sum(1 for step in BackwardPass(y))", "100001 tensor([1.])"),
        ("count = sum(1 for step, _ in zip(BackwardPass(y), range(50_000)))", "50000 None"),
        ("count = len(record_backward(y).steps)", "100001 tensor([1.])"),
    ],
    ids=["stepped", "stopped half-way", "recorded"],
)
def test_a_chain_of_a_hundred_thousand_nodes(run: str, told: str) -> None:
    """The engine's thread has the usual small stack; only freeing the chain in the end needs a large one."""
    assert run_python(DEEP.replace("RUN", run)) == (0, told, "")
