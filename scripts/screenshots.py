"""The window in several scenes, both themes, both languages and three sizes, as pictures in build/screenshots.

python scripts/screenshots.py [--readme] [SCENE…]; with --readme the pictures of the README are made anew as well
"""

from __future__ import annotations

import sys
import time
import tkinter as tk
from collections.abc import Callable
from itertools import product
from pathlib import Path

from PIL import Image, ImageGrab

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.records import Cut  # noqa: E402
from gui.app import App, start_worker  # noqa: E402
from gui.questions import LocalJacobian  # noqa: E402
from gui.settings import Settings  # noqa: E402

OUT = ROOT / "build" / "screenshots"
FIRST = ROOT / "assets" / "examples" / "first.py"
GALLERY = ROOT / "assets" / "gallery"
SIZES = ((1440, 900, 100), (1024, 600, 100), (1440, 900, 200))
"""Width and height in pixels, percent of text and controls."""
README = {
    "step-1440x900-100-light-en": "window.png",
    "what-if-1440x900-100-dark-en": "what-if.png",
    "model-1440x900-100-light-en": "model.png",
}
"""Pictures that stand in the README → their names in docs/."""
SOFTMAX = "SoftmaxBackward0"
PATIENCE = 60.0
"""Seconds for torch to be loaded and a program to run."""


class Stage:
    """The window and the real worker."""

    def __init__(self) -> None:
        self.app = App(start_worker, Settings(language="en", theme="light", size=100, motion="off"))
        self.wait(lambda: self.app.session.state == "ready")
        self.run(FIRST)  # torch loads much at its first backward pass: no time of the program

    def wait(self, reached: Callable[[], bool]) -> None:
        """Until the window is in a state."""
        deadline = time.monotonic() + PATIENCE
        while not reached():
            if time.monotonic() > deadline or self.app.callback_errors:
                raise SystemExit(f"the window did not come to rest: {self.app.callback_errors or 'waited too long'}")
            self.app.update()
            time.sleep(0.002)

    def run(self, program: Path) -> None:
        """Opens a program in a large window, and records it."""
        tk.Tk.geometry(self.app, "{}x{}+0+0".format(*SIZES[0]))
        self.app.prefer(size=100)
        self.app.update()
        self.app.open(program)
        self.app.session.run()
        self.wait(self.rests)

    def rests(self) -> bool:
        """Whether the worker, the picture and the inspector have nothing left to do."""
        app, session = self.app, self.app.session
        asked = session.busy or session.agrees == "waiting" or session.asked is not None
        drawn = app.inspector.formulas.pending + app.lessons.panel.formulas.pending
        return not (asked or app.canvas.arranging or drawn)

    def shoot(self, width: int, height: int) -> Image.Image:
        """The window, once it looks the same twice."""
        tk.Tk.geometry(self.app, f"{width}x{height}+0+0")
        self.app.event_generate("<Motion>", warp=True, x=2, y=2)  # where the pointer lights nothing
        before: Image.Image | None = None
        while True:
            self.wait(self.rests)
            for _ in range(4):
                self.app.update()
            now = ImageGrab.grab((0, 0, width, height))
            if before is not None and now.tobytes() == before.tobytes():
                return now
            before = now

    def close(self) -> None:
        self.app.close()


def start(stage: Stage) -> None:
    """What is seen first."""
    stage.app.open(FIRST)


def lesson(stage: Stage) -> None:
    """A question before something is seen."""
    stage.app.begin(lesson="seed-vector")
    stage.wait(stage.rests)
    stage.app.lessons.go(1)
    stage.wait(stage.rests)


def step(stage: Stage) -> None:
    """A step of a backward pass, in the inspector its Jacobian."""
    stage.run(FIRST)
    session = stage.app.session
    session.seek(13)
    stage.wait(lambda: bool(session.answers))


def what_if(stage: Stage) -> None:
    """A use is cut, and every leaf compared with the program as written."""
    stage.run(FIRST)
    session = stage.app.session
    session.end()
    assert session.playback is not None
    sites = {op.text: op.site for op in session.playback.trace.ops}
    session.toggle_cut(Cut(sites["b**2"], sites["3*a**3 - b**2"], 1))
    stage.wait(lambda: session.written is not None)


def model(stage: Stage) -> None:
    """A transformer, folded, in the middle of its backward pass."""
    stage.run(GALLERY / "transformer.py")
    session = stage.app.session
    assert session.playback is not None
    backward, index = session.playback.trace.passes[0], session.playback.index
    softmax = next(number for number, one in enumerate(backward.steps) if backward.nodes[one.node].name == SOFTMAX)
    session.seek(index.step_at[0, softmax] + 1)
    session.ask(LocalJacobian(0, softmax))
    stage.wait(lambda: bool(session.answers))
    stage.app.canvas.fit()


def error(stage: Stage) -> None:
    """A program that raises, with the part that ran."""
    stage.run(GALLERY / "wrong.py")


def export(stage: Stage) -> None:
    """What is to be exported, with its preview; closed again with the next scene's program."""
    step(stage)
    sheet = stage.app.exports.sheet
    stage.app.exports.open()
    stage.wait(lambda: sheet.preview.drawn)


SCENES: dict[str, Callable[[Stage], None]] = {
    "start": start, "lesson": lesson, "step": step, "what-if": what_if, "model": model, "error": error,
    "export": export,
}  # fmt: skip


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    scenes = [name for name in sys.argv[1:] if name != "--readme"] or list(SCENES)
    began, count = time.perf_counter(), 0
    stage = Stage()
    for name in scenes:
        SCENES[name](stage)
        for (width, height, percent), theme, language in product(SIZES, ("light", "dark"), ("en", "zh")):
            stage.app.prefer(theme=theme, language=language, size=percent)
            picture = stage.shoot(width, height)
            stem = f"{name}-{width}x{height}-{percent}-{theme}-{language}"
            picture.save(OUT / f"{stem}.png")
            if "--readme" in sys.argv and stem in README:
                small = picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
                small.save(ROOT / "docs" / README[stem], optimize=True)
            count += 1
    stage.close()
    print(f"{count} pictures in {time.perf_counter() - began:.0f} s: {OUT}")


if __name__ == "__main__":
    main()
