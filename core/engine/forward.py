"""The forward pass of a program: every operation, with its expression, names, module and autograd nodes."""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.nn.modules import module as module_hooks
from torch.optim import optimizer as optimizer_hooks
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import _disable_current_modes

from core.engine.graph import labels_of
from core.engine.hooks import sequence_number
from core.engine.recording import Recording, is_leaf, requires_grad, tensors_in, version_of
from core.engine.source import NOWHERE, Place, Source
from core.engine.what_if import Plan, Rule, parse_place, set_leaf
from core.records import Event, Op

REFLECTED: Final = {
    "__rsub__": "sub",
    "__rdiv__": "div",
    "__rtruediv__": "div",
    "__rpow__": "pow",
    "__rmul__": "mul",
    "__radd__": "add",
    "__rmatmul__": "matmul",
    "__rfloordiv__": "floor_divide",
    "__floordiv__": "floor_divide",
    "__rmod__": "remainder",
    "__getitem__": "getitem",
    "__setitem__": "setitem",
    "__rlshift__": "bitwise_left_shift",
    "__rrshift__": "bitwise_right_shift",
    "__rand__": "bitwise_and",
    "__ror__": "bitwise_or",
    "__rxor__": "bitwise_xor",
}
"""Names of operators whose torch function is called otherwise."""

# fmt: off
NEVER: Final = frozenset({
    "__repr__", "__format__", "__hash__", "__len__", "__contains__", "__deepcopy__", "__reduce_ex__", "__array__",
    "__bool__", "__int__", "__index__", "__dir__", "backward", "grad", "register_hook",
    "register_post_accumulate_grad_hook", "retain_grad", "size", "dim", "stride", "numel", "nelement", "element_size",
    "data_ptr", "storage_offset", "is_contiguous", "is_floating_point", "is_complex", "is_same_size", "get_device",
    "ndimension", "_set_grad_enabled", "untyped_storage", "is_nonzero",
})
# fmt: on
"""Functions that are asked of tensors and are no operations."""

LEAVES_TORCH: Final = frozenset({"item", "tolist", "numpy", "__float__"})
"""Functions whose result torch does not follow: recorded, because a gradient ends there."""

VIEW_PROPERTIES: Final = frozenset({"data", "T", "mT", "H", "mH", "real", "imag"})
"""Properties of a tensor that are operations."""


def operation_name(func: Any) -> str:
    """torch's name of an operation; '' for what is not one."""
    name: str = getattr(func, "__name__", "")
    if name == "__get__":
        attribute: str = getattr(getattr(func, "__self__", None), "__name__", "")
        return attribute if attribute in VIEW_PROPERTIES else ""
    if name in NEVER or name.startswith("_record_function") or name == "__set__":
        return ""
    name = REFLECTED.get(name, name)
    return name[2:-2] if name.startswith("__") and name.endswith("__") and name not in LEAVES_TORCH else name


def place_key(place: Place) -> str:
    """The stable identity of an expression, across runs and other lines of the program."""
    line, column, end_line, end_column = place.span
    return f"#{place.function}|{line}:{column}-{end_line}:{end_column}"


class _Local(threading.local):
    """Per thread: whether a call is being handled, whether to look away, and where in which module."""

    def __init__(self) -> None:
        self.inside = False
        self.quiet = 0
        self.modules: list[str] = []
        self.optimizer_frames: list[Any] = []


