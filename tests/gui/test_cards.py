"""Cards and wires: what is a card of its own, what is a helper, which way gradients go."""

from __future__ import annotations

import msgspec

from core.playback import Index, Playback
from core.records import Cut, Edge, Event, Failure, Node, Op, Pass, Span, Step, Trace, Value
from gui import context
from gui.picture import cards
from gui.picture.cards import Graph
from gui.picture.groups import Folding
from gui.picture.scene import Hit, Picture
from tests.gui import traces


def _trace(values: list[Value], ops: list[Op], **more: object) -> Trace:
    events = tuple(Event("op", op=op.id, line=op.line) for op in ops)
    return Trace("2.13.0", "", "", tuple(values), tuple(ops), events=events, **more)  # type: ignore[arg-type]


def _value(number: int, name: str = "", *, grad: bool = False, leaf: bool = True, previous: int | None = None) -> Value:
    names = (name,) if name else ()
    return Value(number, names, (2,), "float32", grad, leaf, traces.tensor(1, 2), previous=previous)


def _op(number: int, name: str, inputs: tuple[int, ...], output: int, **more: object) -> Op:
    text = str(more.pop("text", name))
    span: Span = more.pop("place", (number + 1, 0, number + 1, 9))  # type: ignore[assignment]
    return Op(number, name, span[0], span, text, inputs, (output,), site=f"#{number}", **more)  # type: ignore[arg-type]


def shown(graph: Graph) -> list[str]:
    return [card.title for card in graph.cards if not card.helper]


def training() -> Trace:
    """Memory filled for a weight, data made in two steps, a product, and a look at a number nobody needs."""
    values = [
        _value(0), _value(1, grad=True), _value(2, "w", grad=True, previous=1), _value(3), _value(4, "x"),
        _value(5, "y", grad=True, leaf=False), _value(6), _value(7), _value(8, "hit"),
    ]  # fmt: skip
    ops = [
        _op(0, "empty", (), 0),
        _op(1, "uniform_", (1,), 2, inplace=True, tracked=True),
        _op(2, "randn", (), 3),
        _op(3, "add", (3,), 4),
        _op(4, "mul", (4, 2), 5, tracked=True),
        _op(5, "ones", (), 6),
        _op(6, "neg", (6,), 7),
        _op(7, "gt", (5,), 8),
    ]
    return _trace(values, ops)


def test_helpers_are_not_drawn_unless_asked_for() -> None:
    trace = training()
    graph = cards.build(trace, Index(trace))
    # The weight, what leads to the product, the product, and what was computed from it.
    assert shown(graph) == ["w", "randn", "x", "y", "hit"]
    assert sorted(card.title for card in graph.cards if card.helper) == ["empty", "neg", "ones"]
    index = Index(trace)
    assert len(Picture(trace, index).rects) == 5
    assert len(Picture(trace, index, Folding(helpers=True)).rects) == 8


def prepared(place: Span | None = None) -> Trace:
    """Two operations on data that end in a product with a weight; ``place``: the expression that runs both."""
    written = {"text": "normalized(x)", "place": place} if place else {}
    values = [
        _value(0, "x"),
        _value(1),
        _value(2, "y"),
        _value(3, "w", grad=True),
        _value(4, "z", grad=True, leaf=False),
    ]
    ops = [_op(0, "linspace", (), 0), _op(1, "mul", (0,), 1, **written), _op(2, "add", (1,), 2, **written),
           _op(3, "tensor", (), 3), _op(4, "mul", (2, 3), 4, tracked=True)]  # fmt: skip
    return _trace(values, ops)


def test_untracked_operations_on_the_way_to_a_tracked_one_are_drawn() -> None:
    trace = prepared()
    graph = cards.build(trace, Index(trace))
    assert shown(graph) == ["x", "mul", "y", "w", "z"]
    assert [card.title for card in graph.cards if not card.tracked] == ["x", "mul", "y"]
    assert [(wire.source, wire.target) for wire in graph.wires] == [(0, 1), (1, 2), (2, 4), (3, 4)]


def test_of_what_a_library_does_for_one_expression_only_the_result_is_drawn() -> None:
    trace = prepared((2, 0, 2, 13))
    assert shown(cards.build(trace, Index(trace))) == ["y", "w", "z"]


def test_a_program_without_gradients_is_drawn_whole() -> None:
    values = [_value(0), _value(1), _value(2, "z")]
    trace = _trace(values, [_op(0, "ones", (), 0), _op(1, "neg", (0,), 1), _op(2, "exp", (1,), 2)])
    assert shown(cards.build(trace, Index(trace))) == ["ones", "neg", "z"]


def test_a_leaf_filled_in_place_is_one_card() -> None:
    trace = training()
    graph = cards.build(trace, Index(trace))
    weight = next(card for card in graph.cards if card.title == "w")
    # Not the memory that was there before: nobody has read it, and its numbers are chance.
    assert (weight.leaf, weight.values, graph.card_of_op[1]) == (True, (2,), weight.id)


