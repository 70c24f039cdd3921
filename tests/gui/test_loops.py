"""Turns of loops, told from what ran and from the text of the program."""

from __future__ import annotations

import pytest

from core.playback import Index
from core.records import Trace
from gui.picture import cards, groups
from gui.picture.groups import ROOT, Group
from tests.gui.conftest import Window
from tests.gui.programs import recorded

CELL = "def cell(h):\n    h = o(h)\n    return o(h)\n"

PROGRAMS = {
    "a function": (CELL + "h = 0\nfor _ in range(4):\n    h = cell(h)\no(h)\n", "for _ in range(4) ×4"),
    "a function through another": (
        CELL + "def step(h):\n    return cell(h)\nh = 0\nfor _ in range(4):\n    h = step(h)\n",
        "for _ in range(4) ×4",
    ),
    "a loop in the function": (
        "def cell(h):\n    h = o(h)\n    for _ in range(3):\n        h = o(o(h))\n    return h\n"
        "h = 0\nfor t in range(2):\n    h = cell(h)\n",
        "for t in range(2) ×2(for _ in range(3) ×3, for _ in range(3) ×3)",
    ),
    "nothing but a loop in the function": (
        "def cell(h):\n    for _ in range(3):\n        h = o(o(h))\n    return h\n"
        "h = 0\nfor t in range(2):\n    h = cell(h)\n",
        "for t in range(2) ×2(for _ in range(3) ×3, for _ in range(3) ×3)",
    ),
    "a lambda": ("f = lambda h: o(o(h))\nh = 0\nfor _ in range(4):\n    h = f(h)\n", "for _ in range(4) ×4"),
    "a method": (
        "class A:\n    def turn(self, h):\n        return o(o(h))\n"
        "a = A()\nh = 0\nfor _ in range(4):\n    h = a.turn(h)\n",
        "for _ in range(4) ×4",
    ),
    "a module": (
        "class Cell:\n    def __call__(self, h):\n        return self.forward(h)\n"
        "    def forward(self, h):\n        return o(o(h, module='Cell'), module='Cell')\n"
        "cell = Cell()\nh = 0\nfor _ in range(4):\n    h = cell(h)\n",
        "for _ in range(4) ×4",
    ),
    "a function called twice in a turn, and something else": (
        CELL + "h = 0\nfor _ in range(4):\n    h = o(cell(cell(h)))\n", "for _ in range(4) ×4"
    ),
    "a function called from two places": (
        CELL + "h = cell(0)\nfor _ in range(4):\n    h = o(cell(h))\n", "for _ in range(4) ×4"
    ),
    "loops in loops that do nothing else": (
        "h = 0\nfor i in range(2):\n    for j in range(3):\n        h = o(o(h))\n",
        "for i in range(2) ×2(for j in range(3) ×3, for j in range(3) ×3)",
    ),
    "comprehensions in comprehensions": (
        "[[o(o()) for a in range(3)] for b in range(2)]\n",
        "for b in range(2) ×2(for a in range(3) ×3, for a in range(3) ×3)",
    ),
    "a break after half a turn": (
        "h = 0\nfor i in range(9):\n    h = o(h)\n    if i == 3:\n        break\n    h = o(h)\n", "for i in range(9) ×4"
    ),
    "while with else": (
        "h = n = 0\nwhile o(h) and n < 3:\n    h, n = o(h), n + 1\nelse:\n    h = o(h)\n",
        "while o(h) and n < 3 ×3",
    ),
    "two loops on one line": (
        "a = [o(o(0)) for i in range(3)]; c = [o(o(0)) for j in range(2)]\n",
        "for i in range(3) ×3, for j in range(2) ×2",
    ),
    "a generator": (
        "def values():\n    for i in range(3):\n        yield o(0)\nh = 0\nfor v in values():\n    h = o(o(h, v))\n",
        "for i in range(3) ×3",
    ),
    "a comprehension in a loop": (
        "h = 0\nfor t in range(2):\n    h = o(*[o(h) for k in range(3)])\n",
        "for t in range(2) ×2(for k in range(3) ×3, for k in range(3) ×3)",
    ),
    "characters of two bytes": (
        "f = lambda h: o(o(h, '层层层层层层')); g = lambda h: o(h, '层'); h = 0\nfor _ in range(3):\n    h = f(g(h))\n",
        "for _ in range(3) ×3",
    ),
    "several statements on one line": (
        "h = 0\nfor _ in range(3):\n    h = o(h); z(); h = o(h)\n    b(); z(); h = o(h)\n", "for _ in range(3) ×3"
    ),
    "recursion": (
        "def f(n):\n    return o(o(0)) if n == 0 else o(f(n - 1), f(n - 1))\nh = 0\nfor _ in range(3):\n    f(2)\n",
        "for _ in range(3) ×3",
    ),
    "a loop in a recursion": (
        "def f(n, h):\n    for k in [1, 2]:\n        h = o(h)\n        h = o(f(n - 1, h)) if n else h\n    return h\n"
        "f(1, 0)\n",
        "for k in [1, 2] ×2(for k in [1, 2] ×2, for k in [1, 2] ×2)",
    ),
    "a function called twice in a turn, and nothing else": (
        CELL + "h = 0\nfor _ in [1, 2, 3]:\n    h = cell(cell(h))\n", "for _ in [1, 2, 3] ×3"
    ),
    "a loop in a function called from two places in a turn": (
        "def g(h):\n    for i in [1, 2]:\n        h = o(o(h))\n    return h\nh = 0\n"
        "for t in range(2):\n    h = g(g(h))\n",
        "for t in range(2) ×2(for i in [1, 2] ×2, for i in [1, 2] ×2, for i in [1, 2] ×2, for i in [1, 2] ×2)",
    ),
    "batches from a generator, in epochs": (
        "def batches():\n    for i in [1, 2, 3]:\n        yield o(0)\ndef step(h):\n    return o(o(h))\n"
        "for epoch in range(2):\n    for v in batches():\n        step(v)\n"
        "    for v in batches():\n        step(o(v))\n",
        "for epoch in range(2) ×2(for i in [1, 2, 3] ×3, for i in [1, 2, 3] ×3, "
        "for i in [1, 2, 3] ×3, for i in [1, 2, 3] ×3)",
    ),
    "steps of a training called from two places": (
        "def step(h):\n    z()\n    h = o(o(h))\n    b()\n    return h\n"
        "h = step(0)\nfor _ in [1, 2, 3]:\n    h = step(h)\n    h = step(h)\n",
        "for _ in [1, 2, 3] ×3",
    ),
}  # fmt: skip


