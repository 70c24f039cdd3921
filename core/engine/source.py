"""The learner's program as text: compiled with calls that report names and apply what-ifs; frames mapped to places."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any, Final, NamedTuple

from torch.overrides import handle_torch_function

from core.lines import lines_of
from core.records import Span

BIND = "__pullback_bind__"
ALTER = "__pullback_alter__"
USE = "__pullback_use__"

NO_SPAN: Span = (0, 0, 0, 0)


class Place(NamedTuple):
    """An expression of the program, as a frame runs it."""

    function: str
    span: Span
    text: str


NOWHERE = Place("", NO_SPAN, "")


class Alteration(NamedTuple):
    """A what-if that the source can carry: what to do with the value of an expression.

    Attributes:
        rule: number by which the run knows the what-if.
        spans: the expressions (UTF-8 byte columns, as ``ast`` gives them).
        name: rebind this name after the statements instead, where the place named an assignment's target.
        uses: expressions whose parts are looked through for the value; empty for all uses.
        heal: whether ``.detach()`` inside the expressions is undone instead.
    """

    rule: int
    spans: frozenset[Span]
    name: str = ""
    uses: frozenset[Span] = frozenset()
    heal: bool = False


COMPREHENSIONS: Final = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
"""Names of frames that are no calls in the program's text."""

DEEPEST: Final = 50
"""Calls within calls that are told; of a deeper recursion every operation would carry a long list."""

_HANDLE: Final = handle_torch_function.__code__
_STAND_IN: Final = "<pullback>"


