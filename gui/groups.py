"""Cards → the groups that fold: modules, loops and their turns, repeated blocks."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from core.records import Op, Span, Trace
from gui.cards import Graph
from gui.figures import clip

ROOT = ""
"""Id of the group of everything; it never folds."""
NAME_LIMIT = 30
FEW = 60
"""Up to this many cards are drawn one by one; also what an automatically opened picture may show."""
MANY = 300
"""Above this many cards every group starts folded."""
LONG = 12
"""Loops of this many turns start folded in pictures of more than ``FEW`` cards."""
CHUNK = 10
"""Turns drawn as one group where there are more than four times as many."""
REPEATS = 3
"""Equal neighbours from this many on are rolled up."""

Kind = Literal["module", "loop", "turn", "repeat", "pass"]
Step = tuple[Kind, str, str]
"""One level of where a card belongs: kind, key that tells it from its neighbours, name."""


@dataclass(frozen=True, slots=True)
class Folding:
    """What the reader has folded and unfolded; the groups' own start (open, or folded in large graphs) is the rest.

    Attributes:
        flipped: ids of groups that stand the other way than they started.
        depth: groups nested this deep or deeper start folded (0 folds all); None chooses by the size of the graph.
        helpers: whether operations that only make data, fill parameters or handle ``.grad`` are drawn.
    """

    flipped: frozenset[str] = frozenset()
    depth: int | None = None
    helpers: bool = False

    def toggled(self, group: str) -> Folding:
        """The same with one group folded that was open, or opened that was folded."""
        return replace(self, flipped=self.flipped ^ {group})

    def to_depth(self, depth: int | None) -> Folding:
        """Every group folded from this depth on, whatever was folded by hand before."""
        return replace(self, flipped=frozenset(), depth=depth)

    def with_helpers(self, shown: bool) -> Folding:
        return replace(self, helpers=shown)


@dataclass(frozen=True, slots=True)
class Group:
    """Cards that fold into one.

    Attributes:
        id: path of keys from the outside in; the same in another run of the same program.
        kind: a module; a loop; one turn of it, or several; a module's repeated blocks; the graph a pass made.
        name: module path or head of the loop.
        count: turns of a loop, blocks of a repeat; 1 otherwise.
        first: number of its first turn, of a 'turn'; index of the pass, of a 'pass'.
        parent: id of the group around it.
        groups, cards: what is directly inside.
        size: cards inside, at any depth.
    """

    id: str
    kind: Kind
    name: str
    count: int
    first: int
    parent: str
    groups: tuple[str, ...]
    cards: tuple[int, ...]
    size: int


@dataclass
class _Draft:
    """A group while it is being collected."""

    kind: Kind = "module"
    key: str = ""
    name: str = ""
    count: int = 1
    first: int = 0
    groups: dict[str, _Draft] = field(default_factory=dict)
    cards: list[int] = field(default_factory=list)


def build(trace: Trace, graph: Graph, helpers: bool) -> dict[str, Group]:
    """Every group by id; the first is the group of everything."""
    paths = _paths(trace, graph, helpers)
    root = _Draft()
    for card in sorted(paths):
        draft = root
        for kind, key, name in paths[card]:
            draft = draft.groups.setdefault(key, _Draft(kind, key, name))
        draft.cards.append(card)
    # Leaves and data are no operations: nothing leads to them.
    _simplify(root, {wire.target for wire in graph.wires})
    _roll_up(root, trace, graph)
    groups: dict[str, Group] = {}
    _finish(root, ROOT, ROOT, groups)
    return groups


def start(groups: dict[str, Group], folding: Folding) -> frozenset[str]:
    """The groups that stand folded; the picture of a large graph opens as far as it stays readable."""
    folded: set[str] = set()
    size = groups[ROOT].size
    if folding.depth is not None:
        folded = {group for group in groups if group and _depth(groups, group) >= folding.depth}
    elif size > FEW:
        # What is inside of a folded group is folded too: unfolding shows one level.
        long = tuple(f"{group.id}/" for group in groups.values() if _long(group))
        folded = {group for group in groups if group and (size > MANY or f"{group}/".startswith(long))}
        shown = _shown(groups, ROOT, folded)
        level = list(groups[ROOT].groups) if size > MANY else []
        while level:
            following: list[str] = []
            for group in level:
                more = len(groups[group].groups) + len(groups[group].cards) - 1
                if not _long(groups[group]) and shown + more <= FEW:
                    folded.discard(group)
                    shown += more
                    following += groups[group].groups
            level = following
    return frozenset(folded ^ (folding.flipped & groups.keys()))


def _long(group: Group) -> bool:
    return group.kind == "repeat" or (group.kind == "loop" and group.count >= LONG)


def _depth(groups: dict[str, Group], group: str) -> int:
    depth = 0
    while groups[group].parent:
        group, depth = groups[group].parent, depth + 1
    return depth


def _shown(groups: dict[str, Group], group: str, folded: set[str]) -> int:
    inside = sum(1 if inner in folded else _shown(groups, inner, folded) for inner in groups[group].groups)
    return inside + len(groups[group].cards)


# ── Where every card belongs ──────────────────────────────────────────────────────────────────────────────────────


def _paths(trace: Trace, graph: Graph, helpers: bool) -> dict[int, tuple[Step, ...]]:
    """Card → groups around it, from the outside in."""
    turns = _Turns(trace)
    op_paths = _op_paths(trace, turns)
    shown = [card for card in graph.cards if helpers or not card.helper]
    users: dict[int, list[int]] = defaultdict(list)
    for wire in graph.wires:
        users[wire.source].append(wire.target)
    paths: dict[int, tuple[Step, ...]] = {}
    placed_by_use = []
    for card in shown:
        if card.op is not None and trace.ops[card.op].inputs and not card.leaf:
            paths[card.id] = op_paths[card.op]
        elif not card.values and card.nodes:
            number, node = card.nodes[0]
            born = trace.passes[number].nodes[node].born
            made = number if born is None else born[0]
            backward = trace.passes[made]
            name = f"{backward.call}() :{backward.line}"
            paths[card.id] = (*turns.of_pass.get(made, ()), ("pass", f"pass{made}", name))
        else:
            placed_by_use.append(card.id)
    # Leaves and data stand where they are used: in the innermost group that holds all their users.
    for card_id in reversed(placed_by_use):
        around = [paths[user] for user in users[card_id] if user in paths]
        path = _common(around) if around else ()
        card = graph.cards[card_id]
        if "." not in card.title and (card.leaf or not card.nodes):
            # Only parameters, which have dotted names, belong into a module; all else stays where it was made.
            path = _common([path, op_paths[card.op] if card.op is not None else ()])
        paths[card_id] = path
    return paths


def _common(paths: list[tuple[Step, ...]]) -> tuple[Step, ...]:
    common = paths[0]
    for path in paths[1:]:
        length = 0
        while length < min(len(common), len(path)) and common[length][1] == path[length][1]:
            length += 1
        common = common[:length]
    return common


def _op_paths(trace: Trace, turns: _Turns) -> list[tuple[Step, ...]]:
    """Per operation: loops it turned in, and calls of modules it ran in, nested as they ran."""
    roots = _root_names(trace)
    calls = _Calls()
    paths: list[tuple[Step, ...]] = []
    for op in trace.ops:
        parts = op.module.split(".") if op.module else []
        parts[:1] = [roots.get(op.id, part) for part in parts[:1]]
        names = [".".join(parts[: place + 1]) for place in range(len(parts))]
        # The modules of a library are called by one expression, whose span all their operations bear.
        foreign = op.function.partition(".")[0] != (op.module or "").partition(".")[0]
        calls.begin(op, names[-1] if names else "", foreign)
        entered = 0
        for step, owner in turns.of_op[op.id]:
            for name in names[entered:owner]:
                calls.enter_module(name, last=False)
            entered = max(entered, min(owner, len(names)))
            calls.enter(step)
        for name in names[entered:]:
            calls.enter_module(name, last=name == names[-1])
        paths.append(calls.path)
    return paths


@dataclass
class _Call:
    """One call of a module: its first operation, and whether all since were written in the same place."""

    first: tuple[str, str]
    span: Span
    one_place: bool = True


class _Calls:
    """Tells calls of one module apart: another begins where something else ran between, or its start comes again."""

    def __init__(self) -> None:
        self._count: dict[tuple[str, ...], int] = defaultdict(int)
        self._before: list[tuple[Step, _Call | None]] = []
        self._now: list[tuple[Step, _Call | None]] = []
        self._first = ("", "")
        self._span: Span = (0, 0, 0, 0)
        self._foreign = False
        self._same = True

    @property
    def path(self) -> tuple[Step, ...]:
        return tuple(step for step, _ in self._now)

    def begin(self, op: Op, module: str, foreign: bool) -> None:
        """The next operation."""
        self._before, self._now, self._same = self._now, [], True
        self._first, self._span, self._foreign = (module, op.name), op.span, foreign

    def enter(self, step: Step) -> None:
        """A turn of a loop."""
        level = len(self._now)
        self._same = self._same and level < len(self._before) and self._before[level][0] == step
        self._now.append((step, None))

    def enter_module(self, name: str, last: bool) -> None:
        """A module; the same call as before, unless its first operation comes round once more."""
        level = len(self._now)
        step, call = self._before[level] if self._same and level < len(self._before) else (("loop", "", ""), None)
        if call is not None and step[2] == name:
            again = call.first == self._first and (
                (last and call.span == self._span) or (self._foreign and call.one_place and call.span != self._span)
            )
            if not again:
                call.one_place = call.one_place and call.span == self._span
                self._now.append((step, call))
                return
        self._same = False
        around = (*(step[1] for step, _ in self._now), name)
        self._count[around] += 1
        number = self._count[around]
        key = name.rpartition(".")[2] + (f"#{number}" if number > 1 else "")
        self._now.append((("module", key, name), _Call(self._first, self._span)))


def _root_names(trace: Trace) -> dict[int, str]:
    """Operation → what the program calls the outermost module it ran in, told by its parameters' names."""
    told: dict[int, str] = {}
    of_class: dict[str, set[str]] = defaultdict(set)
    for op in trace.ops:
        root, _, rest = (op.module or "").partition(".")
        ending = f".{rest}." if rest else "."
        for name in (name for value in op.inputs for name in trace.values[value].names):
            before = name[: name.rfind(ending)] if ending in name else ""
            if root and before not in ("", "self") and (rest or "." not in before):
                told[op.id] = before
                of_class[root].add(before)
    names: dict[int, str] = {}
    near: dict[tuple[str, Span], str] = {}
    for op in trace.ops:
        if op.module:
            root = op.module.partition(".")[0]
            only = next(iter(of_class[root])) if len(of_class[root]) == 1 else ""
            # Without parameters of its own: called as its neighbours in the same expression are.
            names[op.id] = told.get(op.id) or only or near.get((root, op.span), root)
            near[(root, op.span)] = names[op.id]
    return names


