"""``record_backward``: the same steps as the iterator, at full speed, in the caller's own thread; values that last."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import embedding

from core.engine import BackwardPass, Step, record_backward
from tests.oracle.compare import all_same, first_difference, same_bits
from tests.oracle.engine_hooks import observed_backward
from tests.oracle.oracle import edge_of


def leaf(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, requires_grad=True)


def polynomial() -> tuple[list[Tensor], Tensor]:
    a, b = leaf(2, 3), leaf(6, 4)
    return [a, b], (3 * a**3 - b**2 * a).sum()


def small_network() -> tuple[list[Tensor], Tensor]:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.LayerNorm(5), torch.nn.GELU(), torch.nn.Linear(5, 2))
    return list(model.parameters()), torch.nn.functional.cross_entropy(model(torch.randn(4, 3)), torch.arange(4) % 2)


def sparse_rows() -> tuple[list[Tensor], Tensor]:
    table = torch.arange(8.0).reshape(4, 2).requires_grad_()
    rows = torch.tensor([1, 1, 3])
    return [table], (embedding(rows, table, sparse=True) * embedding(rows, table, sparse=True).sin()).sum()


def complex_numbers() -> tuple[list[Tensor], Tensor]:
    z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    return [z], (z * z.conj() + z.exp()).abs().sum()


@pytest.mark.parametrize("build", [polynomial, small_network, sparse_rows, complex_numbers])
def test_same_steps_as_the_iterator_and_as_torch(build: Callable[[], tuple[list[Tensor], Tensor]]) -> None:
    leaves, root = build()
    stepped_leaves, stepped_root = build()
    judged_leaves, judged_root = build()
    steps = record_backward(root).steps
    by_one = list(BackwardPass(stepped_root))
    judged = observed_backward([judged_root])
    assert first_difference(steps, judged, judged_root.grad_fn._sequence_nr() - root.grad_fn._sequence_nr()) == ""
    assert [(step.name, len(step.grad_inputs)) for step in steps] == [(s.name, len(s.grad_inputs)) for s in by_one]
    for step, other in zip(steps, by_one, strict=True):
        for mine, its in ((step.grad_outputs, other.grad_outputs), (step.grad_inputs, other.grad_inputs)):
            assert all_same(mine, its)
        assert same_bits(step.grad_before, other.grad_before)
        assert same_bits(step.grad_after, other.grad_after)
    for one, two, three in zip(leaves, stepped_leaves, judged_leaves, strict=True):
        assert same_bits(one.grad, three.grad)
        assert same_bits(two.grad, three.grad)


def test_runs_in_the_callers_thread() -> None:
    x = leaf(1, 2)
    seen: list[int] = []
    x.register_hook(lambda gradient: seen.append(threading.get_ident()))
    record_backward((x * x).sum())
    assert seen == [threading.get_ident()]


def test_a_recorded_pass_keeps_its_values() -> None:
    """Neither a second pass nor changes to ``.grad``, to the seed or to the leaves reach into the steps."""
    x, seed = leaf(1, 2), torch.tensor([1.0, 10.0])
    y = x.exp()
    root = y * 1 + y.view(2)
    steps = record_backward(root, seed, retain_graph=True).steps
    kept = [
        [None if t is None else t.clone() for t in (*s.grad_outputs, *s.grad_inputs, s.grad_before, s.grad_after)]
        for s in steps
    ]
    root.sum().backward()
    assert x.grad is not None
    x.grad.mul_(3)
    for step, values in zip(steps, kept, strict=True):
        assert all_same([*step.grad_outputs, *step.grad_inputs, step.grad_before, step.grad_after], values)


class Spoils(torch.autograd.Function):
    """Changes the gradient that arrives in place."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient.mul_(100)


def spoiled_by_a_function(x: Tensor) -> Tensor:
    return Spoils.apply(x)


def spoiled_by_a_node_hook(x: Tensor) -> Tensor:
    y = x * 1
    y.grad_fn.register_prehook(lambda arrived: [arrived[0].mul_(100), None][1])
    return y


def spoiled_by_a_hook_of_an_inner_value(x: Tensor) -> Tensor:
    y = x * 1
    y.register_hook(lambda gradient: gradient.mul_(100))
    return y


def spoiled_by_a_hook_of_the_leaf(x: Tensor) -> Tensor:
    x.register_hook(lambda gradient: gradient.mul_(100))
    return x


def one_by_one(root: Tensor) -> Sequence[Step]:
    return list(BackwardPass(root))


def at_full_speed(root: Tensor) -> Sequence[Step]:
    return record_backward(root).steps


