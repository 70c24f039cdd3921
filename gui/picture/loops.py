"""The program's text and the order of events → in which turn of which loop everything ran."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from core.lines import NO_PROGRAM
from core.records import Op, Span, Trace
from gui.figures import clip

NAME_LIMIT = 30
"""Characters of a loop's head that are shown."""

Kind = Literal["module", "loop", "turn", "repeat", "pass", "data"]
Step = tuple[Kind, str, str]
"""One level of where something belongs: kind, key that tells it from its neighbours, name."""


# ── The text ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Function:
    """A function of the program's text; number 0 is the program itself.

    Attributes:
        owner: name of the class around it.
    """

    number: int
    name: str
    span: Span
    owner: str = ""

    @property
    def is_forward(self) -> bool:
        """Whether calling an object of its class runs it."""
        return bool(self.owner) and self.name in ("forward", "__call__")


@dataclass(frozen=True)
class _Loop:
    """A loop of the program's text.

    Attributes:
        body: spans of what runs at every turn, in the order of statements.
        function: number of the function around it.
        tested: whether the first of them is the test of a ``while``, which runs once more than the rest.
        turns: how often it turns at most, where the text says so.
    """

    number: int
    head: str
    body: tuple[Span, ...]
    function: int
    tested: bool = False
    turns: int | None = None

    def statements(self, span: Span) -> range:
        """Where in the body something is written: several statements where only the line is known."""
        found = [number for number, part in enumerate(self.body) if _within(span, part)]
        return range(found[0], found[-1] + 1) if found else range(0)


Place = tuple[int, Span]
"""Number of a function, and a span inside it."""


class _Text:
    """Loops, functions, and from where each function is called.

    Attributes:
        loops: loops and comprehensions, outer ones first.
    """

    def __init__(self, source: str) -> None:
        self.loops: list[_Loop] = []
        self._lines = re.split(r"\r\n|\r|\n", source)
        self._functions = [_Function(0, "", (0, 0, 1 << 60, 0))]
        self._calls: dict[str, list[Place]] = defaultdict(list)
        self._read: Counter[str] = Counter()
        self._made: dict[str, list[str]] = defaultdict(list)
        self._places: dict[Span, tuple[Place, ...]] = {}
        self._inside: dict[Span, list[int]] = {}
        self._generators: set[int] = set()
        try:
            self._visit(ast.parse(source), 0, "")
        except NO_PROGRAM:
            self.loops.clear()
        self._sites = [self._site(function) for function in self._functions]

    def places(self, span: Span) -> tuple[Place, ...]:
        """Where something is written, after the one place that its function is called from, and so on outwards."""
        if span not in self._places:
            at: Place | None = (self._function_at(span), span)
            found: list[Place] = []
            while at is not None:
                if any(at[0] == function for function, _ in found):
                    del found[1:]  # It calls itself: nothing tells its calls apart.
                    break
                found.append(at)
                at = self._sites[at[0]]
            self._places[span] = tuple(reversed(found))
        return self._places[span]

    def called(self, op: Op) -> tuple[Place, ...]:
        """Where an operation is written, after the places its functions were called from."""
        if not self.tells_calls(op):
            return self.places(op.span)
        return tuple((self._function_at(at), at) for at in (*op.calls, op.span))

    def tells_calls(self, op: Op) -> bool:
        """Whether it is known from where the functions that an operation ran in were called."""
        return bool(op.calls) or not self._function_at(op.span)

    def has_returned(self, function: int, calls: tuple[Span, ...], now: tuple[Span, ...]) -> bool:
        """Whether a call of a function is over when something runs at ``now``; a generator may go on."""
        return now[: len(calls)] != calls and function not in self._generators

    def _function_at(self, span: Span) -> int:
        """Number of the innermost function around a place."""
        if span not in self._inside:
            self._inside[span] = [f.number for f in self._functions if _within(span, f.span)][-1:]
        return next(iter(self._inside[span]), 0)

    def is_forward(self, function: int) -> bool:
        return self._functions[function].is_forward

    def _site(self, function: _Function) -> Place | None:
        """The only place in the text that calls a function; None where there are several, or other uses of it."""
        name = function.name
        if function.is_forward:
            if len(self._made[function.owner]) != 1 or self._read[function.owner] != 1:
                return None
            name = self._made[function.owner][0]
        elif not name or self._read[name] != 1 or sum(f.name == name for f in self._functions) > 1:
            return None
        calls = self._calls[name]
        return calls[0] if len(calls) == 1 else None

    def _visit(self, node: ast.AST, function: int, owner: str) -> None:
        inner, inner_owner = function, owner
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                inner, inner_owner = self._function(node.name, node, owner), ""
            case ast.Lambda():
                inner, inner_owner = self._function("", node, ""), ""
            case ast.ClassDef():
                inner_owner = node.name
            case ast.Assign(targets=[target], value=value):
                if isinstance(value, ast.Lambda):
                    self._visit(target, function, owner)
                    self._visit(value.body, self._function(_name(target), value, ""), "")
                    return
                while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
                    value = value.func.value  # Net().to(device)
                if isinstance(value, ast.Call):
                    self._made[_name(value.func)].append(_name(target))
            case ast.Yield() | ast.YieldFrom():
                self._generators.add(function)
            case ast.Call():
                self._calls[_name(node.func)].append((function, self._span(node)))
            case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
                self._read[_name(node)] += 1
            case ast.For() | ast.AsyncFor():
                head = f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}"
                self._loop(head, list(node.body), function, turns=_turns(node.iter))
            case ast.While():
                self._loop(f"while {ast.unparse(node.test)}", [node.test, *node.body], function, tested=True)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                first = node.generators[0]
                elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
                head = f"for {ast.unparse(first.target)} in {ast.unparse(first.iter)}"
                alone = len(node.generators) == 1 and not first.ifs
                self._loop(head, [*elements, *first.ifs], function, turns=_turns(first.iter) if alone else None)
        for child in ast.iter_child_nodes(node):
            self._visit(child, inner, inner_owner)

    def _function(self, name: str, node: ast.AST, owner: str) -> int:
        self._functions.append(_Function(len(self._functions), name, self._span(node), owner))
        return len(self._functions) - 1

    def _loop(
        self, head: str, body: list[ast.AST], function: int, tested: bool = False, turns: int | None = None
    ) -> None:
        spans = tuple(map(self._span, body))
        self.loops.append(_Loop(len(self.loops), clip(head, NAME_LIMIT), spans, function, tested, turns))

    def _span(self, node: ast.AST) -> Span:
        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
        last, end = getattr(node, "end_lineno", line) or line, getattr(node, "end_col_offset", 0) or 0
        return (line, self._characters(line, column), last, self._characters(last, end))

    def _characters(self, line: int, column: int) -> int:
        """Python counts columns in bytes."""
        text = self._lines[line - 1] if 0 < line <= len(self._lines) else ""
        return column if text.isascii() else len(text.encode()[:column].decode(errors="ignore"))


