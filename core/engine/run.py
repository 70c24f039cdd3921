"""A whole program: recorded, verified, and run again to answer a question about it."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import CodeType, ModuleType
from typing import Any, Final

import msgspec
import torch
from torch import Tensor
from torch.autograd.graph import Node

from core.engine import jacobian
from core.engine.explain import explain
from core.engine.forward import Forward
from core.engine.graph import is_accumulator, leaf_of, node_name, reachable, release, roots_of
from core.engine.live import Live
from core.engine.passes import Backward
from core.engine.program import Output, Progress, failure_of, run_code
from core.engine.recording import Recording
from core.engine.source import ALTER, BIND, USE, Source
from core.engine.verify import Digests, plain_digests
from core.engine.what_if import Plan
from core.places import tensor_at
from core.records import CHECK_SECONDS, Check, Failure, Matrix, Options, Span, TensorSnapshot, Trace, WhatIf
from core.unchecked import differentiable

TOGETHER: Final = 1 << 23
"""Entries of all the Jacobians in one answer, after which no more are computed: 64 MB in double precision."""


class _Answered(BaseException):
    """Ends a run that has told what it was run for."""


class Run:
    """One run of a program under the recorder.

    ``hooked`` False applies the what-ifs and lets the engine run without hooks: what a recorded run with what-ifs is
    compared with.
    """

    def __init__(
        self, source: str, what_if: WhatIf, options: Options, listener: Progress | None = None, *, hooked: bool = True
    ) -> None:
        self.source = Source(source, options.path)
        self.recording = Recording(self.source, what_if, options)
        self.output = Output(listener, options.output)
        self.digests = Digests()
        try:
            self.plan = Plan(what_if, self.source)
        except (SyntaxError, RecursionError, MemoryError):  # the run itself will say so
            self.plan = Plan(WhatIf(), self.source)
        self.forward = Forward(self.source, self.recording, self.plan)
        self.backward = Backward(self.recording, self.forward, self.plan, self.failure, self.digests)
        self.backward.hooked = hooked
        self.error: Failure | None = None
        self.seconds = 0.0
        self.answered = False

    def failure(self, error: BaseException, call: Span) -> Failure:
        """The record of an exception in a backward call; its traceback has not reached the program's ``call`` yet."""
        failure = failure_of(error, self.source)
        if not failure.line:
            failure = msgspec.structs.replace(failure, line=call[0], span=call)
        return explain(self.recording.trace(), failure)

    def execute(self) -> Trace:
        """Runs the program; returns its trace. Raises WhatIfError."""
        names = {BIND: self.forward.bind, ALTER: self.forward.alter, USE: self.forward.use}
        _, failure, self.seconds = run_code(self.source, self._code, self.output, names, self._around)
        self.output.finish()
        if self.backward.live is not None:
            self.seconds -= self.backward.live.waited
        self.plan.check_refused()
        if self.answered:
            return self.trace()
        if failure is None:
            self.plan.check_applied(self.recording.calls)
        else:
            self.error = explain(self.recording.trace(), failure)
        return self.trace()

    def done(self) -> BaseException:
        """An exception that ends the run because it has told what it was run for."""
        self.answered = True
        return _Answered()

    def name_of(self, tensor: Any) -> str:
        """What the program calls a tensor."""
        if not isinstance(tensor, Tensor):
            return "output"
        names = self.recording.values[self.recording.value_of(tensor)].names
        return names[0] if names else "output"

    def trace(self) -> Trace:
        """What has been recorded so far; may be asked for from another thread while the program runs."""
        return self.recording.trace(self.output.text, self.error, self.seconds)

    def _code(self) -> CodeType:
        # The rewriting visits expressions recursively, at a few Python frames for each level that Python's own
        # compiler takes on the C stack; this thread's stack is deep enough for both.
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, 50_000))
        try:
            return self.source.instrumented(self.plan.alterations)
        finally:
            sys.setrecursionlimit(limit)

    @contextmanager
    def _around(self, module: ModuleType) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(self.backward.installed())
            stack.enter_context(self.forward.installed())
            try:
                yield
            finally:
                with self.forward.looking_away():
                    self.recording.watch_leaves(0, "", "assign")
                    self.recording.freeze_leaves()
                    self.digests.finish(module, [leaf.name for leaf in self.recording.leaf_records()])


