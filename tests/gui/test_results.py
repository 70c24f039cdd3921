"""What cards with several results, several nodes or results changed in place say, of real programs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.files import read_trace
from core.playback import Playback
from core.records import Trace
from gui import context, notes
from gui.i18n import words
from gui.inspector.report import describe
from gui.picture import cards, drawing, results
from gui.picture.drawing import HEAD, PAD, ROW
from gui.picture.scene import Curve, Picture
from gui.picture.shapes import overlap

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "nodes": """import torch
x = torch.tensor([2.0, 4.0], requires_grad=True)
(1 / x).sum().backward()
""",
    "lstm": """import torch
lstm = torch.nn.LSTM(2, 2)
out, (h, c) = lstm(torch.ones(3, 1, 2))
(out.sum() * 3 + c.sum()).backward()
""",
    "views": """import torch
x = torch.arange(6.0, requires_grad=True)
y = x * 2
v = y.view(2, 3)
v[0] *= 3
v.sum().backward()
""",
    "unbind": """import torch
x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
a, b = x.unbind(0)
((a * 10).sum() + (b * b).sum()).backward()
""",
    "split": """import torch
x = torch.tensor([[3.0, 1.0, 2.0], [5.0, 4.0, 6.0]], requires_grad=True)
a, b, c = torch.split(x, 1, dim=1)
((a * b).sum() + c.mean()).backward()
""",
    "hook": """import torch
w = torch.tensor([1.0, 2.0], requires_grad=True)
y = w * 3
y.register_hook(lambda g: g * 2)
y.exp().sum().backward()
""",
    "paths": """import torch
x = torch.tensor([2.0, -3.0], requires_grad=True)
y = x * x
z = y + x
(z * y).sum().backward()
""",
    "made": """import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.empty(2))
        nn.init.trunc_normal_(self.scale)
        self.inner = nn.Linear(2, 2)
        nn.init.xavier_uniform_(self.inner.weight)
net = Net()
cell = nn.LSTMCell(2, 2)
v = torch.empty(2, requires_grad=True)
nn.init.normal_(v)
p = nn.Parameter(torch.ones(2))
with torch.no_grad():
    p += 1
cell(net.inner(net.scale * v * p)[None])[0].sum().backward()
""",
}
RECORD = """
import sys
from pathlib import Path
from core.engine import record
from core.records import Options, pack_trace
for path in map(Path, sys.argv[1:]):
    trace = record(path.read_text("utf-8"), options=Options(path=str(path), verify=False))
    path.with_suffix(".pullback").write_bytes(pack_trace(trace))
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trace]:
    """The programs, recorded by the engine."""
    folder = tmp_path_factory.mktemp("results")
    for name, source in PROGRAMS.items():
        (folder / f"{name}.py").write_text(source, "utf-8")
    subprocess.run([sys.executable, "-c", RECORD, *map(str, folder.glob("*.py"))], cwd=ROOT, check=True)
    return {name: read_trace(folder / f"{name}.pullback") for name in PROGRAMS}


def card_of(picture: Picture, title: str) -> int:
    return next(card.id for card in picture.graph.cards if card.title == title)


def said(picture: Picture, playback: Playback, title: str) -> list[str]:
    """The texts on a card, from top to bottom."""
    rect = picture.rect(card_of(picture, title))
    labels = picture.scene(playback, words("en")).labels
    found = [label for label in labels if overlap(rect, (label.x, label.y, label.x, label.y))]
    return [label.text for label in sorted(found, key=lambda label: (label.y, label.x))]


def at_step(trace: Trace, node: str) -> Playback:
    """The moment at which a node has just run."""
    playback = Playback.of(trace)
    while (key := playback.node) is None or trace.passes[key[0]].nodes[key[1]].name != node:
        assert not playback.at_end
        playback = playback.forward()
    return playback


