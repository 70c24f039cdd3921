"""Jacobians of one node, of a whole pass, and of one operation by finite differences.

A complex element counts as two numbers, its real part and then its imaginary part, in rows and columns alike. Torch's
gradient of a real L with respect to z = x + iy is ∂L/∂x + i ∂L/∂y, so a cotangent of 1 gives the row of the real part
and a cotangent of i that of the imaginary part. This describes abs, conj and real as well as holomorphic functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor
from torch._C import DisableTorchFunction, _functorch
from torch.autograd.graph import GradientEdge, Node
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from core.engine.snapshot import snapshot
from core.records import CHECK_LIMIT, Matrix

ENTRY_LIMIT: Final = 1 << 20
"""Entries of a Jacobian, and of the cotangents that make it, above which it is not computed."""

LOOP_ROWS: Final = 16
"""Up to this many rows a loop is faster than vmap."""

TOLERANCE: Final = 1e-5
"""Error of a finite difference in float64, relative to the larger of 1 and the largest entry, that is not a fault."""

_STEP: Final = 6e-6  # near the cube root of float64's epsilon: truncation and rounding are then equally small


@dataclass(frozen=True)
class LocalJacobian:
    """∂ output ``output`` / ∂ input ``input`` of a forward operation, or of a whole graph.

    Attributes:
        output, input: slots: positions in a node's ``grad_outputs`` and ``next_functions``, or in the lists given.
        output_shape, input_shape: shapes of the two tensors.
        matrix: shape (output elements, input elements), both row-major; complex ones count twice. None where undefined.
        note: why there is no matrix.
    """

    output: int
    input: int
    output_shape: tuple[int, ...]
    input_shape: tuple[int, ...]
    matrix: Tensor | None
    note: str = ""

    def record(self, label: str) -> Matrix:
        """For the window, under a label such as ``dQ/da``."""
        matrix = snapshot(self.matrix, full=True)
        return Matrix(label, self.output_shape, self.input_shape, matrix, self.output, self.input, self.note)


@dataclass(frozen=True)
class Comparison:
    """An operation's own derivative against finite differences.

    Attributes:
        error: largest absolute difference relative to the larger of 1 and the largest entry; inf where only the
            operation's own derivative is not finite.
        agrees: whether rounding explains it.
    """

    error: float
    agrees: bool


@dataclass(frozen=True)
class _Slot:
    """What the graph knows of a tensor: of a node's output, a leaf or an output of the program."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    @property
    def numbers(self) -> int:
        return math.prod(self.shape) * (2 if self.dtype.is_complex else 1)

    def one_hots(self, start: int, stop: int) -> Tensor:
        """Cotangents ``start`` to ``stop`` of the standard basis: shape (stop − start, *shape)."""
        real = self.dtype.to_real()
        hot = torch.zeros(stop - start, self.numbers, dtype=real, device=self.device)
        hot.diagonal(start).fill_(1)
        if self.dtype.is_complex:
            return torch.view_as_complex(hot.reshape(stop - start, *self.shape, 2))
        return hot.reshape(stop - start, *self.shape)

    def rows(self, grads: Tensor) -> Tensor:
        """A batch of gradients as the engine would pass them on to this slot: shape (batch, numbers).

        Summed to the slot's shape and cast to its type, as validate_outputs does in torch/csrc/autograd/engine.cpp.
        """
        batch = grads.shape[0]
        if grads.shape[1:] != self.shape:
            ones = (1,) * (grads.dim() - 1 - len(self.shape))
            grads = grads.sum_to_size(batch, *ones, *self.shape)
        if grads.is_complex() and not self.dtype.is_complex:
            grads = grads.real
        grads = grads.to(self.dtype)
        if self.dtype.is_complex:
            grads = torch.view_as_real(grads.resolve_conj())
        return grads.reshape(batch, self.numbers)


