"""Every record that crosses the boundary between the worker and the window: frozen, typed, torch-free."""

from __future__ import annotations

import math
import struct
from typing import Any, Final, Literal

import msgspec

TRACE_FORMAT: Final = "pullback-trace/1"

WHOLE_LIMIT: Final = 4096
"""Tensors up to this many elements are recorded whole; above it a head and statistics are kept."""

HEAD: Final = 64
"""Elements kept of a tensor above the limit."""

OPERATION_LIMIT: Final = 20_000
"""Operations and backward steps recorded by default; what a program does after that runs unrecorded."""

OUTPUT_LIMIT: Final = 1 << 20
"""Characters of output kept by default: half of them from the beginning, half from the end."""

LEFT_OUT: Final = "\n… {count} characters left out: output stopped at {limit} MB …\n"
"""Stands in what was printed, where the middle of it was not kept."""

CHECK_LIMIT: Final = 64
"""Numbers going in, and numbers coming out, of an operation that finite differences are taken of."""

CHECK_SECONDS: Final = 2.0
"""A program that took longer than this is not run once more for its finite differences."""

MACHINE_WORDS: Final[dict[str, tuple[str, int]]] = {
    "float8_e4m3fn": ("f", 4),
    "float8_e4m3fnuz": ("f", 4),
    "float8_e5m2": ("f", 4),
    "float8_e5m2fnuz": ("f", 4),
    "float8_e8m0fnu": ("f", 4),
    "float16": ("f", 4),
    "bfloat16": ("f", 4),
    "float32": ("f", 4),
    "float64": ("d", 8),
    "complex32": ("f", 4),
    "complex64": ("f", 4),
    "complex128": ("d", 8),
    "int8": ("b", 1),
    "int16": ("h", 2),
    "int32": ("i", 4),
    "int64": ("q", 8),
    "uint8": ("B", 1),
    "uint16": ("H", 2),
    "uint32": ("I", 4),
    "uint64": ("Q", 8),
    "bool": ("?", 1),
    "quint8": ("f", 4),
    "qint8": ("f", 4),
    "qint32": ("f", 4),
}
"""dtype → (struct code, bytes) of the words in ``TensorSnapshot.raw``; narrower floats are widened exactly, and
quantized values are the numbers they stand for."""

Number = int | float | complex | bool
Span = tuple[int, int, int, int]