def test_no_card_shows_memory_that_is_filled_later(recorded: dict[str, Trace]) -> None:
    start = Playback.of(recorded["made"])
    graph = cards.build(start.trace, start.index)
    moments = [start.at(cursor) for cursor in range(len(start.trace.events) + 1)]
    held = {
        card.title: {moment.tensor(value) for moment in moments for value in results.values(moment, card)}
        for card in graph.cards if card.leaf
    }  # fmt: skip
    assert {"scale", "inner.weight", "cell.weight_ih", "v", "p"} <= held.keys()
    assert {title for title, tensors in held.items() if len(tensors) > 1} == {"p"}
    # What the program itself made and changed is shown as it was.
    assert {tuple(tensor.head) for tensor in held["p"]} == {(1, 1), (2, 2)}
    # What filled the memory is not drawn.
    assert not [card.title for card in graph.cards if not (card.tracked or card.helper or "zeros" in card.title)]


def test_a_card_of_several_nodes_shows_the_one_that_has_just_run(recorded: dict[str, Trace]) -> None:
    trace = recorded["nodes"]
    picture = Picture(trace, Playback.of(trace).index)
    mul, reciprocal = (at_step(trace, name) for name in ("MulBackward0", "ReciprocalBackward0"))
    assert said(picture, mul, "1 / x")[1] == "MulBackward0 +1"
    selected = describe(reciprocal, picture.graph, card_of(picture, "1 / x"), words("en"))
    assert selected.lines[0][0][0] == "ReciprocalBackward0"
    assert said(picture, reciprocal, "1 / x")[1] == "ReciprocalBackward0 +1"
    assert said(picture, reciprocal.end(), "1 / x")[1] == "MulBackward0 +1"


def test_every_result_of_a_card_has_its_own_v_in_their_order(recorded: dict[str, Trace]) -> None:
    trace = recorded["lstm"]
    playback = Playback.of(trace).end()
    picture = Picture(trace, playback.index)
    assert said(picture, playback, "out, h, c")[-2:] == ["v", "3×1×2: 3; None; [[[1, 1]]]"]
    # The other node waits for what this one and the sum have for it.
    assert said(picture, at_step(trace, "StackBackward0").back(), "out, h, c")[1] == "1 of 2 paths"
    # While one of its nodes is the current one, only what arrived there.
    assert said(picture, at_step(trace, "StackBackward0"), "out, h, c")[-2:] == ["v", "[[[1, 1]]]"]


def test_a_result_changed_in_place_is_one_value_and_keeps_within_its_row(recorded: dict[str, Trace]) -> None:
    trace = recorded["views"]
    playback = Playback.of(trace)
    picture = Picture(trace, playback.index)
    _, top, _, bottom = picture.rect(card_of(picture, "v"))
    assert said(picture, playback.at(3), "v")[2:5] == ["0  2   4", "value", "6  8  10"]
    assert said(picture, playback.end(), "v")[2:5] == ["0  6  12", "value", "6  8  10"]
    scene = picture.scene(playback.at(3), words("en"))
    brackets = [curve for curve in scene.shapes if isinstance(curve, Curve) and curve.line == "value"]
    assert len(brackets) == 6
    assert all(top + HEAD <= y <= bottom - ROW for curve in brackets for _, y in curve.points)


def test_hovering_and_copying_tell_every_result_by_its_name(recorded: dict[str, Trace]) -> None:
    trace = recorded["unbind"]
    playback = Playback.of(trace)
    graph = Picture(trace, playback.index).graph
    card = next(card for card in graph.cards if card.title == "a, b")
    _, lines = notes.on_card(playback.end(), card, words("en"))
    assert lines.splitlines()[1:] == [
        "a  value  [1, 2]", "float32 [2]", "a  v  [10, 10]", "b  value  [3, 4]", "float32 [2]", "b  v  [6, 8]",
    ]  # fmt: skip
    told = context.told(playback.end(), card)
    assert context.in_full([one.value for one in told]) == "([1, 2], [3, 4])"
    assert context.in_full([one.gradient for one in told]) == "([10, 10], [6, 8])"
    # While only one of them has got something, the other has nothing.
    halfway = context.told(at_step(trace, "MulBackward0"), card)
    assert [(one.name, one.gradient is None) for one in halfway] == [("a", True), ("b", False)]
    assert context.in_full([one.gradient for one in halfway]) == "(None, [6, 8])"
    assert context.in_full([one.gradient for one in context.told(playback.at(2), card)]) == ""