# ── Loops ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Loop:
    """A loop of the program's text.

    Attributes:
        body: spans of what runs at every turn, in the order of statements.
        function: first line of the function around it, 0 for the module.
        tested: whether the first of them is the test of a ``while``, which runs once more than the rest.
    """

    number: int
    head: str
    body: tuple[Span, ...]
    function: int
    tested: bool = False

    def statement(self, span: Span) -> int | None:
        for number, (line, column, last, end) in enumerate(self.body):
            if (line, column) <= span[:2] and span[2:] <= (last, end):
                return number
        return None


def _loops(source: str) -> tuple[list[_Loop], list[Span]]:
    """Loops and comprehensions, outer ones first, and the functions' spans."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return [], []
    loops: list[_Loop] = []
    functions: list[Span] = []

    def visit(node: ast.AST, function: int) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.append(_span(node))
            function = node.lineno
        body: list[ast.AST] = []
        head = ""
        if isinstance(node, ast.For | ast.AsyncFor):
            head, body = f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}", list(node.body)
        elif isinstance(node, ast.While):
            head, body = f"while {ast.unparse(node.test)}", [node.test, *node.body]
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            first = node.generators[0]
            head = f"for {ast.unparse(first.target)} in {ast.unparse(first.iter)}"
            body = [node.elt, *first.ifs]
        if body:
            tested = isinstance(node, ast.While)
            loops.append(_Loop(len(loops), clip(head, NAME_LIMIT), tuple(map(_span, body)), function, tested))
        for child in ast.iter_child_nodes(node):
            visit(child, function)

    try:
        visit(tree, 0)
    except RecursionError:
        return [], []
    return loops, functions


def _span(node: ast.AST) -> Span:
    line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
    return (line, column, getattr(node, "end_lineno", line) or line, getattr(node, "end_col_offset", 0) or 0)


@dataclass
class _Run:
    """One time that a loop was entered: its turns, as positions of what ran directly in it.

    Attributes:
        anchors: (position, turn) of what is written inside the loop itself.
        entry: how many times it had been entered before.
        bodied: turns in which more than the test ran.
        modules: module paths of the operations among them.
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


