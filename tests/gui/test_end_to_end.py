"""The window and the real worker together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gui.app import App, start_worker
from tests.gui.conftest import FakeWorker, Window
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
