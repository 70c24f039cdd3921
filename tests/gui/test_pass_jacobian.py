"""The Jacobians of a whole pass: what torch says of them, and how the inspector fills them row by row."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from core import wire
from core.engine import Options, WhatIf, pass_jacobian, record
from core.playback import Playback
from core.records import Matrix, Trace
from gui.inspector import rows
from gui.inspector.jacobian import Missing, Product
from gui.inspector.link import Link
from gui.inspector.pass_jacobian import PassProduct, pass_products
from gui.inspector.rows import Rows
from tests.gui import traces
from tests.gui.conftest import FakeWorker, Window
from tests.gui.test_formula import step_to, written
from tests.gui.test_jacobian import matrix, pause

# ── Products ──────────────────────────────────────────────────────────────────────────────────────────────────────

HEAD = """import torch
a = torch.tensor([2., 3.], requires_grad=True)
w = torch.tensor(3., requires_grad=True)
Q = a**2
R = Q.sum() * w
"""


def ended(body: str, number: int = 0) -> tuple[Playback, list[PassProduct | Missing]]:
    """A program at the end of one of its passes, with the products that torch's own Jacobians make."""
    trace = record(HEAD + body, options=Options(verify=False))
    end = next(at for at, event in enumerate(trace.events) if (event.kind, event.pass_) == ("end", number))
    playback = Playback.of(trace, end + 1)
    return playback, pass_products(playback, number, pass_jacobian(HEAD + body, WhatIf(), Options(), number))


def by_name(playback: Playback, found: list[PassProduct | Missing]) -> dict[str, PassProduct | Missing]:
    return {playback.trace.values[product.input].names[0]: product for product in found}


def test_each_root_by_itself_is_the_identity_and_comes_first() -> None:
    playback, found = ended("torch.autograd.backward([Q, R], [torch.tensor([1., 2.]), torch.tensor(.5)])\n")
    assert list(by_name(playback, found)) == ["Q", "R", "a", "w"]
    q, r = found[:2]
    assert isinstance(q, PassProduct)
    assert isinstance(r, PassProduct)
    assert (q.jacobian.tolist(), q.structure.kind, q.seeds) == ([[1, 0], [0, 1]], "identity", (0, 1))
    assert (r.jacobian.tolist(), r.seeds, r.total) == ([[1]], (2,), 3)
    assert q.result is not None
    assert q.result.tolist() == [1, 2]


def test_the_rows_of_all_roots_make_the_gradient_of_a_leaf() -> None:
    playback, found = ended("torch.autograd.backward([Q, R], [torch.tensor([1., 2.]), torch.tensor(.5)])\n")
    a, w = (by_name(playback, found)[name] for name in "aw")
    assert isinstance(a, PassProduct)
    assert isinstance(w, PassProduct)
    assert a.jacobian.tolist() == [[4, 0], [0, 6], [12, 18]]
    assert a.v.tolist() == [1, 2, 0.5]
    assert a.result is not None
    assert a.result.tolist() == [10, 21]
    assert a.agrees.all()
    assert (w.outputs, w.seeds, w.jacobian.tolist()) == ((1,), (2,), [[13]])  # no path leads from w to Q


def test_what_the_pass_brings_is_known_only_once_it_has() -> None:
    playback, found = ended("Q.backward(torch.tensor([1., 2.]))\n")
    matrices = pass_jacobian(playback.trace.source, WhatIf(), Options(), 0)
    before = pass_products(playback.at(playback.index.pass_at[0] + 1), 0, matrices)
    for products, known in ((found, [True, True]), (before, [True, False])):
        assert [product.result is not None for product in products if isinstance(product, Product)] == known


def test_gradients_that_are_returned_are_those_of_the_pass() -> None:
    _, (_, a) = ended("torch.autograd.grad(Q, [a], torch.tensor([1., 2.]))\n")
    assert isinstance(a, PassProduct)
    assert a.result is not None
    assert a.result.tolist() == [4, 12]