def test_every_node_of_a_card_gives_its_result_its_gradient(recorded: dict[str, Trace]) -> None:
    trace = recorded["lstm"]
    playback = Playback.of(trace).end()
    card = next(card for card in Picture(trace, playback.index).graph.cards if card.title == "out, h, c")
    told = context.told(playback, card)
    assert [one.name for one in told] == ["out", "h", "c"]
    assert context.in_full([one.gradient for one in told]) == "([[[3, 3]], [[3, 3]], [[3, 3]]], None, [[[1, 1]]])"


def test_every_gradient_between_two_cards_has_its_own_line(recorded: dict[str, Trace]) -> None:
    trace = recorded["views"]
    picture = Picture(trace, Playback.of(trace).index)
    wires = [wire for wire in picture.graph.wires if len(wire.passages) > 1]
    assert not wires
    end = Playback.of(trace).end()
    step = next(step for step in trace.passes[0].steps if len([g for g in step.grad_inputs if g is not None]) == 2)
    texts = [label.text for label in picture.scene(end, words("en")).labels]
    for gradient in step.grad_inputs:
        assert drawing.contribution(gradient) in texts


def test_a_gradient_that_a_hook_changed_says_so_once_it_is_changed(recorded: dict[str, Trace]) -> None:
    trace = recorded["hook"]
    picture = Picture(trace, Playback.of(trace).index)
    card = picture.graph.cards[card_of(picture, "y")]
    hooked = at_step(trace, "MulBackward0")
    for playback, told in ((hooked.back(), False), (hooked, True), (hooked.end(), True)):
        assert said(picture, playback, "y")[1] == "MulBackward0" + "  ✱ a hook changed v" * told
        assert ("A hook changed what arrived." in notes.on_card(playback, card, words("en"))[1]) == told
    assert "✱" not in "".join(said(picture, hooked.end(), "w") + said(picture, hooked.end(), "y.exp()"))


def test_a_leaf_tells_what_has_arrived_before_it_is_in_grad(recorded: dict[str, Trace]) -> None:
    trace = recorded["paths"]
    picture = Picture(trace, Playback.of(trace).index)
    waiting = at_step(trace, "AddBackward0")
    assert said(picture, waiting.back(), "x")[1] == "AccumulateGrad"
    assert said(picture, waiting, "x")[1:] == ["1 of 3 paths · v [4, 9]", "value", "[2, -3]", ".grad", "None"]
    assert said(picture, waiting.end(), "x")[1:] == ["AccumulateGrad", "value", "[2, -3]", ".grad", "[44, -81]"]
    told = notes.on_card(waiting, picture.graph.cards[card_of(picture, "x")], words("en"))[1]
    assert told.endswith("1 of 3 paths\nv  [4, 9]")
    assert "paths" not in notes.on_card(waiting.end(), picture.graph.cards[card_of(picture, "x")], words("en"))[1]


def test_what_has_arrived_for_some_results_only_fits_the_card(recorded: dict[str, Trace]) -> None:
    trace = recorded["split"]
    waiting = at_step(trace, "MeanBackward0")
    picture = Picture(trace, waiting.index)
    assert said(picture, waiting, "a, b, c")[-2:] == ["v", "None; None; [[0.5], [0.5]]"]
    left, _, right, _ = picture.rect(card_of(picture, "a, b, c"))
    assert drawing.said_width("None; None; [[0.5], [0.5]]") + 3 * PAD < right - left
