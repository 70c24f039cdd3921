"""How long the executable takes to start, seen from outside: by the pixels of a screen, and by the worker's first word.

Beside it, in the same run and taking turns with it: ``python -c "import torch"``.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

from PIL import Image, ImageGrab

from bench import picture
from core import client, wire

DIST = Path(__file__).parent.parent / "dist" / "pullback"
COMMAND = DIST / ("pullback.exe" if sys.platform == "win32" else "pullback")
STARTS = 5
LETTERS = 30
"""Colours that are on the screen once there are letters; a bare window has one."""
GREEN = (0xEA, 0xF8, 0xF3)
"""The ground of "identical to torch's own backward()"."""

Row = tuple[str, float, str]


def measure() -> Iterator[Row]:
    """What, seconds, and the target; nothing where no executable was built."""
    if not COMMAND.exists():
        return
    with mock.patch.dict(os.environ), tempfile.TemporaryDirectory() as home, _empty_screen() as there:
        seconds: dict[str, list[float]] = {}
        for turn in range(STARTS + 1):  # the first one warms the disk's cache, and makes the list of fonts
            found = {'python -c "import torch"': _import_torch(), **_worker()}
            if there:
                found |= _window(home)
            if turn:
                for what, took in found.items():
                    seconds.setdefault(what, []).append(took)
    targets = {WINDOW: "≤ 300 ms", WORKER: "≤ 2 s"}
    for what, taken in seconds.items():
        yield what, statistics.median(taken), targets.get(what, "")


WINDOW = "the executable: from its start to its window with letters in it"
LESSON = "the executable: from its start to the first lesson, run and compared with an unrecorded run"
WORKER = "the executable: from its worker's start until it has torch and is ready"


@contextlib.contextmanager
def _empty_screen() -> Iterator[bool]:
    """A screen that shows nothing else; False where none can be made."""
    os.environ.pop("DISPLAY", None)
    with picture.screen() as there:
        yield there


def _import_torch() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - start


def _worker() -> dict[str, float]:
    """The worker alone, started as the window starts it."""
    command = client.worker_command
    with mock.patch.object(client, "worker_command", lambda *facts: [str(COMMAND), *command(*facts)[2:]]):
        start = time.perf_counter()
        with client.Client(spare=False) as worker:
            while not any(isinstance(reply, wire.Ready) for reply in worker.wait(60)):
                pass
            return {WORKER: time.perf_counter() - start}


def _window(home: str) -> dict[str, float]:
    """The window on an empty screen, until it is painted and until its lesson has run."""
    environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home}
    environment["XDG_CACHE_HOME"] = home
    start = time.perf_counter()
    window = subprocess.Popen([COMMAND, "--lesson", "first-backward"], env=environment, stderr=subprocess.DEVNULL)
    try:
        painted = _until(lambda seen: len(seen.getcolors(1 << 20) or ()) > LETTERS) - start
        ran = _until(lambda seen: any(colour == GREEN for _, colour in seen.getcolors(1 << 20) or ())) - start
        return {WINDOW: painted, LESSON: ran}
    finally:
        window.terminate()
        window.wait()


def _until(seen: Callable[[Image.Image], bool]) -> float:
    """When the screen's left side shows something, by the clock."""
    deadline = time.perf_counter() + 60
    width, height = map(int, picture.SCREEN.split("x"))
    while time.perf_counter() < deadline:
        if seen(ImageGrab.grab(bbox=(0, 0, 400, 60), xdisplay="").convert("RGB")) or seen(
            ImageGrab.grab(bbox=(0, height - 60, width // 2, height), xdisplay="").convert("RGB")
        ):
            return time.perf_counter()
    raise TimeoutError("the window did not come")
