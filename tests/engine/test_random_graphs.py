"""Hundreds of random graphs: the recorder, torch's own hooks and the oracle tell the same story, to the last bit."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn.functional import embedding

from core.engine import BackwardPass, record_backward
from tests.oracle.compare import all_same, first_difference
from tests.oracle.engine_hooks import observed_backward
from tests.oracle.oracle import backward
from tests.oracle.ready_queue import ReadyQueue

SHAPE = (4, 3)

Unary = Callable[[Tensor], Tensor]
Binary = Callable[[Tensor, Tensor], Tensor]

UNARY: tuple[Unary, ...] = (
    torch.tanh,
    torch.sin,
    lambda v: v * v,
    lambda v: 0.5 * v + 1,
    lambda v: v.t().reshape(SHAPE),
    lambda v: v.sum(0, keepdim=True).expand(SHAPE),
    lambda v: v.clone().mul_(2),
    lambda v: v.detach() * v,
    lambda v: v.float().exp().double() / 8,
)

SEVERAL_OUTPUTS: tuple[Unary, ...] = (
    lambda v: torch.cat(v.chunk(2)[::-1]),
    lambda v: torch.cat(v.split([1, 3])[1:]).sum(0) + v,
    lambda v: torch.stack([row * k for k, row in enumerate(v.unbind())]),
    lambda v: torch.stack(v.unbind()[1:]).mean(0) * v,
    lambda v: v.max(dim=0, keepdim=True).values - v,
    lambda v: torch.std_mean(v, 0)[0] + v,
    lambda v: torch.linalg.qr(v)[1].sum() * v,
)

BINARY: tuple[Binary, ...] = (
    torch.add,
    torch.mul,
    torch.sub,
    torch.maximum,
    lambda a, b: a[:1] + b,
    lambda a, b: a * b.mean(1, keepdim=True),
    lambda a, b: a @ b.t() @ a,
    lambda a, b: torch.where(a > b, a, b * b),
)


class Graph(NamedTuple):
    """A program that has run forward, and the backward call to make.

    Attributes:
        base: torch's sequence number before the first operation.
    """

    roots: list[Tensor]
    seeds: list[Tensor]
    leaves: list[Tensor]
    inputs: list[Tensor] | None
    base: int


def random_graph(seed: int) -> Graph:
    """Run a random program; the same seed makes the same graph, made anew."""
    choose = random.Random(seed)
    numbers = torch.Generator().manual_seed(seed)
    base = torch._C._autograd._get_sequence_nr()
    leaves: list[Tensor] = []

    def leaf(*shape: int) -> Tensor:
        leaves.append(torch.randn(shape, generator=numbers, dtype=torch.float64, requires_grad=True))
        return leaves[-1]

    def sparse_rows(values: list[Tensor]) -> Tensor:
        weight = leaf(5, 3)
        rows = [embedding(torch.tensor([0, 2, 2, choose.randrange(5)]), weight, sparse=True) for _ in range(2)]
        return rows[0] * rows[1] + (weight[:4] if choose.random() < 0.5 else choose.choice(values))

    def many_leaves(values: list[Tensor]) -> Tensor:
        return torch.stack([leaf(*SHAPE) for _ in range(choose.randint(3, 12))] + [choose.choice(values)]).mean(0)

    makers: list[Callable[[list[Tensor]], Tensor]] = [
        lambda values: choose.choice(UNARY)(choose.choice(values)),
        lambda values: choose.choice(SEVERAL_OUTPUTS)(choose.choice(values)),
        lambda values: choose.choice(BINARY)(choose.choice(values), choose.choice(values)),
        sparse_rows,
        many_leaves,
    ]
    values = [leaf(*SHAPE) for _ in range(choose.randint(1, 4))]
    for _ in range(choose.randint(3, 25)):
        make = choose.choices(makers, weights=(6, 4, 8, 1, 1))[0]
        values.append(make(values))
    roots = [values[-1], *choose.choices(values, k=choose.randint(0, 3))]
    seeds = [torch.randn(SHAPE, generator=numbers, dtype=torch.float64) for _ in roots]
    inputs = choose.sample(leaves, k=choose.randint(1, len(leaves))) if seed % 4 == 0 else None
    return Graph(roots, seeds, leaves, inputs, base)


def grads(graph: Graph) -> list[Tensor | None]:
    return [leaf.grad for leaf in graph.leaves]


@pytest.mark.parametrize("seed", range(400))
def test_random_graph(seed: int) -> None:
    plain, watched, computed = random_graph(seed), random_graph(seed), random_graph(seed)
    stepped, recorded = random_graph(seed), random_graph(seed)

    torch.autograd.backward(plain.roots, plain.seeds, inputs=plain.inputs)
    seen_by_hooks = observed_backward(watched.roots, watched.seeds, inputs=watched.inputs)
    by_hand = list(backward(computed.roots, computed.seeds, inputs=computed.inputs))
    steps = list(BackwardPass(stepped.roots, stepped.seeds, inputs=stepped.inputs))
    at_speed = record_backward(recorded.roots, recorded.seeds, inputs=recorded.inputs).steps

    assert first_difference(steps, seen_by_hooks, watched.base - stepped.base) == ""
    assert first_difference(steps, by_hand, computed.base - stepped.base, passed_on=True) == ""
    assert first_difference(at_speed, seen_by_hooks, watched.base - recorded.base) == ""
    for judged in (watched, computed, stepped, recorded):
        assert all_same(grads(judged), grads(plain))


def test_the_graphs_are_worth_comparing() -> None:
    """The generator makes what this file claims: without it a narrow generator would pass unnoticed."""
    names: set[str] = set()
    equal_priorities = undefined = several_roots = sparse = 0
    for seed in range(400):
        graph = random_graph(seed)
        ran = list(backward(graph.roots, graph.seeds))
        names.update(node.node.name() for node in ran)
        undefined += any(gradient is None for node in ran for gradient in node.grad_outputs)
        several_roots += len(graph.roots) > 1
        sparse += any(leaf.grad is not None and leaf.grad.is_sparse for leaf in graph.leaves)
        equal_priorities += sum(node.node.name().endswith("AccumulateGrad") for node in ran) > 3
    assert len(names) >= 25
    assert min(equal_priorities, undefined, several_roots, sparse) >= 30


@pytest.mark.parametrize("count", [3, 4, 5, 8, 13, 40])
def test_leaves_of_a_stack(count: int) -> None:
    """Leaves of equal priority run in the order of libstdc++'s heap, told apart here by their gradients."""
    leaves = [torch.zeros(1, requires_grad=True) for _ in range(count)]
    steps = list(BackwardPass(torch.stack(leaves), torch.arange(count, dtype=torch.float32)[:, None]))
    order = [int(step.grad_outputs[0].item()) for step in steps if step.name == "AccumulateGrad"]
    queue: ReadyQueue[int] = ReadyQueue()
    for leaf in range(count):
        queue.push(0, leaf)
    assert order == [queue.pop() for _ in range(count)]
    if count == 4:
        assert order == [0, 2, 1, 3]


def test_ready_queue_pops_the_highest_priority() -> None:
    choose = random.Random(0)
    queue: ReadyQueue[int] = ReadyQueue()
    mirror: list[int] = []
    for _ in range(3000):
        if mirror and choose.random() < 0.45:
            top = queue.pop()
            assert top == max(mirror)
            mirror.remove(top)
        else:
            mirror.append(choose.randrange(50))
            queue.push(mirror[-1], mirror[-1])
    assert len(queue) == len(mirror)


def test_oracle_needs_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle is independent of what it judges."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the engine was called")

    monkeypatch.setattr(torch.autograd.graph, "_engine_run_backward", refuse)
    monkeypatch.setattr(torch.autograd, "_engine_run_backward", refuse)
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    assert len(list(backward([x * x], [torch.ones(2)]))) == 2
    assert x.grad is not None
    assert x.grad.tolist() == [4.0, 6.0]
