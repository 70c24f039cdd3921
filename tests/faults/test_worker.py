"""Programs that run away, die, hoard, flood, lie or reach for the computer; faults 1 to 9, 38 and 39."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest

import core.client
from core import wire
from core.client import Client
from core.limits import Limits
from core.walk import walk
from gui.app import App, start_worker
from gui.settings import Settings
from tests.core.test_client import DEAF, ENDLESS, PRODUCT, alive, answer, hear, processes_with, run, until, workers_of
from tests.gui.conftest import FakeWorker, Window, display  # noqa: F401  a fixture

ROOT = Path(__file__).resolve().parents[2]
FIRST = ROOT / "assets" / "examples" / "first.py"
ENGLISH = Settings(language="en", theme="light", size=100, motion="off")


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(spare=False) as client:
        yield client


@pytest.fixture
def real(request: pytest.FixtureRequest) -> Iterator[Window]:
    """The window with the real worker; the first program has been run."""
    request.getfixturevalue("display")
    app = App(start=start_worker, settings=ENGLISH)
    window = Window(app, FakeWorker())
    app.open(FIRST)
    app.focus_force()
    window.wait_until(lambda: app.canvas._ready)
    press(window, "<F5>")
    ran(window)
    yield window
    errors = list(app.callback_errors)
    app.close()
    assert not errors, f"raised in a callback: {errors}"


def press(window: Window, key: str) -> None:
    window.app.canvas.focus_force()
    window.app.update()
    window.app.canvas.event_generate(key)
    window.app.update()


def ran(window: Window) -> None:
    session = window.app.session
    window.wait_until(lambda: not session.busy and session.agrees != "waiting", 90)
    window.settle()


def type_program(window: Window, source: str) -> None:
    """Puts a program in the place of the one in the editor, as typing would."""
    text = window.app.editor.text
    text.delete("1.0", "end")
    text.insert("1.0", source)
    window.settle()
    assert window.app.session.source.strip() == source.strip()


def told(window: Window) -> str:
    window.settle()
    return str(window.app.output.text.get("1.0", "end")).strip()


def traced(client: Client, source: str, seconds: float = 120.0) -> wire.Traced:
    reply = answer(client, run(source), seconds)
    assert isinstance(reply, wire.Traced), reply
    return reply


# ── Runaway code ──


def test_fault_01_a_loop_without_end_holds_up_nothing(real: Window) -> None:
    app, session = real.app, real.app.session
    type_program(real, "import torch\n\n" + ENDLESS)
    before = session.playback
    press(real, "<F5>")
    real.wait_until(lambda: "Still running, line" in app.statusbar.state.cget("text"), 30)
    assert session.progress[0] in (3, 4)
    gaps: list[float] = []
    last = [time.monotonic()]

    def beat() -> None:
        gaps.append(time.monotonic() - last[0])
        last[0] = time.monotonic()
        app.after(10, beat)

    app.after(10, beat)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        app.update()
        time.sleep(0.001)
    print(f"longest gap of the window: {max(gaps) * 1000:.0f} ms")
    # What else runs beside this test has its part in the longest; a window that waited would not have many.
    assert len(gaps) > 20
    assert median(gaps) < 0.1
    press(real, "<Shift-F5>")
    real.wait_until(lambda: not session.busy, 10)
    real.settle()
    assert app.editor.source.startswith("import torch\n\nwhile True:")
    assert session.playback is before
    assert told(real).startswith("Stopped.")


LONG_KERNEL = "import torch\nx = torch.rand(14000, 14000)\nprint('now')\nx @ x @ x @ x @ x @ x\n"
HELD = "import time\nprint('now')\ntime.sleep(0.3)\nsum(range(10**12))\n"
"""One step of the interpreter, of many seconds."""


@pytest.mark.parametrize("program", [DEAF, LONG_KERNEL, HELD], ids=["deaf", "kernel", "interpreter"])
def test_fault_02_what_does_not_listen_is_killed(program: str) -> None:
    with Client(spare=True, limits=Limits(memory=0)) as client:
        id = client.run(run(program))
        hear(client, id, wire.Output if "now" in program else wire.Progress)
        until(lambda: len(workers_of(os.getpid())) == 4)
        time.sleep(0.5)  # it is in the midst of it now
        pid = client.pid
        began = time.monotonic()
        client.stop()
        stopped = hear(client, id)[-1]
        print(f"stopped after {time.monotonic() - began:.2f} s")
        assert isinstance(stopped, wire.Stopped)
        assert time.monotonic() - began < 3
        assert isinstance(answer(client, run(PRODUCT)), wire.Traced)
        assert client.pid != pid
        until(lambda: not alive(pid or 0))


def test_fault_03_a_death_is_told_and_the_third_in_a_row_stops_the_restarts(real: Window) -> None:
    app, session = real.app, real.app.session
    type_program(real, "import os\nos._exit(1)\n")
    before = session.playback
    for number in range(3):
        press(real, "<F5>")
        real.wait_until(lambda: session.notice is not None and not session.busy, 60)
        assert told(real).startswith("The Python process ended (code 1) near line 2.")
        assert session.state == ("gone" if number == 2 else "starting")
    assert session.playback is before
    assert app.editor.source == "import os\nos._exit(1)\n"
    type_program(real, "import sys\nprint('bye')\nsys.exit()\n")
    press(real, "<F5>")  # starts another
    ran(real)
    assert session.notice is None
    assert told(real) == "bye"


@pytest.mark.parametrize(
    ("program", "line", "said"),
    [
        ("import torch\n\nx = torch.zeros(15 * 10**9)\n", 3, "This needs 60 GB of memory at once; the limit is 1 GB."),
        ("parts = []\nwhile True:\n    parts.append(bytearray(10**7))\n", 3,
         "All that the program holds has come to the limit on memory, 1 GB."),
    ],
)  # fmt: skip
def test_fault_04_memory_above_the_limit_is_told_and_the_worker_survives(program: str, line: int, said: str) -> None:
    with Client(spare=False, limits=Limits(memory=1024)) as client:
        traced(client, PRODUCT)
        pid = client.pid
        error = traced(client, program).trace.error
        assert error is not None
        assert (error.line, error.explanation) == (line, said)
        traced(client, PRODUCT)
        assert client.pid == pid


@pytest.mark.parametrize(
    "program",
    [
        "print('begin')\nfor i in range(2_000_000):\n    print(i)\nprint('end')\n",
        "print('begin')\nprint('x' * (2 << 20))\nprint('end')\n",
        "import sys\nprint('begin', file=sys.stderr)\nfor i in range(100):\n    sys.stderr.write('x' * (1 << 20))\n",
    ],
    ids=["prints", "line", "error"],
)
def test_fault_05_of_endless_output_the_beginning_and_the_end_are_kept(real: Window, program: str) -> None:
    type_program(real, program)
    press(real, "<F5>")
    real.wait_until(lambda: not real.app.session.busy, 200)
    shown = told(real)
    assert shown.startswith("begin")
    assert len(shown) < 300_000
    if "stderr" not in program:
        assert shown.endswith("end")
        assert "output stopped at 1 MB" in shown
    assert len(real.app.session.output) <= 2 << 20


def test_fault_06_a_million_operations_are_recorded_in_part(client: Client) -> None:
    chain = "import torch\na = torch.ones(2, requires_grad=True)\nb = a\nfor i in range(1_000_000):\n    b = b * 1.0\n"
    trace = traced(client, chain + "b.sum().backward()\nprint(a.grad)\n", 280).trace
    assert trace.error is None
    assert trace.stdout == "tensor([1., 1.])\n"
    assert len(trace.ops) == 20_000
    assert 1_000_000 <= len(trace.ops) + trace.unrecorded < 1_000_010  # the leaf and the sum are operations too
    assert [line for line in walk(trace) if "were recorded" in line]
    traced(client, PRODUCT)


def test_fault_07_input_is_refused_at_its_line(real: Window) -> None:
    type_program(real, "x = 1\nname = input('who? ')\n")
    press(real, "<F5>")
    ran(real)
    assert told(real).splitlines()[0] == "✗ input() has nobody to ask here. Write the value into the program."
    assert "line 2" in told(real)


SLEEPER = (
    "import subprocess, sys, threading, time\nsleeper = [sys.executable, '-c', 'import time; time.sleep(600)', {!r}]\n"
)
LEAVING = (
    SLEEPER
    + """subprocess.Popen(sleeper)
