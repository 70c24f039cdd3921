"""A trace while it grows: values, operations, events and passes, turned into records at any moment."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from typing import Final

import msgspec
import torch
from torch import Tensor
from torch._C import _functorch

from core.engine.snapshot import snapshot
from core.engine.source import Source
from core.records import (
    WHOLE_LIMIT,
    Event,
    Failure,
    Leaf,
    Op,
    Options,
    Pass,
    Step,
    TensorSnapshot,
    Trace,
    Value,
    WhatIf,
)


def tensors_in(item: object) -> Iterator[Tensor]:
    """Tensors in nested lists, tuples and dictionaries, in order."""
    if isinstance(item, Tensor):
        yield item
    elif isinstance(item, tuple | list):
        for entry in item:
            yield from tensors_in(entry)
    elif isinstance(item, dict):
        for entry in item.values():
            yield from tensors_in(entry)


def version_of(tensor: Tensor) -> int:
    """torch's version counter; 0 for an inference tensor, which has none."""
    with torch._C.DisableTorchFunction():
        return 0 if tensor.is_inference() else tensor._version


def requires_grad(tensor: Tensor) -> bool:
    """torch's ``requires_grad``, past the ``__torch_function__`` of a subclass."""
    with torch._C.DisableTorchFunction():
        return tensor.requires_grad


def is_leaf(tensor: Tensor) -> bool:
    """torch's ``is_leaf``, without its side effect: on a view that was changed in place it makes autograd nodes."""
    with torch._C.DisableTorchFunction():
        if not tensor.requires_grad:
            return True
        base = None if tensor.is_inference() else tensor._base
        return tensor.is_leaf if base is None or not base.requires_grad else False


class Known:
    """What the recording knows of a living tensor."""

    __slots__ = ("cut", "reference", "value", "version")

    def __init__(self, tensor: Tensor, value: int, version: int, cut: bool = False) -> None:
        self.reference = weakref.ref(tensor)
        self.value = value
        self.version = version
        self.cut = cut


UNSEEN: Final = 0, -1
"""Mark of a ``.grad`` that was not looked at since it was written."""


class LeafState:
    """A leaf that requires grad: its tensor while it lives, and the last ``.grad`` and values seen.

    Attributes:
        value: number of the value it holds.
        grad: the last ``.grad`` seen.
        mark: identity and version of that ``.grad``, which tell cheaply whether it may have changed.
        seen: number of the value it held, and its version, at the last look.
    """

    __slots__ = ("grad", "mark", "reference", "seen", "value")

    def __init__(self, leaf: Tensor, value: int) -> None:
        self.reference = weakref.ref(leaf)
        self.value = value
        self.grad: TensorSnapshot | None = None
        self.mark: tuple[int, int] | None = None
        self.seen = value, version_of(leaf)

    def grad_is(self, grad: Tensor | None, taken: TensorSnapshot | None) -> None:
        """Takes note of the ``.grad`` the leaf has now."""
        self.grad = taken
        self.mark = None if grad is None else (id(grad), version_of(grad))


