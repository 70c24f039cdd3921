"""Copies the value of a tensor into a record, leaving the program that owns the tensor untouched."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from ctypes import string_at
from typing import Final

import torch
from torch import Tensor
from torch._C import DisableTorchFunction, _AutoDispatchBelowAutograd, _DisableTorchDispatch, _functorch
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

from core.records import HEAD, MACHINE_WORDS, WHOLE_LIMIT, Statistics, TensorSnapshot

BLOCK: Final = 1 << 20
"""Elements that are converted at a time for the statistics of a type torch cannot reduce directly."""

DENSE_LIMIT: Final = 1 << 22
"""A sparse tensor of up to this many elements is made dense to be read."""

_WIDER: Final = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.complex32: torch.complex64} | {
    dtype: torch.float32 for dtype in vars(torch).values() if isinstance(dtype, torch.dtype) and "float8" in str(dtype)
}
"""Types whose words Python cannot unpack → the type that holds each of their values exactly."""

_NAMES: Final = {
    getattr(torch, name): name for name in MACHINE_WORDS if isinstance(getattr(torch, name, None), torch.dtype)
}
_IN_PLACE: Final = {dtype: name for dtype, name in _NAMES.items() if dtype not in _WIDER and not name.startswith("q")}
"""Types whose words lie in memory just as ``MACHINE_WORDS`` says."""

_PLAIN: Final = frozenset({Tensor, torch.nn.Parameter, torch.nn.Buffer})


def snapshot(t: Tensor | None, *, full: bool = False) -> TensorSnapshot | None:
    """The value of ``t`` now; None for None (an undefined gradient). Never raises: an opaque snapshot says why.

    Tensors of up to ``WHOLE_LIMIT`` elements are copied whole, larger ones as their first ``HEAD`` elements and
    statistics; with ``full``, all of them whole. Nothing the program could notice happens: no node, hook, mode,
    warning, random number or version bump. Under ``vmap`` the whole batch is read, its axis first.
    """
    if t is None:
        return None
    try:
        with DisableTorchFunction():
            # The way of nearly every gradient: contiguous words on the CPU, copied without calling an operation.
            if (
                type(t) in _PLAIN
                and t.is_cpu
                and (name := _IN_PLACE.get(t.dtype)) is not None
                and t.is_contiguous()
                and ((count := t.numel()) <= WHOLE_LIMIT or full)
                and not t.is_conj()
                and not t.is_neg()
                and ((address := t.data_ptr()) or not count)
            ):
                return TensorSnapshot(tuple(t.shape), name, string_at(address, t.nbytes) if count else b"")
    except Exception:  # a tensor without sizes or storage: nested, sparse, wrapped by functorch
        pass
    try:
        with DisableTorchFunction(), _DisableTorchDispatch(), _AutoDispatchBelowAutograd():
            if _functorch.peek_interpreter_stack() is None:
                return _read(_unwrapped(t), full)
            with temporarily_clear_interpreter_stack():
                return _read(_unwrapped(t), full)
    except Exception as error:
        return _opaque(t, f"{type(error).__name__}: {error}".split("\n", 1)[0])


def _opaque(t: Tensor, why: str) -> TensorSnapshot:
    shape: tuple[int, ...] = ()
    with DisableTorchFunction(), _DisableTorchDispatch():
        dtype = str(t.dtype).removeprefix("torch.")
        with suppress(Exception):  # a nested tensor has no sizes, or symbols in place of numbers
            shape = tuple(int(size) for size in t.shape)
    return TensorSnapshot(shape, dtype, opaque=why)


def _unwrapped(t: Tensor) -> Tensor:
    """The tensor below the levels of ``torch.func`` and of the vmap behind ``is_grads_batched``, batch axes first."""
    axes = []  # of the innermost vmap first, each counted without those of the vmaps around it
    while _functorch.is_functorch_wrapped_tensor(t):
        if _functorch.is_batchedtensor(t):
            axes.append(_functorch.maybe_get_bdim(t))
        t = _functorch.get_unwrapped(t)
    for outer, axis in enumerate(reversed(axes)):
        t = t.movedim(axis + outer, outer)
    while torch._is_functional_tensor(t):
        t = torch._from_functional_tensor(t)
    if _functorch.is_legacy_batchedtensor(t):
        nesting = torch._C._vmapmode_increment_nesting() - 1
        torch._C._vmapmode_decrement_nesting()
        for level in range(nesting, 0, -1):
            t = torch._remove_batch_dim(t, level, 1, 0)
    return t


def _read(t: Tensor, full: bool) -> TensorSnapshot:
    """Any tensor, by torch's operations."""
    if type(t) not in _PLAIN and t.layout is torch.strided and t.untyped_storage().device.type == "meta":
        return _opaque(t, f"{type(t).__name__} holds no values")  # asking for its address would warn
    if t.is_meta:
        return _opaque(t, "meta tensor")
    if t.is_nested:
        return _opaque(t, "nested tensor")
    name = _NAMES.get(t.dtype)
    if name is None:
        return _opaque(t, f"{t.dtype} has no values that can be read")
    layout = str(t.layout).removeprefix("torch.")
    if t.layout is not torch.strided:
        if t.numel() > DENSE_LIMIT and not full:
            return _opaque(t, f"{layout} tensor of {t.numel():,} elements")
        t = _apart(t).to_dense()
    shape = tuple(t.shape)
    if full or t.numel() <= WHOLE_LIMIT:
        return TensorSnapshot(shape, name, _words(t), None, layout)
    return TensorSnapshot(shape, name, _words(_front(t))[: _size(name) * HEAD], _statistics(t), layout)