def test_a_leaf_updated_without_grad_stays_one_card() -> None:
    values = [_value(0, "w", grad=True), _value(1, grad=True, leaf=False), _value(2, "w", grad=True, previous=0),
              _value(3, grad=True, leaf=False)]  # fmt: skip
    ops = [
        _op(0, "mul", (0,), 1, tracked=True),
        _op(1, "sub_", (0,), 2, inplace=True, grad_enabled=False),
        _op(2, "mul", (2,), 3, tracked=True),
    ]
    trace = _trace(values, ops)
    graph = cards.build(trace, Index(trace))
    assert [card.leaf for card in graph.cards] == [True, False, False]
    assert [(wire.source, wire.target) for wire in graph.wires] == [(0, 1), (0, 2)]


def healed(text: str) -> Trace:
    """u = y.detach(), healed, and z = u·x written as ``text``."""
    values = [_value(0, "x", grad=True), Value(1, ("y", "u"), (2,), "float32", True, False, traces.tensor(1, 2)),
              _value(2, "z", grad=True, leaf=False)]  # fmt: skip
    ops = [
        _op(0, "exp", (0,), 1, tracked=True),
        _op(1, "detach", (1,), 1, cut="healed", text="y.detach()"),
        _op(2, "mul", (1, 0), 2, tracked=True, text=text),
    ]
    nodes = (Node(0, "MulBackward0", 2, 2, 2), Node(1, "ExpBackward0", 1, 0, 1), Node(2, "AccumulateGrad", 9, None, 0))
    edges = (Edge(0, 0, 1, 0), Edge(0, 1, 2, 0), Edge(1, 0, 2, 0))
    return _trace(values, ops, passes=(Pass("backward", 4, (None,), nodes, edges, roots=((0, 0),)),))


def test_a_healed_detach_has_its_edges() -> None:
    trace = healed("u * x")
    graph = cards.build(trace, Index(trace))
    at = {card.title: card.id for card in graph.cards}
    detach = next(card.id for card in graph.cards if card.healed)
    ends = {(wire.source, wire.target): wire for wire in graph.wires}
    assert (at["y"], at["z"]) not in ends if "y" in at else True
    into, out = next(w for w in graph.wires if w.target == detach), next(w for w in graph.wires if w.source == detach)
    assert out.target == at["z"]
    # The gradient passes through both.
    assert into.passages == out.passages != ()


def test_a_use_of_the_value_itself_does_not_go_through_a_healed_detach() -> None:
    trace = healed("y * x")
    graph = cards.build(trace, Index(trace))
    detach = next(card.id for card in graph.cards if card.healed)
    assert not [wire for wire in graph.wires if wire.source == detach]


def test_the_line_that_raised_has_a_card() -> None:
    trace = traces.failed()
    graph = cards.build(trace, Index(trace))
    failed = graph.cards[-1]
    assert (failed.failed, failed.title) == (True, "b = a @ torch.ones(3)")
    assert [(graph.cards[wire.source].title, wire.target) for wire in graph.wires] == [("a", failed.id)]


def test_a_line_of_plain_tensors_that_raised_shows_what_ran() -> None:
    source = "w = torch.ones(2, requires_grad=True)\nx = torch.ones(3)\nz = x + 1\nh = z / 2 + torch.ones(4)\n"
    values = [_value(0, "w", grad=True), _value(1, "x"), _value(2, "z"), _value(3), _value(4)]
    ops = [_op(0, "ones", (), 0), _op(1, "ones", (), 1), _op(2, "add", (1,), 2),
           _op(3, "div", (2,), 3, text="z / 2", place=(4, 4, 4, 9)),
           _op(4, "ones", (), 4, text="torch.ones(4)", place=(4, 12, 4, 25))]  # fmt: skip
    trace = _trace(values, ops, error=Failure("RuntimeError", "sizes differ", 4))
    trace = msgspec.structs.replace(trace, source=source)
    graph = cards.build(trace, Index(trace))
    assert shown(graph) == ["w", "x", "z", "z / 2", "torch.ones(4)", "h = z / 2 + torch.ones(4)"]
    assert graph.cards[-1].failed
    # z is used by the part of the line that ran, not by what failed; the wires stand in the order of the line.
    assert [wire.source for wire in graph.wires if wire.target == graph.cards[-1].id] == [3, 4]


def test_what_a_line_that_raised_was_about_to_use_stands_in_its_order() -> None:
    values = [_value(0, "a", grad=True), _value(1)]
    ops = [_op(0, "tensor", (), 0), _op(1, "ones", (), 1, text="torch.ones(3)", place=(2, 8, 2, 21))]
    trace = _trace(values, ops, error=Failure("RuntimeError", "sizes differ", 2))
    trace = msgspec.structs.replace(trace, source="a = …\nb = a @ torch.ones(3)\n")
    graph = cards.build(trace, Index(trace))
    assert [(wire.source, wire.slot) for wire in graph.wires] == [(0, 0), (1, 1)]


