"""The window's times: a step, a pan, a zoom, and from trace to picture; on a screen, or a virtual one."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from core.engine import record
from core.records import Options, Trace
from gui.picture.groups import Folding

if TYPE_CHECKING:
    from gui.app import App
    from gui.session import Runner

SCREEN = "1440x900"
FRAMES = 30
LESSON = Path(__file__).parent.parent / "assets" / "examples" / "first.py"
BRANCHES = """import torch

x = torch.ones(3, requires_grad=True)
ways = [x * (n + 1.0) for n in range(8)]
for turn in range({turns}):
    ways = [torch.sin(a) + b for a, b in zip(ways, ways[1:] + ways[:1])]
loss = torch.stack(ways).sum()
loss.backward()
"""
"""Eight strands that cross at every turn: 16 operations each."""


def program(operations: int) -> str:
    """A program of about that many operations."""
    return BRANCHES.format(turns=max(1, (operations - 12) // 16))


def trace_of(source: str) -> Trace:
    return record(source, options=Options(verify=False))


@contextlib.contextmanager
def screen() -> Iterator[bool]:
    """A display; False where there is none and none can be made."""
    if os.environ.get("DISPLAY"):
        yield True
        return
    if shutil.which("Xvfb") is None:
        yield False
        return
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{SCREEN}x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        select.select([read], [], [], 20)
        os.environ["DISPLAY"] = ":" + os.read(read, 20).decode().strip()
        yield True
    finally:
        os.environ.pop("DISPLAY", None)
        os.close(read)
        server.terminate()
        server.wait()


class Bench:
    """A window whose every change is timed until the screen has answered."""

    def __init__(self, start: Callable[[], Runner]) -> None:
        from gui.app import App
        from gui.settings import Settings

        self.app: App = App(start=start, settings=Settings("en", "light", 100, "off"))
        self.wait(lambda: self.app.canvas._ready)

    def wait(self, condition: Callable[[], object]) -> None:
        while not condition():
            if self.app.callback_errors:
                raise self.app.callback_errors[0]
            self.app.update()
            time.sleep(0.001)

    def timed(self, change: Callable[[], object]) -> float:
        """Seconds from a change to the picture of it on the screen."""
        start = time.perf_counter()
        change()
        self.app.update()
        self.app.winfo_pointerxy()  # asks the server, so everything sent before has been drawn
        return time.perf_counter() - start

    def median(self, changes: list[Callable[[], object]]) -> float:
        return statistics.median([self.timed(change) for change in changes][3:])

    def open(self, trace: Trace) -> float:
        """Seconds from a trace to its first picture."""
        self.app.session.open_program("", "")
        self.app.update()

        def opened() -> None:
            self.app.session.open_trace(trace)
            self.app.session.seek(len(trace.events) // 2)
            self.app.update()
            self.wait(lambda: self.app.canvas.picture is not None)

        return self.timed(opened)

    def unfold(self) -> int:
        """Draws every operation by itself; returns how many boxes that are."""
        canvas, playback = self.app.canvas, self.app.session.playback
        assert playback is not None
        canvas._arrange(playback, Folding(depth=99), None)
        self.wait(lambda: not canvas.arranging)
        self.app.update()
        assert canvas.picture is not None
        return len(canvas.picture.rects)

    def steps(self) -> float:
        session = self.app.session
        return self.median([session.step] * FRAMES)

    def pans(self) -> float:
        return self.median([lambda: self.app.canvas._pan(11, 5)] * FRAMES)

    def zooms(self) -> float:
        canvas = self.app.canvas
        ways = [1 / 1.1] * (FRAMES // 2) + [1.1] * (FRAMES // 2)
        return self.median([lambda factor=factor: canvas._zoom_at(factor, 300, 300) for factor in ways])

    def what_ifs(self, path: Path) -> float:
        """Seconds from another seed of a program to the picture of its run."""
        session = self.app.session
        self.app.open(path)
        session.run()

        def rests() -> bool:
            return session.state == "ready" and session.agrees not in (None, "waiting")

        def suppose(seed: tuple[float, float]) -> None:
            session.set_seed(0, seed)
            self.wait(lambda: not session.busy)

        times = []
        for turn in range(FRAMES):
            self.wait(rests)
            times.append(self.timed(lambda turn=turn: suppose((1.0, turn + 2.0))))  # type: ignore[misc]
        return statistics.median(times[3:])

    def close(self) -> None:
        self.app.close()


class _NoWorker:
    """Nothing is run: the traces are given."""

    def run(self, job: object) -> int:
        return 0

    def stop(self) -> None: ...

    def restart(self) -> None: ...

    def close(self) -> None: ...

    def poll(self, limit: int = 64) -> list:
        return []


def _no_worker() -> _NoWorker:
    return _NoWorker()


def measure() -> Iterator[tuple[str, float, str]]:
    """What, seconds, and the target; nothing without a screen."""
    with screen() as there:
        if not there:
            return
        from gui.app import start_worker

        bench = Bench(start_worker)
        try:
            yield "from another seed of a lesson to the picture of its run", bench.what_ifs(LESSON), "≤ 100 ms"
        finally:
            bench.close()
        bench = Bench(_no_worker)
        try:
            lesson = trace_of(LESSON.read_text(encoding="utf-8"))
            bench.open(lesson)  # fonts and caches
            yield "from a lesson's trace to its picture", bench.open(lesson), "≤ 100 ms"
            thousand = trace_of(program(1000))
            nodes = len(thousand.ops)
            yield f"from a trace of {nodes:,} operations to its picture", bench.open(thousand), "≤ 1 s"
            yield f"a step at {nodes:,} operations, folded", bench.steps(), "≤ 16 ms"
            boxes = bench.unfold()
            yield f"a step at {boxes:,} cards", bench.steps(), "≤ 16 ms"
            yield f"a pan at {boxes:,} cards", bench.pans(), "≤ 16 ms"
            yield f"a zoom at {boxes:,} cards", bench.zooms(), "≤ 16 ms"
            large = trace_of(program(10_000))
            nodes = len(large.ops)
            yield f"from a trace of {nodes:,} operations to its picture", bench.open(large), ""
            boxes = bench.unfold()
            yield f"a pan at {boxes:,} cards", bench.pans(), "≤ 25 ms"
            yield f"a zoom at {boxes:,} cards", bench.zooms(), "≤ 25 ms"
            bench.app.canvas.fit()
            bench.app.update()
            yield f"a pan over all {boxes:,} cards at once", bench.pans(), "≤ 25 ms"
        finally:
            bench.close()


if __name__ == "__main__":
    for what, seconds, target in measure():
        print(f"{what}: {seconds * 1000:.1f} ms  {target}", flush=True)
