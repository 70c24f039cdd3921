"""Cards → the groups that fold: modules, loops and their turns, repeated blocks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container
from dataclasses import dataclass, field, replace

from core.records import Op, Span, Trace
from gui.figures import clip
from gui.picture.cards import Graph
from gui.picture.helpers import from_leaves
from gui.picture.loops import NAME_LIMIT, Kind, Step, Turns

ROOT = ""
"""Id of the group of everything; it never folds."""
FEW = 60
"""A picture opens as far as it has at most so many cards …"""
WIDE = 12
"""… and at most so many of them in a row: two to three screens, at a size that can be read."""
BARE = 4
"""With fewer in a row than this it would say nothing: its modules open, and the first turns of its loops …"""
MANY = 300
"""… up to this many cards."""
TURNS = 6
"""Loops of more turns, and rows of more equal blocks, start rolled up whatever the size of the picture."""
EPOCHS = 3
"""Where every turn has a backward pass of its own and there are more turns than this, only the first starts open."""
CHUNK = 10
"""Turns drawn as one group where there are more than twice as many."""
DEEPEST = 99
"""Groups within groups; what lies deeper is drawn in the last of them."""
REPEATS = 2
"""Equal neighbours from this many on are one group."""
PREPARED = 8
"""So many untracked operations that lead to one another, on the way to tracked ones, are one group, rolled up."""


@dataclass(frozen=True, slots=True)
class Folding:
    """What the reader has folded and unfolded; the rest stands as it started (see ``start``).

    Attributes:
        flipped: ids of groups that stand the other way than they did.
        folded, unfolded: ids of groups that the reader wants so, even where another run would start otherwise.
        depth: groups nested this deep or deeper start folded (0 folds all); None chooses by the size of the graph.
        helpers: whether operations that only make data, fill parameters or handle ``.grad`` are drawn.
    """

    flipped: frozenset[str] = frozenset()
    folded: frozenset[str] = frozenset()
    unfolded: frozenset[str] = frozenset()
    depth: int | None = None
    helpers: bool = False

    def toggled(self, group: str) -> Folding:
        """The same with one group folded that was open, or opened that was folded."""
        return replace(self, flipped=self.flipped ^ {group})

    def settled(self, groups: Container[str], standing: frozenset[str]) -> Folding:
        """The same, and what was flipped is from now on wanted as it stands."""
        known = frozenset(group for group in self.flipped if group in groups)
        return replace(
            self, flipped=self.flipped - known, folded=self.folded - known | known & standing,
            unfolded=self.unfolded - known | known - standing,
        )  # fmt: skip


Item = str | int
"""Id of a group, or of a card."""


@dataclass(frozen=True, slots=True)
class Group:
    """Cards that fold into one.

    Attributes:
        id: path of keys from the outside in; the same in another run of the same program.
        kind: a module; a loop; one turn of it, or several; a module's repeated blocks; the graph a pass made; data
            prepared without gradients.
        name: module path, head of the loop, or what the data is called.
        count: turns of a loop, blocks of a repeat; 1 otherwise.
        first: number of its first turn, of a 'turn'; index of the pass, of a 'pass'.
        parent: id of the group around it.
        groups, cards: what is directly inside.
        size: cards inside, at any depth.
        first_card: the first of them.
        links: (a, b) where what is directly inside b uses a result of a; ids of groups and of cards.
        epochs: whether it is a loop, or several turns of one, whose turns have backward passes of their own.
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
    first_card: int = 0
    links: tuple[tuple[Item, Item], ...] = ()
    epochs: bool = False


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
    turns = Turns(trace)
    training = {key for steps in turns.of_pass.values() for kind, key, _ in steps if kind == "loop"}
    paths = _paths(trace, graph, turns, training, helpers)
    root = _Draft()
    for card in sorted(paths):
        draft = root
        for kind, key, name in paths[card][:DEEPEST]:
            draft = draft.groups.setdefault(key, _Draft(kind, key, name))
        draft.cards.append(card)
    # Leaves and data are no operations: nothing leads to them.
    _simplify(root, {wire.target for wire in graph.wires})
    _roll_up(root, trace, graph)
    groups: dict[str, Group] = {}
    _finish(root, ROOT, ROOT, groups)
    _link(groups, graph)
    for id_, group in groups.items():
        # Several turns in one group are as the loop around them.
        many = group.kind == "turn" and group.count > 1 and groups[group.parent].epochs
        if many or (group.kind == "loop" and group.id.rpartition("/")[2] in training):
            groups[id_] = replace(group, epochs=True)
    return groups