@pytest.mark.parametrize("run", [one_by_one, at_full_speed])
@pytest.mark.parametrize(
    "spoiled",
    [
        spoiled_by_a_function,
        spoiled_by_a_node_hook,
        spoiled_by_a_hook_of_an_inner_value,
        spoiled_by_a_hook_of_the_leaf,
    ],
)
def test_values_are_those_of_their_moment(
    spoiled: Callable[[Tensor], Tensor], run: Callable[[Tensor], Sequence[Step]]
) -> None:
    """Code of the program that changes a gradient in place does not change what an earlier step emitted."""
    x = leaf(1, 2)
    steps = run((spoiled(x) * 3).sum())
    assert [step.name for step in steps[:2]] == ["SumBackward0", "MulBackward0"]
    assert same_bits(steps[1].grad_inputs[0], torch.tensor([3.0, 3.0]))
    assert same_bits(x.grad, torch.tensor([300.0, 300.0]))
    assert same_bits(steps[-1].grad_outputs[0], x.grad)


def clear_in_place(parameter: Tensor) -> None:
    parameter.grad.zero_()  # type: ignore[union-attr]


@pytest.mark.parametrize("run", [one_by_one, at_full_speed])
def test_a_leaf_step_has_its_own_values(run: Callable[[Tensor], Sequence[Step]]) -> None:
    """``.grad`` may be the tensor that arrived: a hook that changes it in place does not change what arrived."""
    for before in (None, torch.tensor([1.0, 1.0])):
        x = leaf(1, 2)
        x.grad = None if before is None else before.clone()
        x.register_post_accumulate_grad_hook(clear_in_place)
        last = run((x * 3).sum())[-1]
        assert same_bits(x.grad, torch.zeros(2))
        assert same_bits(last.grad_outputs[0], torch.tensor([3.0, 3.0]))
        assert same_bits(last.grad_before, before)
        assert same_bits(last.grad_after, torch.tensor([3.0, 3.0]) if before is None else torch.tensor([4.0, 4.0]))


def test_steps_do_not_keep_the_graph_alive() -> None:
    class Kept:
        pass

    x = leaf(1, 2)
    y = x.exp()
    y.grad_fn.metadata["kept"] = Kept()
    alive = weakref.ref(y.grad_fn.metadata["kept"])
    recorded = record_backward((y * 2).sum())
    assert alive() is not None
    del y
    gc.collect()
    assert alive() is None
    assert len(recorded.steps) == 4


def test_saved_tensors_are_freed_unless_retained() -> None:
    x = leaf(1, 2)
    y = x.exp()
    root = y.sum()
    record_backward(root, retain_graph=True)
    assert same_bits(y.grad_fn._saved_result, y)
    record_backward(root)
    with pytest.raises(RuntimeError, match="after they have already been freed"):
        _ = y.grad_fn._saved_result
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        record_backward(root)


def test_no_hook_stays_behind() -> None:
    """Neither after a pass that ends nor after one that raises: a later plain pass is not recorded into the first."""
    x = leaf(1, 2)
    y = x.exp()
    refuse = [True]

    def hook(gradient: Tensor) -> None:
        if refuse:
            raise ValueError("once")

    y.register_hook(hook)
    root = y.sum()
    with pytest.raises(ValueError, match="once"):
        record_backward(root, retain_graph=True)
    refuse.clear()
    recorded = record_backward(root, retain_graph=True)
    root.backward(retain_graph=True)
    (x * 2).sum().backward()
    assert [step.name for step in recorded.steps] == ["SumBackward0", "ExpBackward0", "AccumulateGrad"]


def hook_root(root: Tensor, x: Tensor, hook: Callable[..., None]) -> None:
    root.grad_fn.register_prehook(hook)


def hook_leaf(root: Tensor, x: Tensor, hook: Callable[..., None]) -> None:
    x.register_hook(hook)


def hook_behind_leaf(root: Tensor, x: Tensor, hook: Callable[..., None]) -> None:
    edge_of(x)[0].register_hook(hook)


@pytest.mark.parametrize("run", [one_by_one, at_full_speed])
@pytest.mark.parametrize("place", [hook_root, hook_leaf, hook_behind_leaf])
def test_a_pass_nested_in_a_hook_is_no_step(
    place: Callable[..., None], run: Callable[[Tensor], Sequence[Step]]
) -> None:
    """Even one that crosses the shared leaf before the outer pass has run any node, or right behind the leaf."""
    x, twin = leaf(1, 2), leaf(1, 2)

    def build(own: Tensor) -> Tensor:
        inner, root = (own * 5).sin().sum(), (own * own).sum()
        pending = [inner]
        place(root, own, lambda *_: pending.pop().backward() if pending else None)
        return root

    steps = run(build(x))
    build(twin).backward()
    assert [step.name for step in steps] == ["SumBackward0", "MulBackward0", "AccumulateGrad"]
    assert same_bits(steps[-1].grad_outputs[0], torch.tensor([2.0, 4.0]))
    assert same_bits(x.grad, twin.grad)


