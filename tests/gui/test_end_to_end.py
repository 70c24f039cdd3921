"""The window and the real worker together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gui.app import App, start_worker
from gui.picture.scene import Hit
from tests.gui.conftest import FakeWorker, Window, entry_of
from tests.gui.test_seed_editor import drag
from tests.gui.test_window import texts

ROOT = Path(__file__).parents[2]


@pytest.mark.usefixtures("display")
def test_the_first_program_from_space_to_close() -> None:
    app = App(start=start_worker)
    window = Window(app, FakeWorker())
    pid = None
    try:
        app.open(ROOT / "assets" / "examples" / "first.py")
        app.focus_force()
        window.wait_until(lambda: app.canvas._ready)
        app.canvas.focus_force()
        app.update()
        app.canvas.event_generate("<space>")
        window.wait_until(lambda: app.session.playback is not None, 90)
        assert app.session.playback is not None
        assert app.session.playback.cursor == 1
        window.wait_until(lambda: app.session.agrees is True, 60)
        app.session.end()
        app.update()
        app.update()
        assert {"[36, 81]", "[-12, -8]", "[3, 3]"} <= texts(window)
        app.session.set_seed(0, (1.0, 0.0))
        window.wait_until(lambda: not app.session.busy, 60)
        app.update()
        app.update()
        assert "[36, 0]" in texts(window)
        pid = app.session._runner.pid  # type: ignore[union-attr]
    finally:
        app.close()
    assert not app.callback_errors
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.fixture
def real(display: str) -> Iterator[Window]:
    """The window with the real worker."""
    app = App(start=start_worker)
    yield Window(app, FakeWorker())
    errors = list(app.callback_errors)
    app.close()
    assert not errors, f"raised in a callback: {errors}"


def ran(window: Window) -> None:
    """Waits for the run."""
    session = window.app.session
    window.wait_until(lambda: not session.busy and session.playback is not None, 90)
    window.settle()


def gradients(window: Window) -> dict[str, list[float] | None]:
    """Every leaf's ``.grad`` at the end of the run."""
    assert window.app.session.playback is not None
    leaves = window.app.session.playback.trace.leaves
    return {leaf.name: None if leaf.grad is None else list(leaf.grad.head) for leaf in leaves}


TRAINING = """import torch
w = torch.tensor([1., 2.], requires_grad=True)
b = torch.tensor([1.], requires_grad=True)
for i in range(2):
    w.grad = None
    loss = (w * 3).sum() + (b * 2).sum()
    loss.backward()
"""


def test_what_ifs_of_leaves_and_clearings_on_a_real_run(real: Window) -> None:
    app, window = real.app, real

    def choose(key: str, title: str = "") -> None:
        """An entry of the menu on a card, or of the menu beside all cards."""
        picture = app.canvas.picture
        assert picture is not None
        card = next((card.id for card in picture.graph.cards if card.title == title), None)
        hit = Hit("card", card) if card is not None else None
        text = app.look.words(key)
        command = next(entry.command for entry in app.menus.of(hit) if entry.text == text)
        assert command is not None
        command()
        ran(window)

    app.session.open_program(TRAINING, "training.py")
    app.session.run()
    ran(window)
    assert gradients(window) == {"w": [3, 3], "b": [4]}
    playback = app.session.playback
    assert playback is not None
    cleared = next(i for i, event in enumerate(playback.trace.events) if event.kind == "grad")
    app.session.seek(cleared + 1)
    window.settle()
    choose("menu.no_clear")
    assert gradients(window) == {"w": [6, 6], "b": [4]}
    assert app.session.playback is not None
    left_out = next(i for i, e in enumerate(app.session.playback.trace.events) if e.skipped)
    app.session.seek(left_out + 1)
    window.settle()
    choose("menu.clear")
    assert gradients(window) == {"w": [3, 3], "b": [4]}
    choose("menu.untrack", "b")
    assert gradients(window) == {"w": [3, 3], "b": None}
    choose("menu.track", "b")
    assert gradients(window) == {"w": [3, 3], "b": [4]}
    app.session.undo()
    ran(window)
    assert gradients(window) == {"w": [3, 3], "b": None}


def test_a_cut_is_written_into_the_program_and_taken_back(real: Window) -> None:
    app, window = real.app, real

    app.open(ROOT / "assets" / "examples" / "first.py")
    app.session.run()
    ran(window)
    app.session.end()
    window.settle()
    window.click(*window.on_wire("b**2", "Q"))
    ran(window)
    assert gradients(window) == {"a": [36, 81], "b": None}
    assert "5  Q = 3*a**3 - (b**2).detach()" in app.inspector.text.get("1.0", "end")
    say = app.look.words
    command = entry_of(app.menus.main(), say("menu.write_in")).command
    assert command is not None
    command()
    ran(window)
    assert "Q = 3*a**3 - (b**2).detach()\n" in app.editor.source
    assert not app.session.what_if
    assert gradients(window) == {"a": [36, 81], "b": None}
    app.editor.text.event_generate("<<Undo>>")
    window.settle()
    assert "Q = 3*a**3 - b**2\n" in app.editor.source


LARGE = """import torch
w = torch.arange(10000.).reshape(100, 100).requires_grad_()
optimizer = torch.optim.SGD([w], lr=1.0)
(w * 2).sum().backward()
optimizer.step()
"""


def test_the_whole_of_a_large_tensor_is_looked_at(real: Window) -> None:
    """What the optimizer made of a leaf is kept in part; the worker says the rest."""
    app, window = real.app, real
    app.session.open_program(LARGE, "large.py")
    app.session.run("same")
    ran(window)
    window.wait_until(lambda: app.session.agrees != "waiting", 60)
    app.session.end()
    window.settle()
    graph = app.graph
    assert graph is not None
    app._clicked(Hit("card", card=next(card.id for card in graph.cards if card.title == "w")))
    window.key("<v>", app.canvas)
    assert app.viewer.opened
    app.viewer.ask_button.invoke()  # the first run takes long on a busy computer
    window.wait_until(lambda: app.viewer.seen.whole.size == 10000, 60)
    window.key("<Control-End>")
    assert app.viewer.said.cget("text") == "[99, 99] = 9997.0"


def test_the_seed_is_dragged_to_zero_and_the_gradients_follow(real: Window) -> None:
    app, window = real.app, real
    app.open(ROOT / "assets" / "examples" / "first.py")
    app.session.run()
    ran(window)
    app.session.end()
    window.settle()
    app.edit_seed()
    window.settle()
    drag(window, app.seed_editor.used()[1], *(-step for step in range(5, 55, 5)))
    window.wait_until(lambda: not app.session.busy and gradients(window)["a"] == [36, 0], 60)
    window.settle()
    assert "[36, 0]" in texts(window)
    app.session.undo()
    ran(window)
    assert gradients(window)["a"] == [36, 81]