class _Turns:
    """Which turn of which loop every operation and every pass belongs to.

    What is written inside a loop tells its turns: a turn begins where the text is entered again from above. What runs
    in functions and modules called from there lies between, and goes with the turn it lies in.

    Attributes:
        of_op: operation → (step, how many levels of modules are outside of the loop) from the outside in.
        of_pass: pass → steps.
    """

    def __init__(self, trace: Trace) -> None:
        self._loops, self._functions = _loops(trace.source)
        self._chains: dict[Span, tuple[_Loop, ...]] = {}
        self._trace = trace
        self.of_op: list[tuple[tuple[Step, int], ...]] = [()] * len(trace.ops)
        self.of_pass: dict[int, tuple[Step, ...]] = {}
        if not self._loops:
            return
        runs, labels = self._find_runs()
        owners = {id(run): run.owner() for run in runs}
        around = self._lie_between(runs, labels)
        for position, event in enumerate(trace.events):
            chain = [*around.get(position, ()), *labels.get(position, ())]
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

    def _chain(self, span: Span) -> tuple[_Loop, ...]:
        """Loops around a place, within its function."""
        if span not in self._chains:
            function = max((f[0] for f in self._functions if f[0] <= span[0] and span[2] <= f[2]), default=0)
            self._chains[span] = tuple(
                loop for loop in self._loops if loop.function == function and loop.statement(span) is not None
            )
        return self._chains[span]

    def _places(self) -> Iterator[tuple[int, Span, tuple[object, ...], Op | None]]:
        """Position, place and identity of every event that is written somewhere."""
        for position, event in enumerate(self._trace.events):
            if event.kind == "op" and event.op is not None:
                op = self._trace.ops[event.op]
                yield position, op.span, (op.span, op.name, op.module), op
            elif event.kind == "pass" and event.pass_ is not None:
                span = self._trace.passes[event.pass_].span
                yield position, span, ("pass", span), None
            elif event.kind in ("grad", "data") and event.line and event.how != "accumulate":
                yield position, (event.line, 10_000, event.line, 0), (event.kind, event.line), None

    def _find_runs(self) -> tuple[list[_Run], dict[int, list[tuple[_Run, int]]]]:
        runs: list[_Run] = []
        labels: dict[int, list[tuple[_Run, int]]] = {}
        going: dict[int, _Run] = {}
        entries: Counter[int] = Counter()
        for position, span, identity, op in self._places():
            if not span[0]:
                continue
            chain = self._chain(span)
            function = max((f[0] for f in self._functions if f[0] <= span[0] and span[2] <= f[2]), default=0)
            for number in [n for n, run in going.items() if run.loop.function == function and run.loop not in chain]:
                del going[number]
            fresh = False
            labels[position] = []
            for loop in chain:
                if fresh:
                    going.pop(loop.number, None)
                run = going.get(loop.number)
                if run is None:
                    run = going[loop.number] = _Run(loop, entries[loop.number])
                    entries[loop.number] += 1
                    runs.append(run)
                statement = loop.statement(span) or 0
                innermost = loop is chain[-1]
                again = innermost and identity in run.seen and (identity == run.leader or identity[0] != run.last)
                fresh = bool(run.anchors) and (statement < run.statement or (statement == run.statement and again))
                if fresh:
                    run.turn += 1
                    run.seen.clear()
                    run.leader = ()
                run.statement = statement
                run.leader = run.leader or identity
                run.seen.add(identity)
                run.last = identity[0]
                if statement or not loop.tested:
                    run.bodied.add(run.turn)
                run.anchors.append((position, run.turn))
                if op is not None:
                    run.modules.append(tuple(op.module.split(".")) if op.module else ())
                labels[position].append((run, run.turn))
        return runs, {position: label for position, label in labels.items() if label}

    def _lie_between(
        self, runs: list[_Run], labels: dict[int, list[tuple[_Run, int]]]
    ) -> dict[int, list[tuple[_Run, int]]]:
        """Positions inside a run that are written elsewhere: in functions and modules called from the loop."""
        written = {position: (span, identity) for position, span, identity, _ in self._places()}
        around: dict[int, list[tuple[_Run, int]]] = defaultdict(list)
        for run in sorted(runs, key=lambda run: run.anchors[0][0] - run.anchors[-1][0]):
            first, last = run.anchors[0][0], run.anchors[-1][0]
            own = {position for position, _ in run.anchors}
            between = [p for p in range(first, last) if p in written and p not in own]
            if not between and run.turn == 0:
                continue
            kinds = {written[p][1] for p in between}
            head = self._edge(range(first - 1, -1, -1), written, kinds, run)
            tail = self._edge(range(last + 1, len(self._trace.events)), written, kinds, run)
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

    def _edge(
        self, positions: range, written: dict[int, tuple[Span, tuple[object, ...]]], kinds: set[tuple[object, ...]],
        run: _Run,
    ) -> list[int]:  # fmt: skip
        """What lies just outside of a run and, by what lies inside, belongs to its first or last turn."""
        found = []
        for position in positions:
            if position in written:
                if written[position][1] not in kinds:
                    break
                found.append(position)
        return found


