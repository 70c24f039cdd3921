"""A trace → the cards and wires that stand for it, whatever the cursor."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from core.lines import lines_of
from core.playback import Index, NodeKey
from core.records import Op, Trace, Value
from gui.figures import clip
from gui.picture import helpers

TITLE_LIMIT = 26
MODULE_PATH = re.compile(r"[^\W\d]\w*(\.\w+)+")
"""Such as encoder.layers.0.linear1.weight; an expression is none."""
DETACHING = frozenset({"detach", "detach_"})


@dataclass(frozen=True, slots=True)
class Result:
    """One tensor that a card makes.

    Attributes:
        values: what it holds, one after another: changed in place it is still the same result.
        receives: node and slot of it that its gradient arrives at, in every pass where that is known.
    """

    values: tuple[int, ...]
    receives: tuple[tuple[NodeKey, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """One operation, one value that no recorded operation made, or one node made by an earlier pass.

    Attributes:
        id: index in ``Graph.cards``.
        title: the name bound to the result, or the expression.
        op: operation id.
        values: results; for a leaf updated in place, every value it held.
        nodes: its autograd nodes, the main one of each pass first.
        leaf: whether it is a leaf that requires grad.
        tracked: whether torch records it for backward.
        healed: whether it is a ``.detach()`` that a what-if made to pass gradients: it returns its input.
        helper: whether it only makes data, fills parameters or handles ``.grad``: not drawn by default.
        failed: whether it stands for the expression that raised; it has no operation.
        results: its values again, those of each tensor together.
    """

    id: int
    title: str
    op: int | None = None
    values: tuple[int, ...] = ()
    nodes: tuple[NodeKey, ...] = ()
    leaf: bool = False
    tracked: bool = False
    healed: bool = False
    helper: bool = False
    failed: bool = False
    results: tuple[Result, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """One edge of one pass: gradient ``source_slot`` of a node's VJP flows to another node."""

    source: NodeKey
    source_slot: int
    target: NodeKey
    target_slot: int


@dataclass(frozen=True, slots=True)
class Wire:
    """One use of a value: from the card that makes it to the card that uses it.

    Attributes:
        source, target: card ids, in the forward direction.
        value, slot: value id and position in the user's inputs; None where only the backward pass knows the edge.
        passages: gradient edges that run back along it, at most a few for each pass.
        cut: '' or why no gradient passes: 'cut' by a what-if, 'detach' by the program.
    """

    id: int
    source: int
    target: int
    value: int | None = None
    slot: int | None = None
    passages: tuple[Passage, ...] = ()
    cut: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """Cards, wires and how to find them."""

    cards: tuple[Card, ...]
    wires: tuple[Wire, ...]
    card_of_op: dict[int, int]
    card_of_value: dict[int, int]
    card_of_node: dict[NodeKey, int]


class _Draft:
    """A card while it is being collected."""

    def __init__(self, op: Op | None = None, helper: bool = False) -> None:
        self.op = op
        self.helper = helper
        self.values: list[int] = []
        self.nodes: list[NodeKey] = []


