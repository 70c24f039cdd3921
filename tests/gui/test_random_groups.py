"""Random programs: every card is in one group; whatever is folded, nothing overlaps and nothing leaves its frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.playback import Index
from core.records import Trace
from gui.picture import cards, groups
from gui.picture.groups import ROOT, Folding
from gui.picture.scene import Picture
from tests.gui.programs import recorded

EXPRESSIONS = (
    "o(h)", "o(o(h, g))", "o(h, module='Net')", "o(o(h, module='Net.a.0'), module='Net.a.1')", "f(h)", "k(h)", "m(h)",
    "a.forward(h)", "o(*[o(h) for _ in range(3)])", "o(*(f(v) for v in values(h)))", "max(o(h), o(g))",
    "(lambda v: o(v))(h)", "o(h) if h % 2 else g", "max({o(h): o(g) for _ in range(2)})",
)  # fmt: skip
HEADER = """
n = 0
g = h = o()
class A:
    def forward(self, h):
        for part in range(2):
            h = o(h, module=f'Net.layers.{part}.linear')
            h = o(h, module=f'Net.layers.{part}')
        return h
a = A()
k = lambda h: o(o(h)); m = lambda h: f(k(h))
def values(h):
    for _ in range(2):
        yield o(h)
def again(h, depth=2):
    return o(h) if depth == 0 else o(again(h, depth - 1), again(h, depth - 1))
"""
LOOPS = (
    "for i in range({n}):", "for i in [0] * {n}:", "n = 0\nwhile o(h) and n < {n}:\n    n += 1",
    "for v in values(h):", "if h % 2:", "for module in ['Net', 'Net.b', 'Other'][:{n}]:",
)  # fmt: skip
LEAVES = (
    "h = {e}",
    "g, h = h, {e}",
    "b()",
    "z(); b(); z()",
    "h = again(h)",
    "if h % 3 == 0 and i: break",
    "h = o(h, module=module)",
)


@st.composite
def blocks(draw: st.DrawFn, depth: int = 0, looping: bool = False) -> str:
    """Statements, indented by nothing."""
    said = []
    for _ in range(draw(st.integers(1, 3))):
        if depth < 3 and draw(st.booleans()):
            head = draw(st.sampled_from(LOOPS)).format(n=draw(st.integers(0, 8)))
            body = draw(blocks(depth + 1, looping or not head.startswith("if")))
            said.append(head + "\n" + "\n".join("    " + line for line in body.split("\n")))
            if head.startswith(("for", "n")) and draw(st.booleans()):
                said.append("else:\n    h = o(h)")
        else:
            leaf = draw(st.sampled_from(LEAVES)).format(e=draw(st.sampled_from(EXPRESSIONS)))
            said.append(leaf if looping or "break" not in leaf else "h = o(h)")
    return "\n".join(said)


@st.composite
def programs(draw: st.DrawFn) -> Trace:
    body = draw(blocks(3)).replace("\n", "\n    ").replace("f(h)", "o(h)").replace("m(h)", "o(h)")
    function = f"def f(h, i=1, g=0, module='Net', n=0):\n    {body}\n    return h\n"
    source = f"i, module = 1, 'Net'{HEADER}{function}{draw(blocks())}\n"
    return recorded(source.replace("f(v)", "k(v)"), limit=400)


@settings(deadline=None, max_examples=60)
@given(programs(), st.data())
def test_any_program_folds_and_unfolds(trace: Trace, data: st.DataObject) -> None:
    index = Index(trace)
    graph = cards.build(trace, index)
    found = groups.build(trace, graph, helpers=False)
    held = [card for group in found.values() for card in group.cards]
    assert sorted(held) == [card.id for card in graph.cards if not card.helper]
    assert found[ROOT].size == len(held)
    for id_, group in found.items():
        assert all(found[inner].parent == id_ for inner in group.groups)
        assert set(group.groups).union(group.cards).issuperset(item for link in group.links for item in link)
    assert groups.start(found, Folding()) <= set(found) - {ROOT}

    folding, picture = Folding(), Picture(trace, index)
    before = picture.rects
    for _ in range(2):
        if len(found) > 1:
            group = data.draw(st.sampled_from([group for group in found if group]))
            folding = folding.toggled(group)
            picture = Picture(trace, index, folding, picture)
        assert_sound(picture)
    picture = Picture(trace, index, Folding(), picture)
    assert picture.rects - picture.rects[:1] == pytest.approx(before - before[:1])


def assert_sound(picture: Picture) -> None:
    """No box on another, and every box in the frame of its group."""
    rects = picture.rects
    for number, (left, top, right, bottom) in enumerate(rects):
        others = rects[number + 1 :]
        on = (others[:, 0] < right) & (left < others[:, 2]) & (others[:, 1] < bottom) & (top < others[:, 3])
        assert not on.any()
        around = picture.units[number].around
        while around:
            x0, y0, x1, y1 = picture.frames[around]
            assert x0 <= left
            assert right <= x1
            assert y0 <= top
            assert bottom <= y1
            around = picture.groups[around].parent
    assert all(np.isfinite(strand.route).all() for strand in picture.strands)
