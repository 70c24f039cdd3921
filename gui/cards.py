"""A trace → the cards and wires that stand for it, whatever the cursor."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from core.playback import Index, NodeKey
from core.records import Op, Trace, Value
from gui.figures import clip

TITLE_LIMIT = 26
DETACHING = frozenset({"detach", "detach_"})


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
    """

    id: int
    title: str
    op: int | None = None
    values: tuple[int, ...] = ()
    nodes: tuple[NodeKey, ...] = ()
    leaf: bool = False
    tracked: bool = False
    healed: bool = False


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

    def __init__(self, op: Op | None = None) -> None:
        self.op = op
        self.values: list[int] = []
        self.nodes: list[NodeKey] = []


def build(trace: Trace, index: Index) -> Graph:
    """The graph of a whole trace."""
    drafts: list[_Draft] = []
    card_of_op: dict[int, int] = {}
    card_of_value: dict[int, int] = {}
    card_of_node: dict[NodeKey, int] = {}
    uses = Counter(value for op in trace.ops for value in op.inputs)
    hidden = {op.id for op in trace.ops if _is_helper(op, trace, uses)}

    for op in trace.ops:
        if op.id in hidden:
            continue
        raw = _initialised(op, trace, index, uses)
        if raw is not None:
            card_of_value[raw] = len(drafts)
        for value in op.inputs:
            if value not in index.producer and value not in card_of_value:
                _own_value(trace.values[value], trace, index, drafts, card_of_value)
        card_of_op[op.id] = len(drafts)
        draft = _Draft(op)
        drafts.append(draft)
        for value in op.outputs:
            if index.producer.get(value) == op.id:
                card_of_value[value] = card_of_op[op.id]
                draft.values.append(value)
        if op.cut == "healed":
            draft.values.extend(op.outputs)

    for number, backward in enumerate(trace.passes):
        computed = _computed_by_passes(number, trace, index)
        for node in backward.nodes:
            card = None if node.op is None else card_of_op.get(node.op)
            if card is None and node.value is not None:
                if node.value not in card_of_value:
                    _own_value(trace.values[node.value], trace, index, drafts, card_of_value)
                card = card_of_value[node.value]
            if card is None and node.id in computed:
                card = card_of_value.get(computed[node.id])
            if card is None:
                card = len(drafts)
                drafts.append(_Draft())
            card_of_node[(number, node.id)] = card
            key = (number, node.id)
            main = node.value is not None and node.value in drafts[card].values
            drafts[card].nodes.insert(0 if main else len(drafts[card].nodes), key)

    wires = _wires(trace, index, hidden, card_of_op, card_of_value, card_of_node)
    texts: dict[str, int] = defaultdict(int)
    for op in trace.ops:
        texts[f"{op.text}@{op.hit}"] += 1
    cards = [_finish(number, draft, trace, texts) for number, draft in enumerate(drafts)]
    return Graph(tuple(cards), tuple(wires), card_of_op, card_of_value, card_of_node)


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


def _is_helper(op: Op, trace: Trace, uses: Counter[int]) -> bool:
    """A constant that nothing uses and no name holds, such as the tensor written inside ``backward(gradient=…)``."""
    return not op.inputs and all(
        not uses[value] and not trace.values[value].names and not trace.values[value].requires_grad
        for value in op.outputs
    )


def _initialised(op: Op, trace: Trace, index: Index, uses: Counter[int]) -> int | None:
    """The nameless memory that an operation such as ``kaiming_uniform_`` fills: it needs no card of its own."""
    if op.inplace and len(op.outputs) == 1:
        before = trace.values[op.outputs[0]].previous
        if before in op.inputs and uses[before] == 1 and before not in index.producer:
            return None if trace.values[before].names else before
    return None


def _own_value(value: Value, trace: Trace, index: Index, drafts: list[_Draft], card_of_value: dict[int, int]) -> None:
    """Gives a value that no operation made a card, shared with what the same tensor held before."""
    chain = [value]
    while chain[-1].previous is not None and chain[-1].id not in index.producer:
        chain.append(trace.values[chain[-1].previous])
    first = chain[-1]
    if first.id in card_of_value:
        card = card_of_value[first.id]
    else:
        card = len(drafts)
        drafts.append(_Draft())
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
    names = [] if healed else list(dict.fromkeys(name for value in values for name in value.names))
    if names:
        title = names[0] if len(names[0]) >= 4 else ", ".join(names[:3])
    elif op is not None:
        alone = op.text and texts[f"{op.text}@{op.hit}"] == 1
        title = op.text if alone and len(op.text) <= 2 * TITLE_LIMIT else op.name
    elif draft.nodes:
        number_, node = draft.nodes[0]
        title = trace.passes[number_].nodes[node].name
    else:
        title = "tensor"
    if op is not None and op.hit:
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
    )


def _wires(
    trace: Trace,
    index: Index,
    hidden: set[int],
    card_of_op: dict[int, int],
    card_of_value: dict[int, int],
    card_of_node: dict[NodeKey, int],
) -> list[Wire]:
    """Uses of values, with the gradient edges of every pass laid onto them in the order of their slots."""
    uses: list[tuple[int, int, int | None, int | None, str]] = []
    between: dict[tuple[int, int], list[int]] = defaultdict(list)
    for op in trace.ops:
        if op.id in hidden:
            continue
        for slot, value in enumerate(op.inputs):
            source, target = card_of_value.get(value), card_of_op[op.id]
            if source is None or source == target:
                continue
            cut = "cut" if slot in op.cut_inputs else ""
            if not cut and op.name in DETACHING and op.cut != "healed" and trace.values[value].requires_grad:
                cut = "detach"
            between[(source, target)].append(len(uses))
            uses.append((source, target, value, slot, cut))
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
            elif open_uses:
                use = open_uses[-1]
            else:
                use = len(uses)
                uses.append((lower, upper, None, None, ""))
                between[(lower, upper)].append(use)
                taken[(lower, upper)] += 1
            passages[use].append(
                Passage((number, edge.source), edge.source_slot, (number, edge.target), edge.target_slot)
            )
    return [
        Wire(number, source, target, value, slot, tuple(passages.get(number, ())), cut)
        for number, (source, target, value, slot, cut) in enumerate(uses)
    ]


def _carries(trace: Trace, value: int | None) -> bool:
    return value is None or trace.values[value].requires_grad


def main_node(card: Card, began: Iterable[int]) -> NodeKey | None:
    """The node that stands for a card: of the latest pass that has begun and knows it."""
    passes = set(began)
    latest: NodeKey | None = None
    for key in card.nodes:
        if key[0] in passes and (latest is None or key[0] > latest[0]):
            latest = key
    return latest