def build(trace: Trace, index: Index) -> Graph:
    """The graph of a whole trace."""
    drafts: list[_Draft] = []
    card_of_op: dict[int, int] = {}
    card_of_value: dict[int, int] = {}
    card_of_node: dict[NodeKey, int] = {}
    raised = _raised(trace)
    hidden = helpers.find(trace, frozenset(raised or ()))

    # Helpers come last, so that the numbers of the other cards are the same with and without them.
    for op in sorted(trace.ops, key=lambda op: op.id in hidden):
        for value in op.inputs:
            if value not in index.producer and value not in card_of_value:
                _own_value(trace.values[value], trace, index, drafts, card_of_value, op.id in hidden)
        changed = _leaf_changed(op, trace, card_of_value)
        if changed is not None:
            # A leaf that is filled or updated in place stays one card.
            card_of_op[op.id] = changed
            drafts[changed].op = drafts[changed].op or op
            for value in op.outputs:
                card_of_value[value] = changed
                if value not in drafts[changed].values:
                    drafts[changed].values.append(value)
            continue
        card_of_op[op.id] = len(drafts)
        draft = _Draft(op, op.id in hidden)
        drafts.append(draft)
        for value in op.outputs:
            if index.producer.get(value) == op.id:
                card_of_value[value] = card_of_op[op.id]
                draft.values.append(value)
        if op.cut == "healed":
            draft.values.extend(op.outputs)

    # A node that an earlier pass made is one card, however many passes run over it.
    made: dict[tuple[NodeKey, int, str], int] = {}
    for number, backward in enumerate(trace.passes):
        computed = _computed_by_passes(number, trace, index)
        for node in backward.nodes:
            card = None if node.op is None else card_of_op.get(node.op)
            if card is None and node.value is not None:
                if node.value not in card_of_value:
                    _own_value(trace.values[node.value], trace, index, drafts, card_of_value, False)
                card = card_of_value[node.value]
            if card is None and node.id in computed:
                card = card_of_value.get(computed[node.id])
            if card is None and node.born is not None:
                card = made.get((node.born, node.sequence_nr, node.name))
            if card is None:
                card = len(drafts)
                drafts.append(_Draft())
            if node.born is not None:
                made[(node.born, node.sequence_nr, node.name)] = card
            card_of_node[(number, node.id)] = card
            drafts[card].helper = False
            key = (number, node.id)
            main = node.value is not None and node.value in drafts[card].values
            drafts[card].nodes.insert(0 if main else len(drafts[card].nodes), key)

    wires = _wires(trace, drafts, card_of_op, card_of_value, card_of_node)
    texts: dict[str, int] = defaultdict(int)
    for op in trace.ops:
        texts[f"{op.text}@{op.hit}"] += 1
    for draft in drafts:
        draft.values = [value for value in draft.values if value not in index.unfinished] or draft.values
    cards = [_finish(number, draft, trace, texts) for number, draft in enumerate(drafts)]
    arrivals = _arrivals(wires)
    cards = [replace(card, results=_results(card, trace, arrivals)) for card in cards]
    failed = _failed(trace, raised, card_of_value, len(cards), len(wires))
    if failed is not None:
        cards.append(failed[0])
        wires += failed[1]
    return Graph(tuple(cards), tuple(wires), card_of_op, card_of_value, card_of_node)


def _raised(trace: Trace) -> tuple[int, ...] | None:
    """What the line that raised was about to use, in its order: results of its own parts, and named values.

    None where no line of the forward pass raised; a node that raised has a card of its own.
    """
    error, lines = trace.error, lines_of(trace.source)
    if error is None or error.node is not None or not 0 < error.line <= len(lines):
        return None
    if any(backward.error is not None for backward in trace.passes):
        return None
    text = lines[error.line - 1]
    found: list[tuple[int, int]] = []
    used: set[int] = set()
    for op in reversed(trace.ops):
        if op.line != error.line or any(trace.values[value].names for value in op.outputs):
            break
        found += [(op.span[1], value) for value in op.outputs if value not in used]
        used.update(op.inputs)
        if op.span[2] == op.line:
            first, stop = op.span[1], op.span[3]
            text = text[:first] + " " * (stop - first) + text[stop:]
    latest = {name: value.id for value in trace.values for name in value.names}
    target = re.match(r"[\w\s,.]+=(?!=)", text)
    words = re.compile(r"[A-Za-z_]\w*").finditer(text, target.end() if target else 0)
    found += [(word.start(), latest[word[0]]) for word in words if word[0] in latest]
    return tuple(dict.fromkeys(value for _, value in sorted(found)))


def _failed(
    trace: Trace, raised: tuple[int, ...] | None, card_of_value: dict[int, int], card: int, first_wire: int
) -> tuple[Card, list[Wire]] | None:
    """A card for the line that raised, with wires from what it was about to use."""
    if raised is None or trace.error is None:
        return None
    text = lines_of(trace.source)[trace.error.line - 1].strip()
    wires = [
        Wire(first_wire + number, card_of_value[value], card, value, number)
        for number, value in enumerate(value for value in raised if value in card_of_value)
    ]
    return Card(card, clip(text, TITLE_LIMIT), failed=True), wires


def _computed_by_passes(number: int, trace: Trace, index: Index) -> dict[int, int]:
    """Nodes made by an earlier pass (create_graph) → the value they computed, found where an operation uses it."""
    backward = trace.passes[number]
    found: dict[int, int] = {}
    for edge in backward.edges:
        source, target = backward.nodes[edge.source], backward.nodes[edge.target]
        if source.op is None or target.op is not None or target.value is not None:
            continue
        tracked = [value for value in trace.ops[source.op].inputs if trace.values[value].requires_grad]
        if edge.source_slot < len(tracked) and tracked[edge.source_slot] not in index.producer:
            found.setdefault(target.id, tracked[edge.source_slot])
    return found


def _leaf_changed(op: Op, trace: Trace, card_of_value: dict[int, int]) -> int | None:
    """The card of the leaf that an operation such as ``kaiming_uniform_`` or an update under no_grad changes."""
    if not op.inplace or len(op.outputs) != 1:
        return None
    after = trace.values[op.outputs[0]]
    if after.previous not in op.inputs or not (after.is_leaf and after.requires_grad):
        return None
    before = trace.values[after.previous]
    return card_of_value.get(before.id) if before.is_leaf else None


