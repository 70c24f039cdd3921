"""Random keys, clicks, drags, menus, typing and exports on the real window with the real worker, and what comes of it.

python scripts/monkey.py [--minutes 10] [--seed 0]; exits with 1 where something raised, grew, hung or was left behind
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import random
import shutil
import sys
import tempfile
import time
import tkinter as tk
import tkinter.filedialog
import tkinter.messagebox
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gui import trouble  # noqa: E402
from gui.app import App, start_worker  # noqa: E402
from gui.widgets.menu import Entry  # noqa: E402

GROWTH: Final = 20.0
"""MB that the window may grow in a minute, in the second half of the time: fonts, images and programs come before."""
LATENCY: Final = 0.5
"""Seconds within which the window answers 99 times in 100."""
BEAT: Final = 25
"""Milliseconds between two looks at whether the window answers."""
SAMPLE: Final = 10.0
"""Seconds between two looks at its memory, from which what is only free is given back first."""
HEAVY: Final = 25.0
"""Seconds that one program may run before it is stopped."""

ROUGH: Final = {
    "endless.py": "import torch\nwhile True: pass\n",
    "ends.py": "import os, torch\nos._exit(1)\n",
    "talks.py": "for i in range(200000): print('line', i)\n",
    "leaves.py": "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(999)'])\n",
    "grows.py": "import torch\nx = torch.ones(60 << 30)\n",
    "broken.py": "import torch\nx = (\n",
    "many.py": "import torch\ny = torch.ones(1).requires_grad_()\nfor i in range(300): y = y * 1.1\ny.backward()\n",
}  # fmt: skip
"""Programs that do what no program should."""
KEYS: Final = (
    "<F1>", "<F2>", "<F3>", "<F4>", "<Shift-F4>", "<F5>", "<F5>", "<Control-F5>", "<Shift-F5>", "<F9>", "<F10>",
    "<F11>", "<Shift-F11>", "<space>", "<Right>", "<Right>", "<Left>", "<Up>", "<Down>", "<Home>", "<End>", "<p>",
    "<v>", "<V>", "<e>", "<m>", "<Return>", "<Tab>", "<Shift-Tab>", "<Escape>", "<Control-z>", "<Control-y>",
    "<Control-Right>", "<Control-Left>", "<Control-f>", "<Control-e>", "<Control-s>", "<Control-Key-0>", "<plus>",
    "<minus>", "<Shift-Right>", "<Shift-Down>", "<Delete>", "<BackSpace>", "<Control-q>", "<Control-Return>",
)  # fmt: skip
TEXTS: Final = ("x = a * 2\n", "print(1)\n", "((", "a.sum().backward()\n", "梯度", "0.5", "2*Q", "\n\n", "nan", "-1, 2")
KEYSYMS: Final = {
    " ": "space", "\n": "Return", "(": "parenleft", ")": "parenright", "*": "asterisk", "=": "equal", ".": "period",
    ",": "comma", "-": "minus",
}  # fmt: skip


class Monkey:
    """One window and somebody who does not know what they do."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance, self.folder = random.Random(seed), folder
        for name, text in ROUGH.items():
            (folder / name).write_text(text)
        (folder / "no.pullback").write_bytes(b"PULLBACK\r\n\x1a\nno")
        (folder / "no.md").write_text("+++\nid = 1\n+++\n")
        self.programs = [*(ROOT / "assets").glob("*/*.py"), *folder.glob("*.*")]
        tkinter.filedialog.asksaveasfilename = self.where
        tkinter.filedialog.askopenfilename = lambda **how: str(self.chance.choice(self.programs))
        tkinter.messagebox.askyesnocancel = lambda *given, **how: self.chance.choice((True, False, None))
        trouble._open = lambda folder: None
        self.app = App(start_worker)
        self.app.recovery.may_close = lambda: False  # else it would soon be over
        self.done: Counter[str] = Counter()
        self.late: list[float] = []
        self.memory: list[tuple[float, float]] = []
        self._due = time.monotonic()
        self._sampled = self._busy_since = 0.0

    def where(self, **how: object) -> str:
        """Where an export is written to; '' where the dialog is closed."""
        ending = str(how.get("defaultextension") or ".png")
        return str(self.folder / f"{self.chance.randrange(3)}{ending}") if self.chance.random() < 0.8 else ""

    # ── What is watched ───────────────────────────────────────────────────────────────────────────────────────────

    def beat(self) -> None:
        """Comes as late as the window answers."""
        now = time.monotonic()
        self.late.append(max(0.0, now - self._due))
        if now - self._sampled > SAMPLE:
            self._sampled = now
            self.memory.append((now, _held()))
        self._due = time.monotonic() + BEAT / 1000
        self.app.after(BEAT, self.beat)

    def growth(self) -> float:
        """MB a minute in the second half, as the line that fits best says."""
        samples = np.array(self.memory[len(self.memory) // 2 :])
        return float(np.polyfit(samples[:, 0] / 60, samples[:, 1], 1)[0]) if len(samples) > 5 else 0.0

    # ── What is done ──────────────────────────────────────────────────────────────────────────────────────────────

    def live(self, seconds: float) -> None:
        """Does one thing after the other for so long."""
        self.app.begin()
        self.app.focus_force()
        self._due = time.monotonic()
        self.beat()
        deadline = time.monotonic() + seconds
        deeds, weights = zip(*DEEDS.items(), strict=True)
        while time.monotonic() < deadline:
            deed = self.chance.choices(deeds, weights)[0]
            self.done[deed.__name__] += 1
            try:
                deed(self)
            except tk.TclError as error:
                if "bad window path name" not in str(error):  # what it was about has gone meanwhile
                    raise
            self.app.menu.unpost()
            self.rest(self.chance.choice((0.0, 0.0, 0.01, 0.05, 0.3)))

    def rest(self, seconds: float) -> None:
        """Lets the window do what is due."""
        until = time.monotonic() + seconds
        self.app.update()
        while time.monotonic() < until:
            time.sleep(0.002)
            self.app.update()
        if not self.app.session.busy:
            self._busy_since = time.monotonic()
        elif time.monotonic() - self._busy_since > HEAVY:
            self.app.session.stop()

    def key(self) -> None:
        target = self.app.focus_get() or self.app
        target.event_generate(self.chance.choice(KEYS))

    def type(self) -> None:
        target = self.chance.choice((self.app.focus_get() or self.app, self.app.editor.text))
        target.focus_force()
        for letter in self.chance.choice(TEXTS):
            target.event_generate("<Key>", keysym=KEYSYMS.get(letter, letter if letter.isascii() else "space"))

    def click(self) -> None:
        self.press(self.chance.choice((1, 1, 1, 3)), 0, 0)

    def drag(self) -> None:
        self.press(self.chance.choice((1, 1, 2)), self.chance.randint(-200, 200), self.chance.randint(-200, 200))

    def press(self, button: int, across: int, down: int) -> None:
        """Presses somewhere, moves, and lets go."""
        widget, x, y = self.somewhere()
        widget.event_generate("<Motion>", x=x, y=y)
        widget.event_generate(f"<ButtonPress-{button}>", x=x, y=y)
        for share in (0.3, 0.7, 1.0) if across or down else ():
            at = {"x": round(x + share * across), "y": round(y + share * down)}
            widget.event_generate(f"<B{button}-Motion>", state=0x80 << button, **at)
            self.app.update()
        widget.event_generate(f"<ButtonRelease-{button}>", x=x + across, y=y + down)

    def wheel(self) -> None:
        widget, x, y = self.somewhere()
        for _ in range(self.chance.randint(1, 6)):
            state = self.chance.choice((0, 0, 1, 4))
            widget.event_generate(f"<Button-{self.chance.choice((4, 5))}>", x=x, y=y, state=state)

    def somewhere(self) -> tuple[tk.Misc, int, int]:
        """A widget and a point in it; more often than not the picture."""
        app = self.app
        if self.chance.random() < 0.4:
            return (
                app.canvas,
                self.chance.randrange(app.canvas.winfo_width()),
                self.chance.randrange(app.canvas.winfo_height()),
            )
        x, y = self.chance.randrange(app.winfo_width()), self.chance.randrange(app.winfo_height())
        widget = app.winfo_containing(app.winfo_rootx() + x, app.winfo_rooty() + y) or app.canvas
        left, top = widget.winfo_rootx() - app.winfo_rootx(), widget.winfo_rooty() - app.winfo_rooty()
        return widget, x - left, y - top

    def point(self, widget: tk.Misc) -> tuple[int, int]:
        return self.chance.randrange(widget.winfo_width()), self.chance.randrange(widget.winfo_height())

    def menu(self) -> None:
        """Any entry of the window's menu, or of one on a card."""
        picture = self.app.canvas.picture
        if picture is None or self.chance.random() < 0.5:
            entries = self.app.menus.main()
        else:
            x, y = self.app.canvas.view.point(*(self.chance.randrange(400) for _ in range(2)))
            assert self.app.session.playback is not None
            entries = self.app.menus.of(picture.hit(x, y, self.app.session.playback, 3))
        commands = list(_commands(entries))
        if commands:
            self.chance.choice(commands)()

    def cut(self) -> None:
        graph = self.app.graph
        if graph is not None and graph.wires:
            self.app.actions.toggle_use(self.chance.choice(graph.wires))

    def program(self) -> None:
        self.app.desk.leave_for(self.chance.choice(self.programs))

    def run(self) -> None:
        self.app.run()

    def export(self) -> None:
        ending = self.chance.choice((".png", ".svg", ".pdf", ".pullback", ".json", ".csv", ".md"))
        self.app.exports.to(self.folder / f"export{ending}")

    def appearance(self) -> None:
        """Theme, language, size of the text, size of the window."""
        self.chance.choice(
            (
                self.app.toggle_theme, self.app.toggle_language, self.app.toggle_direction,
                lambda: self.app.prefer(size=self.chance.choice((0, 100, 150, 200))),
                lambda: tk.Tk.geometry(self.app, self.chance.choice(("1024x600", "1440x900", "800x500"))),
            )
        )()  # fmt: skip


DEEDS: Final[dict[Callable[[Monkey], None], int]] = {
    Monkey.key: 40, Monkey.click: 20, Monkey.drag: 8, Monkey.wheel: 8, Monkey.type: 8, Monkey.menu: 8, Monkey.cut: 4,
    Monkey.program: 2, Monkey.run: 4, Monkey.export: 1, Monkey.appearance: 2,
}  # fmt: skip
"""What is done, and how often."""


def _commands(entries: Iterable[Entry]) -> Iterator[Callable[[], object]]:
    for entry in entries:
        yield from _commands(entry.entries)
        if entry.command is not None:
            yield entry.command


def _held() -> float:
    """MB that this process holds."""
    gc.collect()
    with suppress(OSError, AttributeError):  # not every C library has it
        ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def left_behind(mark: str) -> list[str]:
    """Command lines of the processes that still live of those that carry a mark, but for this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(process.name) != os.getpid() and mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    mark, folder = f"PULLBACK_MONKEY={uuid.uuid4()}", Path(tempfile.mkdtemp(prefix="pullback-monkey-"))
    os.environ.update([mark.split("=")])
    os.environ.update(XDG_CONFIG_HOME=str(folder / "config"), XDG_STATE_HOME=str(folder / "state"), LANG="C")
    monkey = Monkey(given.seed, folder)
    try:
        monkey.live(given.minutes * 60)
    finally:
        began = time.monotonic()
        monkey.app.close()
        closing = time.monotonic() - began
        deadline = time.monotonic() + 3
        while left_behind(mark) and time.monotonic() < deadline:
            time.sleep(0.05)
        shutil.rmtree(folder, ignore_errors=True)
    late = np.array(monkey.late)
    errors, left, p99, growth = monkey.app.callback_errors, left_behind(mark), np.percentile(late, 99), monkey.growth()
    print(f"{sum(monkey.done.values()):,} deeds in {given.minutes:g} minutes: "
          + ", ".join(f"{count:,} {name}" for name, count in monkey.done.most_common()))  # fmt: skip
    print(f"answered within {np.median(late) * 1000:.0f} ms (median), {p99 * 1000:.0f} ms (99 of 100), "
          f"{late.max() * 1000:.0f} ms (always)")  # fmt: skip
    print(f"memory {monkey.memory[0][1]:.0f} MB at first, {monkey.memory[-1][1]:.0f} MB at last, "
          f"{growth:+.2f} MB a minute in the second half; closed in {closing:.2f} s")  # fmt: skip
    for error in errors:
        print(f"raised in a callback: {error!r}")
    for command in left:
        print(f"left behind: {command}")
    return int(bool(errors or left) or growth > GROWTH or p99 > LATENCY)


if __name__ == "__main__":
    sys.exit(main())
