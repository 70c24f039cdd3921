"""What-ifs typed, dragged, undone and redone in the window."""

from __future__ import annotations

import pytest

from core.records import Cut, WhatIf
from gui.history import History
from gui.numbers.number_editor import span_of
from tests.gui.conftest import Window

A, B = Cut("a"), Cut("b")


def test_undo_and_redo_walk_over_the_states() -> None:
    history = History().then(WhatIf(cuts=(A,))).then(WhatIf(cuts=(A, B)))
    assert history.at(history.cursor - 1).now.cuts == (A,)
    assert history.at(-5).now == WhatIf()
    assert history.at(9).now.cuts == (A, B)
    branched = history.at(1).then(WhatIf(cuts=(B,)))
    assert [state.cuts for state in branched.states] == [(), (A,), (B,)]


def test_what_was_refused_leaves_no_trace_in_the_history() -> None:
    history = History().then(WhatIf(cuts=(A,)))
    assert history.then(WhatIf(cuts=(B,))).without(WhatIf(cuts=(B,))) == history


def test_control_z_and_control_y_undo_and_redo(window: Window) -> None:
    window.key("<F5>")
    window.key("<End>")
    window.click(*window.on_wire("b**2", "Q"))
    cut = window.worker.jobs[-1].what_if
    assert cut.cuts
    window.key("<Control-z>", window.app.canvas)
    assert window.worker.jobs[-1].what_if == WhatIf()
    runs = len(window.worker.jobs)
    window.key("<Control-z>", window.app.canvas)
    assert len(window.worker.jobs) == runs  # there is nothing more to undo
    window.key("<Control-y>", window.app.canvas)
    assert window.worker.jobs[-1].what_if == cut
    window.key("<Control-y>", window.app.canvas)
    assert len(window.worker.jobs) == runs + 1


def test_control_z_in_the_program_undoes_typing_only(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    window.click(*window.on_wire("b**2", "Q"))
    runs = len(window.worker.jobs)
    text = app.editor.source
    app.editor.text.insert("1.0", "# x\n")
    window.key("<Control-z>", app.editor.text)
    assert app.editor.source == text
    assert len(window.worker.jobs) == runs
    assert app.session.what_if.cuts


def test_another_program_has_a_history_of_its_own(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    window.click(*window.on_wire("b**2", "Q"))
    assert app.session.can_undo
    app.session.open_program("import torch\n", "other.py")
    window.settle()
    assert not app.session.can_undo
    assert not app.session.can_redo


def choose(window: Window, title: str) -> None:
    """Clicks the card of that name."""
    picture = window.app.canvas.picture
    assert picture is not None
    number = next(card.id for card in picture.graph.cards if card.title == title)
    left, top, _, _ = picture.rect(number)
    window.click(*window.on_screen(left + 10, top + 10))


def test_the_values_of_a_chosen_leaf_can_be_typed(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    window.key("<End>")
    choose(window, "a")
    assert app.leaf_editor.winfo_ismapped()
    entry = app.leaf_editor.used()[1]
    entry.delete(0, "end")
    entry.insert(0, "-1.5")
    window.key("<Return>", entry._entry)
    assert window.worker.jobs[-1].what_if.leaves == {"a": (2.0, -1.5)}
    assert app.leaf_editor.winfo_ismapped()  # to be typed in again
    app.leaf_editor.reset_button.invoke()
    window.settle()
    assert window.worker.jobs[-1].what_if.leaves == {}
    window.key("<Escape>", app.canvas)
    assert not app.leaf_editor.winfo_ismapped()


@pytest.mark.parametrize(("typed", "said"), [("x", "is not a number"), ("1, 2", "2 numbers are needed"), ("", "empty")])
def test_wrong_values_of_a_leaf_are_refused_at_the_field(window: Window, typed: str, said: str) -> None:
    app = window.app
    window.key("<F5>")
    choose(window, "a")
    runs = len(window.worker.jobs)
    entry = app.leaf_editor.used()[0]
    entry.delete(0, "end")
    entry.insert(0, typed)
    window.key("<Return>", entry._entry)
    assert len(window.worker.jobs) == runs
    assert said in app.leaf_editor.hint.cget("text")


def test_the_slider_moves_the_element_that_had_the_keyboard(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    choose(window, "a")
    editor = app.leaf_editor
    editor.used()[1]._entry.focus_force()
    app.update()
    slider = editor.slider
    x = slider.winfo_rootx() - app.winfo_rootx() + slider.winfo_width() - 12
    y = slider.winfo_rooty() - app.winfo_rooty() + slider.winfo_height() // 2
    canvas = slider._canvas
    inside = (slider.winfo_width() - 12, slider.winfo_height() // 2)
    canvas.event_generate("<Button-1>", x=inside[0], y=inside[1], rootx=x, rooty=y)
    window.settle()
    first, second = window.worker.jobs[-1].what_if.leaves["a"]
    assert first == 2
    assert 3 < second <= span_of(3.0)[1]
    assert float(editor.used()[1].get()) == pytest.approx(second)


def test_while_a_run_is_on_its_way_only_the_last_place_of_the_slider_is_kept(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    choose(window, "a")
    runs = len(window.worker.jobs)
    window.worker.held = True
    for value in (2.5, 2.75, 3.25):
        app.leaf_editor._slid(value)
        window.settle()
    assert len(window.worker.jobs) == runs + 1
    window.worker.held = False
    window.worker.answer()
    window.settle()
    assert len(window.worker.jobs) == runs + 2
    assert window.worker.jobs[-1].what_if.leaves == {"a": (3.25, 3.0)}


def inspected(window: Window) -> str:
    return window.app.inspector.text.get("1.0", "end")


def test_under_a_what_if_every_leaf_is_compared_with_the_program_as_written(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    assert "AS WRITTEN → WHAT IF" not in inspected(window)
    app.session.set_seed(0, (1.0, 0.0))
    window.settle()
    said = inspected(window)
    assert "a.grad  [36, 81]  →  [36, 0]" in said
    assert "difference [0, -81]" in said
    window.click(*window.on_wire("b**2", "Q"))
    assert "b.grad  [-12, -8]  →  None" in inspected(window)
    assert "lost" in inspected(window)
    window.key("<End>", app.canvas)
    said = inspected(window)
    assert "b.grad  None\ncut in line 5 by the what-if\n" in said
    assert said.count("AS WRITTEN → WHAT IF") == 1
    assert said.index("AS WRITTEN → WHAT IF") < said.index("THE WHOLE JACOBIAN")
    app.session.as_written()
    window.settle()
    assert "AS WRITTEN → WHAT IF" not in inspected(window)


def test_a_leaf_whose_gradient_stays_is_named_as_unchanged(window: Window) -> None:
    window.key("<F5>")
    window.click(*window.on_wire("b**2", "Q"))
    assert "Unchanged: a.grad" in inspected(window)