def test_a_second_pass_is_told_apart_from_what_was_there() -> None:
    _, (_, a) = ended("Q.backward(torch.ones(2), retain_graph=True)\nQ.backward(torch.tensor([0., 1.]))\n", 1)
    assert isinstance(a, PassProduct)
    assert a.result is not None
    assert a.result.tolist() == [0, 6]  # of this pass, not a.grad


# ── The window ────────────────────────────────────────────────────────────────────────────────────────────────────


def jacobians(trace: Trace) -> Callable[[wire.Job], wire.AnyReply]:
    """The worker's answer on the first program: ∂Q/∂Q, ∂Q/∂b and ∂Q/∂a."""
    values = {name: value.id for value in trace.values for name in value.names}
    entries = {"Q": np.eye(2), "b": np.diag([-12, -8]), "a": np.diag([36, 81])}

    def of(name: str) -> Matrix:
        return msgspec.structs.replace(matrix(entries[name]), input=values[name])

    return lambda job: wire.Answered(0, tuple(of(name) for name in entries))


@pytest.fixture
def at_end(window: Window) -> Window:
    """The window at the end of the pass, with the whole Jacobians drawn."""
    window.worker.answers = jacobians(traces.first())
    window.key("<F5>")
    window.key("<End>")
    window.wait_until(lambda: drawings(window))
    return window


def drawings(window: Window) -> list[Rows]:
    return [widget for widget in window.app.inspector.widgets.shown if isinstance(widget, Rows)]


def link(window: Window, said: str) -> Link:
    shown = window.app.inspector.widgets.shown
    return next(widget for widget in shown if isinstance(widget, Link) and widget.cget("text") == said)


def cells(drawing: Rows, name: str) -> list[str]:
    return [drawing.itemcget(item, "text").strip() for item in drawing.find_withtag(name)]


def test_the_end_of_a_pass_shows_the_whole_jacobian_and_the_product_asked_for(at_end: Window) -> None:
    (job,) = at_end.worker.asked
    assert isinstance(job, wire.AskPassJacobian)
    assert job.pass_index == 0
    q, a, b = drawings(at_end)
    said = written(at_end)
    assert said.index("LEAF GRADIENTS") < said.index("∂Q / ∂Q")  # what the pass came to stands first
    assert said.index("∂Q / ∂Q") < said.index("identity") < said.index("∂Q / ∂a") < said.index("∂Q / ∂b")
    assert (cells(q, "J"), cells(q, "v"), cells(q, "x")) == (["1", "0", "0", "1"], ["1", "1"], ["1", "1"])
    assert (cells(a, "J"), cells(a, "x")) == (["36", "0", "0", "81"], ["36", "81"])
    assert cells(b, "beside") == ["e₀ →", "e₁ →", "vᵀJ  ="]


def test_before_the_pass_has_run_its_product_is_not_known(at_end: Window) -> None:
    at_end.app.session.seek(at_end.app.session.playback.index.pass_at[0] + 1)  # type: ignore[union-attr]
    at_end.settle()
    q, a, _ = drawings(at_end)
    assert cells(q, "x") == ["1", "1"]
    assert cells(a, "x") == ["·", "·"]
    assert len(at_end.worker.asked) == 1  # kept


def test_a_key_fills_a_row_of_every_jacobian(at_end: Window) -> None:
    q, a, b = drawings(at_end)
    at_end.key("<Down>", a)
    assert cells(a, "J") == ["36", "0", "·", "·"]
    assert (cells(q, "J"), cells(b, "J")) == (["1", "0", "·", "·"], ["-12", "0", "·", "·"])
    assert a.itemcget(a._sum, "text") == "e₀ = [1, 0] gives [36, 0]"
    at_end.key("<Down>")
    assert cells(a, "J") == ["36", "0", "0", "81"]
    at_end.key("<Up>")
    at_end.key("<Up>")
    assert cells(b, "J") == ["·"] * 4
    at_end.key("<Shift-Down>")
    at_end.key("<Shift-Down>")
    assert a.itemcget(a._sum, "text") == "0·1 + 81·1 = 81"