def _apart(t: Tensor) -> Tensor:
    """A sparse tensor of its own memory where it is compressed: ``to_dense`` of that bumps its version."""
    if t.layout in (torch.sparse_csr, torch.sparse_bsr):
        compressed, plain = t.crow_indices(), t.col_indices()
    elif t.layout in (torch.sparse_csc, torch.sparse_bsc):
        compressed, plain = t.ccol_indices(), t.row_indices()
    else:
        return t
    values = t.values().clone()
    return torch.sparse_compressed_tensor(compressed, plain, values, t.shape, layout=t.layout)


def _size(name: str) -> int:
    """Bytes of one recorded element."""
    return MACHINE_WORDS[name][1] * (2 if name.startswith("complex") else 1)


def _words(t: Tensor) -> bytes:
    """The elements of a dense tensor, row-major, in the words of ``MACHINE_WORDS``."""
    if t.is_quantized:
        t = t.dequantize()
    elif t.dtype in _WIDER:
        t = t.to(_WIDER[t.dtype])
    t = t.cpu().resolve_conj().resolve_neg().contiguous()
    if t._is_zerotensor():  # zeros without memory, from forward-mode differentiation
        return bytes(t.nbytes)
    address, count = t.data_ptr(), t.nbytes
    if not address and count:
        raise ValueError("its memory was given back")
    return string_at(address, count) if count else b""


def _front(t: Tensor) -> Tensor:
    """A view that begins with the first ``HEAD`` elements and is hardly larger, whatever the strides."""
    for _ in range(t.dim()):
        row = t.numel() // t.shape[0]
        if row < HEAD:
            return t[: math.ceil(HEAD / row)]
        t = t[0]
    return t


def _statistics(t: Tensor) -> Statistics:
    """As ``Statistics`` says; one pass where all is finite, and no large tensor is copied whole."""
    count = t.numel()
    for axis, stride in enumerate(t.stride()):
        if stride == 0:  # the gradient of a sum is one number, expanded
            t = t.narrow(axis, 0, 1)
    if t.is_complex():
        nan = sum(int(block.isnan().sum()) for block in _blocks(t))
        inf = sum(int((torch.view_as_real(block).isinf().any(-1)).sum()) for block in _blocks(t))
        return Statistics(nan=nan * count // t.numel(), inf=inf * count // t.numel())
    lows, highs, sums = [], [], []
    nan = inf = 0
    for block in _blocks(t):
        low, high = (float(x) for x in torch.aminmax(block))
        mean = float(block.mean())
        if not math.isfinite(low) or not math.isfinite(high):
            nan += int(block.isnan().sum())
            inf += int(block.isinf().sum())
        elif not math.isfinite(mean):  # the sum overflowed
            mean = float(block.mean(dtype=torch.float64))
        lows.append(low)
        highs.append(high)
        sums.append(mean * block.numel())
    if nan:
        return Statistics(math.nan, math.nan, math.nan, nan * count // t.numel(), inf * count // t.numel())
    return Statistics(min(lows), max(highs), sum(sums) / t.numel(), 0, inf * count // t.numel())


def _blocks(t: Tensor) -> Iterator[Tensor]:
    """The tensor in pieces of a type that torch reduces; as one piece where that needs no copy."""
    if t.dtype in (torch.float32, torch.float64):
        yield t
    elif t.numel() <= BLOCK or t.dim() == 0:
        yield _reducible(t)
    else:
        row = t.numel() // t.shape[0]
        for rows in t.split(max(1, BLOCK // row)):
            yield from _blocks(rows if row <= BLOCK else rows[0])


def _reducible(t: Tensor) -> Tensor:
    if t.is_quantized:
        return t.dequantize()
    if t.is_complex():
        return t.to(_WIDER.get(t.dtype, t.dtype)).resolve_conj()
    return t.to(_WIDER.get(t.dtype, torch.float64))