class Recording:
    """The trace of a run so far. Methods may be called from every thread of the program."""

    def __init__(self, source: Source, what_if: WhatIf, options: Options) -> None:
        self.source = source
        self.what_if = what_if
        self.options = options
        self.lock = threading.RLock()
        self.values: list[Value] = []
        self.ops: list[Op] = []
        self.passes: list[Pass] = []
        self.events: list[Event] = []
        self.leaves: dict[int, LeafState] = {}  # by the number of the value the leaf began with
        self.unrecorded = 0
        self.calls = 0
        self.steps = 0
        self.running: dict[int, list[Step]] = {}  # steps so far of the passes that run now, by number
        self._final_leaves: tuple[Leaf, ...] = ()
        self._paths: dict[int, tuple[weakref.ref[Tensor], str]] = {}  # names of parameters, by id of the tensor
        self._known: dict[int, Known] = {}
        self._leaf_of: dict[int, LeafState] = {}  # by id of the living tensor

    @property
    def full(self) -> bool:
        """Whether no more operations are recorded."""
        return len(self.ops) >= self.options.operations

    @property
    def room(self) -> int:
        """Backward steps that may still be recorded: none once operations have been left out."""
        return 0 if self.unrecorded else max(self.options.operations - self.steps, 0)

    # ── Values ────────────────────────────────────────────────────────────────────────────────────────────────────

    def known(self, tensor: Tensor) -> Known | None:
        """What is known of this very tensor."""
        known = self._known.get(id(tensor))
        return known if known is not None and known.reference() is tensor else None

    def value_of(self, tensor: Tensor) -> int:
        """The value a tensor holds now; a new one where it was never seen or was changed since."""
        known = self.known(tensor)
        if known is not None and known.version == version_of(tensor):
            return known.value
        return self.new_value(tensor)

    def new_value(self, tensor: Tensor) -> int:
        """Records the tensor as it stands."""
        with self.lock, torch._C.DisableTorchFunction():
            known = self.known(tensor)
            old = self.values[known.value] if known is not None else None
            taken = self.snapshot(tensor)
            number = len(self.values)
            self.values.append(
                Value(
                    number,
                    old.names if old is not None else self._path(tensor),
                    taken.shape,
                    taken.dtype,
                    tensor.requires_grad,
                    is_leaf(tensor),
                    taken,
                    version_of(tensor),
                    self._base_of(tensor),
                    old.id if old is not None else None,
                )
            )
            self._known[id(tensor)] = Known(tensor, number, version_of(tensor))
            self.notice_leaf(tensor, number)
            return number

    def alias(self, tensor: Tensor, value: int, *, cut: bool) -> None:
        """Makes another tensor stand for a known value."""
        self._known[id(tensor)] = Known(tensor, value, version_of(tensor), cut)

    def mark_cut(self, value: int) -> None:
        """Notes on the operation that made a value that a what-if detached it."""
        with self.lock:
            for number, op in enumerate(self.ops):
                if value in op.outputs:
                    self.ops[number] = msgspec.structs.replace(op, cut="detached")

    def refresh(self, tensor: Tensor) -> None:
        """Brings the record of a tensor's value up to date: its numbers and whether it requires grad."""
        with self.lock, torch._C.DisableTorchFunction():
            number = self.value_of(tensor)
            self.values[number] = msgspec.structs.replace(
                self.values[number],
                requires_grad=tensor.requires_grad,
                is_leaf=is_leaf(tensor),
                tensor=self.snapshot(tensor),
            )
            self.notice_leaf(tensor, number)

    def name(self, tensor: Tensor, name: str) -> None:
        """Adds a name to the value a tensor holds."""
        with self.lock:
            number = self.value_of(tensor)
            value = self.values[number]
            if name not in value.names:
                self.values[number] = msgspec.structs.replace(value, names=(*value.names, name))

    def name_parameter(self, tensor: Tensor, path: str) -> None:
        """Takes note of the path of a parameter that may not have been used yet."""
        if self.known(tensor) is not None:
            self.name(tensor, path)
        self._paths[id(tensor)] = weakref.ref(tensor), path

    def _path(self, tensor: Tensor) -> tuple[str, ...]:
        reference, path = self._paths.get(id(tensor), (None, ""))
        return (path,) if reference is not None and reference() is tensor else ()

    def snapshot(self, tensor: Tensor) -> TensorSnapshot:
        """A copy of the tensor's value, elided where it is large."""
        taken = snapshot(tensor, full=self.options.full)
        assert taken is not None
        return taken

    def _base_of(self, tensor: Tensor) -> int | None:
        if tensor.is_inference() or not tensor._is_view() or tensor._base is None:
            return None
        known = self.known(tensor._base)
        return None if known is None else known.value

    # ── Leaves ────────────────────────────────────────────────────────────────────────────────────────────────────

    def notice_leaf(self, tensor: Tensor, value: int) -> None:
        """Begins, or goes on, to watch a tensor that is a leaf and requires grad."""
        if not (tensor.requires_grad and is_leaf(tensor)) or _functorch.is_functorch_wrapped_tensor(tensor):
            return
        state = self.leaf_state(tensor)
        if state is None:
            state = self.leaves[value] = self._leaf_of[id(tensor)] = LeafState(tensor, value)
        state.value = value

    def leaf_state(self, tensor: Tensor) -> LeafState | None:
        """The watch on this very leaf."""
        state = self._leaf_of.get(id(tensor))
        return state if state is not None and state.reference() is tensor else None

    def watch_leaves(self, line: int, site: str, how: str, *, silent: bool = False) -> None:
        """Records what happened to ``.grad`` and to the values of leaves since the last look, whoever did it."""
        with self.lock, torch._C.DisableTorchFunction():
            for state in list(self.leaves.values()):
                leaf = state.reference()
                if leaf is None:
                    continue
                self._watch_grad(leaf, state, line, site, silent)
                self._watch_data(leaf, state, line, site, how)
                del leaf

    def _watch_grad(self, leaf: Tensor, state: LeafState, line: int, site: str, silent: bool) -> None:
        grad, before = leaf.grad, state.grad
        if state.mark == (None if grad is None else (id(grad), version_of(grad))):
            return
        state.grad_is(grad, None if grad is None else self.snapshot(grad))
        if silent or before == state.grad:
            return
        how = "none" if grad is None else "zero" if state.grad is not None and state.grad.is_zero else "assign"
        self.add(Event("grad", value=state.value, before=before, after=state.grad, how=how, line=line, site=site))

    def left_out(self, written: Tensor, line: int, site: str, how: str) -> None:
        """Records that ``.grad`` was not cleared where the program says so; ``written`` is the leaf or its gradient."""
        with self.lock, torch._C.DisableTorchFunction():
            for state in self.leaves.values():
                leaf = state.reference()
                if leaf is None or state.grad is None or not (leaf is written or leaf.grad is written):
                    continue
                grad, value = state.grad, state.value
                self.add(
                    Event("grad", value=value, before=grad, after=grad, how=how, line=line, site=site, skipped=True)
                )

    def _watch_data(self, leaf: Tensor, state: LeafState, line: int, site: str, how: str) -> None:
        number, version = state.seen
        if version == version_of(leaf) and leaf.numel() > WHOLE_LIMIT:
            return
        # A change through ``.data`` does not move the version counter, so the numbers are compared.
        before, after = self.values[number].tensor, self.snapshot(leaf)
        if before != after:
            if self.values[state.value].tensor != after:
                self.new_value(leaf)
            self.add(Event("data", value=number, before=before, after=after, how=how, line=line, site=site))
        state.seen = state.value, version_of(leaf)

    # ── Order ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, event: Event) -> None:
        """Appends an event."""
        with self.lock:
            self.events.append(event)

    # ── The trace ─────────────────────────────────────────────────────────────────────────────────────────────────

    def trace(self, stdout: str = "", error: Failure | None = None, seconds: float = 0.0) -> Trace:
        """Everything recorded so far."""
        with self.lock:
            events = tuple(self.events)  # before what they point to, which may grow meanwhile
            return Trace(
                str(torch.__version__),
                self.source.text,
                stdout,
                tuple(self.values),
                tuple(self.ops),
                tuple(self._pass_records()),
                self._final_leaves or tuple(self.leaf_records()),
                events,
                error,
                what_if=self.what_if,
                path=self.source.path,
                unrecorded=self.unrecorded,
                seconds=seconds,
            )

    def _pass_records(self) -> Iterator[Pass]:
        for number, backward in enumerate(self.passes):
            steps = self.running.get(number)
            yield backward if steps is None else msgspec.structs.replace(backward, steps=tuple(steps))

    def freeze_leaves(self) -> None:
        """At the end of the program, while its leaves live."""
        self._final_leaves = tuple(self.leaf_records())

    def leaf_records(self) -> Iterator[Leaf]:
        """Each leaf under a name of its own; one that died gives way to a later one of its name."""
        taken: dict[str, tuple[bool, Leaf]] = {}
        for state in self.leaves.values():
            alive = state.reference() is not None
            if not alive and state.grad is None and not any("." not in name for name in self.values[state.value].names):
                continue  # the first weight of a layer that shares another's, and the like
            name = self._leaf_name(state, len(taken))
            if name in taken and taken[name][0]:
                if not alive:
                    continue
                name = next(f"{name}#{n}" for n in range(2, len(taken) + 3) if f"{name}#{n}" not in taken)
            taken.pop(name, None)
            taken[name] = alive, Leaf(name, state.grad, state.value)
        return iter([leaf for _, leaf in taken.values()])

    def _leaf_name(self, state: LeafState, number: int) -> str:
        names = self.values[state.value].names
        ranked = sorted(names, key=lambda name: (name.startswith("self."), "." not in name))
        return ranked[0] if ranked else f"leaf {number}"