def local_jacobian(node: Node, *, limit: int = ENTRY_LIMIT) -> list[LocalJacobian]:
    """Every ∂output/∂input of the operation that made ``node``, by calling the node on one-hot cotangents.

    To be called while the node's saved tensors exist, such as in its post-hook. Fires no hooks and accumulates nothing;
    a leaf's AccumulateGrad has no inputs and gives []. A custom Function's backward and the unpack hooks of saved
    tensors are the program's own code and run once more (once per row where vmap refuses). Never raises: what torch
    raises becomes the ``note``.
    """
    outputs = [_slot(metadata) for metadata in node._input_metadata]
    inputs = {
        slot: _slot(target._input_metadata[number])
        for slot, (target, number) in enumerate(node.next_functions)
        if target is not None
    }
    results = []
    for i, output in enumerate(outputs):
        wanted = {}
        for j, into in inputs.items():
            if note := _too_large(output, into, limit):
                results.append(LocalJacobian(i, j, output.shape, into.shape, None, note))
            else:
                wanted[j] = into
        if not wanted:
            continue
        try:
            with _apart():
                matrices = _by_rows(partial(_vmapped, _caller(node, outputs, i)), output, wanted, limit)
            notes = {j: "" if matrix is not None else "undefined: no gradient" for j, matrix in matrices.items()}
        except Exception as error:
            matrices = dict.fromkeys(wanted)
            notes = dict.fromkeys(wanted, _first_line(error))
        results += [LocalJacobian(i, j, output.shape, wanted[j].shape, matrices[j], notes[j]) for j in wanted]
    return sorted(results, key=lambda result: (result.output, result.input))


def pass_jacobian(
    outputs: Sequence[Tensor | GradientEdge], inputs: Sequence[Tensor | GradientEdge], *, limit: int = ENTRY_LIMIT
) -> list[LocalJacobian]:
    """Every ∂outputs[i]/∂inputs[j] through the whole graph, which is kept; no ``.grad`` is touched.

    Hooks of the graph fire, with batched gradients where vmap is used. Never raises, as ``local_jacobian``.
    """
    results = []
    for i, root in enumerate(outputs):
        output = _slot(root)
        for j, leaf in enumerate(inputs):
            into = _slot(leaf)
            matrix, note = None, _too_large(output, into, limit)
            if not note:
                try:
                    with _apart():
                        matrix = _by_rows(partial(_through_graph, root, leaf), output, {0: into}, limit)[0]
                    note = "" if matrix is not None else "undefined: no path"
                except Exception as error:
                    note = _first_line(error)
            results.append(LocalJacobian(i, j, output.shape, into.shape, matrix, note))
    return results


