"""Live runs in the window: paused, looked at, overwritten, gone on with, stopped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from core import wire
from core.records import TensorSnapshot, Trace
from gui.app import App, start_worker
from gui.numbers.live_editor import overwritten, typeable
from gui.picture.scene import Hit
from gui.settings import Settings
from tests.gui import traces
from tests.gui.conftest import FakeWorker, Window, entry_of
from tests.gui.test_window import texts
from tests.gui.traces import tensor

PENDING = ["SubBackward0", "PowBackward0", "AccumulateGrad", "MulBackward0", "PowBackward0", "AccumulateGrad"]


def told(window: Window) -> tuple[tuple[object, object], ...]:
    """How the live run was told to go on."""
    return tuple((request.before, request.gradients) for request in window.worker.resumed)


def type_in(window: Window, field: int, text: str) -> None:
    entry = window.app.live_editor.used()[field]
    entry.delete(0, "end")
    entry.insert(0, text)
    entry._entry.focus_force()
    window.app.update()


def status(window: Window) -> str:
    return str(window.app.statusbar.state.cget("text"))


def test_a_live_run_goes_on_node_by_node_to_an_ordinary_trace(window: Window) -> None:
    app = window.app
    window.key("<Control-F5>", app.canvas)
    assert window.worker.jobs[-1].live
    for name, key in zip(PENDING, ("<F10>", "<space>", "<Right>", "<F10>", "<space>", "<Right>"), strict=True):
        assert app.live_editor.winfo_ismapped()
        assert status(window).startswith(f"Paused in the real backward pass, before {name}")
        assert app.inspector.text.get("1.0", "1.end").startswith(name)
        assert str(app.editor.text.tag_ranges("line")[0]) == "7.0"  # the call that it waits in
        window.key(key, app.canvas)
    assert told(window) == (("next", {}),) * 6
    assert not app.live_editor.winfo_ismapped()
    assert app.session.playback is not None
    assert app.session.playback.at_end
    assert app.session.agrees is True


def test_what_arrived_is_typed_over_and_sent(window: Window) -> None:
    window.key("<Control-F5>", window.app.canvas)
    type_in(window, 1, "-2.5")
    window.key("<Return>", window.app.live_editor.used()[1]._entry)
    assert told(window) == (("next", {0: (1.0, -2.5)}),)
    type_in(window, 0, "7")
    window.app.live_editor.reset_button.invoke()
    window.settle()
    assert told(window)[1:] == (("never", {0: (7.0, -1.0)}),)


def test_an_expression_may_speak_of_what_arrived(window: Window) -> None:
    editor = window.app.live_editor
    window.key("<Control-F5>", window.app.canvas)
    window.key("<F10>", window.app.canvas)
    editor.whole.insert(0, "v*b")
    window.key("<F10>", editor.whole._entry)
    assert told(window)[1:] == (("next", {0: (-6.0, -4.0)}),)


def test_what_is_dragged_counts_when_the_run_goes_on(window: Window) -> None:
    editor = window.app.live_editor
    window.key("<Control-F5>", window.app.canvas)
    editor.slider._command(1.5)
    window.settle()
    assert editor.used()[0].get() == "1.5"
    assert told(window) == ()
    window.key("<F10>", window.app.canvas)
    assert told(window) == (("next", {0: (1.5, 1.0)}),)
    assert editor.used()[0].get() == "-1"


@pytest.mark.parametrize(("typed", "said"), [("x", "is not a number"), ("1, 2", "2 numbers are needed"), ("", "empty")])
def test_wrong_numbers_are_refused_at_the_field_and_the_run_stays_paused(window: Window, typed: str, said: str) -> None:
    app = window.app
    window.key("<Control-F5>", app.canvas)
    type_in(window, 0, typed)
    for key in ("<Return>", "<F10>", "<F5>"):
        window.key(key, app.live_editor.used()[0]._entry)
        assert said in app.live_editor.hint.cget("text")
    assert told(window) == ()
    assert app.session.paused is not None


def test_what_a_node_sends_moves_as_in_an_ordinary_step(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, bool]] = []
    monkeypatch.setattr(window.app.canvas.motion, "start", lambda **how: started.append(how))
    window.key("<Control-F5>", window.app.canvas)
    assert started == []
    window.key("<F10>", window.app.canvas)
    window.key("<Left>", window.app.canvas)
    assert started == [{}, {"backwards": True}]


def test_looking_back_leaves_the_program_alone(window: Window) -> None:
    app = window.app
    window.key("<Control-F5>", app.canvas)
    window.key("<F10>", app.canvas)
    assert app.session.playback is not None
    place = app.session.playback.cursor
    window.key("<Left>", app.canvas)
    window.key("<Left>", app.canvas)
    assert app.session.playback.cursor == place - 2
    assert app.live_editor.winfo_ismapped()
    window.key("<space>", app.canvas)
    window.key("<space>", app.canvas)
    assert app.session.playback.cursor == place
    assert len(told(window)) == 1
    window.key("<space>", app.canvas)
    assert len(told(window)) == 2


def test_f5_runs_on_and_shift_f5_stops(window: Window) -> None:
    app = window.app
    window.key("<Control-F5>", app.canvas)
    window.key("<F5>", app.canvas)
    assert told(window) == (("never", {}),)
    assert len(window.worker.jobs) == 1
    assert app.session.playback is not None
    whole = app.session.playback.trace
    window.key("<Control-F5>", app.canvas)
    source = app.editor.source
    window.key("<Shift-F5>", app.canvas)
    assert window.worker.stopped == 1
    assert app.session.paused is None
    assert not app.live_editor.winfo_ismapped()
    assert app.session.playback.trace.ops == whole.ops
    assert app.editor.source == source


def test_the_run_goes_on_to_a_card(window: Window) -> None:
    app = window.app
    window.key("<Control-F5>", app.canvas)
    picture = app.canvas.picture
    assert picture is not None
    card = next(card for card in picture.graph.cards if card.title == "a")
    command = next(entry.command for entry in app.menus.of(Hit("card", card.id)) if entry.text == "Run to here")
    assert command is not None
    command()
    window.settle()
    assert told(window) == (((0, 3), {}),)
    assert status(window).startswith("Paused in the real backward pass, before AccumulateGrad")


def test_another_program_ends_what_is_paused(window: Window) -> None:
    app = window.app
    window.key("<Control-F5>", app.canvas)
    app.session.open_program("import torch\n", "other.py")
    window.settle()
    assert window.worker.stopped == 1
    assert app.session.paused is None
    assert app.session.playback is None
    assert app.session.notice is None
    assert status(window).startswith("Ready")


def test_the_menu_runs_live(window: Window) -> None:
    entry = entry_of(window.app.menus.main(), "Run live, pausing in the backward pass")
    assert entry.command is not None
    entry.command()
    window.settle()
    assert window.app.session.paused is not None


def test_a_large_gradient_cannot_be_typed_but_the_run_goes_on(window: Window) -> None:
    def large(job: wire.Run) -> Trace:
        trace = traces.first()
        first, *others = trace.passes[0].steps
        steps = (msgspec.structs.replace(first, grad_outputs=(tensor(*range(600)),)), *others)
        return msgspec.structs.replace(trace, passes=(msgspec.structs.replace(trace.passes[0], steps=steps),))

    window.worker.record = large
    window.key("<Control-F5>", window.app.canvas)
    assert window.app.live_editor.used() == []
    assert "cannot be typed" in window.app.live_editor.hint.cget("text")
    window.key("<F10>", window.app.canvas)
    assert told(window) == (("next", {}),)


def test_only_what_was_changed_is_overwritten() -> None:
    nan = float("nan")
    arrived = (tensor(1, nan), None, tensor(3))
    assert overwritten(arrived, (1.0, nan, 3.0)) == {}
    assert overwritten(arrived, (1.0, 2.0, 3.0)) == {0: (1.0, 2.0)}
    assert list(overwritten(arrived, (1.0, nan, nan))) == [2]
    assert typeable((TensorSnapshot((1,), "complex64", b"\0" * 8),)) == []
    assert typeable((None,)) == []


# ── With the real worker ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def real(display: str) -> Iterator[Window]:
    app = App(start=start_worker, settings=Settings(language="en", theme="light", size=100, motion="off"))
    window = Window(app, FakeWorker())
    app.open(Path(__file__).parents[2] / "assets" / "examples" / "first.py")
    app.focus_force()
    window.wait_until(lambda: app.canvas._ready)
    app.canvas.focus_force()
    yield window
    if app.session._runner is not None:
        app.close()
    assert not app.callback_errors


def go_on(window: Window, key: str) -> None:
    """Presses a key, and waits for what comes of it."""
    session = window.app.session
    before = session.paused
    window.key(key, window.app.canvas)
    window.wait_until(lambda: not session.busy or session.paused not in (None, before), 90)
    window.settle()


def test_a_gradient_in_flight_is_overwritten_in_the_real_backward_pass(real: Window) -> None:
    app, session = real.app, real.app.session
    real.key("<F5>", app.canvas)
    real.wait_until(lambda: session.agrees is True, 90)
    go_on(real, "<Control-F5>")
    go_on(real, "<F10>")
    assert session.pending == "PowBackward0"
    type_in(real, 0, "5")
    go_on(real, "<F10>")
    assert session.pending == "AccumulateGrad"
    assert "AS WRITTEN" not in app.inspector.text.get("1.0", "end")
    go_on(real, "<F5>")
    assert session.playback is not None
    assert {leaf.name: leaf.grad and leaf.grad.data for leaf in session.playback.trace.leaves} == {
        "a": [36.0, 81.0],
        "b": [60.0, -8.0],
    }
    assert session.output == "tensor([36., 81.]) tensor([60., -8.])\n"
    real.wait_until(lambda: session.agrees is None, 60)
    real.settle()
    assert "a gradient was overwritten" in app.statusbar.agrees.cget("text")
    assert "b.grad  [-12, -8]  →  [60, -8]" in app.inspector.text.get("1.0", "end")
    place = next(at for at, event in enumerate(session.playback.trace.events) if event.step == 1)
    session.seek(place + 1)
    real.settle()
    assert "What arrived was overwritten.  [5, -1]" in app.inspector.text.get("1.0", "end")
    assert any("✎ v overwritten" in text for text in texts(real))


def test_stop_and_close_while_paused_leave_nothing_behind(real: Window) -> None:
    app, session = real.app, real.app.session
    go_on(real, "<Control-F5>")
    go_on(real, "<F10>")
    real.key("<Shift-F5>", app.canvas)
    real.wait_until(lambda: not session.busy, 10)
    real.settle()
    assert session.playback is not None
    assert len(session.playback.trace.passes[0].steps) == 1
    go_on(real, "<Control-F5>")
    assert session.paused is not None
    pid = session._runner.pid  # type: ignore[union-attr]
    app.close()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