def outline(found: dict[str, Group], group: str = ROOT) -> str:
    """Loops and how often they turn, with those inside of their turns."""
    said = []
    for inner in found[group].groups:
        if found[inner].kind == "loop":
            within = outline(found, inner)
            said.append(f"{found[inner].name} ×{found[inner].count}" + (f"({within})" if within else ""))
        else:
            said += [within] if (within := outline(found, inner)) else []
    return ", ".join(said)


UNTOLD = {
    "recursion", "a loop in a recursion", "a function called twice in a turn, and nothing else",
    "a loop in a function called from two places in a turn", "steps of a training called from two places",
    "batches from a generator, in epochs",
}  # fmt: skip
"""What the text alone does not tell."""


def turns(trace: Trace) -> str:
    return outline(groups.build(trace, cards.build(trace, Index(trace)), helpers=False))


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_turns_of(program: str) -> None:
    source, expected = PROGRAMS[program]
    assert turns(recorded(source)) == expected


@pytest.mark.parametrize("program", sorted(PROGRAMS.keys() - UNTOLD))
def test_the_turns_of_a_trace_that_does_not_tell_its_calls(program: str) -> None:
    source, expected = PROGRAMS[program]
    assert turns(recorded(source, calls=False)) == expected


def test_the_turn_is_told_in_the_inspector_and_in_the_editor(window: Window) -> None:
    app = window.app
    app.session.open_trace(recorded("h = 0\nfor i in range(2):\n    for j in range(3):\n        h = o(o(h))\no(h)\n"))
    window.wait_until(lambda: app.canvas.picture is not None)

    def told() -> list[str]:
        window.settle()
        note = app.editor.turn
        head = app.inspector.text.get("1.0", "1.end")
        return [head.partition("  ·  ")[2], note.cget("text") if note.winfo_ismapped() else ""]

    app.session.seek(2)
    assert told() == ["turn 1 of 2 · turn 1 of 3"] * 2
    window.key("<Right>", app.canvas)
    assert told() == ["turn 1 of 2 · turn 2 of 3"] * 2
    line = app.editor.text.dlineinfo("4.0")
    assert line is not None
    assert app.editor.turn.winfo_y() == line[1]
    app.session.seek(12)
    assert told() == ["turn 2 of 2 · turn 3 of 3"] * 2
    app.session.seek(13)
    assert told() == ["", ""]