# ── Fewer, and fit to be seen ─────────────────────────────────────────────────────────────────────────────────────


def _simplify(draft: _Draft, computed: set[int]) -> None:
    """Takes out groups that would say nothing: of one operation, or around nothing but one other group."""
    for key, inner in list(draft.groups.items()):
        _simplify(inner, computed)
        operations = sum(card in computed for card in inner.cards)
        single = not inner.groups and operations < 2 and inner.kind != "turn"
        if single or (inner.kind == "loop" and len(inner.groups) < 2):
            del draft.groups[key]
            draft.cards += inner.cards
            for under, group in inner.groups.items():
                if group.kind == "turn":
                    draft.cards += group.cards
                    draft.groups.update({f"{key}/{k}": g for k, g in group.groups.items()})
                else:
                    draft.groups[f"{key}/{under}"] = group
        elif len(inner.groups) == 1 and not inner.cards:
            (only,) = inner.groups.values()
            draft.groups[key] = only if inner.kind != "turn" else _standing_for(only, inner)
    if draft.kind == "loop":
        draft.count = len(draft.groups)
        for number, turn in enumerate(draft.groups.values()):
            turn.first = number
        while len(draft.groups) > 4 * CHUNK:
            draft.groups = _chunks(draft.groups)


def _standing_for(only: _Draft, turn: _Draft) -> _Draft:
    """The only group of a turn, standing for the turn."""
    return _Draft("turn", turn.key, turn.name, 1, turn.first, only.groups, only.cards)


