"""The window as a state machine: whatever is done in whatever order, four things hold after every step.

python -m tests.faults.machine [--examples 100] [--steps 40] [--seed 0]
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
import tkinter.filedialog
import tkinter.messagebox
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Final
from unittest import mock

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core import folders, journal
from gui import context
from gui.app import App, start_worker
from gui.inspector.report import describe
from tests.faults.reference import Reference, shown

ANSWERS: Final = 1.0
"""Seconds within which the window does what is asked of it next, on a busy computer."""
RECOVERABLE: Final = 3.0
"""Seconds after which the text is on disk at the latest, on a busy computer."""
PATIENCE: Final = 120.0
"""Seconds for a run, torch's start included."""

HEAD: Final = (
    "import torch\na = torch.tensor([2., 3.], requires_grad=True)\nb = torch.tensor([6., 4.], requires_grad=True)\n"
)
PROGRAMS: Final = (
    HEAD + "Q = 3*a**3 - b**2\nQ.backward(gradient=torch.tensor([1., 1.]))\n",
    HEAD + "for i in range(3):\n    a.grad = None\n    loss = ((a * b).tanh() + i * a).sum()\n    loss.backward()\n",
    HEAD + "c = (a.detach() * b).exp()\n(c / a).sum().backward()\nprint(a.grad, b.grad)\n",
    HEAD + "layer = torch.where(a > 2.5, a.sqrt(), b)\n(layer * b).mean().backward()\n",
    HEAD + "Q = a * b\nQ.backward()\n",
    HEAD + "(a * b).sum().backward()\nraise ValueError('after the pass')\n",
)  # fmt: skip
EDITS: Final = ("# a note\n", "print('more')\n", "a = a * 2\n", "b.grad = None\n", "b = (\n", "while True: pass\n")
"""What is typed at the end; two of them cannot be read or do not end."""


@dataclass
class Figures:
    """Attributes:
    steps: how often each thing was done.
    latency: seconds until the window answered, at most.
    journal: seconds until the text was on disk, at most.
    compared: how many times gradients were compared with a fresh run.
    """

    steps: Counter[str] = field(default_factory=Counter)
    latency: float = 0.0
    journal: float = 0.0
    compared: int = 0


figures = Figures()
reference: Reference | None = None