subprocess.Popen(sleeper, start_new_session=True)
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""
)


@pytest.mark.parametrize("end", ["", "import os\nos._exit(1)\n", "print('now')\nwhile True:\n    pass\n"])
def test_fault_08_threads_and_children_die_with_the_run(end: str) -> None:
    marker = f"pullback-{os.getpid()}-{len(end)}"
    with Client(spare=False) as client:
        traced(client, PRODUCT)
        pid = client.pid
        id = client.run(run(LEAVING.format(marker) + end))
        if "now" in end:
            hear(client, id, wire.Output)
            assert len(processes_with(marker)) == 2
            client.restart()
        hear(client, id)
        until(lambda: not processes_with(marker), 10)
        until(lambda: client.pid != pid)  # a thread was left in the old one
        traced(client, PRODUCT)


# ── A worker that cannot be believed ──

LIAR = f"""
import os, struct, sys, time
sys.path.insert(0, {str(ROOT)!r})
import msgspec
from core import wire
from core.records import *
NONE = Trace("2.13.0", "")
T = TensorSnapshot((2,), "float32", bytes(8))
V = Value(0, ("a",), (2,), "float32", True, True, T)
OP = Op(0, "mul", 1, (1, 0, 1, 1), "a", (0,), (0,))
def say(reply):
    wire.write_frame(1, wire.encode(reply))
def trace(**fields):
    say(wire.Traced(1, msgspec.structs.replace(NONE, **fields)))
say(wire.Ready(0, "2.13.0"))
job = wire.decode_request(wire.read_frame(0))
"""