def _within(inner: Span, outer: Span) -> bool:
    return outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


def _name(node: ast.AST) -> str:
    """The last name of a dotted expression."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _turns(of: ast.expr) -> int | None:
    """How many turns ``for … in range(9)`` makes."""
    match of:
        case ast.Call(func=ast.Name(id="range"), args=[*arguments], keywords=[]):
            try:
                return len(range(*map(ast.literal_eval, arguments)))
            except (TypeError, ValueError, OverflowError):
                return None
    return None


# ── The turns ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Run:
    """One time that a loop was entered: its turns, as positions of what ran directly in it.

    Attributes:
        entry: how many times it had been entered before.
        anchors: (position, turn) of what is written inside the loop itself.
        modules: module paths of the operations among them.
        bodied: turns in which more than the test ran.
    """

    loop: _Loop
    entry: int = 0
    anchors: list[tuple[int, int]] = field(default_factory=list)
    modules: list[tuple[str, ...]] = field(default_factory=list)
    turn: int = 0
    statement: int = -1
    leader: tuple[object, ...] = ()
    seen: set[tuple[object, ...]] = field(default_factory=set)
    last: object = None
    bodied: set[int] = field(default_factory=set)

    def again(self, statements: range, identity: tuple[object, ...]) -> bool:
        """Whether what runs now has run in this turn already."""
        known = identity in self.seen and (identity == self.leader or identity[0] != self.last)
        return known and self.statement in statements

    def over(self) -> bool:
        """Whether its last turn has begun, as far as the text tells."""
        return self.loop.turns is not None and self.turn + 1 >= self.loop.turns

    def advance(self) -> None:
        self.turn += 1
        self.statement = -1
        self.seen.clear()
        self.leader = ()

    def take(self, position: int, statements: range, identity: tuple[object, ...]) -> None:
        """What ran at this position belongs to the present turn."""
        self.statement, self.last = max(self.statement, statements[0]), identity[0]
        self.leader = self.leader or identity
        self.seen.add(identity)
        if statements[-1] or not self.loop.tested:
            self.bodied.add(self.turn)
        self.anchors.append((position, self.turn))

    def owner(self) -> int:
        """How many levels of modules are around the loop itself."""
        if not self.loop.function or not self.modules:
            return 0
        common = self.modules[0]
        for parts in self.modules[1:]:
            length = 0
            while length < min(len(common), len(parts)) and common[length] == parts[length]:
                length += 1
            common = common[:length]
        return len(common)


Key = tuple[int, tuple[Span, ...]]
"""Number of a loop or a function, and the places its function was called from: tells calls within calls apart."""
Chain = tuple[tuple[_Loop, range, int, Key], ...]
"""Loops around a place: loop, statements in it where that may be, how many modules are called from there on, key."""


def _end(going: dict[Key, _Run], key: Key, only_inside: bool = False) -> None:
    """Takes a loop out of those that are going, and those that began inside of it."""
    if key not in going:
        return
    since = list(going)[list(going).index(key) :]
    for other in since:
        if other[1][: len(key[1])] == key[1] and not (only_inside and other == key):
            del going[other]


class Turns:
    """Which turn of which loop every operation and every pass belongs to.

    What is written inside a loop, or in a function that only this loop calls, tells its turns: a turn begins where the
    text is entered again from above. What runs in other functions and modules lies between, and goes with the turn it
    lies in.

    Attributes:
        of_op: operation → (step, how many levels of modules are outside of the loop) from the outside in.
        of_pass: pass → steps.
    """

    def __init__(self, trace: Trace) -> None:
        self._text = _Text(trace.source if trace.ops else "")  # what could not be run is not read either
        self._chains: dict[tuple[Place, ...], Chain] = {}
        self._trace = trace
        self.of_op: list[tuple[tuple[Step, int], ...]] = [()] * len(trace.ops)
        self.of_pass: dict[int, tuple[Step, ...]] = {}
        if not self._text.loops:
            return
        runs, labels = self._find_runs()
        owners = {id(run): run.owner() for run in runs}
        around = self._lie_between(runs, labels)
        outside = {id(run): {other for other, _ in self._turned(run, labels[run.anchors[0][0]])} for run in runs}
        for position, event in enumerate(trace.events):
            chain = list(labels.get(position, ()))
            for run, turn in reversed(around.get(position, ())):
                inner = [place for place, (other, _) in enumerate(chain, 1) if id(other) in outside[id(run)]]
                chain.insert(max(inner, default=0), (run, turn))
            steps: list[tuple[Step, int]] = []
            for run, turn in chain:
                if turn not in run.bodied:
                    break
                owner = owners[id(run)]
                key = f"loop{run.loop.number}" + (f"#{run.entry}" if run.entry else "")
                steps.append((("loop", key, run.loop.head), owner))
                steps.append((("turn", str(turn), str(turn)), owner))
            if event.kind == "op" and event.op is not None:
                self.of_op[event.op] = tuple(steps)
            elif event.kind == "pass" and event.pass_ is not None:
                self.of_pass[event.pass_] = tuple(step for step, _ in steps)

    def _chain(self, places: tuple[Place, ...]) -> Chain:
        """Loops around a place from the outside in."""
        if places not in self._chains:
            found: list[tuple[_Loop, range, int, Key]] = []
            calls = tuple(at for _, at in places)
            for level, (function, at) in enumerate(places):
                called = sum(self._text.is_forward(inner) for inner, _ in places[level + 1 :])
                for loop in self._text.loops:
                    statements = loop.statements(at) if loop.function == function else range(0)
                    if statements:
                        found.append((loop, statements, called, (loop.number, calls[:level])))
            self._chains[places] = tuple(found)
        return self._chains[places]

    def _events(self) -> Iterator[tuple[int, tuple[Place, ...], tuple[object, ...], Op | None]]:
        """Position, place and identity of every event that is written somewhere."""
        last: tuple[Place, ...] = ()
        for position, event in enumerate(self._trace.events):
            if event.kind == "op" and event.op is not None:
                op = self._trace.ops[event.op]
                last = self._text.called(op)
                yield position, last, (op.span, op.name, op.module, op.calls), op
            elif event.kind == "pass" and event.pass_ is not None:
                span = self._trace.passes[event.pass_].span
                yield position, self._beside(span, last), ("pass", span), None
            elif event.kind in ("grad", "data") and event.line and event.how != "accumulate":
                span = (event.line, 10_000, event.line, 0)
                yield position, self._beside(span, last), (event.kind, event.line), None

    def _beside(self, span: Span, last: tuple[Place, ...]) -> tuple[Place, ...]:
        """Where something that does not tell its calls is written: in the same call as the operation before it."""
        places = self._text.places(span)
        if places[0][0]:
            for level in range(len(last) - 1, 0, -1):
                if last[level][0] == places[-1][0]:
                    return (*last[:level], places[-1])
        return places

    def _find_runs(self) -> tuple[list[_Run], dict[int, list[tuple[_Run, int]]]]:
        runs: list[_Run] = []
        labels: dict[int, list[tuple[_Run, int]]] = {}
        going: dict[Key, _Run] = {}
        entries: Counter[int] = Counter()
        for position, places, identity, op in self._events():
            if not places[-1][1][0]:
                continue
            chain = self._chain(places)
            around = {key for _, _, _, key in chain}
            calls = tuple(at for _, at in places)
            frames = {(function, calls[:level]) for level, (function, _) in enumerate(places)}
            returned = op is not None and not op.thread and self._text.tells_calls(op)
            for key, function in [(key, run.loop.function) for key, run in going.items()]:
                left = key not in around and (function, key[1]) in frames
                if left or (returned and self._text.has_returned(function, key[1], calls)):
                    _end(going, key)
            turning = self._turning(chain, going, identity)
            for level, (loop, statements, called, key) in enumerate(chain):
                if level > turning:
                    _end(going, key)
                run = going.get(key)
                if run is None:
                    run = going[key] = _Run(loop, entries[loop.number])
                    entries[loop.number] += 1
                    runs.append(run)
                elif level == turning:
                    _end(going, key, only_inside=True)
                    run.advance()
                run.take(position, statements, identity)
                if op is not None:
                    parts = tuple(op.module.split(".")) if op.module else ()
                    run.modules.append(parts[: len(parts) - called] if called else parts)
                labels.setdefault(position, []).append((run, run.turn))
        return runs, labels

    def _turning(self, chain: Chain, going: dict[Key, _Run], identity: tuple[object, ...]) -> int:
        """Level of the loop that begins another turn here; those inside of it are entered anew."""
        for level, (_, statements, _, key) in enumerate(chain):
            run = going.get(key)
            if run is None:
                # Entered anew; where this turn of the loop around it began with that, the next one begins.
                began = level > 0 and going[chain[level - 1][3]].leader == identity
                return self._again(chain[:level], going, identity) if began else level
            if statements[-1] < run.statement:
                return level
        return self._again(chain, going, identity)

    def _again(self, chain: Chain, going: dict[Key, _Run], identity: tuple[object, ...]) -> int:
        """Level of the loop that turns because what runs now has run in the innermost one's turn; else one below."""
        level = len(chain) - 1
        if not chain or not going[chain[level][3]].again(chain[level][1], identity):
            return len(chain)
        # As the wheels of a counter: a loop at its end moves the one around it.
        while level >= 0 and going[chain[level][3]].over():
            level -= 1
        return level

    def _lie_between(
        self, runs: list[_Run], labels: dict[int, list[tuple[_Run, int]]]
    ) -> dict[int, list[tuple[_Run, int]]]:
        """Positions inside a run that are written elsewhere: in functions and modules called from the loop."""
        written = {position: (places[-1][1], identity) for position, places, identity, _ in self._events()}
        around: dict[int, list[tuple[_Run, int]]] = defaultdict(list)
        for run in sorted(runs, key=lambda run: run.anchors[0][0] - run.anchors[-1][0]):
            first, last = run.anchors[0][0], run.anchors[-1][0]
            own = {position for position, _ in run.anchors}
            between = [p for p in range(first, last) if p in written and p not in own]
            if not between and run.turn == 0:
                continue
            kinds = {written[p][1] for p in between}
            head = self._edge(range(first - 1, -1, -1), written, kinds, labels, self._turned(run, labels[first]))
            after = range(last + 1, len(self._trace.events))
            tail = self._edge(after, written, kinds, labels, self._turned(run, labels[last]))
            heads = {written[p][1] for p in head}
            turns = dict(run.anchors)
            at = iter([*run.anchors[1:], (1 << 60, run.turn)])
            here, following = run.anchors[0], next(at)
            moved = False
            for position in sorted([*head, *between, *tail]):
                while following[0] <= position:
                    here, following, moved = following, next(at, (1 << 60, run.turn)), False
                moved = moved or (following[1] != turns[here[0]] and written[position][1] in heads)
                turn = 0 if position < first else following[1] if moved else here[1]
                around[position].append((run, turn))
        return around

    def _turned(self, run: _Run, labels: list[tuple[_Run, int]]) -> set[tuple[int, int]]:
        """The turns of other runs that one of a run's own lies in."""
        return {(id(other), turn) for other, turn in labels[: [id(other) for other, _ in labels].index(id(run))]}

    def _edge(
        self, positions: range, written: dict[int, tuple[Span, tuple[object, ...]]], kinds: set[tuple[object, ...]],
        labels: dict[int, list[tuple[_Run, int]]], around: set[tuple[int, int]],
    ) -> list[int]:  # fmt: skip
        """What lies just outside of a run and, by what lies inside, belongs to its first or last turn.

        An operation that tells its calls does not lie in other turns of the loops around than the run does.
        """
        found = []
        for position in positions:
            if position in written:
                op = self._trace.events[position].op
                told = op is not None and self._text.tells_calls(self._trace.ops[op])
                elsewhere = told and not around <= {(id(run), turn) for run, turn in labels.get(position, ())}
                if written[position][1] not in kinds or elsewhere:
                    break
                found.append(position)
        return found