def _stand_in(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return call(*args, **kwargs)


class Source:
    """A program: its text, and the way from a running frame back to the text."""

    def __init__(self, text: str, path: str = "") -> None:
        self.text = text
        self.path = path
        self.filename = path or "<program>"
        self._lines = lines_of(text)
        self._bytes = [line.encode(errors="surrogatepass") for line in self._lines]
        self._positions: dict[CodeType, list[tuple[int | None, int | None, int | None, int | None]]] = {}
        self._places: dict[tuple[CodeType, int], Place] = {}
        self._stand_ins: dict[tuple[CodeType, int], FunctionType] = {}

    @property
    def lines(self) -> list[str]:
        """Lines with their ends, for ``linecache``."""
        return self._lines

    def plain(self) -> CodeType:
        """The program as it is."""
        return compile(self.text, self.filename, "exec", dont_inherit=True)

    def instrumented(self, alterations: tuple[Alteration, ...] = ()) -> CodeType:
        """The program with a call behind each assignment and around each altered expression; positions stay."""
        tree: Any = ast.parse(self.text, self.filename)
        for alteration in alterations:
            tree = _Alter(alteration).visit(tree)
        tree = _Bind().visit(tree)
        return compile(ast.fix_missing_locations(tree), self.filename, "exec", dont_inherit=True)

    def frame(self) -> FrameType | None:
        """The innermost running frame of the program on this thread."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and (frame.f_code.co_filename != self.filename or frame.f_code.co_name == _STAND_IN):
            frame = frame.f_back
        return frame

    def place(self, frame: FrameType | None = None) -> Place:
        """The expression that a frame, or else the innermost frame of the program, is at."""
        frame = frame or self.frame()
        return NOWHERE if frame is None else self._place(frame.f_code, frame.f_lasti)

    def calls(self) -> tuple[Span, ...]:
        """The expressions that called the functions of the program that are running now, from the outside in."""
        inner = self.frame()
        if inner is None or inner.f_code.co_name == "<module>":
            return ()
        found: list[Span] = []
        frame = inner.f_back
        while frame is not None and len(found) <= DEEPEST:
            if frame.f_code.co_filename == self.filename and frame.f_code.co_name != _STAND_IN:
                if inner.f_code.co_name not in COMPREHENSIONS:
                    found.append(self._place(frame.f_code, frame.f_lasti).span)
                inner = frame
            frame = frame.f_back
        return tuple(reversed(found)) if len(found) <= DEEPEST else ()

    def as_called_by(self, frame: FrameType) -> Callable[..., Any]:
        """``f(call, *args)`` → ``call(*args)``, from a frame with the file, line and globals of the given one.

        A warning tells where the function it comes from was called, and is shown once per line of that module.
        """
        if frame.f_code is _HANDLE and frame.f_back is not None and frame.f_back.f_back is not None:
            frame = frame.f_back.f_back  # handle_torch_function was called by the very function that is handled
        key = frame.f_code, frame.f_lineno
        found = self._stand_ins.get(key)
        if found is None or found.__globals__ is not frame.f_globals:
            code = _stand_in.__code__.replace(
                co_filename=frame.f_code.co_filename,
                co_firstlineno=frame.f_lineno - 1,  # of the ``def``, a line above the call
                co_name=_STAND_IN,
            )
            found = self._stand_ins[key] = FunctionType(code, frame.f_globals)
        return found

    def line_of(self, traceback: TracebackType | None) -> int:
        """The innermost line of the program in a traceback; 0 when there is none."""
        line = 0
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == self.filename:
                line = traceback.tb_lineno
            traceback = traceback.tb_next
        return line

    def span_of(self, traceback: TracebackType | None) -> Span:
        """The innermost expression of the program in a traceback; zeros when there is none."""
        span = NO_SPAN
        while traceback is not None:
            code = traceback.tb_frame.f_code
            if code.co_filename == self.filename and code.co_name != _STAND_IN:
                span = self._place(code, traceback.tb_lasti).span
            traceback = traceback.tb_next
        return span

    def _place(self, code: CodeType, instruction: int) -> Place:
        key = code, instruction
        if key not in self._places:
            if code not in self._positions:
                self._positions[code] = list(code.co_positions())
            line, end_line, column, end_column = self._positions[code][instruction // 2]
            if line is None or end_line is None or column is None or end_column is None:
                self._places[key] = Place(code.co_qualname, (line or 0, 0, line or 0, 0), "")
            else:
                span = (line, column, end_line, end_column)
                self._places[key] = Place(code.co_qualname, self.characters(span), self.slice(span))
        return self._places[key]

    def characters(self, span: Span) -> Span:
        """A span in UTF-8 bytes → in characters."""
        line, column, end_line, end_column = span
        return line, self._column(line, column), end_line, self._column(end_line, end_column)

    def _column(self, line: int, column: int) -> int:
        if not 0 < line <= len(self._bytes):
            return column
        return len(self._bytes[line - 1][:column].decode(errors="replace"))

    def slice(self, span: Span) -> str:
        """The text of a span in UTF-8 bytes."""
        line, column, end_line, end_column = span
        if not 0 < line <= end_line <= len(self._bytes):
            return ""
        rows = self._bytes[line - 1 : end_line]
        rows[-1] = rows[-1][:end_column]
        rows[0] = rows[0][column:]
        return b"".join(rows).decode(errors="replace")


# ── Finding what a person meant by LINE:EXPR ──────────────────────────────────────────────────────────────────────


def expressions(text: str, line: int, wanted: str) -> tuple[frozenset[Span], str]:
    """The expressions at a line that read like ``wanted``, whatever their spacing; or the name assigned there.

    Returns spans in UTF-8 bytes, and the name when ``wanted`` is an assignment's target (the spans are then those of
    the assigned expressions). No spans: there is no such place. Raises SyntaxError when the program does not parse.
    """
    tree = ast.parse(text)
    try:
        form = ast.dump(ast.parse(wanted.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset(), ""
    for statement in ast.walk(tree):
        if getattr(statement, "lineno", None) == line and wanted.strip() in _targets(statement):
            value = getattr(statement, "value", None)
            return frozenset([_span(value if isinstance(value, ast.expr) else statement)]), wanted.strip()
    spans = [
        _span(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.expr)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
        and not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
        and ast.dump(node) == form
    ]
    return frozenset(span for span in spans if span[0] == line) or frozenset(spans), ""


def detaches(text: str, spans: frozenset[Span]) -> bool:
    """Whether one of the expressions has a ``.detach()`` (or ``.data``) in it."""
    return any(
        _detached(part) is not None
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.expr) and _span(node) in spans
        for part in ast.walk(node)
    )


def _span(node: ast.AST) -> Span:
    """Span in UTF-8 bytes; NO_SPAN for a node that has none."""
    line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
    return line, column, getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)


def _targets(node: ast.AST) -> list[str]:
    """Names a statement binds."""
    match node:
        case ast.Assign(targets=targets):
            return [name for target in targets for name in _names(target)]
        case ast.AugAssign(target=target) | ast.For(target=target) | ast.AnnAssign(target=target, value=ast.expr()):
            return _names(target)
        case ast.NamedExpr(target=target):
            return _names(target)
        case ast.arg(arg=name):
            return [name]
        case _:
            return []


def _names(target: ast.expr) -> list[str]:
    match target:
        case ast.Name(id=name):
            return [name]
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [name for part in parts for name in _names(part)]
        case ast.Starred(value=part):
            return _names(part)
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            return [f"{owner}.{name}"]
        case _:
            return []


def _detached(node: ast.AST) -> ast.expr | None:
    """``x`` of ``x.detach()``, ``torch.detach(x)`` and ``x.data``."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="detach"), args=[inner]):
            return inner
        case ast.Call(func=ast.Attribute(value=inner, attr="detach" | "detach_"), args=[]):
            return inner
        case ast.Attribute(value=inner, attr="data", ctx=ast.Load()):
            return inner
        case _:
            return None


# ── Rewriting ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _at(node: ast.expr | ast.stmt, where: ast.AST) -> None:
    """Gives every part of new code the position of the code it stands for."""
    span = _span(where)
    part: Any
    for part in ast.walk(node):
        part.lineno, part.col_offset, part.end_lineno, part.end_col_offset = span