Before = Literal["next", "never"] | tuple[int, int]
"""Where a live run pauses: before the next node, nowhere, or before one node, given as (pass, node id)."""


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of all records: immutable and cheap to encode."""


class Statistics(Record):
    """Summary of a tensor that is too large to be kept whole.

    Attributes:
        min, max, mean: as torch computes them (NaN spreads); None for complex or empty tensors.
        nan, inf: how many elements are NaN, and how many infinite.
    """

    min: float | None = None
    max: float | None = None
    mean: float | None = None
    nan: int = 0
    inf: int = 0


class TensorSnapshot(Record):
    """The value of a tensor at one moment.

    Attributes:
        shape: sizes.
        dtype: torch's name without the prefix, such as ``float32``.
        raw: little-endian, row-major words of the kept elements (see ``MACHINE_WORDS``): all, or the first ``HEAD``.
        elided: statistics, where the tensor is above the size limit and ``raw`` holds only its head.
        layout: ``strided``, or torch's name of another layout (its values are then those of the dense tensor).
        opaque: why no value could be read ('' when it could).
    """

    shape: tuple[int, ...]
    dtype: str
    raw: bytes = b""
    elided: Statistics | None = None
    layout: str = "strided"
    opaque: str = ""

    @property
    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def head(self) -> list[Any]:
        """The kept elements, row-major: all, or the first ones of an elided tensor."""
        if self.opaque or self.dtype not in MACHINE_WORDS:
            return []
        code, size = MACHINE_WORDS[self.dtype]
        words = struct.unpack(f"<{len(self.raw) // size}{code}", self.raw)
        if self.dtype.startswith("complex"):
            return [complex(re, im) for re, im in zip(words[::2], words[1::2], strict=True)]
        return list(words)

    @property
    def data(self) -> list[Any] | None:
        """Every element, row-major; None where the tensor was elided for its size or could not be read."""
        return None if self.elided is not None or self.opaque else self.head

    @property
    def statistics(self) -> Statistics:
        """min, max, mean, NaN and Inf counts: recorded for elided tensors, computed from ``data`` for the others."""
        if self.elided is not None:
            return self.elided
        return _statistics(self.head)

    @property
    def is_zero(self) -> bool:
        """Whether every element is known to be zero."""
        if self.opaque:
            return False
        return self.elided.min == self.elided.max == 0 if self.elided is not None else not any(self.head)

    @property
    def min(self) -> float | None:
        return self.statistics.min

    @property
    def max(self) -> float | None:
        return self.statistics.max

    @property
    def mean(self) -> float | None:
        return self.statistics.mean

    @property
    def nan(self) -> int:
        return self.statistics.nan

    @property
    def inf(self) -> int:
        return self.statistics.inf


def _statistics(data: list[Any]) -> Statistics:
    if not data:
        return Statistics()
    if isinstance(data[0], complex):
        return Statistics(
            nan=sum(math.isnan(z.real) or math.isnan(z.imag) for z in data),
            inf=sum(math.isinf(z.real) or math.isinf(z.imag) for z in data),
        )
    nan = sum(map(math.isnan, data))
    inf = sum(map(math.isinf, data))
    if nan:
        return Statistics(math.nan, math.nan, math.nan, nan, inf)
    mean = sum(data) / len(data) if inf else math.fsum(data) / len(data)
    return Statistics(float(min(data)), float(max(data)), mean, 0, inf)


# ── What was asked ────────────────────────────────────────────────────────────────────────────────────────────────


class Cut(Record):
    """Detach a value: everywhere it goes, or for one use only.

    A place is written by a person as ``LINE:EXPR`` or ``LINE:EXPR@HIT`` and by the window as the stable ``site`` of an
    operation (``Op.site``); both forms are accepted in either field.

    Attributes:
        value: the place whose result is detached.
        use: the place that uses it, for one use only; '' for all uses.
        slot: position in ``Op.inputs`` of that use; None for every position that holds the value.
    """

    value: str
    use: str = ""
    slot: int | None = None


class WhatIf(Record):
    """Changes made to a run without touching its source.

    Attributes:
        cuts: values detached.
        heals: places (``LINE:EXPR`` or a site) of existing ``.detach()`` calls that are made to pass gradients.
        seeds: call number (0-based) → seed of that backward call, row-major, several roots one after another.
        leaves: name → values of a leaf, row-major.
        requires_grad: name → whether that leaf requires grad.
        skip_zero_grad: sites or ``LINE:EXPR`` of writes that clear ``.grad`` and are left out.
    """

    cuts: tuple[Cut, ...] = ()
    heals: tuple[str, ...] = ()
    seeds: dict[int, tuple[float, ...]] = {}
    leaves: dict[str, tuple[float, ...]] = {}
    requires_grad: dict[str, bool] = {}
    skip_zero_grad: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != WhatIf()


class Options(Record):
    """How a program is recorded.

    Attributes:
        path: where the program came from ('' when it was typed); gives ``__file__``, ``sys.argv`` and tracebacks.
        operations: operations and steps recorded at most.
        full: keep every element of every tensor.
        verify: run the program once more, unrecorded, and compare.
        finite_differences: when verifying a quick program, check each small differentiable operation against finite
            differences in float64, which finds custom Functions whose backward is not the derivative of their forward.
        output: characters of what it prints that are kept at most.
    """

    path: str = ""
    operations: int = OPERATION_LIMIT
    full: bool = False
    verify: bool = True
    finite_differences: bool = True
    output: int = OUTPUT_LIMIT


# ── What happened ─────────────────────────────────────────────────────────────────────────────────────────────────


class Value(Record):
    """A tensor as it stood after the operation that made it; an in-place change makes a new value.

    Attributes:
        id: index in ``Trace.values``.
        names: names the program bound to it, and module paths of parameters, in order.
        requires_grad, is_leaf: as torch says once the value was bound.
        tensor: the value.
        version: torch's version counter of the tensor at that moment.
        view_of: id of the value it is a view of.
        previous: id of the value the same tensor held before an in-place change.
    """

    id: int
    names: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool
    is_leaf: bool
    tensor: TensorSnapshot
    version: int = 0
    view_of: int | None = None
    previous: int | None = None


class Op(Record):
    """One operation of the forward pass.

    Attributes:
        id: index in ``Trace.ops``.
        name: torch's name, such as ``mul``; ``Name.apply`` for a custom ``autograd.Function``.
        line, span, text: the innermost expression of the program that ran it; span is
            ``(line, column, end line, end column)``, lines from 1, columns 0-based in characters. line 0 and '' where
            unknown.
        inputs, outputs: value ids.
        module: path of the ``nn.Module`` that ran it, such as ``Net.body.0``.
        hit: 0-based count of this place's executions.
        site: stable identity of the operation across runs.
        function: qualified name of the function it ran in.
        grad_enabled: False inside ``no_grad`` and ``inference_mode``.
        tracked: whether an output requires grad.
        inplace: whether it changed one of its inputs.
        custom: whether it is a custom ``autograd.Function``.
        cut_inputs: positions in ``inputs`` that a what-if detached.
        cut: 'detached' or 'healed' by a what-if, else ''.
        during: (pass, step) when it ran inside a backward pass (hooks, checkpointing, custom backward).
        thread: name of the thread, '' for the program's own.
        input_versions: version counters of the inputs when the operation read them.
        calls: expressions of the program that called the functions it ran in, from the outside in; () outside of
            functions, and where they are too many.
    """

    id: int
    name: str
    line: int
    span: Span
    text: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    module: str | None = None
    hit: int = 0
    site: str = ""
    function: str = ""
    grad_enabled: bool = True
    tracked: bool = False
    inplace: bool = False
    custom: bool = False
    cut_inputs: tuple[int, ...] = ()
    cut: str = ""
    during: tuple[int, int] | None = None
    thread: str = ""
    input_versions: tuple[int, ...] = ()
    calls: tuple[Span, ...] = ()


class Node(Record):
    """A node of the autograd graph, as one pass saw it.

    Attributes:
        id: index in ``Pass.nodes``.
        name: torch's, such as ``MulBackward0`` or ``AccumulateGrad``.
        sequence_nr: torch's sequence number.
        op: id of the operation that made it.
        value: id of the value it is the ``grad_fn`` (or, for AccumulateGrad, the gradient accumulator) of.
        born: (pass, step) of an earlier pass that made it (``create_graph``).
    """

    id: int
    name: str
    sequence_nr: int
    op: int | None = None
    value: int | None = None
    born: tuple[int, int] | None = None


class Edge(Record):
    """One entry of ``next_functions``: gradient flows from ``grad_inputs[source_slot]`` to input ``target_slot``."""

    source: int
    source_slot: int
    target: int
    target_slot: int


class SavedTensor(Record):
    """A tensor a node kept for its backward.

    Attributes:
        name: such as ``self`` or ``exponent``.
        tensor: its value; None where a hook packs it, so that reading it would run the program's code.
        version: its version counter when it was read.
        freed: whether the pass freed it.
    """

    name: str
    tensor: TensorSnapshot | None
    version: int = 0
    freed: bool = False


class Arrival(Record):
    """One contribution to what arrived at a node.

    Attributes:
        step: index of the step that emitted it; None for the seed.
        slot: position in that step's ``grad_inputs``, or in ``Pass.seeds``.
        into: position in this step's ``grad_outputs`` that it was added to.
    """

    step: int | None
    slot: int
    into: int


class Step(Record):
    """One node run by the engine.

    Attributes:
        node: node id in the pass.
        grad_outputs: what arrived, accumulated; None is an undefined gradient, not zero.
        grad_inputs: the VJPs it emitted, as the engine passed them on.
        grad_before, grad_after: ``.grad`` of the leaf, for AccumulateGrad.
        arrivals: contributions in the order they arrived.
        unsummed: per slot, the VJP before it was summed to the input's shape, where broadcasting did that.
        saved: the tensors the node had kept.
        altered: 'arrived' when a hook changed what arrived, 'emitted' when one changed what was emitted, 'reader' when
            the reader of a live run overwrote what arrived, else ''. ``grad_outputs`` holds what was used.
    """

    node: int
    grad_outputs: tuple[TensorSnapshot | None, ...]
    grad_inputs: tuple[TensorSnapshot | None, ...]
    grad_before: TensorSnapshot | None = None
    grad_after: TensorSnapshot | None = None
    arrivals: tuple[Arrival, ...] = ()
    unsummed: tuple[TensorSnapshot | None, ...] = ()
    saved: tuple[SavedTensor, ...] = ()
    altered: str = ""


class Failure(Record):
    """An exception of the program.

    Attributes:
        type, message: as raised.
        line: line of the program, 0 when none is known.
        explanation: the same in plain words, '' when torch's own text says it best.
        kind: a stable name of the explanation, for translation.
        facts: the explanation's figures, by name, for translation.
        lines: other lines concerned, such as the one that saved and the one that changed a tensor.
        node: (pass, node id) concerned.
        span: the expression that raised: line from 1 and column from 0 of its begin and end; zeros where none is known.
    """

    type: str
    message: str
    line: int
    explanation: str = ""
    kind: str = ""
    facts: dict[str, str] = {}
    lines: tuple[int, ...] = ()
    node: tuple[int, int] | None = None
    span: Span = (0, 0, 0, 0)


class Pass(Record):
    """One call of the backward engine.

    Attributes:
        call: 'backward' or 'grad'.
        line: line of the call, 0 when unknown.
        roots: (node id, output number) per root; node id -1 for a root that was not recorded.
        seeds: gradient given for each root.
        error: what it raised.
        nodes, edges: the graph below the roots.
        steps: in the engine's order.
        inputs: (node id, output number) per ``inputs=`` entry.
        results: what ``autograd.grad`` returned, per input.
        retain_graph, create_graph: as called.
        parent: (pass, step) of the pass that was running when this one was called.
        seeded: whether a what-if replaced the seed.
        unrecorded: nodes of the graph that were left out because the recording limit was reached (at least).
    """

    call: Literal["backward", "grad"]
    line: int
    seeds: tuple[TensorSnapshot | None, ...]
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    steps: tuple[Step, ...] = ()
    error: Failure | None = None
    roots: tuple[tuple[int, int], ...] = ()
    inputs: tuple[tuple[int, int], ...] = ()
    results: tuple[TensorSnapshot | None, ...] = ()
    retain_graph: bool = False
    create_graph: bool = False
    parent: tuple[int, int] | None = None
    site: str = ""
    span: Span = (0, 0, 0, 0)
    seeded: bool = False
    unrecorded: int = 0


class Leaf(Record):
    """A leaf that requires grad, at the end of the program.

    Attributes:
        name: as the program calls it.
        grad: its ``.grad``; None is not zero.
        value: id of its last value.
    """

    name: str
    grad: TensorSnapshot | None
    value: int | None = None


class Event(Record):
    """Something that happened, in order; the cursor of playback moves over these.

    Attributes:
        kind: 'op' an operation ran; 'pass' a backward call began; 'step' a node ran; 'end' a backward call ended;
            'grad' the program wrote to a ``.grad``; 'data' a leaf's values changed in place.
        op, pass_, step: indices, for the kinds that have them.
        value: id of the leaf's value, for 'grad' and 'data' (before the change).
        before, after: for 'grad' and 'data'.
        how: for 'grad': 'none', 'zero', 'accumulate', 'assign'; for 'data': 'optimizer' or 'assign'.
        line: line of the program.
        skipped: whether a what-if left this write out.
    """

    kind: Literal["op", "pass", "step", "end", "grad", "data"]
    op: int | None = None
    pass_: int | None = msgspec.field(default=None, name="pass")
    step: int | None = None
    value: int | None = None
    before: TensorSnapshot | None = None
    after: TensorSnapshot | None = None
    how: str = ""
    line: int = 0
    site: str = ""
    skipped: bool = False


class Check(Record):
    """One operation compared with finite differences in float64.

    Attributes:
        op: operation id.
        error: largest absolute difference between its VJP's Jacobian and the finite differences, relative to the larger
            of 1 and the largest entry.
        agrees: whether the error is within tolerance.
        custom: whether the backward is the program's own.
    """

    op: int
    error: float
    agrees: bool
    custom: bool = False


class Trace(Record):
    """A whole run of a program.

    Attributes:
        source, torch, stdout: the program, torch's version, what was printed.
        values, ops, passes, events, leaves: what happened.
        error: what the program raised.
        agrees: ``.grad`` of every leaf equal, bit for bit, to an unrecorded run; None when the program is not
            deterministic or the comparison was not made.
        checks: finite-difference checks, where asked for.
        what_if: the changes the run was made with.
        path: where the program came from.
        unrecorded: operations that ran after the recording limit was reached.
        seconds: how long the recorded run took.
    """

    torch: str
    source: str
    stdout: str = ""
    values: tuple[Value, ...] = ()
    ops: tuple[Op, ...] = ()
    passes: tuple[Pass, ...] = ()
    leaves: tuple[Leaf, ...] = ()
    events: tuple[Event, ...] = ()
    error: Failure | None = None
    agrees: bool | None = None
    checks: tuple[Check, ...] = ()
    what_if: WhatIf = WhatIf()
    path: str = ""
    unrecorded: int = 0
    seconds: float = 0.0
    format: str = TRACE_FORMAT

    @property
    def overwritten(self) -> bool:
        """Whether the reader of a live run has overwritten a gradient."""
        return any(step.altered == "reader" for backward in self.passes for step in backward.steps)


class Matrix(Record):
    """A Jacobian: entry (i, j) is ∂ output element i / ∂ input element j, both row-major.

    Attributes:
        label: which derivative, such as ``dQ/da``.
        output_shape, input_shape: shapes of the two tensors.
        tensor: shape (output elements, input elements); None where it is undefined (no path) or above the limit.
        output, input: slots of the node; for a whole pass, the root's number and the value id of the leaf, or of
            the root itself.
        note: why there is no matrix.
    """

    label: str
    output_shape: tuple[int, ...]
    input_shape: tuple[int, ...]
    tensor: TensorSnapshot | None
    output: int = 0
    input: int = 0
    note: str = ""


# ── Files and JSON ────────────────────────────────────────────────────────────────────────────────────────────────

_packer = msgspec.msgpack.Encoder()
_unpacker = msgspec.msgpack.Decoder(Trace)


def pack_trace(trace: Trace) -> bytes:
    """A trace as msgpack; ``core/tracefile.py`` makes a file of it."""
    try:
        return _packer.encode(trace)
    except UnicodeEncodeError:
        return _packer.encode(without_surrogates(msgspec.to_builtins(trace, builtin_types=(bytes,))))


def unpack_trace(blob: bytes) -> Trace:
    """What ``pack_trace`` gave; raises ValueError with one line when it is damaged or of another format."""
    try:
        trace = _unpacker.decode(blob)
    except (msgspec.DecodeError, RecursionError) as error:
        said = " ".join(str(error).split())  # what it quotes of the file may be long, and of many lines
        raise ValueError(f"it is damaged: {said[:200]}") from None
    if trace.format != TRACE_FORMAT:
        raise ValueError(f"it holds a trace of format {trace.format[:40]!r}; this Pullback reads {TRACE_FORMAT!r}")
    return trace


def without_surrogates(item: Any) -> Any:
    """Texts, lists and dicts with lone surrogates, which no encoding can carry, written as escapes."""
    if isinstance(item, str):
        return item.encode("utf-8", "backslashreplace").decode()
    if isinstance(item, dict):
        return {without_surrogates(key): without_surrogates(value) for key, value in item.items()}
    if isinstance(item, list | tuple):
        return [without_surrogates(entry) for entry in item]
    return item


def trace_json(trace: Trace) -> bytes:
    """The trace as UTF-8 JSON: the names and shapes that outside programs rely on, and more beside them."""
    return msgspec.json.encode(_plain(trace))


def _plain(item: object) -> Any:
    """Records → dicts, lists and numbers that JSON can hold; NaN and infinities become strings."""
    match item:
        case TensorSnapshot():
            return tensor_json(item)
        case Record():
            names = zip(item.__struct_fields__, item.__struct_encode_fields__, strict=True)
            return {encoded: _plain(getattr(item, name)) for name, encoded in names}
        case tuple() | list():
            return [_plain(entry) for entry in item]
        case dict():
            return {str(key): _plain(entry) for key, entry in item.items()}
        case float() | complex():
            return _number(item)
        case _:
            return item


def tensor_json(tensor: TensorSnapshot) -> dict[str, Any]:
    """A tensor as JSON holds it: TENSOR in the trace's JSON."""
    statistics = tensor.statistics
    data = tensor.data
    odd = statistics.nan or statistics.inf or tensor.dtype.startswith("complex")
    entry: dict[str, Any] = {
        "shape": tensor.shape,
        "dtype": tensor.dtype,
        "data": [_number(x) for x in data] if data and odd else data,
        "min": _number(statistics.min),
        "max": _number(statistics.max),
        "mean": _number(statistics.mean),
        "nan": statistics.nan,
        "inf": statistics.inf,
    }
    if tensor.elided is not None:
        entry["head"] = [_number(x) for x in tensor.head]
    if tensor.layout != "strided":
        entry["layout"] = tensor.layout
    if tensor.opaque:
        entry["opaque"] = tensor.opaque
    return entry


def _number(x: Any) -> Any:
    """NaN and infinities as strings, a complex number as [real, imaginary]."""
    if isinstance(x, complex):
        return [_number(x.real), _number(x.imag)]
    if isinstance(x, float) and not math.isfinite(x):
        return "nan" if math.isnan(x) else "inf" if x > 0 else "-inf"
    return x