def start(groups: dict[str, Group], folding: Folding) -> frozenset[str]:
    """The groups that stand folded.

    A picture opens level by level from the outside in, as long as it stays one that is grasped: of few cards, and few
    of them in a row. A loop or a row of equal blocks opens together with its turns, or stays rolled up; one of many
    turns stays rolled up always. Of a training loop, whose turns are graphs of their own, the first turn is shown.
    What stays folded is, inside, as open as the same rule makes it, so that one click shows as much as is grasped.
    What the reader folds and unfolds stands above all this.
    """
    if folding.depth is not None:
        folded = {group for group in groups if group and _depth(groups, group) >= folding.depth}
    else:
        folded = set(groups) - {ROOT}
        closed = [ROOT]
        while closed:
            top = closed.pop()
            opened = _opened(groups, top)
            folded -= opened
            closed += [inner for group in (top, *opened) for inner in groups[group].groups if inner not in opened]
    folded = (folded | folding.folded & groups.keys()) - folding.unfolded
    return frozenset(folded ^ (folding.flipped & groups.keys()))


def _opened(groups: dict[str, Group], top: str) -> set[str]:
    """What is open inside of a group when it is: as much as is grasped."""
    opened: set[str] = set()
    level = _to_open(groups, top)
    while level:
        loops = [group for group in level if groups[group].kind in ("loop", "repeat")]
        modules = [group for group in level if groups[group].kind not in ("loop", "repeat")]
        turns = [turn for loop in loops for turn in _to_open(groups, loop)]
        choices = ([*modules, *loops, *turns], modules, [*loops, *turns])
        opening = next((choice for choice in choices if choice and _grasped(groups, top, opened.union(choice))), [])
        if not opening and _columns(groups, top, opened) < BARE:
            loops = [loop for loop in loops if groups[loop].kind == "loop"]
            turns = [turn for loop in loops for turn in _to_open(groups, loop)[:1]]
            choices = ([*modules, *loops, *turns], modules, [])
            opening = next(
                choice for choice in choices if _shown(groups, top, opened.union(choice)) <= MANY or not choice
            )
        opened.update(opening)
        level = [inner for group in opening for inner in _to_open(groups, group) if inner not in opened]
    return opened


def _to_open(groups: dict[str, Group], group: str) -> list[str]:
    """What of a group's inside may open with it."""
    inside = groups[group].groups
    if groups[group].epochs and groups[group].count > EPOCHS:
        inside = inside[:1]
    return [inner for inner in inside if not _rolled_up(groups[inner])]


def _rolled_up(group: Group) -> bool:
    return group.kind == "data" or (group.count > (1 if group.kind == "turn" else TURNS) and not group.epochs)


def _grasped(groups: dict[str, Group], top: str, opened: set[str]) -> bool:
    """Whether the inside of a group is grasped when these groups in it are open."""
    return _shown(groups, top, opened) <= FEW and _columns(groups, top, opened) <= WIDE


def _columns(groups: dict[str, Group], top: str, opened: set[str]) -> int:
    """How many cards follow one another in a group that is open; a module's and a loop's frame take the room of one."""
    inside: tuple[Item, ...] = (*groups[top].groups, *groups[top].cards)
    following: dict[Item, list[Item]] = defaultdict(list)
    waiting: dict[Item, int] = dict.fromkeys(inside, 0)
    for a, b in groups[top].links:
        following[a].append(b)
        waiting[b] += 1
    reach: dict[Item, int] = defaultdict(int)
    ready = [item for item in inside if not waiting[item]]
    while waiting:
        # Groups may feed each other; such a ring is entered where it stands first.
        item = ready.pop() if ready else next(iter(waiting))
        if waiting.pop(item, None) is None:
            continue
        reach[item] += 1
        if isinstance(item, str) and item in opened:
            reach[item] += _columns(groups, item, opened) - (groups[item].kind == "turn")
        for other in following[item]:
            if other in waiting:
                reach[other] = max(reach[other], reach[item])
                waiting[other] -= 1
                if not waiting[other]:
                    ready.append(other)
    return max(reach.values(), default=0)


def _link(groups: dict[str, Group], graph: Graph) -> None:
    """Tells every group what of its inside uses what."""
    around: dict[str, tuple[str, ...]] = {}
    holder: dict[int, str] = {}
    for id_, group in groups.items():
        around[id_] = (*around[group.parent], id_) if id_ else ()
        holder.update(dict.fromkeys(group.cards, id_))
    links: dict[str, dict[tuple[Item, Item], None]] = defaultdict(dict)
    for wire in graph.wires:
        if wire.source == wire.target or wire.source not in holder or wire.target not in holder:
            continue
        a: tuple[Item, ...] = (*around[holder[wire.source]], wire.source)
        b: tuple[Item, ...] = (*around[holder[wire.target]], wire.target)
        level = 0
        while a[level] == b[level]:
            level += 1
        links[str(a[level - 1]) if level else ROOT][(a[level], b[level])] = None
    for id_, pairs in links.items():
        groups[id_] = replace(groups[id_], links=tuple(pairs))


