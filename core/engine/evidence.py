"""What a trace and its source tell of a failure: which tensor, which line, which node, which pass."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property

from core.lines import lines_of
from core.records import Failure, Node, Op, Pass, Trace, Value


class Case:
    """A failure and its trace, with the questions that the rules ask."""

    def __init__(self, trace: Trace, failure: Failure) -> None:
        self.trace = trace
        self.failure = failure

    # ── The source ──

    @cached_property
    def expressions(self) -> list[ast.expr | ast.stmt]:
        """Everything written on the failing line, innermost first."""
        try:
            tree = ast.parse(self.trace.source)
        except (SyntaxError, ValueError, RecursionError):
            return []
        line = self.failure.line
        here = [node for node in ast.walk(tree) if isinstance(node, ast.expr | ast.stmt)]
        here = [node for node in here if node.lineno <= line <= (node.end_lineno or node.lineno)]
        return sorted(here, key=lambda node: (_height(node), -node.col_offset))

    def text(self, node: ast.AST) -> str:
        return ast.get_source_segment(self.trace.source, node) or ""

    def call(self, *names: str) -> ast.Call | None:
        """The call of a function or method of one of these names on the failing line."""
        for node in self.expressions:
            if isinstance(node, ast.Call) and _last_name(node.func) in names:
                return node
        return None

    @property
    def roots(self) -> list[ast.expr]:
        """The expressions a failing backward call starts from."""
        call = self.call("backward", "grad")
        if call is None:
            return []
        if isinstance(call.func, ast.Attribute) and _last_name(call.func.value) not in ("autograd", "torch"):
            return [call.func.value]
        return _entries(_argument(call, 0, "tensors", "outputs"))

    @property
    def inputs(self) -> list[ast.expr]:
        """The tensors a failing ``grad`` or ``backward`` call differentiates with respect to."""
        call = self.call("backward", "grad")
        return [] if call is None else _entries(_argument(call, 1 if _last_name(call.func) == "grad" else 9, "inputs"))

    @property
    def changed(self) -> str:
        """What the failing line changes in place, as written; the whole line where that cannot be told."""
        for node in self.expressions:
            match node:
                case ast.AugAssign(target=target):
                    return self.text(target)
                case ast.Assign(targets=[ast.Subscript(value=value)]):
                    return self.text(value)
                case ast.Call(func=ast.Attribute(value=value, attr=name)) if name.endswith("_"):
                    return self.text(value)
        return self.line(self.failure.line)

    def line(self, number: int) -> str:
        lines = lines_of(self.trace.source)
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""

    def value_of(self, node: ast.expr) -> Value | None:
        """The tensor an expression of the program last stood for."""
        text = self.text(node)
        for value in reversed(self.trace.values):
            if text in value.names:
                return value
        for op in reversed(self.trace.ops):
            if op.line == node.lineno and op.text == text and op.outputs:
                return self.trace.values[op.outputs[0]]
        return None

    # ── The forward pass ──

    @cached_property
    def _makers(self) -> dict[int, Op]:
        return {output: op for op in self.trace.ops for output in op.outputs}

    def maker(self, value: Value) -> Op | None:
        return self._makers.get(value.id)

    def label(self, value: Value) -> str:
        """What a person would call it."""
        if value.names:
            return value.names[-1]
        op = self.maker(value)
        return op.text if op and op.text else f"tensor{list(value.shape)}"

    def upstream(self, value: Value) -> Iterator[Value]:
        """The value and everything it was computed from, nearest first."""
        seen, queue = {value.id}, [value]
        for value in queue:
            yield value
            op = self.maker(value)
            before = [*(op.inputs if op else ()), *([] if value.previous is None else [value.previous])]
            for number in before:
                if number not in seen:
                    seen.add(number)
                    queue.append(self.trace.values[number])

    def memory(self, value: Value) -> int:
        """The same number for values that share memory, and so a version counter."""
        while (before := value.view_of if value.view_of is not None else value.previous) is not None:
            value = self.trace.values[before]
        return value.id

    # ── The backward pass ──

    @cached_property
    def failing_pass(self) -> int | None:
        """Index of the pass that raised."""
        for index in reversed(range(len(self.trace.passes))):
            error = self.trace.passes[index].error
            if error is not None and error.message == self.failure.message:
                return index
        last = len(self.trace.passes) - 1
        return last if last >= 0 and self.trace.passes[last].line == self.failure.line else None

    @cached_property
    def failing_node(self) -> Node | None:
        """The node the engine was running: of those ready and not run, the first in the engine's order."""
        if self.failing_pass is None:
            return None
        run = self.trace.passes[self.failing_pass]
        if self.failure.node is not None:
            return run.nodes[self.failure.node[1]]
        done = {step.node for step in run.steps}
        waiting = {edge.target for edge in run.edges if edge.source not in done}
        ready = [node for node in run.nodes if node.id not in done | waiting]
        if run.inputs or run.call == "grad":  # the engine leaves out leaves that were not asked for
            ready = [node for node in ready if not node.name.endswith("AccumulateGrad")]
        return max(ready, key=lambda node: node.sequence_nr, default=None)

    @property
    def node(self) -> tuple[int, int] | None:
        if self.failing_pass is None or self.failing_node is None:
            return None
        return self.failing_pass, self.failing_node.id

    @property
    def failing_op(self) -> Op | None:
        """The operation whose backward raised."""
        node = self.failing_node
        return None if node is None or node.op is None else self.trace.ops[node.op]

    def freed_by(self) -> Pass | None:
        """The earlier pass that freed what the failing one needed."""
        if self.failing_pass is None:
            earlier, needed = self.trace.passes, None
        else:
            earlier = self.trace.passes[: self.failing_pass]
            node = self.failing_node
            nodes = self.trace.passes[self.failing_pass].nodes if node is None else (node,)
            needed = {node.sequence_nr for node in nodes if not node.name.endswith("AccumulateGrad")}
        for run in reversed(earlier):
            ran = {run.nodes[step.node].sequence_nr for step in run.steps}
            if not run.retain_graph and (needed is None or ran & needed):
                return run
        return None


# ── Small questions about source ──────────────────────────────────────────────────────────────────────────────────


def _height(node: ast.AST) -> int:
    return sum(1 for _ in ast.walk(node))


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _argument(call: ast.Call, position: int, *names: str) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg in names:
            return keyword.value
    return call.args[position] if position < len(call.args) else None


def _entries(node: ast.expr | None) -> list[ast.expr]:
    return [] if node is None else node.elts if isinstance(node, ast.List | ast.Tuple) else [node]