def test_pointing_follows_rows_and_columns(at_end: Window) -> None:
    _, a, _ = drawings(at_end)
    j, v, x = (a._parts[name] for name in "Jvx")
    expected = {
        "e₁ = [0, 1] gives [0, 81]": (v.strip(1), [j.strip(1), v.strip(1), x.box]),
        "36·1 + 0·1 = 36": (x.post(0), [j.post(0), v.box, x.post(0)]),
    }
    for said, (box, marked) in expected.items():
        a.event_generate("<Motion>", x=(box[0] + box[2]) // 2, y=(box[1] + box[3]) // 2)
        at_end.settle()
        assert a.itemcget(a._sum, "text") == said
        assert [a.coords(mark) for mark in a._marks] == [list(box) for box in marked]


def test_rows_fill_by_themselves_only_when_asked_and_can_be_halted(
    at_end: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "PAUSE", 1500)
    _, a, _ = drawings(at_end)
    pause(at_end)
    assert "·" not in cells(a, "J")
    at_end.key("<Return>", link(at_end, "Row by row"))
    assert cells(a, "J") == ["36", "0", "·", "·"]
    assert link(at_end, "Halt")
    at_end.wait_until(lambda: cells(a, "J") == ["36", "0", "0", "81"])
    assert link(at_end, "Row by row")
    at_end.key("<space>", link(at_end, "Row by row"))
    at_end.key("<space>", link(at_end, "Halt"))
    pause(at_end)
    assert cells(a, "J") == ["36", "0", "·", "·"]
    link(at_end, "Next row").event_generate("<Button-1>")
    at_end.settle()
    assert cells(a, "J") == ["36", "0", "0", "81"]


def test_the_chosen_root_shows_it_below_its_own(window: Window) -> None:
    window.worker.answers = jacobians(traces.first())
    window.worker.jacobians = lambda job: (matrix(np.eye(2)), matrix(-np.eye(2), input=1))
    window.key("<F5>")
    window.key("<End>")
    picture = window.app.canvas.picture
    assert picture is not None
    card = next(card for card in picture.graph.cards if card.title == "Q")
    left, top, _, _ = picture.rect(card.id)
    window.click(*window.on_screen(left + 10, top + 10))
    assert written(window).count("being worked out…") == 2
    window.wait_until(lambda: written(window).count("being worked out…") == 1)
    window.app.inspector.text.yview_moveto(1)
    window.wait_until(lambda: drawings(window))
    assert [type(job) for job in window.worker.asked] == [wire.AskLocalJacobian, wire.AskPassJacobian]
    said = written(window)
    assert (
        said.index("LOCAL JACOBIAN")
        < said.index("∂Q / ∂(b**2)")
        < said.index("THE WHOLE JACOBIAN")
        < said.index("∂Q / ∂Q")
    )


def test_a_large_one_is_drawn_in_colours_and_fills_too(window: Window) -> None:
    trace, replace = traces.first(), msgspec.structs.replace
    values = {name: value.id for value in trace.values for name in value.names}
    seeded = replace(trace.passes[0], seeds=(traces.tensor(*range(20)),))
    window.worker.record = lambda job: replace(trace, passes=(seeded,))
    large = replace(matrix(np.arange(400).reshape(20, 20)), input=values["a"])
    window.worker.answers = lambda job: wire.Answered(0, (large,))
    window.key("<F5>")
    window.key("<End>")
    window.wait_until(lambda: drawings(window))
    (drawing,) = drawings(window)
    assert not drawing.as_numbers
    for _ in range(3):
        window.key("<Down>", drawing)
    assert drawing.filled == 3
    assert drawing.itemcget(drawing._sum, "text") == "e₂ gives 20: 40…59"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (wire.Refused(FakeWorker.QUESTIONS, "the program has no pass 0"), "not shown: the program has no pass 0"),
        (wire.Answered(FakeWorker.QUESTIONS, (Matrix("", (2,), (2,), None, note="undefined: no path"),)),
         "∂Q / ∂a, ∂Q / ∂b\nNone: no path leads from it to Q"),
        (wire.Answered(FakeWorker.QUESTIONS, (Matrix("", (2048,), (9,), None, note="… is too large"),)),
         "not shown: 2,048 × 9 elements are too many"),
    ],
)  # fmt: skip
def test_where_there_is_none_it_says_why(window: Window, reply: wire.AnyReply, said: str) -> None:
    window.worker.answers = lambda job: reply
    window.key("<F5>")
    window.key("<End>")
    window.wait_until(lambda: said in written(window))
    assert not drawings(window)