LIES = {
    "random bytes": "os.write(1, bytes.fromhex('f0' * 4096))",
    "4 GB": "os.write(1, struct.pack('<I', 2**32 - 1))",
    "half a frame": "os.write(1, struct.pack('<I', 100) + b'x' * 50); sys.exit()",
    "another schema": "wire.write_frame(1, msgspec.msgpack.encode({'type': 'Traced', 'id': 1, 'trace': 5}))",
    "deep": "wire.write_frame(1, b'\\x91' * 1_000_000)",
    "a job never given": "say(wire.Traced(7, NONE))",
    "its own end": "say(wire.Died(1, 0, 0, 'ha'))",
    "ready twice": "say(wire.Ready(0, '2.13.0'))",
    "two answers": "say(wire.Traced(1, NONE)); say(wire.Traced(1, NONE))",
    "an answer to nothing": "say(wire.Answered(1))",
    "a pause of no live run": "say(wire.Paused(1, 0, 0, 0))",
    "a verification of nothing": "say(wire.Verified(1, True))",
    "progress without end": "while True: say(wire.Progress(1, 3, 1.0))",
    "nothing printed, without end": "while True: say(wire.Output(1, ''))",
    "output without end": "while True: say(wire.Output(1, 'x' * (1 << 20)))",
    "old news without end": "while True: say(wire.Progress(0, 3, 1.0))",
    "a value out of range": "trace(values=(V,), ops=(msgspec.structs.replace(OP, inputs=(7,)),))",
    "a value below zero": "trace(values=(V,), ops=(msgspec.structs.replace(OP, outputs=(-1,)),))",
    "a value of itself": "trace(values=(msgspec.structs.replace(V, view_of=0),))",
    "a step of no node": "trace(passes=(Pass('backward', 1, (), steps=(Step(10**9, (), ()),)),))",
    "an edge to nowhere": "trace(passes=(Pass('backward', 1, (), edges=(Edge(0, 0, 1, 0),)),))",
    "an event of nothing": "trace(events=(Event('op', op=3),))",
    "an event without a pass": "trace(events=(Event('step', step=0),))",
    "too few bytes": "trace(values=(msgspec.structs.replace(V, tensor=TensorSnapshot((9,), 'float32', b'1')),))",
    "an endless shape": "trace(values=(msgspec.structs.replace(V, tensor=TensorSnapshot((2**40,) * 9, 'int8')),))",
    "no such type": "trace(values=(msgspec.structs.replace(V, tensor=TensorSnapshot((2,), 'text', bytes(8))),))",
}