def _own_value(
    value: Value, trace: Trace, index: Index, drafts: list[_Draft], card_of_value: dict[int, int], helper: bool
) -> None:
    """Gives a value that no operation made a card, shared with what the same tensor held before."""
    chain = [value]
    while chain[-1].previous is not None and chain[-1].id not in index.producer:
        chain.append(trace.values[chain[-1].previous])
    first = chain[-1]
    if first.id in card_of_value:
        card = card_of_value[first.id]
    else:
        card = len(drafts)
        drafts.append(_Draft(helper=helper))
    for link in reversed(chain):
        if link.id not in card_of_value:
            card_of_value[link.id] = card
            drafts[card].values.append(link.id)


def _finish(number: int, draft: _Draft, trace: Trace, texts: dict[str, int]) -> Card:
    values = [trace.values[value] for value in draft.values]
    op = draft.op
    healed = op is not None and op.cut == "healed"
    leaf = not healed and any(value.requires_grad and value.is_leaf for value in values)
    tracked = not healed and (leaf or bool(draft.nodes) or any(value.requires_grad for value in values))
    tracked |= op is not None and op.cut == "detached"  # it would be, without the what-if
    names = [] if healed else list(dict.fromkeys(name for value in values for name in value.names))
    if names:
        names = [name.removeprefix("self.") for name in names]
        title = names[0] if len(names[0]) >= 4 else ", ".join(names[:3])
    elif op is not None:
        alone = op.text and texts[f"{op.text}@{op.hit}"] == 1
        title = op.text if alone and len(op.text) <= 2 * TITLE_LIMIT else op.name
    elif draft.nodes:
        number_, node = draft.nodes[0]
        title = trace.passes[number_].nodes[node].name
    else:
        title = "tensor"
    if leaf and MODULE_PATH.fullmatch(title):
        # The end of a path such as encoder.layers.0.linear1.weight says more than its beginning.
        title = title if len(title) <= TITLE_LIMIT else "…" + title[1 - TITLE_LIMIT :]
    elif op is not None and op.hit and not (leaf and names):
        title = f"{clip(title, TITLE_LIMIT - 4)} @{op.hit}"
    return Card(
        number,
        clip(title, TITLE_LIMIT),
        op.id if op else None,
        tuple(draft.values),
        tuple(draft.nodes),
        leaf,
        tracked,
        healed,
        draft.helper,
    )


def _wires(
    trace: Trace,
    drafts: list[_Draft],
    card_of_op: dict[int, int],
    card_of_value: dict[int, int],
    card_of_node: dict[NodeKey, int],
) -> list[Wire]:
    """Uses of values, with the gradient edges of every pass laid onto them in the order of their slots."""
    uses: list[tuple[int, int, int | None, int | None, str]] = []
    between: dict[tuple[int, int], list[int]] = defaultdict(list)
    through: dict[int, int] = {}
    healed: dict[int, list[Op]] = defaultdict(list)
    into: dict[int, int] = {}
    detached = {value for op in trace.ops if op.cut == "detached" for value in op.outputs}
    for op in trace.ops:
        target = card_of_op[op.id]
        if drafts[target].op is not op:
            continue
        for slot, value in enumerate(op.inputs):
            source = card_of_value.get(value)
            if source is None or source == target:
                continue
            cut = "cut" if slot in op.cut_inputs or value in detached else ""
            if not cut and op.name in DETACHING and op.cut != "healed" and trace.values[value].requires_grad:
                cut = "detach"
            between[(source, target)].append(len(uses))
            heal = next(
                (heal for heal in reversed(healed[value]) if _goes_through(heal, op, trace.values[value])), None
            )
            if heal is not None:
                source = card_of_op[heal.id]
                through[len(uses)] = into[heal.id]
            uses.append((source, target, value, slot, cut))
            if op.cut == "healed":
                healed[value].append(op)
                into[op.id] = len(uses) - 1
    passages: dict[int, list[Passage]] = defaultdict(list)
    for number, backward in enumerate(trace.passes):
        taken: dict[tuple[int, int], int] = defaultdict(int)
        for edge in sorted(backward.edges, key=lambda e: (e.source, e.source_slot)):
            upper = card_of_node.get((number, edge.source))
            lower = card_of_node.get((number, edge.target))
            if upper is None or lower is None or upper == lower:
                continue
            open_uses = [use for use in between[(lower, upper)] if not uses[use][4] and _carries(trace, uses[use][2])]
            place = taken[(lower, upper)]
            if place < len(open_uses):
                use = open_uses[place]
                taken[(lower, upper)] += 1
            else:
                # More gradients than uses: each has a line, as those that only the backward pass knows.
                use = len(uses)
                uses.append((lower, upper, None, None, ""))
                between[(lower, upper)].append(use)
                taken[(lower, upper)] += 1
            passage = Passage((number, edge.source), edge.source_slot, (number, edge.target), edge.target_slot)
            passages[use].append(passage)
            if use in through:
                passages[through[use]].append(passage)
    return [
        Wire(number, source, target, value, slot, tuple(passages.get(number, ())), cut)
        for number, (source, target, value, slot, cut) in enumerate(uses)
    ]


