"""The window of the executable, driven by real keys; it starts, teaches, exports, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.exe.conftest import NOBODY, Installed, Screen, screen_of

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
    with Image.open(picture) as shown, Image.open(same) as drawn:
        assert shown.tobytes() == drawn.tobytes()


def test_files_of_each_kind_are_opened_from_a_folder_of_any_name(installed: Installed, tmp_path: Path) -> None:
    folder = tmp_path / "目录 mit Löchern"
    folder.mkdir()
    program, lesson, trace = folder / "梯度.py", folder / "课.md", folder / "记录.pullback"
    titles = {program: "Pullback — 梯度.py", trace: "Pullback — 梯度.py", lesson: "Pullback — 2 · 第一次反向传播"}
    program.write_text("import torch\na = torch.ones(2, requires_grad=True)\na.sum().backward()\n", encoding="utf-8")
    lesson.write_bytes((installed.folder / "_internal" / "assets" / "lessons" / f"{LESSON}.zh.md").read_bytes())
    assert installed.run("trace", program, "--save", trace).returncode == 0
    with screen_of("openbox") as screen:
        for path, title in titles.items():
            window = screen.start(installed, str(path))
            screen.wait_until(lambda title=title: screen.titles() == [title], title)  # type: ignore[misc]
            screen.press("ctrl+q")
            closed(window, installed)
            screen.windows.clear()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_two_at_once_for_somebody_who_may_write_nowhere_and_has_no_terminal(installed: Installed) -> None:
    """No standard streams, no home, no folder to write to: both start, run the lesson, and close."""
    somebody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    detached = ["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-']
    with screen_of("") as screen:
        windows = [screen.start(installed, before=[*somebody, *detached], HOME="/nonexistent") for _ in range(2)]
        screen.point(700, 700)
        screen.wait_until(lambda: len(screen.titles()) == 2, "there are two windows")
        screen.wait_until(screen.recorded, "the program has run")
        for window in windows:
            window.send_signal(signal.SIGTERM)
        for window in windows:
            assert window.wait(30) == 0
        closed(windows[0], installed)
