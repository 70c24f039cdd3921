"""F11 and Shift+F11: into nodes and groups, and out of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from core.files import read_trace
from core.playback import Playback
from gui.i18n import words
from gui.inspector.report import describe
from gui.picture.scene import Picture
from tests.gui import traces
from tests.gui.conftest import Window
from tests.gui.test_canvas import opened
from tests.gui.test_groups import loop

ROOT = Path(__file__).parents[2]
BROADCAST = """import torch
x = torch.ones(2, 3, requires_grad=True)
w = torch.ones(3, requires_grad=True)
y = x * w
y.backward(torch.ones(2, 3))
"""


def place(window: Window) -> tuple[int, int]:
    playback = window.app.session.playback
    assert playback is not None
    return playback.cursor, playback.part


def said(window: Window) -> str:
    text = window.app.inspector.text
    return text.get("1.0", "end")


def test_f11_tells_a_node_part_by_part_and_the_arrows_go_on_inside(window: Window) -> None:
    window.key("<F5>")
    begin = place(window)[0]
    window.key("<F10>")
    window.key("<F11>", window.app.canvas)
    assert place(window) == (begin + 1, 1)
    assert "SubBackward0" in said(window)
    assert "ARRIVES" in said(window)
    assert "LOCAL JACOBIAN" not in said(window)
    window.key("<Right>", window.app.canvas)
    assert "LOCAL JACOBIAN" in said(window)
    assert "PRODUCT" not in said(window)
    window.key("<F11>", window.app.canvas)
    assert "PRODUCT" in said(window)
    assert "GOES TO" not in said(window)
    assert "inside SubBackward0 · 3 of 3" in window.app.toolbar.where.cget("text")
    window.key("<F11>", window.app.canvas)
    assert place(window) == (begin + 2, 0)
    assert "GOES TO" in said(window)
    for part in (3, 2, 1, 0):
        window.key("<Left>", window.app.canvas)
        assert place(window) == (begin + 1, part)
    assert not window.app.callback_errors


def test_shift_f11_finishes_the_node_and_back_is_then_one_event(window: Window) -> None:
    window.key("<F5>")
    begin = place(window)[0]
    window.key("<F10>")
    window.key("<F11>", window.app.canvas)
    window.key("<Shift-F11>", window.app.canvas)
    assert place(window) == (begin + 2, 0)
    window.key("<Shift-F10>", window.app.canvas)
    assert place(window) == (begin + 1, 0)


def test_paths_are_told_one_by_one_and_the_edge_is_lit(window: Window) -> None:
    window.worker.record = lambda job: traces.fan()
    window.key("<F5>")
    window.key("<F10>")
    window.key("<F10>")
    window.key("<F11>", window.app.canvas)
    assert "path 2" not in said(window)
    playback, picture = window.app.session.playback, window.app.canvas.picture
    assert playback is not None
    assert picture is not None
    halos = [shape for shape in picture.scene(playback, words("en")).shapes if getattr(shape, "line", "") == "halo"]
    none = [s for s in picture.scene(playback.back(), words("en")).shapes if getattr(s, "line", "") == "halo"]
    assert len(halos) > len(none)
    window.key("<F11>", window.app.canvas)
    assert "path 2: + 3 = 6" in said(window)


def test_a_product_is_told_before_and_after_it_is_summed_to_the_shape(tmp_path: Path) -> None:
    program, kept = tmp_path / "broadcast.py", tmp_path / "broadcast.pullback"
    program.write_text(BROADCAST, "utf-8")
    subprocess.run([sys.executable, "app.py", "trace", program, "--save", kept], cwd=ROOT, check=True)
    trace = read_trace(kept)
    playback = Playback.of(trace)
    while [part.kind for part in playback.parts] != ["arrives", "jacobian", "vjp", "sum"]:
        playback = playback.forward()
    graph = Picture(trace, playback.index).graph
    product, summed = playback.into().into().into(), playback.into().into().into().into()
    before, after = (describe(moment, graph, None, words("en")).text for moment in (product, summed))
    assert "[[1, 1, 1], [1, 1, 1]]" in before.partition("PRODUCT")[2]
    assert "[2, 2, 2]" not in before
    assert "[2, 2, 2]" in after
    assert "summed from shape" in after


def test_f11_unfolds_the_group_that_is_next_and_shift_f11_leaves_it_and_folds_it(window: Window) -> None:
    canvas = opened(window, loop(12))
    window.app.session.home()
    window.settle()
    picture, playback = canvas.picture, window.app.session.playback
    assert picture is not None
    assert playback is not None
    group = picture.group_of(picture.card_now(playback.forward()) or 0)
    window.key("<F11>", canvas)
    assert canvas.picture is not None
    assert group in picture.folded - canvas.picture.folded
    assert place(window) == (0, 0)  # nothing has happened yet
    while canvas.picture.group_of(canvas.picture.card_now(playback.forward()) or 0):
        window.key("<F11>", canvas)
    window.key("<F10>", canvas)
    card = canvas.picture.card_now(playback.forward())
    inner = canvas.picture.frame_of(card or 0)
    window.key("<Shift-F11>", canvas)
    assert inner in canvas.picture.folded
    left = window.app.session.playback
    assert left is not None
    cards = canvas.picture.contents.cards(inner)
    assert canvas.picture.card_now(left) in cards
    assert canvas.picture.card_now(left.forward()) not in cards
    assert not window.app.callback_errors
