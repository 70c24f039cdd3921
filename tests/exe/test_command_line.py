"""The executable's command line, from places and for users of every kind."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from core.files import read_trace
from tests.exe.conftest import NOBODY, Installed

pytestmark = pytest.mark.exe

SHORT = "import torch\na = torch.tensor([2.], requires_grad=True)\n(a * a).backward()\nprint(a.grad)\n"


@pytest.fixture
def program(installed: Installed) -> Path:
    path = installed.home / "short.py"
    path.write_text(SHORT, encoding="utf-8")
    path.chmod(0o644)
    return path


def traced(done: subprocess.CompletedProcess[str]) -> list[float]:
    """The one leaf's gradient, as JSON on standard output says."""
    assert (done.returncode, done.stderr) == (0, "")
    written = json.loads(done.stdout)
    assert written["agrees"] is True
    return written["leaves"][0]["grad"]["data"]


def wide(path: Path) -> bool:
    with Image.open(path) as image:
        return image.width > 500


def gif(path: Path) -> bool:
    with Image.open(path) as image:
        return getattr(image, "n_frames", 1) > 3


@pytest.mark.parametrize(
    ("name", "more", "judge"),
    [
        ("picture.png", ("--with", "inspector"), wide),
        ("picture.svg", ("--lang", "zh"), lambda path: ET.parse(path).getroot().tag.endswith("svg")),
        ("picture.pdf", ("--theme", "dark"), lambda path: path.read_bytes().startswith(b"%PDF")),
        ("pass.gif", ("--step", "all", "--scale", "0.5"), gif),
        ("ledger.csv", (), lambda path: "MulBackward0" in path.read_text(encoding="utf-8")),
        ("told.md", (), lambda path: "MulBackward0" in path.read_text(encoding="utf-8")),
        ("run.pullback", (), lambda path: read_trace(path).source == SHORT),
    ],
)
def test_everything_is_exported(
    installed: Installed, program: Path, tmp_path: Path, name: str, more: tuple[str, ...], judge: Callable[[Path], bool]
) -> None:
    done = installed.run("export", program, "--out", tmp_path / name, *more)
    assert (done.returncode, done.stderr) == (0, "")
    assert judge(tmp_path / name)


def test_a_program_is_told_and_lessons_are_checked(installed: Installed, program: Path, tmp_path: Path) -> None:
    told = installed.run("walk", program, "--out", tmp_path / "walk.png")
    assert told.returncode == 0, told.stderr
    assert "tensor([4.])" in told.stdout
    checked = installed.run("lessons", "--check", "lesson:first-backward", "lesson:custom-function")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("no faults") == 2


def test_faults_are_said_in_a_line_with_a_status_of_their_own(installed: Installed) -> None:
    for name, source, status in (
        ("raises.py", "import torch\nraise ValueError('no')\n", 1),
        ("dies.py", "import os\nos.abort()\n", 3),
    ):
        (installed.home / name).write_text(source, encoding="utf-8")
        done = installed.run("trace", name, "--json", "-")
        assert done.returncode == status, done.stderr
        assert json.loads(done.stdout)["error"] is not None
    assert installed.run("trace", "missing.py", "--json", "-").returncode == 2
    endless = installed.home / "endless.py"
    endless.write_text("while True: pass\n", encoding="utf-8")
    assert installed.run("trace", endless, "--json", "-", "--time-limit", "2").returncode == 3
    assert not installed.processes()


def test_it_runs_from_a_folder_with_any_name_and_from_a_copy_with_any_name(installed: Installed) -> None:
    folder = installed.home / "目录 mit Löchern"
    folder.mkdir(exist_ok=True)
    (folder / "梯度.py").write_text(SHORT, encoding="utf-8")
    moved = folder / "应用"
    moved.symlink_to(installed.folder)
    try:
        for command in (installed.command, str(moved / "pullback")):
            done = subprocess.run(
                [command, "trace", "梯度.py", "--json", "-"], cwd=folder, env=installed.environment(LC_ALL="C"),
                capture_output=True, encoding="utf-8", timeout=240, check=False,
            )  # fmt: skip
            assert traced(done) == [4.0]
    finally:
        moved.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_somebody_else_may_use_it_who_may_write_nowhere(installed: Installed, program: Path) -> None:
    """Neither where it lies, nor in the folder it is started from, nor at home."""
    who = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    done = subprocess.run(
        [*who, installed.command, "trace", str(program), "--json", "-"], cwd="/",
        env=installed.environment(HOME="/nonexistent"), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert traced(done) == [4.0]
    drawn = subprocess.run(
        [*who, installed.command, "export", str(program), "--out", "/nonexistent/picture.png"], cwd="/",
        env=installed.environment(HOME="/nonexistent"), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert drawn.returncode == 2
    assert drawn.stderr.count("\n") == 1


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_it_needs_no_standard_streams(installed: Installed, program: Path, tmp_path: Path, closed: str) -> None:
    out = tmp_path / "trace.json"
    command = shlex.join([installed.command, "trace", str(program), "--json", str(out)])
    done = subprocess.run(["sh", "-c", f"{command} {closed}"], env=installed.environment(), timeout=240, check=False)
    assert done.returncode == 0
    assert json.loads(out.read_text(encoding="utf-8"))["stdout"] == "tensor([4.])\n"


SPAWNING = """
import torch
import torch.multiprocessing as processes

def double(number):
    return 2 * number

if __name__ == "__main__":
    for way in ("fork", "spawn"):
        with processes.get_context(way).Pool(2) as pool:
            print(way, pool.map(double, [1, 2]))
    a = torch.ones(1, requires_grad=True)
    a.sum().backward()
"""


def test_processes_of_a_program_are_no_second_pullback(installed: Installed) -> None:
    path = installed.home / "spawning.py"
    path.write_text(SPAWNING, encoding="utf-8")
    done = installed.run("trace", path, "--json", "-")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stdout"] == "fork [2, 4]\nspawn [2, 4]\n"
    assert not installed.processes()


def test_a_program_writes_no_files(installed: Installed) -> None:
    """The sandbox holds in the executable as well."""
    path, mark = installed.home / "writing.py", installed.home / "mark.txt"
    path.write_text(f"open({str(mark)!r}, 'w').write('here')\n", encoding="utf-8")
    done = installed.run("trace", path, "--json", "-")
    assert done.returncode == 1
    assert "Permission" in json.loads(done.stdout)["error"]["type"]
    assert not mark.exists()