def finite_differences(func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Comparison | None:
    """Compares the derivative of ``func(*args, **kwargs)`` that torch would use with central differences in float64.

    The tensors that require grad, also those in nested lists, become float64 leaves; every evaluation gets clones, so
    that ``func`` may work in place, and the same random numbers. None where it does not apply: nothing requires grad,
    no differentiable output, an infinite input, more than ``CHECK_LIMIT`` numbers in or out, ``func`` refuses float64.
    At a kink the two rightly differ.
    """
    try:
        with _apart():
            return _compare(func, args, kwargs)
    except Exception:
        return None


# ── Rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_Grads = tuple[Tensor | None, ...]


@contextmanager
def _apart() -> Iterator[None]:
    """Torch's operations, unseen by the modes of the program and leaving its random numbers as they were."""
    fallback = _functorch._is_vmap_fallback_enabled()  # type: ignore[attr-defined]
    _functorch._set_vmap_fallback_enabled(False)  # type: ignore[attr-defined]  # it loops as well, and warns
    try:
        with DisableTorchFunction(), _disable_current_modes(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        _functorch._set_vmap_fallback_enabled(fallback)  # type: ignore[attr-defined]


def _slot(of: Any) -> _Slot:
    if isinstance(of, GradientEdge):
        of = of.node._input_metadata[of.output_nr]
    return _Slot(tuple(int(size) for size in of.shape), of.dtype, of.device)


def _too_large(output: _Slot, into: _Slot, limit: int) -> str:
    """A row costs a cotangent of the output's size too."""
    if output.numbers * max(output.numbers, into.numbers) <= limit:
        return ""
    return f"{output.numbers:,} × {into.numbers:,} is too large (limit {limit:,} entries)"


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".split("\n", 1)[0]


def _caller(node: Any, outputs: list[_Slot], slot: int) -> Callable[[Tensor], _Grads]:
    """The node as a function of what arrives at one of its slots; its results by slot of ``next_functions``."""
    if node.name() == "CheckpointFunctionBackward":
        raise RuntimeError("a checkpoint's backward runs the engine, which would accumulate into .grad")
    needs = getattr(node, "needs_input_grad", None)

    def call(cotangent: Tensor) -> _Grads:
        if needs is None:
            return _as_tuple(node(*(cotangent if i == slot else None for i in range(len(outputs)))))
        # A custom Function: the engine would replace undefined gradients by zeros, and drops what belongs to
        # arguments that are not tensors (PyNode::apply in torch/csrc/autograd/python_function.cpp).
        grads = _as_tuple(
            node.apply(
                *(
                    cotangent if i == slot else torch.zeros(output.shape, dtype=output.dtype, device=output.device)
                    for i, output in enumerate(outputs)
                )
            )
        )
        given = iter([grad for grad, needed in zip(grads, needs, strict=False) if needed])
        return tuple(None if target is None else next(given) for target, _ in node.next_functions)

    return call


def _as_tuple(grads: Any) -> _Grads:
    return tuple(grads) if isinstance(grads, tuple | list) else (grads,)


def _by_rows(
    batched: Callable[[Tensor], _Grads], output: _Slot, inputs: dict[int, _Slot], limit: int
) -> dict[int, Tensor | None]:
    """One row per one-hot cotangent, as many at a time as keep the temporaries within ``limit`` entries."""
    if output.numbers == 0:
        return {j: torch.empty(0, into.numbers, dtype=into.dtype.to_real()) for j, into in inputs.items()}
    widest = max(output.numbers, *(into.numbers for into in inputs.values()))
    chunk = max(1, limit // widest)
    parts: dict[int, list[Tensor]] = {j: [] for j in inputs}
    with torch.no_grad():
        for start in range(0, output.numbers, chunk):
            grads = batched(output.one_hots(start, min(start + chunk, output.numbers)))
            for j, into in inputs.items():
                if (grad := grads[j]) is not None:
                    parts[j].append(into.rows(grad))
    return {j: torch.cat(part) if part else None for j, part in parts.items()}


def _vmapped(call: Callable[[Tensor], _Grads], one_hots: Tensor) -> _Grads:
    """``call`` on every cotangent; which of its results are None does not depend on the cotangent."""
    if len(one_hots) > LOOP_ROWS:
        defined: list[bool] = []

        def only_tensors(cotangent: Tensor) -> tuple[Tensor, ...]:
            grads = call(cotangent)
            defined[:] = [grad is not None for grad in grads]
            return tuple(grad for grad in grads if grad is not None)

        try:
            stacked = iter(torch.func.vmap(only_tensors, randomness="same")(one_hots))
            return tuple(next(stacked) if there else None for there in defined)
        except Exception:  # an operation without a batching rule, or Python that looks at the numbers
            pass
    return _stacked([call(one_hot) for one_hot in _own_memory(one_hots)])


def _through_graph(root: Any, leaf: Any, one_hots: Tensor) -> _Grads:
    def grad(cotangents: Tensor, batched: bool) -> _Grads:
        return torch.autograd.grad(
            [root], [leaf], [cotangents], retain_graph=True, allow_unused=True, is_grads_batched=batched
        )

    try:
        return grad(one_hots, batched=True)
    except Exception:
        return _stacked([grad(one_hot, batched=False) for one_hot in _own_memory(one_hots)])


def _own_memory(batch: Tensor) -> Iterator[Tensor]:
    """Its entries as gradients usually come: as_strided_scatter's backward reads the memory around a view."""
    return (entry.clone() for entry in batch)


def _stacked(rows: list[_Grads]) -> _Grads:
    return tuple(
        None if column[0] is None else torch.stack([_dense(grad) for grad in column if grad is not None])
        for column in zip(*rows, strict=True)
    )


def _dense(grad: Tensor) -> Tensor:
    return grad if grad.layout is torch.strided else grad.to_dense()


# ── Finite differences ────────────────────────────────────────────────────────────────────────────────────────────


def _compare(func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Comparison | None:
    given, layout = tree_flatten((list(args), kwargs))
    widened = {id(entry): _widened(entry) for entry in given}
    leaves = [entry for entry in widened.values() if isinstance(entry, Tensor) and entry.requires_grad]
    if not 0 < sum(_slot(leaf).numbers for leaf in leaves) <= CHECK_LIMIT:
        return None
    if not all(leaf.isfinite().all() for leaf in leaves):
        return None
    seed = torch.get_rng_state()

    def results() -> list[Tensor]:
        """The differentiable results for the leaves' present values."""
        torch.set_rng_state(seed)
        copies = {key: _copied(entry) for key, entry in widened.items()}
        arguments, named = tree_unflatten([copies[id(entry)] for entry in given], layout)
        return [out for out in tree_leaves(func(*arguments, **named)) if isinstance(out, Tensor) and out.requires_grad]

    def numbers() -> Tensor:
        return torch.cat([_numbers(out) for out in results()])

    with torch.enable_grad():
        outs = results()
        if not 0 < sum(_slot(out).numbers for out in outs) <= CHECK_LIMIT:
            return None
        if any(out.dtype not in (torch.float64, torch.complex128) for out in outs):
            return None
        own = torch.cat([torch.cat([_dense_jacobian(out, leaf) for leaf in leaves], 1) for out in outs])
        columns, steps = [], []
        for entries in map(_numbers, leaves):
            for k in range(len(entries)):
                x = entries[k].item()
                above, below = x + _STEP * max(1.0, abs(x)), x - _STEP * max(1.0, abs(x))
                entries[k] = above
                high = numbers()
                entries[k] = below
                columns.append((high - numbers()) / (above - below))
                steps.append(above - below)
                entries[k] = x
        largest = numbers().nan_to_num(posinf=0.0, neginf=0.0).abs().max().item()
        return _compared(own, torch.stack(columns, 1), largest / min(steps))


def _compared(own: Tensor, numerical: Tensor, coarseness: float) -> Comparison | None:
    """``coarseness``: the largest output over the step; times epsilon it is the rounding error of a difference."""
    known = numerical.isfinite()  # not beyond the edge of the operation's domain
    if not known.any():
        return None
    own, numerical = own[known], numerical[known]
    if not own.isfinite().all():
        return Comparison(math.inf, False)
    scale = max(1.0, own.abs().max().item(), numerical.abs().max().item())
    error = (own - numerical).abs().max().item() / scale
    return Comparison(error, error <= TOLERANCE + 8 * torch.finfo(torch.float64).eps * coarseness / scale)


def _widened(entry: Any) -> Any:
    """Floating tensors in double precision; those that require grad as leaves."""
    if not isinstance(entry, Tensor) or not (entry.is_floating_point() or entry.is_complex()):
        return entry
    double = torch.complex128 if entry.is_complex() else torch.float64
    return (
        entry.detach().to(double, copy=True, memory_format=torch.contiguous_format).requires_grad_(entry.requires_grad)
    )


def _copied(entry: Any) -> Any:
    """What ``func`` may change, in place or by drawing from it."""
    if isinstance(entry, Tensor):
        return entry.clone()
    return entry.clone_state() if isinstance(entry, torch.Generator) else entry


def _numbers(t: Tensor) -> Tensor:
    """Its numbers in one row, as a view where strides allow: a leaf's can be changed through it."""
    t = t.detach()
    return (torch.view_as_real(t.resolve_conj()) if t.is_complex() else t).reshape(-1)


def _dense_jacobian(out: Tensor, leaf: Tensor) -> Tensor:
    """By the operation's own backward; zeros where there is no path."""
    output, into = _slot(out), _slot(leaf)
    one_hots = _own_memory(output.one_hots(0, output.numbers))
    rows = [torch.autograd.grad(out, leaf, hot, retain_graph=True, materialize_grads=True)[0] for hot in one_hots]
    return into.rows(torch.stack(rows)) if rows else torch.empty(0, into.numbers, dtype=torch.float64)