_current: Run | None = None
_last: tuple[Trace, Digests, Any] | None = None
_one_program = threading.Lock()


@contextmanager
def _running(run: Run) -> Iterator[None]:
    global _current
    if not _one_program.acquire(blocking=False):  # to wait would be to wait for ever, where the program itself asks
        raise RuntimeError("a program is being recorded already; one at a time")
    _current = run
    try:
        yield
    finally:
        _current = None
        _one_program.release()


def salvage() -> Trace | None:
    """What the running program's trace holds so far; None when none runs. For use from another thread."""
    run = _current
    return None if run is None else run.trace()


def program_line() -> int:
    """The line that the running program is at; 0 when none runs."""
    run = _current
    if run is None:
        return 0
    for frame in sys._current_frames().values():
        at: Any = frame
        while at is not None:
            if at.f_code.co_filename == run.source.filename:
                return int(at.f_lineno)
            at = at.f_back
    return 0


def record(
    source: str,
    what_if: WhatIf = WhatIf(),
    options: Options = Options(),
    *,
    listener: Progress | None = None,
    live: Live | None = None,
) -> Trace:
    """Runs a whole program in this process and returns its trace.

    What the program raises is in ``Trace.error``. Its output goes to ``Trace.stdout`` and to ``listener``. With
    ``Options.verify`` the program runs once more, unrecorded, for ``Trace.agrees``, and with
    ``Options.finite_differences`` yet again, for ``Trace.checks``. With ``live`` the program waits there before
    nodes of its backward passes. Raises WhatIfError, a ValueError, for a what-if that does not fit the program, and
    RuntimeError while another program is being recorded.
    """
    global _last
    before = _random_state()
    run = Run(source, what_if, options, listener)
    run.backward.live = live
    with _running(run):
        trace = run.execute()
    _last = trace, run.digests, before
    return verify_trace(trace, what_if, options) if options.verify else trace


def warm_up() -> None:
    """Runs a program of our own, so that the next one finds loaded what torch loads at its first backward pass."""
    record("import torch\nx = torch.ones(2, requires_grad=True)\n(x * x).backward(torch.ones(2))\nprint(x.grad)\n")


def verify_trace(trace: Trace, what_if: WhatIf = WhatIf(), options: Options = Options()) -> Trace:
    """Fills ``agrees`` and ``checks`` of a trace that was just recorded in this process.

    The program runs again, unrecorded, from the same random state. Where the two runs differ, a third tells whether
    the program is deterministic at all: None if not. None too, and no run, where the reader overwrote a gradient.
    """
    if _last is None or _last[0] is not trace:
        raise ValueError("only the trace that was recorded last can be verified")
    if trace.overwritten:
        return trace
    _, recorded, before = _last
    after = _random_state()

    def again() -> Digests:
        _set_random_state(before)
        if not what_if:
            return plain_digests(Source(trace.source, trace.path), recorded)
        run = Run(trace.source, what_if, options, hooked=False)
        with _running(run):
            run.execute()
        return run.digests

    agrees: bool | None = None
    checks: tuple[Check, ...] = ()
    try:
        if not (trace.error and not trace.ops):
            first = again()
            agrees = first == recorded
            if not agrees and again() != first:
                agrees = None
        if options.finite_differences and trace.seconds <= CHECK_SECONDS:
            _set_random_state(before)
            checks = finite_differences(trace.source, what_if, options)
    finally:
        _set_random_state(after)
    return msgspec.structs.replace(trace, agrees=agrees, checks=checks)


def finite_differences(source: str, what_if: WhatIf, options: Options) -> tuple[Check, ...]:
    """Runs the program again and compares each small differentiable operation with finite differences in float64."""
    checks: list[Check] = []
    run = Run(source, what_if, options)

    def examine(call: Callable[..., Any], args: Any, kwargs: Any, custom: bool) -> Callable[[int], None]:
        comparison = jacobian.finite_differences(call, args, kwargs)

        def keep(op: int) -> None:
            if comparison is not None:
                checks.append(Check(op, comparison.error, comparison.agrees, custom))

        return keep

    run.forward.examine = examine
    with _running(run):
        trace = run.execute()
    return tuple(check for check in checks if differentiable(trace, trace.ops[check.op]))