def only_first(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """The first worker is a script; those after it are real."""
    real, started = core.client.worker_command, []

    def command(limits: Limits) -> list[str]:
        started.append(1)
        return [sys.executable, "-c", script] if len(started) == 1 else real(limits)

    monkeypatch.setattr(core.client, "worker_command", command)


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_fault_09_a_worker_that_lies_or_floods_is_replaced(monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    only_first(monkeypatch, LIAR + lie + "\ntime.sleep(600)\n")
    before = resident()
    with Client(spare=False) as client:
        until(lambda: client.state == "idle")
        liar = client.pid
        id = client.run(wire.Run(PRODUCT))
        until(lambda: client.pid not in (None, liar), 20)
        assert resident() - before < 100 << 20
        heard = client.poll(100_000)
        assert len(heard) < 5000
        last = [reply for reply in heard if isinstance(reply, wire.Died)]
        assert len(last) == 1
        assert last[0].restarting
        if lie != LIES["half a frame"]:  # which is a death like any other
            assert "wire" in last[0].message or "could not have said" in last[0].message
        answers = [reply for reply in heard if reply.id == id and isinstance(reply, wire.Traced | wire.Died)]
        assert len(answers) == 1
        traced(client, PRODUCT)
        assert not alive(liar or 0)


@pytest.mark.parametrize("last", ["say(wire.Verified(1, True))", "say(wire.Failed(1, 'no memory'))"])
def test_a_run_that_is_stopped_as_it_ends_is_no_lie(monkeypatch: pytest.MonkeyPatch, last: str) -> None:
    stopped = "wire.read_frame(0)\ntrace()\n"
    only_first(monkeypatch, f"{LIAR}{stopped}{last}\nsay(wire.Finished(1))\ntime.sleep(600)\n")
    with Client(spare=False) as client:
        until(lambda: client.state == "idle")
        pid, id = client.pid, client.run(run(PRODUCT))
        until(lambda: client.state == "running")
        client.stop()
        assert isinstance(hear(client, id)[-1], wire.Stopped)
        until(lambda: client.state == "idle")
        assert client.pid == pid
        assert not client.poll()


def test_fault_09_a_worker_that_reads_nothing_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    only_first(monkeypatch, LIAR.replace("job = ", "time.sleep(600)\njob = "))
    with Client(spare=False) as client:
        until(lambda: client.state == "idle")
        id = client.run(run(PRODUCT + "#" * 1_000_000))
        until(lambda: client.state == "running")
        client.stop()
        assert isinstance(hear(client, id)[-1], wire.Stopped)
        traced(client, PRODUCT)


def test_fault_09_the_window_does_not_notice(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    only_first(monkeypatch, LIAR + LIES["a value out of range"] + "\ntime.sleep(600)\n")
    request.getfixturevalue("display")
    app = App(start=start_worker, settings=ENGLISH)
    window = Window(app, FakeWorker())
    try:
        app.open(FIRST)
        window.wait_until(lambda: app.session.state == "ready", 30)
        press(window, "<F5>")
        window.wait_until(lambda: app.session.notice is not None, 30)
        assert "an input of operation 0 is 7, outside of 0 to 0" in told(window)
        press(window, "<F5>")
        ran(window)
        assert app.session.playback is not None
        assert app.session.agrees is True
    finally:
        app.close()
    assert not app.callback_errors


# ── The sandbox ──

TRIES = {
    "a new file": ("open({place!r} + '/new', 'w')", "sandbox-files"),
    "a file that is there": ("open({place!r} + '/there', 'a')", "sandbox-files"),
    "emptied": ("import os; os.truncate({place!r} + '/there', 0)", "sandbox-files"),
    "removed": ("import os; os.remove({place!r} + '/there')", "sandbox-files"),
    "moved": ("import os; os.rename({place!r} + '/there', {place!r} + '/new')", "sandbox-files"),
    "a folder": ("import os; os.mkdir({place!r} + '/new')", "sandbox-files"),
    "a link": ("import os; os.symlink('/', {place!r} + '/new')", "sandbox-files"),
    "a tensor": ("import torch; torch.save(torch.ones(2), {place!r} + '/new')", "sandbox-files"),
    "by a shell": (
        "import subprocess; subprocess.run(['sh', '-c', 'echo > ' + {place!r} + '/new'], check=True)",
        "other",
    ),
    "a socket": ("import socket; socket.socket()", "sandbox-network"),
    "a datagram": ("import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)", "sandbox-network"),
    "a page": ("import urllib.request; urllib.request.urlopen('http://127.0.0.1:1')", "sandbox-network"),
    "a signal": ("import os; os.kill({parent}, 0)", "other"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_a_program_changes_nothing_outside_its_scratch_folder(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("as it was")
    place = {"place": str(tmp_path), "parent": os.getpid()}
    with Client(spare=False) as client:
        ready = next(reply for reply in client.wait(60) if isinstance(reply, wire.Ready))
        if set(ready.bound) != {"memory", "files", "network"}:
            pytest.skip(f"this system enforces {ready.bound} only")
        found = {}
        for name, (tried, _) in TRIES.items():
            error = traced(client, tried.format(**place)).trace.error
            found[name] = error.kind if error is not None else "done"
    assert found == {name: kind for name, (_, kind) in TRIES.items()}
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert (tmp_path / "there").read_text() == "as it was"


SCRATCH = """import os, tempfile, torch
folder = tempfile.mkdtemp()
torch.save(torch.ones(2), folder + "/model.pt")
print(torch.load(folder + "/model.pt").sum().item(), open(__file__ if False else os.devnull, "w").write("x"))
class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        return torch.ones(2) * index
if __name__ == "__main__":
    loader = torch.utils.data.DataLoader(Data(), batch_size=2, num_workers=2, multiprocessing_context="fork")
    print([batch.sum().item() for batch in loader], torch.get_num_threads() > 0)
    print(folder)
"""


def test_torch_works_in_the_sandbox_and_the_scratch_folder_goes_with_the_worker() -> None:
    with Client(spare=False) as client:
        trace = traced(client, SCRATCH).trace
        assert trace.error is None, trace.error
        first, second, folder = trace.stdout.splitlines()
        assert (first, second) == ("2.0 1", "[2.0, 10.0] True")
        assert Path(folder).parent.name.startswith("pullback-")
        assert Path(folder).is_dir()
        client.run(run("print('now')\n" + DEAF))
        until(lambda: any(isinstance(reply, wire.Output) for reply in client.poll()))
        client.restart()
        until(lambda: not Path(folder).parent.exists())


def test_what_is_allowed_is_allowed_from_the_next_run_on(tmp_path: Path) -> None:
    write = f"open({str(tmp_path / 'new')!r}, 'w').write('x')\n"
    with Client(spare=True) as client:
        assert traced(client, write).trace.error is not None
        client.limit(Limits(confined=False))
        assert traced(client, write).trace.error is None
        client.limit(Limits())
        assert traced(client, write).trace.error is not None
    assert (tmp_path / "new").read_text() == "x"


# ── The ends of the processes ──


def test_fault_38_closing_while_code_runs_leaves_no_process(real: Window) -> None:
    app, marker = real.app, f"pullback-close-{os.getpid()}"
    type_program(real, LEAVING.format(marker) + DEAF)
    press(real, "<F5>")
    real.wait_until(lambda: len(processes_with(marker)) == 2, 30)
    workers = workers_of(os.getpid())
    assert workers
    began = time.monotonic()
    app.session.close()
    print(f"closed after {time.monotonic() - began:.2f} s")
    assert time.monotonic() - began < 2
    assert not any(map(alive, workers))
    assert not processes_with(marker)


WINDOW = """
import sys
from core.limits import Limits
from gui.app import App, start_worker
from gui.settings import Settings
app = App(start=start_worker, settings=Settings(language="en", theme="light", size=100, motion="off"))
app.session.open_program(sys.argv[1], "")
app.session.run()
app.mainloop()
"""


@pytest.mark.parametrize("end", [DEAF, HELD], ids=["deaf", "interpreter"])
def test_fault_39_the_worker_ends_within_a_second_when_the_window_is_killed(
    request: pytest.FixtureRequest, end: str
) -> None:
    request.getfixturevalue("display")
    marker = f"pullback-killed-{os.getpid()}-{len(end)}"
    program = LEAVING.format(marker) + end
    with subprocess.Popen([sys.executable, "-c", WINDOW, program], cwd=ROOT) as window:
        until(lambda: len(processes_with(marker)) == 3)  # the window itself has it in its command line
        workers = workers_of(window.pid)
        assert len(workers) >= 2
        began = time.monotonic()
        window.kill()
    until(lambda: not any(map(alive, workers)) and not processes_with(marker), seconds=1.0)
    print(f"gone after {time.monotonic() - began:.2f} s")


# ── Limits ──


def test_limits_are_chosen_in_the_menu_and_hold_from_the_next_run_on(real: Window) -> None:
    app = real.app
    say = app.look.words

    def choose(*path: str) -> None:
        entries = app.menus.main()
        for text in (say("menu.settings"), say("menu.limits"), *path):
            entry = next(one for one in entries if one.text == text)
            entries = list(entry.entries)
        assert entry.command is not None
        entry.command()
        real.settle()

    choose(say("menu.memory"), "1 GB")
    type_program(real, "import torch\nx = torch.zeros(10**9)\n")
    press(real, "<F5>")
    ran(real)
    assert "the limit is 1 GB" in told(real)
    choose(say("menu.time"), say("menu.seconds", n=10))
    assert app.session.limits == app.settings.limits == Limits(memory=1024, seconds=10)
    choose(say("menu.writes"))
    real.wait_until(lambda: app.session.bound == ("memory",), 30)
    real.settle()
    assert say("bound.none") in app.statusbar.state.cget("text")


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_what_is_enforced_is_told_in_the_status_line_and_when_trust_is_asked_for(real: Window, tmp_path: Path) -> None:
    app = real.app
    assert app.session.bound == ("memory", "files", "network")
    assert app.statusbar.state.cget("text").endswith("sandboxed")
    told: Callable[[], str] = app.statusbar._bounds_in_full
    assert told().splitlines() == [
        "A program can read files, but neither write them nor use the network.", "It can hold 4 GB of memory.",
    ]  # fmt: skip
    lesson = tmp_path / "strange.en.md"
    lesson.write_text((ROOT / "assets" / "templates" / "lesson.en.md").read_text("utf-8"), "utf-8")
    app.open(lesson)
    real.settle()
    assert "neither write them nor use the network." in app.lessons.banner.label.cget("text")
    app.limit(writes=True)
    real.wait_until(lambda: app.session.bound == ("memory",), 30)
    real.settle()
    assert "read, write and delete files, and use the network." in app.lessons.banner.label.cget("text")