def _arrivals(wires: Iterable[Wire]) -> dict[int, dict[int, tuple[NodeKey, int]]]:
    """Value → pass → node and slot that gradients from its users arrive at."""
    found: dict[int, dict[int, tuple[NodeKey, int]]] = defaultdict(dict)
    for wire in wires:
        if wire.value is None:
            continue
        for passage in wire.passages:
            found[wire.value].setdefault(passage.target[0], (passage.target, passage.target_slot))
    return found


def _results(card: Card, trace: Trace, arrivals: dict[int, dict[int, tuple[NodeKey, int]]]) -> tuple[Result, ...]:
    """The tensors that a card makes, in the operation's order, and where their gradients arrive."""
    if card.leaf:
        return (Result(card.values),)
    held: dict[int, list[int]] = {}
    first: dict[int, int] = {}
    for value in card.values:
        before = trace.values[value].previous
        first[value] = value if before is None else first.get(before, value)
        held.setdefault(first[value], []).append(value)
    # What an in-place operation changes under another view, which has no name, is no result of its own.
    named = {trace.values[value].view_of for value in card.values if trace.values[value].names} - {None}
    chains = [
        chain for chain in held.values()
        if trace.values[chain[0]].view_of not in named or any(trace.values[value].names for value in chain)
    ]  # fmt: skip
    nodes: dict[int, list[NodeKey]] = defaultdict(list)
    for key in card.nodes:
        nodes[key[0]].append(key)
    results = []
    outputs = trace.ops[card.op].outputs if card.op is not None else ()
    for chain in chains:
        receives = []
        for number, keys in nodes.items():
            places = [(key, 0) for key in keys if trace.passes[number].nodes[key[1]].value in chain]
            places += [arrivals[value][number] for value in chain if number in arrivals.get(value, ())]
            if len(keys) == 1 and chain[0] in outputs:
                places.append((keys[0], outputs.index(chain[0])))
            receives += places[:1]
        results.append(Result(tuple(chain), tuple(receives)))
    return tuple(results)


def _goes_through(heal: Op, user: Op, value: Value) -> bool:
    """Whether a use of a value means the result of its healed ``.detach()``: both are the same tensor now.

    Told by where it is written: inside the user's expression, or by a name that the value got later.
    """
    if user is heal or user.id < heal.id:
        return False
    inside = (user.span[:2] <= heal.span[:2]) and (heal.span[2:] <= user.span[2:]) and user.line > 0
    said = set(re.findall(r"[A-Za-z_]\w*", user.text))
    return inside or bool(said.intersection(value.names[1:]) - {value.names[0]}) if value.names else inside


def _carries(trace: Trace, value: int | None) -> bool:
    return value is None or trace.values[value].requires_grad


def identities(graph: Graph, trace: Trace) -> tuple[Hashable, ...]:
    """What tells every card from all others, and is the same in another run of the program: after a what-if, with a
    turn more of a loop, with a line inserted above."""
    met: Counter[Hashable] = Counter()
    found = []
    for card in graph.cards:
        known: Hashable
        if card.op is not None and not card.leaf:
            known = _written(trace.ops[card.op])
        elif card.values:
            known = next((names for value in card.values if (names := trace.values[value].names)), ())
        else:
            known = tuple(trace.passes[number].nodes[node].name for number, node in card.nodes[:1])
        found.append((known, met[known]))
        met[known] += 1
    return tuple(found)


def same_program(trace: Trace, other: Trace) -> bool:
    """Whether these are runs of one program, which may have been edited meanwhile: of the same file.

    Where one of them is of no file, most operations are written the same.
    """
    if trace.path and other.path:
        return trace.path == other.path
    mine, theirs = (Counter(map(_written, one.ops)) for one in (trace, other))
    return trace.source == other.source or 2 * (mine & theirs).total() > max(mine.total(), theirs.total())


def _written(op: Op) -> tuple[str, str, str | None]:
    return (op.name, op.text, op.module)