def _chunks(turns: dict[str, _Draft]) -> dict[str, _Draft]:
    """Turns by tens."""
    listed = list(turns.items())
    result = {}
    for place in range(0, len(listed), CHUNK):
        part = dict(listed[place : place + CHUNK])
        drafts = list(part.values())
        count = sum(draft.count for draft in drafts)
        result[f"{drafts[0].first}+{count}"] = _Draft("turn", "", "", count, drafts[0].first, part)
    return result


def _roll_up(draft: _Draft, trace: Trace, graph: Graph) -> None:
    """Puts equal neighbours, such as the layers of an encoder, into one group."""
    listed = list(draft.groups.items())
    # Only numbered neighbours, as in a ModuleList, are one thing repeated.
    same = [
        (
            _signature(inner, trace, graph)
            if inner.kind == "module" and inner.name.rpartition(".")[2].isdigit()
            else str(n)
        )
        for n, (_, inner) in enumerate(listed)
    ]
    place = 0
    while place < len(listed) and draft.kind != "repeat":
        stop = place
        while stop < len(listed) and same[stop] == same[place]:
            stop += 1
        if stop - place >= REPEATS:
            part = dict(listed[place:stop])
            name = listed[place][1].name.rpartition(".")[0]
            if len(part) == len(listed) and not draft.cards and draft.kind == "module" and draft.name:
                draft.kind, draft.count = "repeat", len(part)
            else:
                key = f"{listed[place][0]}×{len(part)}"
                others = {k: inner for k, inner in draft.groups.items() if k not in part}
                draft.groups = {**others, key: _Draft("repeat", key, name, len(part), groups=part)}
        place = stop
    for inner in draft.groups.values():
        _roll_up(inner, trace, graph)


def _signature(draft: _Draft, trace: Trace, graph: Graph) -> str:
    """What a group does, whatever its numbers are."""
    ops = [graph.cards[card].op for card in draft.cards]
    own = ",".join("leaf" if op is None else trace.ops[op].name for op in ops if op is None or trace.ops[op].inputs)
    return f"{own}({';'.join(_signature(inner, trace, graph) for inner in draft.groups.values())})"


def _finish(draft: _Draft, id_: str, parent: str, groups: dict[str, Group]) -> int:
    groups[id_] = Group(id_, draft.kind, draft.name, draft.count, draft.first, parent, (), (), 0)
    inner = [(f"{id_}/{key}" if id_ else key, group) for key, group in draft.groups.items()]
    size = len(draft.cards) + sum(_finish(group, key, id_, groups) for key, group in inner)
    groups[id_] = replace(
        groups[id_], groups=tuple(key for key, _ in inner), cards=tuple(sorted(draft.cards)), size=size
    )
    return size