def test_a_node_that_raised_is_marked_and_gets_no_second_card() -> None:
    trace = traces.first()
    error = Failure("RuntimeError", "changed in place", 7, node=(0, 2))
    trace = msgspec.structs.replace(trace, error=error)
    graph = cards.build(trace, Index(trace))
    assert not [card for card in graph.cards if card.failed]
    from gui.i18n import words

    playback = Playback.of(trace).end()
    said = [label.text for label in Picture(trace, playback.index).scene(playback, words("en")).labels]
    assert "✗ a**3" in said


def test_a_node_made_by_a_pass_is_one_card_for_all_passes() -> None:
    trace = traces.first()
    again = trace.passes[0]
    born = Node(6, "MulBackward0", 40, born=(0, 3))
    step = Step(6, (traces.tensor(1, 1),), (None,))
    second = msgspec.structs.replace(again, nodes=(*again.nodes, born), steps=(*again.steps, step))
    trace = msgspec.structs.replace(trace, passes=(again, second, second))
    graph = cards.build(trace, Index(trace))
    assert graph.card_of_node[(1, 6)] == graph.card_of_node[(2, 6)]


def copied_layer(name: str) -> Trace:
    """Beside a product and its backward pass: a weight that was filled, read and cloned, as copying a layer does."""
    values = [
        _value(0), _value(1, name, grad=True, previous=0), _value(2), _value(3),
        _value(4, "w", grad=True), _value(5, "y", grad=True, leaf=False),
    ]  # fmt: skip
    ops = [
        _op(0, "empty", (), 0),
        _op(1, "uniform_", (0,), 1, inplace=True, tracked=True),
        _op(2, "data", (1,), 2),
        _op(3, "clone", (2,), 3),
        _op(4, "tensor", (), 4),
        _op(5, "mul", (4,), 5, tracked=True),
    ]
    nodes = (Node(0, "MulBackward0", 1, op=5, value=5), Node(1, "AccumulateGrad", 9, value=4))
    backward = Pass("backward", 7, (traces.tensor(1, 1),), nodes, (Edge(0, 0, 1, 0),), roots=((0, 0),))
    return _trace(values, ops, passes=(backward,))


def test_what_no_pass_touches_and_no_variable_holds_is_a_helper() -> None:
    trace = copied_layer("")
    assert shown(cards.build(trace, Index(trace))) == ["w", "y"]


def test_a_named_weight_that_no_gradient_reaches_is_drawn() -> None:
    trace = copied_layer("head.scale")
    assert sorted(shown(cards.build(trace, Index(trace)))) == ["head.scale", "w", "y"]


def test_all_uses_of_a_value_are_cut_and_can_be_healed_where_they_were_cut() -> None:
    """As the scissors of a card do it: torch detached the result itself, so it has no gradient any more."""
    trace = traces.first(cut=True)
    values = [msgspec.structs.replace(v, requires_grad=False) if v.id == 4 else v for v in trace.values]
    ops = [msgspec.structs.replace(op, cut_inputs=(), cut="detached" if op.id == 4 else "") for op in trace.ops]
    trace = msgspec.structs.replace(trace, values=tuple(values), ops=tuple(ops))
    playback = Playback.of(trace).end()
    picture = Picture(trace, playback.index)
    card = next(card for card in picture.graph.cards if card.title == "b**2")
    (wire,) = [wire for wire in picture.graph.wires if wire.source == card.id]
    assert (card.tracked, wire.cut) == (True, "cut")
    whole = Cut(trace.ops[4].site)
    assert context.cut_of_all(playback, card) == context.cut_of_use(playback, picture.graph, wire) == whole
    _, top, right, _ = picture.rect(card.id)
    assert picture.hit(right - 12, top + 12, playback) == Hit("scissors", card=card.id)


def test_only_the_path_of_a_parameter_loses_its_beginning() -> None:
    text = "torch.tensor([1.0, 2.0], requires_grad=True)"
    ops = [_op(0, "tensor", (), 0, text=text), _op(1, "tensor", (), 1, text=text, hit=1), _op(2, "empty", (), 2)]
    values = [_value(0, grad=True), _value(1, grad=True), _value(2, "encoder.layers.0.linear1.weight", grad=True)]
    trace = _trace(values, [*ops, _op(3, "stack", (0, 1, 2), 3)])
    trace = msgspec.structs.replace(trace, values=(*trace.values, _value(3, "y", grad=True, leaf=False)))
    assert shown(cards.build(trace, Index(trace))) == [
        "torch.tensor([1.0, 2.0], …", "torch.tensor([1.0, 2.… @1", "…r.layers.0.linear1.weight", "y",
    ]  # fmt: skip