def _call(function: str, *arguments: ast.expr, where: ast.AST) -> ast.Call:
    """``function(*arguments)`` at the position of ``where``, the arguments keeping their own."""
    call = ast.Call(ast.Name(function, ast.Load()), [], [])
    _at(call, where)
    for argument in arguments:
        if not hasattr(argument, "lineno"):
            _at(argument, where)
        call.args.append(argument)
    return call


class _Bind(ast.NodeTransformer):
    """Reports names and values: ``y = v`` becomes ``y = bind("y", v)``; other targets get a call behind them."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name | ast.Attribute):
            if names := _names(node.targets[0]):
                node.value = _call(BIND, ast.Constant(names[0]), node.value, where=node.value)
            return node
        return [node, *self._reports([name for target in node.targets for name in _names(target)], node)]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is not None and (names := _names(node.target)):
            node.value = _call(BIND, ast.Constant(names[0]), node.value, where=node.value)
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        self.generic_visit(node)
        node.value = _call(BIND, ast.Constant(node.target.id), node.value, where=node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        self.generic_visit(node)
        return [node, *self._reports(_names(node.target), node)]

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        node.body[:0] = self._reports(_names(node.target), node.target)
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        self.generic_visit(node)
        names = [name for item in node.items if item.optional_vars for name in _names(item.optional_vars)]
        node.body[:0] = self._reports(names, node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        names = [parameter.arg for parameter in parameters if parameter.arg not in ("self", "cls")]
        node.body[_after_docstring(node) : _after_docstring(node)] = self._reports(names, node)
        return node

    def _reports(self, names: list[str], where: ast.AST) -> list[ast.stmt]:
        """A call for each plain name; an attribute is left alone, because reading it may run code."""
        calls = [
            ast.Expr(_call(BIND, ast.Constant(name), ast.Name(name, ast.Load()), where=where))
            for name in names
            if "." not in name
        ]
        for call in calls:
            _at(call, where)
        return list(calls)


def _after_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return 1 if ast.get_docstring(node, clean=False) is not None else 0


class _Alter(ast.NodeTransformer):
    """Carries one what-if into the code."""

    def __init__(self, alteration: Alteration) -> None:
        self._change = alteration

    def visit(self, node: ast.AST) -> ast.AST | list[ast.AST]:
        if not isinstance(node, ast.expr):
            self.generic_visit(node)
            return self._rebound(node)
        span = _span(node)
        load = not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
        if self._change.heal:
            if span in self._change.spans:
                return _Heal(self._change.rule).visit(node)
            self.generic_visit(node)
            return node
        used = span in self._change.uses and load
        altered = span in self._change.spans and load and not self._change.name
        self.generic_visit(node)
        if isinstance(node, ast.NamedExpr) and node.target.id == self._change.name:
            if _span(node.value) in self._change.spans:
                node.value = self._wrapped(ALTER, node.value)
            return node
        if used:
            node = _Uses(self._change.rule).within(node)
        return self._wrapped(ALTER, node) if altered else node

    def _wrapped(self, function: str, node: ast.expr) -> ast.expr:
        return _call(function, ast.Constant(self._change.rule), node, where=node)

    def _rebound(self, node: ast.AST) -> ast.AST | list[ast.AST]:
        """``y = …`` → ``y = …; y = alter(rule, y)``, where the place named the target."""
        name = self._change.name
        if not name:
            return node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            if any(parameter.arg == name and _span(parameter) in self._change.spans for parameter in parameters):
                node.body.insert(_after_docstring(node), self._rebinding(node))
            return node
        value = getattr(node, "value", None)
        place = _span(value if isinstance(value, ast.expr) else node)
        if name not in _targets(node) or place not in self._change.spans:
            return node
        if isinstance(node, ast.For):
            node.body.insert(0, self._rebinding(node.target))
            return node
        return [node, self._rebinding(node)] if isinstance(node, ast.stmt) else node

    def _rebinding(self, where: ast.AST) -> ast.stmt:
        code = f"{self._change.name} = {ALTER}({self._change.rule}, {self._change.name})"
        statement = ast.parse(code).body[0]
        _at(statement, where)
        return statement


class _Heal(ast.NodeTransformer):
    """``x.detach()`` → ``alter(rule, x)``, which returns ``x``."""

    def __init__(self, rule: int) -> None:
        self._rule = rule

    def visit(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        inner = _detached(node)
        return node if inner is None else _call(ALTER, ast.Constant(self._rule), inner, where=node)


class _Uses(ast.NodeTransformer):
    """Lets the run look at every part of an expression that may stand for a value: ``a + f(b)`` → ``use(a) + …``."""

    def __init__(self, rule: int) -> None:
        self._rule = rule

    def within(self, node: ast.expr) -> ast.expr:
        """The expression, counted when it is begun: ``(use(rule), expression)[1]``."""
        begun = _call(USE, ast.Constant(self._rule), where=node)
        counted: Any = ast.Subscript(ast.Tuple([begun], ast.Load()), ast.Constant(1), ast.Load())
        _at(counted, node)
        counted.value.elts.append(self.visit(node))
        return counted

    def visit(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
            return node
        if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            return node
        return _call(USE, ast.Constant(self._rule), node, where=node)
