"""The window of the executable, driven by real keys; it starts, teaches, exports, and leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.exe.conftest import Installed, Screen

pytestmark = pytest.mark.exe

STEPS = 3
LESSON = "first-backward"


def closed(window: subprocess.Popen[bytes], installed: Installed) -> None:
    """It ends by itself with status 0, and with it every process."""
    assert window.wait(30) == 0
    deadline = time.monotonic() + 10
    while left := installed.processes():
        assert time.monotonic() < deadline, f"processes stay: {left}"
        time.sleep(0.1)


def test_a_lesson_is_opened_stepped_by_keys_exported_and_closed(
    installed: Installed, screen: Screen, tmp_path: Path
) -> None:
    window = screen.start(installed, "--lesson", LESSON, XDG_CONFIG_HOME=str(tmp_path / "config"))
    screen.point(700, 700)  # the keyboard goes to what lies under the pointer, where nobody manages windows
    screen.wait_until(lambda: screen.titles() == ["Pullback — 2 · The first backward pass"], "the window is there")
    screen.wait_until(screen.recorded, "the program has run")
    before = screen.pixels()
    screen.press(*["space"] * STEPS)
    screen.wait_until(lambda: screen.pixels() != before, "a step is shown")
    time.sleep(1)
    picture = tmp_path / "step.png"
    screen.press("ctrl+e")
    time.sleep(2)
    screen.press("ctrl+Return")
    screen.wait_until(lambda: "Export" in screen.titles(), "a file is asked for")
    time.sleep(0.5)
    screen.press("ctrl+a")
    screen.write(str(picture))
    screen.press("Return")
    screen.wait_until(picture.exists, "the picture is there")
    screen.wait_until(lambda: "Export" not in screen.titles(), "the file is chosen")
    assert len(screen.titles()) == 1, "a process has opened a second window"
    screen.press("ctrl+q")
    closed(window, installed)

    kept = json.loads((tmp_path / "config" / "pullback" / "settings.json").read_text(encoding="utf-8"))
    assert kept["lesson"] == LESSON
    same = tmp_path / "same.png"
    done = installed.run("export", f"lesson:{LESSON}", "--step", str(7 + STEPS), "--out", same)
    assert done.returncode == 0, done.stderr
    assert Image.open(picture).tobytes() == Image.open(same).tobytes()
