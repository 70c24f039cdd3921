"""Every operation that torch lists, through ``BackwardPass``: equal to the plain pass, to its hooks and to the oracle.

torch's own database of operations (``OpInfo``) gives sample inputs. The forward runs once; then the same graph is run
backward by ``torch.autograd.backward`` twice, by the oracle and by ``BackwardPass``. An operation whose two plain runs
differ is counted as nondeterministic and compared no further.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from core.engine import BackwardPass
from tests.oracle.compare import all_same, first_difference
from tests.oracle.engine_hooks import observed_backward
from tests.oracle.oracle import backward

Grads = list[Tensor | None]


@contextmanager
def quiet() -> Iterator[None]:
    """torch's samples warn about deprecated and experimental features of torch itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Sample:
    """One call of an operation that has run forward, with the seeds of its differentiable outputs."""

    def __init__(self, operation: Any, sample: Any) -> None:
        self.leaves = [t for t in tree_leaves((sample.input, sample.args, sample.kwargs)) if differentiable(t)]
        outputs = tree_leaves(operation(sample.input, *sample.args, **sample.kwargs))
        self.roots = [t for t in outputs if differentiable(t)]
        numbers = torch.Generator().manual_seed(0)
        self.seeds = [torch.randn(t.shape, dtype=t.dtype, generator=numbers).to_dense() for t in self.roots]

    def grads_of(self, run: Callable[[], object]) -> Grads:
        """Run a backward pass and take the gradients away from the leaves."""
        for one in self.leaves:
            one.grad = None
        run()
        grads = [one.grad for one in self.leaves]
        for one in self.leaves:
            one.grad = None
        return grads


def differentiable(value: object) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def verdict(case: Sample) -> str:
    """Compare all judges on one sample: ``same``, or what is the matter with it."""
    roots, seeds = case.roots, case.seeds
    try:
        plain = case.grads_of(lambda: torch.autograd.backward(roots, seeds, retain_graph=True))
    except (RuntimeError, NotImplementedError) as refused:
        with pytest.raises(type(refused)) as same:
            list(BackwardPass(roots, seeds))
        return "refused" if str(same.value) == str(refused) else f"raises {same.value!r}, not {refused!r}"
    judged: list[Any] = []
    if not all_same(plain, case.grads_of(lambda: judged.extend(observed_backward(roots, seeds, retain_graph=True)))):
        return "nondeterministic"
    steps: list[Any] = []
    stepped = case.grads_of(lambda: steps.extend(BackwardPass(roots, seeds, retain_graph=True)))
    if not all_same(plain, stepped):
        return f".grad is {stepped}, not {plain}"
    if difference := first_difference(steps, judged):
        return difference
    by_hand: list[Any] = []
    computed = case.grads_of(lambda: by_hand.extend(backward(roots, seeds)))
    if not all_same(plain, computed):
        return f".grad is {computed} by the oracle, not {plain}"
    return first_difference(steps, by_hand, passed_on=True) or "same"


def compare_everything(dtype: torch.dtype, samples: int | None) -> tuple[Counter[str], list[str]]:
    """Compare ``samples`` samples (all for None) of every operation; return the verdicts and the failures."""
    with quiet():  # imported here: only these tests pay for it, and it warns
        from torch.testing._internal.common_methods_invocations import op_db
    verdicts: Counter[str] = Counter()
    failures: list[str] = []
    for operation in op_db:
        if not operation.supports_autograd or not operation.supports_dtype(dtype, "cpu"):
            continue
        torch.manual_seed(0)
        with quiet():
            for index, sample in enumerate(islice(samples_of(operation, dtype), samples)):
                try:
                    case = Sample(operation, sample)
                except Exception as no_forward:
                    verdicts[f"forward raises {type(no_forward).__name__}"] += 1
                    continue
                if not case.roots:
                    verdicts["not differentiable"] += 1
                    continue
                told = verdict(case)
                verdicts[told if told in ("same", "nondeterministic", "refused") else "different"] += 1
                if verdicts["different"] > len(failures):
                    failures.append(f"{operation.name} {operation.variant_test_name} sample {index}: {told}")
    return verdicts, failures


def samples_of(operation: Any, dtype: torch.dtype) -> Iterator[Any]:
    return iter(operation.sample_inputs("cpu", dtype, requires_grad=True))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """The samples are small: sharing one out to several threads only costs time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_first_samples_of_every_operation() -> None:
    verdicts, failures = compare_everything(torch.float32, samples=4)
    print(dict(verdicts))
    assert failures == []
    assert verdicts["same"] >= 1800
    assert verdicts.total() - verdicts["same"] <= 20


@pytest.mark.conformance
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("dtype", "least"),
    [(torch.float64, 14_000), (torch.float32, 14_000), (torch.bfloat16, 11_000), (torch.complex128, 5_000)],
    ids=str,
)
def test_every_sample_of_every_operation(dtype: torch.dtype, least: int) -> None:
    verdicts, failures = compare_everything(dtype, samples=None)
    print(dict(verdicts))
    assert failures == []
    assert verdicts["same"] >= least
    assert verdicts["nondeterministic"] <= 20