def _depth(groups: dict[str, Group], group: str) -> int:
    depth = 0
    while groups[group].parent:
        group, depth = groups[group].parent, depth + 1
    return depth


def _shown(groups: dict[str, Group], group: str, opened: set[str]) -> int:
    inside = sum(_shown(groups, inner, opened) if inner in opened else 1 for inner in groups[group].groups)
    return inside + len(groups[group].cards)


# ── Where every card belongs ──────────────────────────────────────────────────────────────────────────────────────


def _paths(trace: Trace, graph: Graph, turns: Turns, training: set[str], helpers: bool) -> dict[int, tuple[Step, ...]]:
    """Card → groups around it, from the outside in."""
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
    met: Counter[tuple[Step, ...]] = Counter()
    for prepared in _preparations(trace, graph, paths):
        place = paths[min(prepared)]
        name = ", ".join(graph.cards[card].title for card in sorted(prepared) if not prepared.issuperset(users[card]))
        step: Step = ("data", f"data{met[place]}", clip(name, NAME_LIMIT))
        met[place] += 1
        paths.update(dict.fromkeys(prepared, (*place, step)))
    # Leaves and data stand where they are used: in the innermost group that holds all their users.
    for card_id in reversed(placed_by_use):
        around = [paths[user] for user in users[card_id] if user in paths]
        path = _common(around) if around else ()
        card = graph.cards[card_id]
        if "." not in card.title and (card.leaf or not card.nodes):
            # Only parameters, which have dotted names, belong into a module; all else stays where it was made.
            outer = tuple(step for step in path if step[0] != "data")
            kept = _common([outer, op_paths[card.op] if card.op is not None else ()])
            path = path if kept == outer else kept
        elif card.leaf and around:
            path = _home(path, around, training)
        paths[card_id] = path
    return paths


def _preparations(trace: Trace, graph: Graph, paths: dict[int, tuple[Step, ...]]) -> list[set[int]]:
    """Cards that prepare data together, in one place, without gradients: where there are many of them."""
    computed = from_leaves(trace)
    together: dict[int, set[int]] = {}
    for card in paths:
        if graph.cards[card].values and computed.isdisjoint(graph.cards[card].values):
            together[card] = {card}
    for wire in graph.wires:
        a, b = together.get(wire.source), together.get(wire.target)
        if a is None or b is None or a is b or paths[wire.source] != paths[wire.target]:
            continue
        small, large = sorted((a, b), key=len)
        large |= small
        together.update(dict.fromkeys(small, large))
    return [each for card, each in together.items() if len(each) >= PREPARED and card == min(each)]


def _home(path: tuple[Step, ...], users: list[tuple[Step, ...]], training: set[str]) -> tuple[Step, ...]:
    """Where a parameter stands that is used in these places, which have only ``path`` in common.

    It belongs to a module: where that is called several times, to the first call. What every turn of a loop uses
    stands beside the loop, to be seen when that is rolled up.
    """
    if path and path[-1][0] == "loop" and path[-1][1] not in training:
        return path[:-1]
    called = next((level for level in range(len(path), len(users[0])) if users[0][level][0] == "module"), None)
    if called is None:
        return path
    first = users[0][: called + 1]
    within = _common([user for user in users if _common([first, user]) == first])
    return within[:-1] if within[-1][0] == "loop" else within


def _common(paths: list[tuple[Step, ...]]) -> tuple[Step, ...]:
    common = paths[0]
    for path in paths[1:]:
        length = 0
        while length < min(len(common), len(path)) and common[length][1] == path[length][1]:
            length += 1
        common = common[:length]
    return common


def _op_paths(trace: Trace, turns: Turns) -> list[tuple[Step, ...]]:
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
            if inner.kind != "turn":
                draft.groups[key] = only
            elif only.kind != "loop":
                draft.groups[key] = _standing_for(only, inner)
    if draft.kind == "loop":
        draft.count = len(draft.groups)
        for number, turn in enumerate(draft.groups.values()):
            turn.first = number
        while len(draft.groups) > 2 * CHUNK:
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
                numbers = [inner.name.rpartition(".")[2] for inner in (listed[place][1], listed[stop - 1][1])]
                name = f"{name}.{'…'.join(numbers)}"
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
    first = min([*draft.cards, *(groups[key].first_card for key, _ in inner)], default=0)
    groups[id_] = replace(
        groups[id_], groups=tuple(key for key, _ in inner), cards=tuple(sorted(draft.cards)), size=size,
        first_card=first,
    )  # fmt: skip
    return size