def test_a_leaf_that_no_path_leads_from_is_named(window: Window) -> None:
    values = {name: value.id for value in traces.first().values for name in value.names}
    only = msgspec.structs.replace(matrix(np.eye(2)), input=values["a"])
    window.worker.answers = lambda job: wire.Answered(0, (only,))
    window.key("<F5>")
    window.key("<End>")
    window.wait_until(lambda: drawings(window))
    assert "∂Q / ∂b\nNone: no path leads from it to Q" in written(window)


# ── When it is asked for ──────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_asked_whose_answer_would_be_out_of_sight(window: Window) -> None:
    step_to(window, "SubBackward0")
    text = window.app.inspector.text
    text.pack_configure(fill="x", expand=False)
    text.configure(height=4)
    window.settle()
    pause(window)
    asked = len(window.worker.asked)
    window.key("<Right>")
    pause(window)
    assert len(window.worker.asked) == asked
    for _ in range(3):
        window.key("<Down>", text)
    window.wait_until(lambda: len(window.worker.asked) > asked)


def test_the_link_of_a_slow_program_is_reached_with_tab(window: Window) -> None:
    window.worker.answers = jacobians(traces.first())
    window.worker.record = lambda job: msgspec.structs.replace(traces.first(), seconds=12.34)
    window.key("<F5>")
    window.key("<End>")
    pause(window)
    assert not window.worker.asked
    window.app.inspector.text.focus_force()
    window.settle()
    window.key("<Tab>")
    focused = window.app.focus_get()
    assert focused is link(window, "Work it out")
    window.key("<Return>")
    window.wait_until(lambda: drawings(window))


def test_tab_goes_through_all_that_can_be_done_and_on(at_end: Window) -> None:
    text = at_end.app.inspector.text
    tk.Tk.geometry(at_end.app, "900x420")
    at_end.settle()
    text.focus_force()
    at_end.settle()
    for widget in at_end.app.inspector.widgets.shown:
        at_end.key("<Tab>")
        assert at_end.app.focus_get() is widget
        assert text.bbox(str(widget))  # in sight
    at_end.key("<Shift-Tab>")
    assert at_end.app.focus_get() is at_end.app.inspector.widgets.shown[-2]
    at_end.key("<Tab>")
    at_end.key("<Tab>")
    focused = at_end.app.focus_get()
    assert focused is not None
    assert not str(focused).startswith(str(text))


# ── Saved tensors ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "ran", "freed"), [(0, False, False), (0, True, False), (1, False, False), (1, True, True)]
)
def test_saved_tensors_are_struck_through_once_a_pass_has_freed_them(
    window: Window, number: int, ran: bool, freed: bool
) -> None:
    body = "import torch\na = torch.tensor([2., 3.], requires_grad=True)\ny = (a**3).sum()\n"
    trace = record(body + "y.backward(retain_graph=True)\ny.backward()\n", options=Options(verify=False))
    app, text = window.app, window.app.inspector.text
    app.session.open_trace(trace)
    app.session.seek(Playback.of(trace).index.step_at[number, 1] + ran)  # the node of a**3 is the second to run
    window.settle()
    picture = app.canvas.picture
    assert picture is not None
    card = next(card for card in picture.graph.cards if card.title == "a**3")
    left, top, _, _ = picture.rect(card.id)
    window.click(*window.on_screen(left + 10, top + 10))
    assert "SAVED FOR BACKWARD\nself  [2, 3]" in written(window)
    struck = text.tag_ranges("freed")
    assert [text.get(*struck)] == ["[2, 3]"] if freed else not struck