# ── Questions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def local_jacobian(
    source: str, what_if: WhatIf, options: Options, pass_index: int, step_index: int
) -> tuple[Matrix, ...]:
    """The Jacobian of the node that a step ran: one matrix per output and input. Runs the program up to there."""
    found = _jacobians_of(source, what_if, options, {(pass_index, step_index)}, jacobian.ENTRY_LIMIT)
    if not found:
        raise ValueError(f"the program has no step {step_index} in pass {pass_index}")
    return found[pass_index, step_index]


def local_jacobians(
    source: str, what_if: WhatIf, options: Options, steps: Sequence[tuple[int, int]], limit: int = jacobian.ENTRY_LIMIT
) -> tuple[tuple[Matrix, ...], ...]:
    """The Jacobians of the nodes that several steps ran, (pass, step) each, in one run of the program up to the last.

    The same as ``local_jacobian`` says of each, where the program's own backward code leaves nothing behind.

    Args:
        limit: entries of a matrix at most; less for those that come after ``TOGETHER`` entries in all.

    Returns:
        In the order asked; () for a step that the run did not reach.
    """
    found = _jacobians_of(source, what_if, options, set(steps), limit)
    return tuple(found.get(step, ()) for step in steps)


def _jacobians_of(
    source: str, what_if: WhatIf, options: Options, steps: set[tuple[int, int]], limit: int
) -> dict[tuple[int, int], tuple[Matrix, ...]]:
    found: dict[tuple[int, int], tuple[Matrix, ...]] = {}
    left = TOGETHER

    def probe(number: int, step: int, node: Node) -> None:
        nonlocal left
        if (number, step) not in steps:
            return
        answer = jacobian.local_jacobian(node, limit=min(limit, left))
        left -= min(left, sum(one.matrix.numel() for one in answer if one.matrix is not None))
        name = node_name(node)
        found[number, step] = tuple(one.record(f"{name}: output {one.output} by input {one.input}") for one in answer)
        if len(found) == len(steps):
            raise run.done()

    run = Run(source, what_if, options)
    run.backward.probe = probe
    if steps:
        with _running(run):
            run.execute()
    return found


def pass_jacobian(source: str, what_if: WhatIf, options: Options, pass_index: int) -> tuple[Matrix, ...]:
    """The Jacobian of each root of a pass with respect to itself and to each leaf. Runs the program up to the pass."""
    answer: list[Matrix] = []

    def before(number: int, roots: Sequence[Any]) -> None:
        if number != pass_index:
            return
        nodes = reachable(root.node for root in roots_of(roots))
        leaves = [leaf_of(node) for node in nodes if is_accumulator(node)]
        release(nodes)
        for number, root in enumerate(roots):
            itself = [root] if isinstance(root, Tensor) else []
            inputs = [*itself, *(leaf for leaf in leaves if leaf is not root)]
            for one in jacobian.pass_jacobian([root], inputs):
                label = f"d{run.name_of(root)}/d{run.name_of(inputs[one.input])}"
                value = run.recording.value_of(inputs[one.input])
                answer.append(msgspec.structs.replace(one.record(label), output=number, input=value))
        raise run.done()

    run = Run(source, what_if, options)
    run.backward.before = before
    with _running(run):
        run.execute()
    if not run.answered:
        raise ValueError(f"the program has no pass {pass_index}")
    return tuple(answer)


def whole_tensor(source: str, what_if: WhatIf, options: Options, where: str) -> TensorSnapshot:
    """Every element of one tensor of the trace, however large. Runs the program again, keeping all elements.

    ``where``: its place, as in ``core.places``. Raises ValueError where there is no such tensor.
    """
    whole = msgspec.structs.replace(options, full=True, verify=False, finite_differences=False)
    found = tensor_at(record(source, what_if, whole), where)
    if found is None:
        raise ValueError(f"the trace has no tensor at {where}")
    return found


def _random_state() -> tuple[Any, ...]:
    """The random generators that programs use."""
    numpy = sys.modules.get("numpy")
    return torch.get_rng_state(), random.getstate(), numpy and numpy.random.get_state()


def _set_random_state(state: tuple[Any, ...]) -> None:
    torch.set_rng_state(state[0])
    random.setstate(state[1])
    if state[2]:
        sys.modules["numpy"].random.set_state(state[2])