def deed(**drawn: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A rule that is counted."""

    def counting(do: Callable[..., None]) -> Callable[..., None]:
        @wraps(do)
        def counted(machine: Machine, **given: Any) -> None:
            figures.steps[do.__name__] += 1
            machine.since += 1
            do(machine, **given)

        return rule(**drawn)(counted)

    return counting


class Machine(RuleBasedStateMachine):
    """One window after the other, over one file and one folder of journals."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="pullback-machine-"))
        self.file = self.folder / "program.py"
        self.file.write_text(PROGRAMS[0])
        places = {name: str(self.folder / name) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
        self.patches = (
            mock.patch.dict(os.environ, {**places, "LANG": "C"}),
            mock.patch.object(tkinter.messagebox, "askyesnocancel", self.answer),
            mock.patch.object(tkinter.filedialog, "asksaveasfilename", return_value=str(self.file)),
        )
        for patch in self.patches:
            patch.start()
        self.saves: bool | None = True
        self.since = 0  # deeds since the window was opened
        self.app = self.opened()

    def opened(self) -> App:
        app = App(start=start_worker)
        app.prefer(motion="off")
        app.begin(str(self.file))
        app.focus_force()
        self.wait(lambda: app.canvas._ready, app)
        return app

    def answer(self, *question: object, **about: object) -> bool | None:
        """What the reader says to the question whether the text is to be saved."""
        return self.saves

    def wait(self, reached: Callable[[], object], app: App | None = None, seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < deadline, "waited too long"
            (app or self.app).update()
            time.sleep(0.002)

    def settle(self) -> None:
        """The worker, the picture and the window have nothing left to do."""
        session = self.app.session
        self.wait(lambda: not session.busy and not self.app.canvas.arranging)
        for _ in range(3):
            self.app.update()

    def key(self, sequence: str, widget: Any = None) -> None:
        target = widget or self.app.canvas
        target.focus_force()
        self.app.update()
        target.event_generate(sequence)
        self.app.update()

    # ── What is done ──────────────────────────────────────────────────────────────────────────────────────────────

    @initialize(program=st.sampled_from(PROGRAMS))
    def begin(self, program: str) -> None:
        self.rewrite(program)
        self.run(stop=False)

    def rewrite(self, source: str) -> None:
        self.app.editor.rewrite(source)
        self.app.session.edit(source)
        self.app.update()

    @deed(program=st.sampled_from(PROGRAMS))
    def edit(self, program: str) -> None:
        self.rewrite(program)

    @deed(text=st.sampled_from(EDITS))
    def type(self, text: str) -> None:
        field = self.app.editor.text
        field.focus_force()
        field.mark_set("insert", "end-1c linestart")
        for letter in text[:-1]:
            field.event_generate("<Key>", keysym=_KEYSYMS.get(letter, letter))
        field.event_generate("<Return>")
        self.app.update()

    @deed(stop=st.booleans())
    def run(self, stop: bool) -> None:
        """What does not end by itself is stopped."""
        self.key("<F5>")
        session = self.app.session
        endless = "while True" in session.source
        self.wait(lambda: not session.busy or (endless and session.progress[1] > 0.5))
        if session.busy or stop:
            self.key("<Shift-F5>")
        self.settle()

    @deed()
    def run_and_edit(self) -> None:
        """The text changes while its run is on its way."""
        self.key("<F5>")
        self.type(text="# meanwhile\n")
        self.run(stop=True)

    @deed(times=st.integers(1, 6))
    def step(self, times: int) -> None:
        for _ in range(times):
            self.key("<Right>")
        self.settle()

    @deed(times=st.integers(1, 6))
    def back(self, times: int) -> None:
        for _ in range(times):
            self.key("<Left>")

    @deed(data=st.data())
    def cut(self, data: st.DataObject) -> None:
        playback, graph = self.app.session.playback, self.app.graph
        if playback is None or graph is None:
            return
        wires = [wire for wire in graph.wires if context.cut_of_use(playback, graph, wire) is not None]
        if wires:
            self.app.actions.toggle_use(data.draw(st.sampled_from(wires)))
            self.settle()

    @deed(seed=st.sampled_from(("0", "-2.5", "i", "nonsense", "1, 2, 3")))
    def seed(self, seed: str) -> None:
        self.key("<e>")
        editor = self.app.seed_editor
        if editor.opened:
            entry = editor.used()[0]._entry
            entry.delete(0, "end")
            entry.insert(0, seed)
            self.key("<Return>", entry)
            self.settle()
            self.key("<Escape>", entry)

    @deed()
    def undo(self) -> None:
        self.key("<Control-z>")
        self.settle()

    @precondition(lambda machine: machine.since >= 4)
    @deed(running=st.booleans())
    def kill(self, running: bool) -> None:
        """The worker is gone without a word; the next run finds another."""
        if running:
            self.key("<F5>")
        pid = self.app.session._runner.pid if self.app.session._runner is not None else None  # type: ignore[attr-defined]
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self.wait(lambda: not self.app.session.busy, seconds=PATIENCE)
            self.settle()

    @deed()
    def save(self) -> None:
        self.key("<Control-s>", self.app.editor.text)
        assert not self.app.session.unsaved
        assert self.file.read_text() == self.app.session.source

    @deed()
    def theme(self) -> None:
        self.app.buttons["theme"].invoke()
        self.app.update()

    @deed()
    def language(self) -> None:
        self.app.buttons["language"].invoke()
        self.app.update()

    @precondition(lambda machine: machine.since >= 4)
    @deed(saves=st.sampled_from((True, False, None)))
    def close(self, saves: bool | None) -> None:
        """The reader closes the window and is asked: saved, given up, or it stays open after all."""
        self.saves = saves
        unsaved, source = self.app.session.unsaved, self.app.session.source
        self.app.ask_close()
        if unsaved and saves is None:
            assert self.app.winfo_exists()
            return
        assert saves is False or self.file.read_text() == source
        self.again()

    @precondition(lambda machine: machine.since >= 4)
    @deed()
    def crash(self) -> None:
        """The window ends without asking, as the system ends it; the next one offers what was not saved."""
        session = self.app.session
        unsaved, source = session.unsaved, session.source
        self.recoverable()
        self.app.close()
        self.again()
        offered = self.app.banner.buttons.get("recovery.restore")
        assert (offered is not None) == unsaved
        if offered is not None:
            offered.invoke()
            self.app.update()
        assert self.app.session.source == self.app.editor.source == source

    def again(self) -> None:
        """Another window; what the last one has left is put back by ``crash`` alone."""
        self.no_faults()
        self.app, self.since = self.opened(), 0

    # ── What holds ────────────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def no_faults(self) -> None:
        assert not self.app.callback_errors, self.app.callback_errors

    @invariant()
    def window_answers(self) -> None:
        answered: list[bool] = []
        began = time.monotonic()
        self.app.after(0, lambda: answered.append(True))
        while not answered:
            self.app.update()
        took = time.monotonic() - began
        figures.latency = max(figures.latency, took)
        assert took < ANSWERS, f"the window took {took:.2f} s"

    @invariant()
    def recoverable(self) -> None:
        """What the editor holds is in its file or in a journal."""
        session, began = self.app.session, time.monotonic()
        assert self.app.editor.source == session.source
        if not session.unsaved:
            assert self.file.read_text() == session.source
            return

        def on_disk() -> bool:
            found = folders.journals().glob("*.journal")
            buffers = [buffer for path in found if path.exists() for buffer in journal.unpack(path.read_bytes())]
            return any(buffer.text == session.source and buffer.path == str(self.file) for buffer in buffers)

        self.wait(on_disk, seconds=RECOVERABLE)
        figures.journal = max(figures.journal, time.monotonic() - began)

    @invariant()
    def back_undoes_forward(self) -> None:
        playback = self.app.session.playback
        if playback is None or playback.at_end or self.app.session.busy:
            return
        before = self.seen()
        self.key("<Right>")
        moved = self.seen()
        assert moved != before
        self.key("<Left>")
        assert self.seen() == before

    def seen(self) -> object:
        """The cursor, and what is told there but for answers that are still to come."""
        playback = self.app.session.playback
        lines = describe(playback, self.app.graph, None, self.app.look.words).lines
        self.app.update()
        timeline = self.app.timeline
        return playback and playback.cursor, playback and playback.part, lines, timeline.coords(timeline._frame)

    @invariant()
    def gradients_are_torchs(self) -> None:
        session = self.app.session
        trace = session.playback.trace if session.playback is not None else None
        if trace is None or session.busy or "while True" in trace.source:
            return
        if trace.error.kind == "stopped" if trace.error is not None else session.agrees is None:
            return  # what was stopped or killed is shown up to there
        assert reference is not None
        recorded, plain = reference.gradients(trace.source, trace.what_if)
        assert shown(trace) == recorded, (trace.source, trace.what_if, trace.error, session.agrees)
        assert plain is None or shown(trace) == plain
        figures.compared += 1

    def teardown(self) -> None:
        with suppress(Exception):
            self.app.close()
        for patch in self.patches:
            patch.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


_KEYSYMS: Final = {
    " ": "space", "#": "numbersign", "(": "parenleft", ")": "parenright", "'": "apostrophe", "=": "equal",
    "*": "asterisk", ".": "period", ":": "colon",
}  # fmt: skip


def check(examples: int, steps: int, *, seed: int | None = None) -> Figures:
    """Walks through so many examples; raises what does not hold."""
    global figures, reference
    figures, reference = Figures(), Reference()
    settings = hypothesis.settings(
        max_examples=examples, stateful_step_count=steps, derandomize=seed is None, database=None, deadline=None,
        phases=(Phase.generate,), suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    machine = Machine if seed is None else hypothesis.seed(seed)(Machine)
    try:
        run_state_machine_as_test(machine, settings=settings)
    finally:
        reference.close()
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    began = time.monotonic()
    found = check(given.examples, given.steps, seed=given.seed)
    done = ", ".join(f"{count} {name}" for name, count in found.steps.most_common())
    print(f"{given.examples} examples in {time.monotonic() - began:,.0f} s: {done}")
    print(f"gradients compared {found.compared:,} times; the window answered within {found.latency * 1000:,.0f} ms, "
          f"the text was on disk within {found.journal:.1f} s")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