def test_a_recording_nested_in_a_hook_of_another() -> None:
    x = leaf(1, 2)
    inner_root = (x * 5).sin().sum()
    y = x * x
    inner: list[Any] = []
    y.register_hook(lambda gradient: inner.append(record_backward(inner_root)))
    outer = record_backward(y.sum())
    assert [step.name for step in outer.steps] == ["SumBackward0", "MulBackward0", "AccumulateGrad"]
    (recorded,) = inner
    assert [step.name for step in recorded.steps] == ["SumBackward0", "SinBackward0", "MulBackward0", "AccumulateGrad"]


def test_recordings_in_two_threads_over_one_leaf() -> None:
    """Each records its own pass, though their graphs meet in the leaf."""
    x = leaf(1, 2)
    meet = threading.Barrier(2, timeout=30)
    told: dict[int, list[str]] = {}

    def work(count: int) -> None:
        y = x
        for _ in range(count):
            y = y * 1.0
        y.register_hook(lambda gradient: [meet.wait(), None][1])
        told[count] = [step.name for step in record_backward(y.sum()).steps]

    workers = [threading.Thread(target=work, args=(count,)) for count in (200, 201)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for count in (200, 201):
        assert told[count] == ["SumBackward0", *["MulBackward0"] * count, "AccumulateGrad"]
    assert same_bits(x.grad, torch.tensor([2.0, 2.0]))


WITHOUT_HOOKS = """
import torch
from core.engine import record_backward

x, y, w = (torch.tensor([1.0, 2.0], requires_grad=True) for _ in range(3))
seed = torch.tensor([1.0, 10.0])
runs = []
for root, gradient in ((x * y + y, seed), (x, seed), (x.view(2), seed), ((x @ w).expand(2), seed), (x + w, seed)):
    runs.append(record_backward(root, gradient))
    values = [t for s in runs[-1].steps for t in (*s.grad_outputs, *s.grad_inputs, s.grad_before, s.grad_after)]
    kept = [None if t is None else t.clone() for t in values]
    record_backward((x * y + w).sum())
    for leaf in (x, y, w):
        if leaf.grad is not None:
            leaf.grad.mul_(7)
            leaf.grad.zero_()
    assert all(t is None or torch.equal(t, k) for t, k in zip(values, kept)), (values, kept)
    for leaf in (x, y, w):
        leaf.grad = None
print(sum(len(run.steps) for run in runs))
"""


def test_recorded_values_last_where_no_hook_was_ever_registered() -> None:
    """An interpreter of its own, because gradients may be kept without a copy as long as nobody registers a hook."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_HOOKS], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "14\n", "")


MET_ON_THE_WAY = """
import gc
import torch
from torch.utils.hooks import RemovableHandle
from core.engine import record_backward

class Spoils(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value):
        return value.view_as(value)

    @staticmethod
    def backward(ctx, gradient):
        return gradient.mul_(100)

def program(x):
    return Spoils.apply(x * 2).view(1, 2).view(2)

gc.freeze()
x = torch.tensor([1.0, 2.0], requires_grad=True)
steps = record_backward((program(x) * 3).sum()).steps
assert RemovableHandle.next_id == 0  # so nothing but the Function itself tells that code of the program runs
print(*(step.name for step in steps))
print(*(step.grad_outputs[0].flatten().tolist() for step in steps))
seed = torch.tensor([1.0, 10.0])
record_backward(program(x), seed)
print(seed.tolist(), x.grad.tolist(), gc.get_freeze_count() > 0)
"""


def test_a_function_met_on_the_way_changes_neither_earlier_steps_nor_what_it_does() -> None:
    """In an interpreter of its own: what is held so far becomes copies when the first custom Function is reached."""
    done = subprocess.run(
        [sys.executable, "-c", MET_ON_THE_WAY], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    names, arrived, after = done.stdout.splitlines()
    assert names == "SumBackward0 MulBackward0 ViewBackward0 ViewBackward0 SpoilsBackward MulBackward0 AccumulateGrad"
    # The views hand on one memory, which the Function changes after they have run.
    assert arrived.startswith("[1.0] [1.0, 1.0] [3.0, 3.0] [3.0, 3.0] ")
    assert arrived.endswith(" [300.0, 300.0] [600.0, 600.0]")
    assert after == "[100.0, 1000.0] [800.0, 2600.0] True"