class Forward(TorchFunctionMode):
    """Sees each torch function that the program calls, applies the what-ifs to it, and records it."""

    def __init__(self, source: Source, recording: Recording, plan: Plan) -> None:
        super().__init__()
        self.source = source
        self.recording = recording
        self.plan = plan
        self.closed = False
        self.examine: Callable[[Callable[..., Any], Any, Any, bool], Callable[[int], None]] | None = None
        self.during: Callable[[], tuple[int, int] | None] = lambda: None
        self._local = _Local()
        self._thread = threading.get_ident()
        self._names: dict[Any, str] = {}
        self._hits: Counter[tuple[str, str, str]] = Counter()
        self._marked: list[tuple[int, weakref.ref[Tensor]]] = []
        self._range_starts: list[int] = []  # sequence numbers, ascending, of this thread's operations
        self._range_ends: list[int] = []
        self._range_ops: list[int] = []
        self._module_paths: dict[int, str] = {}
        self._skips = plan.skips

    # ── What the program calls ────────────────────────────────────────────────────────────────────────────────────

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        local = self._local
        if self.ignoring:
            return func(*args, **kwargs)
        outer, local.inside = local.inside, True
        call = functools.partial(self.source.as_called_by(sys._getframe(1)), func)
        try:
            name = self._names.get(func)
            if name is None:
                name = self._names[func] = operation_name(func)
            if name and self.recording.full and not self._skips:
                self.recording.unrecorded += 1
                return call(*args, **kwargs)
            if name and not self._in_optimizer():
                return self._operation(name, call, args, kwargs)
            if getattr(func, "__name__", "") in ("__get__", "__set__"):
                return self._property(func, call, args, kwargs)
            return call(*args, **kwargs)
        finally:
            local.inside = outer

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Goes on listening inside a function that is being handled: torch switches the mode off there."""
        local = self._local
        if not local.inside or self.ignoring:
            yield
            return
        local.inside = False
        try:
            with self:
                yield
        finally:
            local.inside = True

    @property
    def ignoring(self) -> bool:
        """Whether what this thread does now is no part of the program, or comes after its end.

        ``torch.jit.trace`` writes down every operation and every look at a size: the recorder would be in its graph.
        """
        return self.closed or self._local.quiet > 0 or torch._C._get_tracing_state() is not None

    @contextmanager
    def looking_away(self) -> Iterator[None]:
        """What runs inside is no operation of the program."""
        self._local.quiet += 1
        try:
            yield
        finally:
            self._local.quiet -= 1

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """What runs inside is the recorder's own: neither this mode nor one of the program's sees it."""
        modes = _disable_current_modes() if torch._C._len_torch_dispatch_stack() else nullcontext()
        with self.looking_away(), torch._C.DisableTorchFunction(), modes:
            yield

    def _operation(self, name: str, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        place = self.source.place()
        if name == "requires_grad_":
            result = call(*args, **kwargs)
            self.recording.refresh(result)
            return result
        if self._skips and name in ("zero_", "_foreach_zero_") and self._skipped(place):
            for grad in args[:1] if name == "zero_" else args[0]:
                self.recording.left_out(grad, place.span[0], place_key(place), "zero")
            return args[0]
        if self.recording.full:
            self.recording.unrecorded += 1
            return call(*args, **kwargs)
        return self.record(name, place, call, args, kwargs)

    def record(
        self, name: str, place: Place, call: Callable[..., Any], args: Any, kwargs: Any, *, custom: bool = False
    ) -> Any:
        """Runs an operation and records it, with the what-ifs that concern it."""
        recording = self.recording
        calls = self.source.calls()
        module = self._local.modules[-1] if self._local.modules else None
        key = place_key(place)
        hit = self._hits[key, name, module or ""]
        site = f"{key}|{name}|{module or ''}|{hit}"
        inputs = list(tensors_in((args, kwargs)))
        taken = [recording.value_of(tensor) for tensor in inputs]
        versions = [version_of(tensor) for tensor in inputs]
        cut_inputs = tuple(i for i, tensor in enumerate(inputs) if (k := recording.known(tensor)) and k.cut)
        if site in self.plan.cuts_by_use:
            args, kwargs, more = self._cut_inputs(site, inputs, taken, args, kwargs)
            cut_inputs += more
        examined: Callable[[int], None] | None = None
        if self.examine is not None and any(map(requires_grad, inputs)):
            with self.looking_away():  # before it may change its inputs
                examined = self.examine(call, args, kwargs, custom)
        cut = ""
        began = sequence_number()
        if name == "detach" and site in self.plan.heals:
            self.plan.heals[site].applied += 1
            result, cut = args[0], "healed"
        else:
            result = call(*args, **kwargs)
        ended = sequence_number()
        changed = [t for t, version in zip(inputs, versions, strict=True) if version_of(t) != version]
        if name == "detach_":
            changed = inputs[:1]
        if site in self.plan.cuts_by_value:
            result, cut = self._cut_result(site, result, changed), "detached"
        outputs = list(tensors_in(result))
        fresh = [t for t in outputs if not any(t is other for other in inputs)]
        if not fresh and not changed and not cut:
            if name not in LEAVES_TORCH or not any(map(requires_grad, inputs)):
                return result  # the very tensor it was given, or a number: nothing happened to a tensor
            outputs = []
        made = [self._value_made(t, fresh, changed) for t in outputs]
        made += [recording.new_value(t) for t in changed if not any(t is other for other in outputs)]
        with recording.lock:
            self._hits[key, name, module or ""] += 1
            number = len(recording.ops)
            thread = "" if threading.get_ident() == self._thread else threading.current_thread().name
            recording.ops.append(
                Op(
                    number,
                    name,
                    place.span[0],
                    place.span,
                    place.text,
                    tuple(taken),
                    tuple(made),
                    module,
                    hit,
                    site,
                    place.function,
                    torch.is_grad_enabled(),
                    any(map(requires_grad, (*outputs, *changed))),
                    bool(changed),
                    custom,
                    cut_inputs,
                    cut,
                    self.during(),
                    thread,
                    tuple(versions),
                    calls,
                )
            )
            if examined is not None:
                examined(number)
            recording.add(Event("op", op=number, line=place.span[0]))
            self._link(number, began, ended, [*outputs, *changed], thread)
        tracked = torch.is_grad_enabled() and outputs and requires_grad(outputs[0])
        if changed and (not tracked or any(map(recording.leaf_state, changed))):
            recording.watch_leaves(place.span[0], key, "assign")
        return result

    def _value_made(self, tensor: Tensor, fresh: list[Tensor], changed: list[Tensor]) -> int:
        if any(tensor is other for other in (*fresh, *changed)):
            return self.recording.new_value(tensor)
        return self.recording.value_of(tensor)

    def _property(self, func: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Reading ``.grad`` gives the gradient a name; writing a property may concern a leaf."""
        attribute = getattr(func.__self__, "__name__", "")
        if func.__name__ == "__get__":
            result = call(*args, **kwargs)
            if attribute == "grad" and isinstance(result, Tensor) and not self._in_optimizer():
                self._name_grad(args[0], result)
            return result
        place = self.source.place() if attribute in ("grad", "data", "requires_grad") else NOWHERE
        if attribute == "grad" and args[1] is None and self._skips and self._skipped(place):
            self.recording.left_out(args[0], place.span[0], place_key(place), "none")
            return None
        result = call(*args, **kwargs)
        if attribute == "requires_grad":
            self.recording.refresh(args[0])
        elif attribute in ("grad", "data"):
            self.recording.watch_leaves(place.span[0], place_key(place), "assign")
            if attribute == "data" and self.recording.leaf_state(args[0]) is None:
                self.recording.new_value(args[0])
        return result

    def _name_grad(self, owner: Tensor, grad: Tensor) -> None:
        known = self.recording.known(owner)
        if known is not None and self.recording.known(grad) is None:
            names = self.recording.values[known.value].names
            self.recording.value_of(grad)
            if names:
                self.recording.name(grad, f"{names[0]}.grad")

    # ── What-ifs ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _cut_inputs(
        self, site: str, inputs: list[Tensor], values: list[int], args: Any, kwargs: Any
    ) -> tuple[Any, Any, tuple[int, ...]]:
        slots: set[int] = set()
        for cut in self.plan.cuts_by_use[site]:
            for slot, value in enumerate(values):
                if cut.slot == slot or (cut.slot is None and self._made_at(value, cut.value)):
                    slots.add(slot)
                    cut.rule.applied += 1
        number = -1

        def replace(item: Any) -> Any:
            nonlocal number
            if isinstance(item, Tensor):
                number += 1
                return item.detach() if number in slots else item
            if isinstance(item, tuple | list):
                parts = [replace(part) for part in item]
                return type(item)(*parts) if hasattr(item, "_fields") else type(item)(parts)
            if isinstance(item, dict):
                return {key: replace(part) for key, part in item.items()}
            return item

        return (*replace((args, kwargs)), tuple(sorted(slots)))

    def _made_at(self, value: int, place: str) -> bool:
        """Whether a value was made by the operation of that site, or bears that name."""
        while True:
            record = self.recording.values[value]
            if place in record.names or any(op.site == place for op in self.recording.ops if value in op.outputs):
                return True
            if record.previous is None:
                return False
            value = record.previous

    def _cut_result(self, site: str, result: Any, changed: list[Tensor]) -> Any:
        rule = self.plan.cuts_by_value[site]
        rule.applied += 1
        if changed:
            for tensor in changed:
                self._detach_in_place(tensor, rule)
            return result
        return torch.utils._pytree.tree_map_only(Tensor, lambda tensor: tensor.detach(), result)

    def _detach_in_place(self, tensor: Tensor, rule: Rule) -> None:
        if tensor._is_view():
            raise rule.refuse("a view that was changed in place cannot be detached; cut its base instead")
        tensor.detach_()

    def alter(self, number: int, value: Any) -> Any:
        """Called by the program around the value of a place that a what-if names."""
        rule = self.plan.rules[number]
        if not rule.due():
            return value
        rule.applied += 1
        if rule.heals:
            return value
        if rule.for_uses:
            self._marked += [(number, weakref.ref(tensor)) for tensor in tensors_in(value)]
            return value
        if not any(True for _ in tensors_in(value)):
            raise rule.refuse("its value is not a tensor")
        with self.looking_away():
            return self._detached(value, mark_op=rule.whole)

    def use(self, number: int, *part: Any) -> Any:
        """Called by the program when it begins an expression that a cut of one use names, and around its parts."""
        rule = self.plan.rules[number]
        if not part:
            rule.uses += 1
            return None
        (value,) = part
        if rule.use_hit not in (None, rule.uses - 1):
            return value
        marked = [reference() for marker, reference in self._marked if marker == number]
        if not any(tensor is other for tensor in tensors_in(value) for other in marked):
            return value
        rule.used += 1
        with self.looking_away():
            return self._detached(value)

    def _detached(self, value: Any, *, mark_op: bool = False) -> Any:
        def detach(tensor: Tensor) -> Tensor:
            number = self.recording.value_of(tensor)
            alias = tensor.detach()
            self.recording.alias(alias, number, cut=True)
            if mark_op:
                self.recording.mark_cut(number)
            return alias

        return torch.utils._pytree.tree_map_only(Tensor, detach, value)

    def _skipped(self, place: Place) -> bool:
        """Whether a write to ``.grad`` at this place is left out."""
        for wanted, rule in self._skips.items():
            if wanted == place_key(place) or (not wanted.startswith("#") and _reads_like(place, wanted)):
                rule.applied += 1
                return True
        return False

    # ── Names ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def bind(self, name: str, value: Any) -> Any:
        """Called by the program where it binds a name; returns the value."""
        if not isinstance(value, _NAMED) or self.ignoring:
            return value
        if not self.recording.full or self.plan.leaves or self.plan.requires_grad:
            with self.looking_away():
                self._bind(name, value)
        return value

    def _bind(self, name: str, value: Tensor | list[Any] | tuple[Any, ...] | nn.Module) -> None:
        if isinstance(value, Tensor):
            self._bind_tensor(name, value)
        elif isinstance(value, nn.Module):
            if "_parameters" in value.__dict__:  # not while it is still being made
                for path, parameter in value.named_parameters():
                    self._set(f"{name}.{path}", parameter)
                    self.recording.name_parameter(parameter, f"{name}.{path}")
        elif len(value) <= 64:
            for position, entry in enumerate(value):
                if isinstance(entry, Tensor):
                    self._bind_tensor(f"{name}[{position}]", entry)

    def _bind_tensor(self, name: str, tensor: Tensor) -> None:
        self._set(name, tensor)
        if not self.recording.full or self.recording.known(tensor) is not None:
            self.recording.name(tensor, name)

    def _set(self, name: str, tensor: Tensor) -> None:
        """Applies the what-ifs that name a leaf, the first time the name is bound."""
        rule = self.plan.leaves.get(name)
        if rule is not None and not rule.applied:
            if not is_leaf(tensor):
                raise rule.refuse(f"{name} is not a leaf")
            rule.applied += 1
            set_leaf(rule, tensor, self.plan.what_if.leaves[name])
            self.recording.refresh(tensor)
        rule = self.plan.requires_grad.get(name)
        if rule is not None and not rule.applied:
            rule.applied += 1
            tensor.requires_grad_(self.plan.what_if.requires_grad[name])
            self.recording.refresh(tensor)

    # ── Autograd nodes ────────────────────────────────────────────────────────────────────────────────────────────

    def _link(self, op: int, began: int, ended: int, outputs: list[Tensor], thread: str) -> None:
        """Takes note of the sequence numbers of the nodes an operation made.

        The numbers count per thread, so in other threads the nodes themselves are labelled.
        """
        if ended == began:
            return
        if not thread:
            self._range_starts.append(began)
            self._range_ends.append(ended)
            self._range_ops.append(op)
            return
        with torch._C.DisableTorchFunction():
            stack = [tensor.grad_fn for tensor in outputs]
        while stack:
            node = stack.pop()
            if node is not None and began <= node._sequence_nr() < ended and _LABEL not in labels_of(node):
                labels_of(node)[_LABEL] = op
                stack += [following for following, _ in node.next_functions]

    def op_of(self, node: Node) -> int | None:
        """The operation that made a node."""
        if _LABEL in labels_of(node):
            return int(labels_of(node)[_LABEL])
        number = node._sequence_nr()
        at = bisect_right(self._range_starts, number) - 1
        return self._range_ops[at] if at >= 0 and number < self._range_ends[at] else None

    # ── Modules, custom Functions, threads, optimizers ────────────────────────────────────────────────────────────

    def _enter_module(self, module: nn.Module, args: Any) -> None:
        stack = self._local.modules
        if id(module) not in self._module_paths or not stack:
            kind = type(module).__name__
            for path, part in module.named_modules():
                self._module_paths[id(part)] = f"{kind}.{path}" if path else kind
        stack.append(self._module_paths[id(module)])

    def _leave_module(self, module: nn.Module, args: Any, output: Any) -> None:
        if self._local.modules:
            self._local.modules.pop()

    def _in_optimizer(self) -> bool:
        """Whether torch's own optimizer code is running, not a closure of the program inside it."""
        frames = self._local.optimizer_frames
        return bool(frames) and self.source.frame() is frames[-1]

    def _enter_optimizer(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        self._local.optimizer_frames.append(self.source.frame())

    def _leave_optimizer(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if self._local.optimizer_frames:
            self._local.optimizer_frames.pop()
        place = self.source.place()
        self.recording.watch_leaves(place.span[0], place_key(place), "optimizer")

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Listens to this thread and the threads it starts, to modules, custom Functions and optimizers."""
        original_apply = torch.autograd.Function.__dict__["apply"]
        original_bootstrap = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]

        @functools.wraps(original_apply.__func__)
        def apply(cls: type[torch.autograd.Function], *args: Any, **kwargs: Any) -> Any:
            call = functools.partial(original_apply.__func__, cls)
            if self.ignoring or self._in_optimizer():
                return call(*args, **kwargs)
            if self.recording.full:
                self.recording.unrecorded += 1
                return call(*args, **kwargs)

            def unheard(*args: Any, **kwargs: Any) -> Any:
                with self.looking_away():
                    return call(*args, **kwargs)

            return self.record(f"{cls.__name__}.apply", self.source.place(), unheard, args, kwargs, custom=True)

        def bootstrap(thread: threading.Thread) -> None:
            if self.closed:
                original_bootstrap(thread)
                return
            with self:
                original_bootstrap(thread)

        with ExitStack() as stack:
            for handle in (
                module_hooks.register_module_forward_pre_hook(self._enter_module),
                module_hooks.register_module_forward_hook(self._leave_module, always_call=True),
                optimizer_hooks.register_optimizer_step_pre_hook(self._enter_optimizer),
                optimizer_hooks.register_optimizer_step_post_hook(self._leave_optimizer),
            ):
                stack.callback(handle.remove)
            torch.autograd.Function.apply = classmethod(apply)  # type: ignore[assignment,method-assign]
            stack.callback(setattr, torch.autograd.Function, "apply", original_apply)
            threading.Thread._bootstrap_inner = bootstrap  # type: ignore[attr-defined]
            stack.callback(setattr, threading.Thread, "_bootstrap_inner", original_bootstrap)
            self._thread = threading.get_ident()
            stack.callback(setattr, self, "closed", True)
            stack.enter_context(self)
            yield


_LABEL: Final = "pullback.op"
_NAMED: Final = (Tensor, list, tuple, nn.Module)


def _reads_like(place: Place, wanted: str) -> bool:
    line, text, _ = parse_place(wanted)
    return place.span[0] == line and "".join(place.text.split()) == "".join(text.split())
