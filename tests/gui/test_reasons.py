"""Why a gradient is None or zero, as the inspector of the real window says it of programs that torch has run."""

from __future__ import annotations

from typing import Final

from core.engine import Options, record
from core.playback import Playback
from gui.i18n import words
from gui.inspector.report import describe
from gui.picture.cards import build
from tests.gui.conftest import Window
from tests.gui.test_formula import written

HEAD = "import torch\nx = torch.tensor([1., 2.], requires_grad=True)\nw = torch.tensor([3., 4.], requires_grad=True)\n"
CASES: Final = (
    ("loss = w.sum()\nloss.backward()\nx * 2\n", "None", "no path leads from it to loss"),
    ("(x.detach() * w).sum().backward()\n", "None", "detached in line 4"),
    ("with torch.no_grad():\n    y = x * 2\n(y * w).sum().backward()\n", "None", "line 5 ran under no_grad"),
    ("(x.long() * w).sum().backward()\n", "None",
     "long in line 4 gives whole numbers or true and false, which carry no gradient"),
    ("(x.argmax() * w).sum().backward()\n", "None",
     "argmax in line 4 gives whole numbers or true and false, which carry no gradient"),
    ("(torch.relu(-x) * w).sum().backward()\n", "[0, 0]",
     "relu in line 4 lets nothing through: its input is nowhere above 0 where a gradient arrives"),
    ("(x * w).sum().backward()\nx.grad = None\n", "None", "cleared in line 5"),
    ("(x * w).sum().backward()\nx.grad.zero_()\n", "[0, 0]", "cleared in line 5"),
    ("(x.sum().item() * w).sum().backward()\n", "None",
     "item in line 4 gives plain numbers, which carry no gradient"),
    ("torch.autograd.grad((x * w).sum(), x)\n", "None",
     "autograd.grad in line 4 returns gradients and leaves .grad alone"),
    ("((x - x) * w).sum().backward()\n", "[0, 0]", "what arrives at AccumulateGrad in line 2 adds up to zero"),
    ("y = x * 2\ny.register_hook(torch.zeros_like)\n(y * w).sum().backward()\n", "[0, 0]",
     "a hook at MulBackward0 in line 4 made it zero"),
    ("(x * w).sum().backward()\n(-x * w).sum().backward()\n", "[0, 0]",
     "the backward in line 5 added the opposite of what was there"),
    ("y = x * 2\ntry:\n    y.backward()\nexcept RuntimeError:\n    pass\n", "None",
     "the backward call in line 6 failed"),
    ("(x * w).backward(torch.zeros(2))\n", "[0, 0]", "the seed of the backward in line 4 is zero"),
)  # fmt: skip


def test_the_inspector_says_why_at_the_end(window: Window) -> None:
    for body, grad, reason in CASES:
        window.app.session.open_trace(record(HEAD + body, options=Options(verify=False)))
        window.settle()
        window.key("<End>")
        said = written(window).replace("-0", "0")
        assert f"x.grad  {grad}\n{reason}\n" in said, body


def test_a_leaf_that_is_chosen_says_that_no_pass_has_come_yet(window: Window) -> None:
    window.app.session.open_trace(record(HEAD + "(x * w).sum().backward()\n", options=Options(verify=False)))
    window.app.session.seek(3)
    window.settle()
    picture = window.app.canvas.picture
    assert picture is not None
    card = next(card for card in picture.graph.cards if card.title == "x")
    left, top, _, _ = picture.rect(card.id)
    window.click(*window.on_screen(left + 10, top + 10))
    assert "x.grad  None\nno backward pass has come here yet" in written(window)


def test_of_many_leaves_the_first_are_told_the_one_of_the_step_and_how_many_more_there_are() -> None:
    lines = "".join(f"w{n} = torch.ones(1, requires_grad=True)\n" for n in range(8))
    trace = record(f"import torch\n{lines}({' + '.join(f'w{n}' for n in range(8))}).backward()\n")
    playback = Playback.of(trace, len(trace.events))
    graph = build(trace, playback.index)
    told = describe(playback, graph, None, words("en"), leaves=3).text
    assert [n for n in range(8) if f"w{n}.grad" in told] == [0, 1, 2]
    assert "5 more leaves" in told
    assert "more leaves" not in describe(playback, graph, None, words("en")).text
    accumulating = {
        graph.cards[card].title: moment
        for cursor in range(len(trace.events))
        if (moment := playback.at(cursor)).node is not None and (card := graph.card_of_node[moment.node]) is not None
    }
    assert "w7.grad" in describe(accumulating["w7"], graph, None, words("en"), leaves=3).text
