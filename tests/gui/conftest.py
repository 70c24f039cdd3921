"""A virtual screen where there is none, and the real window on it; a callback that raises fails its test."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import time
import tkinter as tk
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core import wire
from core.limits import Limits
from core.records import Before, Matrix, Trace
from gui.app import App
from gui.settings import Settings
from gui.widgets.menu import Entry
from tests.gui import traces


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """The screen the windows open on."""
    if os.environ.get("DISPLAY"):
        yield os.environ["DISPLAY"]
        return
    if shutil.which("Xvfb") is None:
        pytest.skip("no display, and no Xvfb to make one")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1440x900x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        if not select.select([read], [], [], 20)[0]:
            pytest.skip("Xvfb did not start")
        os.environ["DISPLAY"] = ":" + os.read(read, 20).decode().strip()
        yield os.environ["DISPLAY"]
    finally:
        os.environ.pop("DISPLAY", None)
        os.close(read)
        server.terminate()
        server.wait()


def entry_of(entries: Sequence[Entry], text: str) -> Entry:
    """The entry of a menu, or of the menus behind it, that says something."""
    for entry in entries:
        if entry.text == text:
            return entry
        with contextlib.suppress(KeyError):
            return entry_of(entry.entries, text)
    raise KeyError(text)


class FakeWorker:
    """Stands in for ``core.client.Client``: answers a run with a trace that ``record`` makes of the job.

    A live run pauses before each step of its pass.

    Attributes:
        jobs: what it was asked to run.
        held: while True, nothing is answered.
        limits: what its programs are to be held to.
        resumed: how a live run was told to go on.
        asked: the questions it was asked; their jobs are numbered from ``QUESTIONS`` on.
        jacobians: what it answers to the question for a local Jacobian.
        answers: its reply to any other question, whatever its number.
    """

    QUESTIONS = 1000

    def __init__(self) -> None:
        self.jobs: list[wire.Run] = []
        self.replies: list[wire.AnyReply] = [wire.Ready(0, torch="2.13.0+cpu")]
        self.record: Callable[[wire.Run], Trace] = lambda job: traces.first(
            seed=job.what_if.seeds.get(0, (1.0, 1.0)),  # type: ignore[arg-type]
            cut=bool(job.what_if.cuts),
        )
        self.held = False
        self.asked: list[Any] = []
        self.jacobians: Callable[[wire.AskLocalJacobian], tuple[Matrix, ...]] = lambda job: ()
        self.answers: Callable[[wire.Job], wire.AnyReply] = lambda job: wire.Refused(0, message="nobody knows")
        self.resumed: list[wire.Resume] = []
        self._at = 0
        self.stopped = 0
        self.limits = Limits()
        self.closed = False

    def run(self, job: wire.Run) -> int:
        self.jobs.append(job)
        if job.live:
            self._go_on("next", 0)
        elif not self.held:
            self.answer()
        return len(self.jobs)

    def _go_on(self, before: Before, at: int) -> None:
        """Pauses before a step or a node behind it, where that is asked for; else the run ends."""
        trace = self.record(self.jobs[-1])
        for number, step in enumerate(trace.passes[0].steps[at:], at):
            if before in ("next", (0, step.node)):
                self._at = number
                arrived, recorded = step.grad_outputs, traces.until(trace, number)
                self.replies.append(wire.Paused(len(self.jobs), 0, number, step.node, arrived, recorded))
                return
        self.answer()

    def answer(self) -> None:
        number = len(self.jobs)
        trace = self.record(self.jobs[-1])
        self.replies += [wire.Output(number, text=trace.stdout), wire.Traced(number, trace=trace)]
        self.replies.append(wire.Verified(number, agrees=True))

    def ask(self, job: wire.Job) -> int:
        self.asked.append(job)
        number = self.QUESTIONS + len(self.asked) - 1
        if not self.held and isinstance(job, wire.AskLocalJacobian):
            self.replies.append(wire.Answered(number, self.jacobians(job)))
        elif not self.held:
            self.replies.append(msgspec.structs.replace(self.answers(job), id=number))
        return number

    def limit(self, limits: Limits) -> None:
        self.limits = limits

    def resume(self, request: wire.Resume) -> None:
        self.resumed.append(request)
        self._go_on(request.before, self._at + 1)

    def stop(self) -> None:
        self.stopped += 1
        self.replies.append(wire.Stopped(len(self.jobs), reason="stop"))

    def restart(self) -> None:
        pass

    def poll(self, limit: int = 64) -> list[wire.AnyReply]:
        taken, self.replies = self.replies[:limit], self.replies[limit:]
        return taken

    def close(self) -> None:
        self.closed = True


class Window:
    """The window under test, and how to wait for it."""

    def __init__(self, app: App, worker: FakeWorker) -> None:
        self.app = app
        self.worker = worker

    def settle(self) -> None:
        """Lets Tk do what is due now, and one round of the polling loop."""
        for _ in range(3):
            self.app.update()
        self.app.session.poll()
        for _ in range(3):
            self.app.update()

    def wait_until(self, condition: Callable[[], object], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "waited too long"
            self.app.update()
            time.sleep(0.005)

    def key(self, sequence: str, widget: tk.Misc | None = None) -> None:
        """A key for the widget that has the focus, or for ``widget``, which gets it."""
        if widget is not None:
            widget.focus_force()
            self.app.update()
        target = widget or self.app.focus_get() or self.app
        target.event_generate(sequence)
        self.settle()

    def click(self, x: float, y: float) -> None:
        """A click on the canvas, in its pixels."""
        canvas = self.app.canvas
        canvas.event_generate("<ButtonPress-1>", x=int(x), y=int(y))
        canvas.event_generate("<ButtonRelease-1>", x=int(x), y=int(y))
        self.settle()

    def on_screen(self, x: float, y: float) -> tuple[float, float]:
        """A point of the picture in the canvas's pixels."""
        canvas = self.app.canvas
        return canvas.view.pixel(x, y)

    def on_wire(self, source: str, target: str) -> tuple[float, float]:
        """A pixel in the middle of the wire from one card to another, by their titles."""
        picture, playback = self.app.canvas.picture, self.app.session.playback
        assert picture is not None
        assert playback is not None
        graph = picture.graph
        left, top, right, bottom = map(int, picture.bounds)
        found = []
        for x in range(left, right, 3):
            for y in range(top, bottom, 3):
                hit = picture.hit(x, y, playback, 3)
                if hit is not None and hit.kind == "wire" and hit.wire is not None:
                    wire = graph.wires[hit.wire]
                    if (graph.cards[wire.source].title, graph.cards[wire.target].title) == (source, target):
                        found.append((x, y))
        assert found, f"no wire from {source} to {target}"
        return self.on_screen(*found[len(found) // 2])


@pytest.fixture
def window(display: str) -> Iterator[Window]:
    """The window with the first program opened and a worker that answers from hand-built traces."""
    worker = FakeWorker()
    app = App(start=lambda: worker, settings=Settings(language="en", theme="light", size=100, motion="off"))
    app.open(Path(__file__).parents[2] / "assets" / "examples" / "first.py")
    result = Window(app, worker)
    app.focus_force()
    result.wait_until(lambda: app.canvas._ready)
    app.canvas.focus_force()
    result.settle()
    yield result
    errors = list(app.callback_errors)
    app.close()
    assert worker.closed
    assert not errors, f"raised in a callback: {errors}"
