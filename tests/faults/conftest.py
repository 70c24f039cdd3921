"""The window of the other tests, and windows that come back to what was kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gui.app import App
from tests.gui.conftest import FakeWorker, Window, display, window

__all__ = ["display", "window"]

ROOT = Path(__file__).parents[2]
Start = Callable[..., Window]

TYPIST = """
import sys, time
from gui.app import App
from tests.gui.conftest import FakeWorker
app = App(start=FakeWorker)
app.begin(*sys.argv[1:2])
app.focus_force()
while not app.canvas._ready:
    app.update()
    time.sleep(0.005)
app.editor.text.focus_force()
app.editor.text.mark_set("insert", "1.0")
for number in range(100_000):
    app.editor.text.event_generate("<Key-x>")
    until = time.monotonic() + 0.02
    while time.monotonic() < until:
        app.update()
        time.sleep(0.002)
    print(number + 1, flush=True)
"""
"""Opens the window, and types x until somebody ends it; says how many there are."""


@pytest.fixture
def start(display: str) -> Iterator[Start]:
    """Opens a window that keeps what it should, and ends the one before as a crash would, asking nobody.

    Arguments are those of ``App.begin``."""
    windows: list[Window] = []

    def end() -> None:
        if windows and windows[-1].app.tk.eval("info commands .") == ".":
            windows[-1].app.close()

    def again(*arguments: str | None) -> Window:
        end()
        app = App(start=FakeWorker)
        windows.append(Window(app, FakeWorker()))
        app.begin(*arguments)
        app.focus_force()
        windows[-1].wait_until(lambda: app.canvas._ready)
        windows[-1].settle()
        return windows[-1]

    yield again
    end()
    assert not [error for one in windows for error in one.app.callback_errors]


@pytest.fixture
def typist() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts another window in a process of its own, in which somebody types."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, **options: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", TYPIST, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, **options,
        )  # type: ignore[call-overload]  # fmt: skip
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]


def press(window: Window, key: str) -> None:
    """Presses a button of the banner as the keyboard does."""
    window.settle()
    button = window.app.banner.buttons[key]._canvas
    button.focus_force()
    window.settle()
    button.event_generate("<<TraverseIn>>")
    window.key("<space>", button)
