"""The built executable as a reader has it: installed from its package, on a screen of its own; see `make test-exe`.

On Linux the package is installed by dpkg itself into a clean root, which is a folder, so that the machine stays as it
is; `apt-get --simulate` says whether apt would take it.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageGrab

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"
NOBODY = 65534
"""The user that owns nothing."""


@dataclass(frozen=True)
class Installed:
    """Pullback in a root.

    Attributes:
        root: that folder; everyone may read it.
        home: an empty home folder.
    """

    root: Path
    home: Path

    @property
    def folder(self) -> Path:
        return self.root / "opt" / "pullback"

    @property
    def command(self) -> str:
        return str(self.folder / "pullback")

    def environment(self, **more: str) -> dict[str, str]:
        """That of a desktop's session, and nothing of this Python."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        return {**kept, "HOME": str(self.home), **more}

    def run(self, *arguments: str | Path, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """A command line run to its end."""
        return subprocess.run(
            [self.command, *map(str, arguments)], cwd=cwd or self.home, env=self.environment(**more),
            capture_output=True, text=True, encoding="utf-8", timeout=240, check=False,
        )  # fmt: skip

    def processes(self) -> set[int]:
        """Those that run a program of this folder."""
        found = set()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and (entry / "exe").resolve().is_relative_to(self.root):
                    found.add(int(entry.name))
        return found


@pytest.fixture(scope="session")
def installed() -> Iterator[Installed]:
    """The package, installed into a clean root; removing it leaves nothing there."""
    (package,) = DIST.glob("*.deb")
    folder = Path(tempfile.mkdtemp(prefix="pullback-root-"))
    folder.chmod(0o755)
    root, home = folder / "root", folder / "home"
    database = root / "var" / "lib" / "dpkg"
    for place in (database / "info", database / "updates", database / "triggers", home):
        place.mkdir(parents=True)
    (database / "status").touch()
    (database / "available").touch()
    dpkg(root, "--install", str(package))
    found = Installed(root, home)
    try:
        yield found
        assert not found.processes()
        dpkg(root, "--purge", "pullback")
        assert not found.folder.exists()
        assert not list((root / "usr").rglob("*pullback*"))
    finally:
        for process in found.processes():
            os.kill(process, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def dpkg(root: Path, *arguments: str) -> None:
    """dpkg itself, in a root that holds no other package; without root's rights by a stand-in of them."""
    stand_in = [] if os.geteuid() == 0 else ["fakeroot"]
    command = [*stand_in, "dpkg", f"--root={root}", "--force-depends", "--force-not-root", "--no-triggers", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass
class Screen:
    """A virtual screen, and whoever sits before it.

    Attributes:
        display: its name.
        windows: those that were started on it.
    """

    display: str
    windows: list[subprocess.Popen[bytes]]

    def start(
        self, installed: Installed, *arguments: str, before: Sequence[str] = (), **more: str
    ) -> subprocess.Popen[bytes]:
        """Starts the window as a desktop does; ``before`` is the command that starts it, if that is another one."""
        window = subprocess.Popen(
            [*before, installed.command, *arguments], cwd="/", stdin=subprocess.DEVNULL,
            env=installed.environment(DISPLAY=self.display, **more),
        )  # fmt: skip
        self.windows.append(window)
        return window

    def press(self, *keys: str) -> None:
        """Keys, as from a keyboard."""
        for key in keys:
            self._ask("key", key)

    def write(self, text: str) -> None:
        self._ask("type", "--delay", "20", text)

    def point(self, x: int, y: int) -> None:
        self._ask("mousemove", str(x), str(y))

    def titles(self) -> list[str]:
        """Of the windows that are to be seen."""
        found = self._ask("search", "--onlyvisible", "--name", "^(Pullback|Export)", wrong=True).split()
        return [self._ask("getwindowname", window, wrong=True).strip() for window in found]

    def pixels(self) -> Image.Image:
        return ImageGrab.grab(xdisplay=self.display).convert("RGB")

    def wait_until(self, condition: Callable[[], object], what: str, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                self.pixels().save(Path(tempfile.gettempdir()) / "pullback-test.png")
                raise AssertionError(f"waited too long until {what}; titles: {self.titles()}")
            assert all(window.poll() is None for window in self.windows), "the window has ended"
            time.sleep(0.1)

    def recorded(self) -> bool:
        """Whether the lowest row says that the trace is torch's own: the only green ground there."""
        pixels = self.pixels()
        row = pixels.crop((0, pixels.height - 60, pixels.width // 2, pixels.height))
        return any(colour == (0xEA, 0xF8, 0xF3) for _, colour in row.getcolors(1 << 20) or ())

    def _ask(self, *arguments: str, wrong: bool = False) -> str:
        environment = {**os.environ, "DISPLAY": self.display}
        command = ["xdotool", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert wrong or done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout


@contextlib.contextmanager
def screen_of(manager: str, size: str = "1440x900x24") -> Iterator[Screen]:
    """A screen with a window manager on it, '' for none."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp", "-ac", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    windows: list[subprocess.Popen[bytes]] = []
    others: list[subprocess.Popen[bytes]] = []
    try:
        assert select.select([read], [], [], 20)[0], "Xvfb did not start"
        display = ":" + os.read(read, 20).decode().strip()
        if manager:
            environment = {**os.environ, "DISPLAY": display}
            others.append(subprocess.Popen([manager], env=environment, stderr=subprocess.DEVNULL))
            time.sleep(1)
        yield Screen(display, windows)
    finally:
        os.close(read)
        for process in (*windows, *others, server):
            process.terminate()
            process.wait()


@pytest.fixture(params=["", "openbox"], ids=["no window manager", "openbox"])
def screen(request: pytest.FixtureRequest) -> Iterator[Screen]:
    with screen_of(request.param) as found:
        yield found
