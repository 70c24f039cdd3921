"""The worker through its client: real processes, real programs, and every way they end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import wire
from core.client import Client
from core.limits import Limits
from core.playback import Playback
from core.records import Cut, Options, WhatIf

ROOT = Path(__file__).resolve().parents[2]
LAST = (wire.Traced, wire.Answered, wire.Refused, wire.Failed, wire.Stopped, wire.Died)

PRODUCT = (
    "import torch\na = torch.tensor([2., 3.], requires_grad=True)\nQ = (a * a).sum()\nQ.backward()\nprint(a.grad)\n"
)
DEAF = """import time
while True:
    try:
        while True:
            time.sleep(0.01)
    except BaseException:
        pass
"""
ENDLESS = "while True:\n    pass\n"


@pytest.fixture(scope="module")
def shared() -> Iterator[Client]:
    """A client for tests that leave its worker as it was."""
    with Client(spare=False) as client:
        yield client


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(spare=False) as client:
        yield client


def run(source: str, **options: object) -> wire.Run:
    return wire.Run(source, options=Options(verify=False, **options))  # type: ignore[arg-type]


def until(done: Callable[[], object], seconds: float = 60.0) -> None:
    """Waits for something to become true."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def hear(client: Client, id: int, kinds: type | tuple[type, ...] = LAST, seconds: float = 60.0) -> list[wire.AnyReply]:
    """The replies of a job, up to and including the first of these kinds."""
    heard: list[wire.AnyReply] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for reply in client.wait(1.0, limit=1):
            if reply.id == id:
                heard.append(reply)
                if isinstance(reply, kinds):
                    return heard
    raise AssertionError(f"no answer to {id} within {seconds} s, but {heard}")


def answer(client: Client, job: wire.Job, seconds: float = 60.0) -> wire.AnyReply:
    return hear(client, client.ask(job), seconds=seconds)[-1]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes_with(marker: str) -> set[int]:
    pids = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    return {pid for pid in pids if marker in command_of(pid) and alive(pid)}


# ── Jobs ──


def test_a_run_is_traced_and_then_verified(shared: Client) -> None:
    heard = hear(shared, shared.run(wire.Run(PRODUCT)), wire.Verified)
    traced, verified = [reply for reply in heard if not isinstance(reply, wire.Output | wire.Progress)]
    assert isinstance(traced, wire.Traced)
    assert traced.trace.leaves[0].grad is not None
    assert traced.trace.leaves[0].grad.data == [4.0, 6.0]
    assert traced.trace.stdout == "tensor([4., 6.])\n"
    assert traced.trace.agrees is None
    assert isinstance(verified, wire.Verified)
    assert verified.agrees is True


def test_a_run_that_need_not_be_verified_is_not(shared: Client) -> None:
    first = shared.run(run(PRODUCT))
    hear(shared, first)
    second = shared.ask(run(PRODUCT))
    assert not any(isinstance(reply, wire.Verified) for reply in hear(shared, second))


def test_an_error_of_the_program_is_part_of_its_trace(shared: Client) -> None:
    reply = answer(shared, run("import torch\nx = torch.ones(2)\nx.backward()\n"))
    assert isinstance(reply, wire.Traced)
    assert reply.trace.error is not None
    assert (reply.trace.error.type, reply.trace.error.line) == ("RuntimeError", 3)


def test_a_what_if_that_fits_nothing_is_refused_in_one_line(shared: Client) -> None:
    reply = answer(shared, wire.Run(PRODUCT, WhatIf(cuts=(Cut("99:nowhere"),))))
    assert isinstance(reply, wire.Refused)
    assert "\n" not in reply.message
    assert "99" in reply.message


def test_questions_are_answered_in_order(shared: Client) -> None:
    ids = [
        shared.ask(wire.AskPassJacobian(PRODUCT, pass_index=0)),
        shared.ask(wire.AskTensor(PRODUCT, where="leaf/a")),
    ]
    matrices = hear(shared, ids[0])[-1]
    assert isinstance(matrices, wire.Answered)
    assert [matrix.tensor.data for matrix in matrices.matrices if matrix.tensor] == [[1.0], [4.0, 6.0]]
    tensor = hear(shared, ids[1])[-1]
    assert isinstance(tensor, wire.Answered)
    assert tensor.tensor is not None


def test_the_jacobians_of_several_steps_come_in_one_answer(shared: Client) -> None:
    reply = answer(shared, wire.AskJacobians(PRODUCT, steps=((0, 1), (0, 0), (3, 0)), limit=100))
    assert isinstance(reply, wire.Answered)
    single = [answer(shared, wire.AskLocalJacobian(PRODUCT, pass_index=0, step_index=step)) for step in (1, 0)]
    assert reply.several == (*(one.matrices for one in single if isinstance(one, wire.Answered)), ())
    assert len(reply.several[0]) == 2  # a * a has two inputs


def test_a_tensor_that_is_not_there_is_refused(shared: Client) -> None:
    assert isinstance(answer(shared, wire.AskTensor(PRODUCT, where="value/999")), wire.Refused)


def test_lone_surrogates_neither_stop_the_answer_nor_the_client(shared: Client) -> None:
    reply = answer(shared, run("raise ValueError('\\ud800')\n"))
    assert isinstance(reply, wire.Traced)
    assert reply.trace.error is not None
    assert reply.trace.error.message == "\\ud800"
    with pytest.raises(ValueError, match="surrogates"):
        shared.run(run("'\ud800'"))


def test_a_text_of_the_programs_own_type_is_sent_as_text(shared: Client) -> None:
    own = "class Text(str): pass\nclass Wrong(Exception):\n    __str__ = lambda self, text=Text('own'): text\n"
    reply = answer(shared, run(own + "raise Wrong\n"))
    assert isinstance(reply, wire.Traced)
    assert reply.trace.error is not None
    assert reply.trace.error.message == "own"


def test_poll_gives_no_more_than_asked_for(shared: Client) -> None:
    ids = [shared.ask(run("pass\n")) for _ in range(3)]
    polled: list[list[wire.AnyReply]] = []
    until(lambda: polled.append(shared.poll(1)) or any(reply.id == ids[-1] for reply in polled[-1]))
    assert max(map(len, polled)) == 1
    assert [reply.id for replies in polled for reply in replies if isinstance(reply, wire.Traced)][-3:] == ids


# ── What one program may not do to the next ──


def test_every_run_starts_from_the_same_state(shared: Client) -> None:
    draw = "import random, torch, numpy\nprint(torch.rand(1).item(), random.random(), numpy.random.rand())\n"
    spoil = "import torch, sys, os\ntorch.set_default_dtype(torch.float64)\nsys.path.clear()\nos.chdir('/')\n"
    first = answer(shared, run(draw))
    pid = shared.pid
    answer(shared, run(spoil))
    second = answer(shared, run(draw + "print(torch.ones(1).dtype)\n"))
    assert isinstance(first, wire.Traced)
    assert isinstance(second, wire.Traced)
    assert second.trace.stdout == first.trace.stdout + "torch.float32\n"
    assert shared.pid == pid


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param("import torch\ntorch.Tensor.backward = None\n", id="torch patched"),
        pytest.param("import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n", id="thread"),
    ],
)
def test_a_program_that_leaves_something_behind_costs_its_worker(client: Client, spoil: str) -> None:
    answer(client, run("pass\n"))
    until(lambda: client.state == "idle")
    pid = client.pid
    answer(client, run(spoil, path="spoil.py"))
    until(lambda: client.pid != pid)
    reply = answer(client, run(PRODUCT))
    assert isinstance(reply, wire.Traced)
    assert reply.trace.error is None


def test_an_optimizer_costs_no_worker(client: Client) -> None:
    """With the first one, torch wraps a function of its own."""
    answer(client, run("pass\n"))
    until(lambda: client.state == "idle")
    pid = client.pid
    for _ in range(2):
        answer(client, run("import torch\ntorch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)\n"))
    until(lambda: client.state == "idle")
    assert client.pid == pid


def test_children_left_behind_end_with_the_run(shared: Client) -> None:
    marker = f"pullback-child-{os.getpid()}"
    sleeper = f"[sys.executable, '-c', 'import time; time.sleep(600)', '{marker}']"
    code = f"import subprocess, sys\nsubprocess.Popen({sleeper})\nsubprocess.Popen({sleeper}, start_new_session=True)\n"
    reply = answer(shared, run(code))
    assert isinstance(reply, wire.Traced)
    assert reply.trace.error is None
    until(lambda: not processes_with(marker))


def test_printing_does_not_reach_the_wire(shared: Client) -> None:
    noise = "import os, sys\nos.write(1, b'x' * 100)\nos.write(2, b'x')\nos.system('echo hello')\nprint('said')\n"
    reply = answer(shared, run(noise + "sys.__stdout__.write('low')\nsys.__stdout__.flush()\n"))
    assert isinstance(reply, wire.Traced)
    assert reply.trace.error is None
    assert "said" in reply.trace.stdout


def test_input_is_refused_at_its_line(shared: Client) -> None:
    reply = answer(shared, run("x = 1\nname = input('who? ')\n"))
    assert isinstance(reply, wire.Traced)
    assert reply.trace.error is not None
    assert reply.trace.error.line == 2
    assert "input()" in reply.trace.error.message


# ── Stopping ──


def test_stop_interrupts_and_keeps_the_worker(client: Client) -> None:
    id = client.run(run(ENDLESS))
    progress = hear(client, id, wire.Progress)[-1]
    assert isinstance(progress, wire.Progress)
    assert progress.line in (1, 2)
    assert progress.seconds > 0
    assert client.state == "running"
    pid = client.pid
    began = time.monotonic()
    client.stop()
    stopped = hear(client, id)[-1]
    assert isinstance(stopped, wire.Stopped)
    assert stopped.reason == "stop"
    assert stopped.trace is not None
    assert stopped.trace.source == ENDLESS
    assert time.monotonic() - began < 1.0
    assert isinstance(answer(client, run(PRODUCT)), wire.Traced)
    assert client.pid == pid


def test_a_worker_that_was_stopped_while_it_imported_is_not_used_again(client: Client) -> None:
    """torch imports at its first backward pass; half of a module would fail every program that comes after."""
    answer(client, run(PRODUCT))
    pid = client.pid
    client.run(run("import sys, types\nsys.modules['half'] = types.ModuleType('half')\nprint(1)\n" + ENDLESS))
    until(lambda: any(isinstance(reply, wire.Output) for reply in client.poll()))
    client.stop()
    until(lambda: client.pid != pid)
    traced = answer(client, run("import sys\nprint('half' in sys.modules)\n"))
    assert isinstance(traced, wire.Traced)
    assert traced.trace.stdout == "False\n"


def test_stop_ends_a_program_that_does_not_listen_and_takes_the_spare() -> None:
    with Client(spare=True) as client:
        id = client.run(run(DEAF))
        hear(client, id, wire.Progress)
        pid = client.pid
        began = time.monotonic()
        client.stop()
        stopped = hear(client, id)[-1]
        assert isinstance(stopped, wire.Stopped)
        assert 1.0 <= time.monotonic() - began < 5.0
        assert isinstance(answer(client, run(PRODUCT)), wire.Traced)
        assert client.pid != pid
        until(lambda: not alive(pid or 0))


def test_a_newer_run_replaces_the_one_that_runs(client: Client) -> None:
    first = client.run(run(ENDLESS))
    hear(client, first, wire.Progress)
    waiting = client.ask(wire.AskTensor(PRODUCT, where="leaf/a"))
    second = client.run(run(PRODUCT))
    heard = {first: "", waiting: "", second: ""}
    until(lambda: [heard.update({r.id: type(r).__name__}) for r in client.poll()] and heard[second] == "Traced")
    assert heard == {first: "Stopped", waiting: "Stopped", second: "Traced"}


def test_a_verification_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    seen = f"Path({str(tmp_path / 'seen')!r})"
    once = f"from pathlib import Path\nif {seen}.exists():\n    while True:\n        pass\n{seen}.touch()\n"
    with Client(spare=False, limits=Limits(confined=False)) as client:
        id = client.run(wire.Run(once))
        assert isinstance(hear(client, id)[-1], wire.Traced)
        until((tmp_path / "seen").exists)
        client.stop()
        verified = hear(client, id, wire.Verified)[-1]
    assert isinstance(verified, wire.Verified)
    assert verified.agrees is None


@pytest.mark.parametrize("program", [ENDLESS, DEAF], ids=["listening", "deaf"])
def test_the_time_limit_saves_what_was_recorded(program: str) -> None:
    before = "import torch\na = torch.ones(2, requires_grad=True)\nb = a * 2\nprint('before')\n"
    with Client(spare=False, limits=Limits(seconds=1.0)) as client:
        stopped = answer(client, run(before + program))
    assert isinstance(stopped, wire.Stopped)
    assert stopped.reason == "time"
    assert stopped.line >= 5
    assert stopped.trace is not None
    assert [op.name for op in stopped.trace.ops][-1] == "mul"
    assert stopped.trace.stdout == "before\n"
    assert stopped.trace.error is not None
    assert stopped.trace.error.type == "TimeLimit"


# ── Live ──

LIVE = wire.Run(PRODUCT, live=True, options=Options(finite_differences=False))


def pauses(client: Client, id: int) -> list[wire.Paused]:
    """Goes on node by node to the end; where it has paused."""
    heard: list[wire.Paused] = []
    while isinstance(reply := hear(client, id, (*LAST, wire.Paused))[-1], wire.Paused):
        heard.append(reply)
        client.resume(wire.Resume(id))
    assert isinstance(reply, wire.Traced)
    return heard


def test_a_live_run_pauses_before_every_node(shared: Client) -> None:
    id = shared.run(LIVE)
    heard = pauses(shared, id)
    assert [pause.step_index for pause in heard] == [0, 1, 2]
    traces = [pause.trace for pause in heard if pause.trace is not None]
    assert [[event.kind for event in trace.events][-1] for trace in traces] == ["pass", "step", "step"]
    assert traces[-1].passes[0].nodes[heard[-1].node].name == "AccumulateGrad"
    verified = hear(shared, id, wire.Verified)[-1]
    assert isinstance(verified, wire.Verified)
    assert verified.agrees is True


def test_an_overwritten_gradient_reaches_the_leaf_and_is_not_called_torchs_own(shared: Client) -> None:
    id = shared.run(LIVE)
    hear(shared, id, wire.Paused)
    shared.resume(wire.Resume(id, "never", {0: (10.0,)}))
    traced = hear(shared, id)[-1]
    assert isinstance(traced, wire.Traced)
    assert traced.trace.leaves[0].grad is not None
    assert traced.trace.leaves[0].grad.data == [40.0, 60.0]
    assert traced.trace.overwritten
    verified = hear(shared, id, wire.Verified)[-1]
    assert isinstance(verified, wire.Verified)
    assert verified.agrees is None


def test_a_wrong_gradient_is_refused_in_one_line_and_the_program_stays_paused(shared: Client) -> None:
    id = shared.run(LIVE)
    hear(shared, id, wire.Paused)
    shared.resume(wire.Resume(id, gradients={0: (1.0, 2.0)}))
    again = hear(shared, id, wire.Paused)[-1]
    assert isinstance(again, wire.Paused)
    assert again.problem == "expected shape [], which is 1 number, not 2"
    assert again.trace is None
    shared.resume(wire.Resume(id, "never"))
    assert isinstance(hear(shared, id)[-1], wire.Traced)


def test_stop_while_paused_keeps_the_worker_and_what_was_recorded(client: Client) -> None:
    id = client.run(LIVE)
    hear(client, id, wire.Paused)
    client.resume(wire.Resume(id))
    hear(client, id, wire.Paused)
    pid = client.pid
    began = time.monotonic()
    client.stop()
    stopped = hear(client, id)[-1]
    assert isinstance(stopped, wire.Stopped)
    assert time.monotonic() - began < 0.9
    assert stopped.trace is not None
    assert len(stopped.trace.passes[0].steps) == 1
    assert isinstance(answer(client, run(PRODUCT)), wire.Traced)
    assert client.pid == pid


def test_a_pause_is_no_time_of_the_program() -> None:
    with Client(spare=False, limits=Limits(seconds=1.0)) as client:
        id = client.run(LIVE)
        hear(client, id, wire.Paused)
        time.sleep(1.5)
        client.resume(wire.Resume(id, "never"))
        assert isinstance(hear(client, id)[-1], wire.Traced)


def test_close_leaves_no_process_that_is_paused() -> None:
    client = Client(spare=False)
    hear(client, client.run(LIVE), wire.Paused)
    pid = client.pid
    client.close()
    assert not alive(pid or 0)
    client.resume(wire.Resume(1))  # does nothing any more


def test_a_paused_worker_ends_when_the_window_is_killed() -> None:
    script = KILLED_WINDOW.replace("wire.Run(sys.argv[1])", "wire.Run(sys.argv[1], live=True)")
    script = script.replace("wire.Progress", "wire.Paused")
    window = subprocess.Popen([sys.executable, "-c", script, PRODUCT], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with window:
        assert window.stdout is not None
        assert window.stdout.readline() == "running\n"
        workers = workers_of(window.pid)
        assert len(workers) == 2  # one, and its guard
        window.kill()
    until(lambda: not any(map(alive, workers)), seconds=1.0)


def test_what_hangs_in_a_hook_is_salvaged_with_its_steps() -> None:
    body = DEAF.replace("\n", "\n    ")
    deaf = f"def hang(grad):\n    {body}\n" + PRODUCT.replace("Q.back", "a.register_hook(hang)\nQ.back")
    with Client(spare=False, limits=Limits(seconds=1.0)) as client:
        stopped = answer(client, run(deaf))
    assert isinstance(stopped, wire.Stopped)
    assert stopped.trace is not None
    assert len(stopped.trace.passes[0].steps) == 2
    assert Playback.of(stopped.trace).end().step is stopped.trace.passes[0].steps[1]


# ── Dying ──


def test_what_was_recorded_survives_os_exit(client: Client) -> None:
    died = answer(client, run("import torch, os\na = torch.ones(2, requires_grad=True)\nb = a * 2\nos._exit(7)\n"))
    assert isinstance(died, wire.Died)
    assert (died.code, died.line, died.restarting) == (7, 4, True)
    assert died.message == "The Python process ended (code 7) near line 4."
    assert died.trace is not None
    assert [op.name for op in died.trace.ops][-1] == "mul"
    assert died.trace.error is not None
    assert died.trace.error.type == "ProcessDied"
    assert isinstance(answer(client, run(PRODUCT)), wire.Traced)


def test_a_segmentation_fault_is_told_with_its_line(client: Client) -> None:
    died = answer(client, run("import ctypes\n\nctypes.string_at(0)\n", path="faulty.py"))
    assert isinstance(died, wire.Died)
    assert died.line == 3
    assert "SIGSEGV" in died.message
    assert died.trace is not None
    assert died.trace.source.startswith("import ctypes")


def test_three_deaths_in_a_row_stop_the_restarts(client: Client) -> None:
    deaths = [answer(client, run("import os\nos._exit(1)\n")) for _ in range(3)]
    assert [isinstance(death, wire.Died) and death.restarting for death in deaths] == [True, True, False]
    until(lambda: client.state == "down")
    refused = answer(client, run(PRODUCT))
    assert isinstance(refused, wire.Died)
    client.restart()
    assert isinstance(answer(client, run(PRODUCT)), wire.Traced)


def test_a_good_run_between_forgives_the_deaths(client: Client) -> None:
    for _ in range(2):
        answer(client, run("import os\nos._exit(1)\n"))
    answer(client, run(PRODUCT))
    died = answer(client, run("import os\nos._exit(1)\n"))
    assert isinstance(died, wire.Died)
    assert died.restarting


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"x" * 64, id="huge"),
        pytest.param(b"\x03\x00\x00\x00abc", id="garbage"),
        pytest.param(b"\x10\x00\x00\x00" + b"\x93" * 16, id="nested"),
    ],
)
def test_a_program_that_writes_on_the_wire_loses_its_process(client: Client, frame: bytes) -> None:
    write = (
        f"import os, time\nfor fd in range(3, 30):\n    try:\n        os.write(fd, {frame!r})\n    except OSError:\n"
    )
    died = answer(client, run(write + "        pass\ntime.sleep(600)\n"))
    assert isinstance(died, wire.Died)
    assert "wire" in died.message
    assert isinstance(answer(client, run(PRODUCT)), wire.Traced)


def test_memory_above_the_limit_is_an_error_that_the_worker_survives() -> None:
    with Client(spare=False, limits=Limits(memory=1024)) as client:
        big = answer(client, run("import torch\n\nx = torch.zeros(15 * 10**9)\n"))
        pid = client.pid
        grown = answer(client, run("parts = []\nwhile True:\n    parts.append(bytearray(10**8))\n"))
        assert isinstance(big, wire.Traced)
        assert big.trace.error is not None
        assert (big.trace.error.type, big.trace.error.line) == ("RuntimeError", 3)
        assert "60000000000" in big.trace.error.message
        assert isinstance(grown, wire.Traced)
        assert grown.trace.error is not None
        assert grown.trace.error.type == "MemoryError"
        assert client.pid == pid


# ── The ends of the processes ──


def test_close_leaves_no_process_whatever_runs() -> None:
    before = workers_of(os.getpid())
    client = Client(spare=True)
    id = client.run(run(DEAF))
    hear(client, id, wire.Progress)
    until(lambda: len(workers_of(os.getpid()) - before) == 4)  # each with its guard
    workers = workers_of(os.getpid()) - before
    client.close()
    client.close()
    assert client.state == "closed"
    assert not any(map(alive, workers))


def test_the_worker_ends_when_the_window_is_killed() -> None:
    window = subprocess.Popen([sys.executable, "-c", KILLED_WINDOW, DEAF], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with window:
        assert window.stdout is not None
        assert window.stdout.readline() == "running\n"
        workers = workers_of(window.pid)
        assert len(workers) == 2  # one, and its guard
        window.kill()
    until(lambda: not any(map(alive, workers)), seconds=1.0)


KILLED_WINDOW = """
import sys, time
from core import wire
from core.client import Client
from core.limits import Limits
client = Client(spare=False)
client.run(wire.Run(sys.argv[1]))
while not any(isinstance(reply, wire.Progress) for reply in client.wait(1.0)):
    pass
print("running", flush=True)
time.sleep(600)
"""


def workers_of(parent: int) -> set[int]:
    """Process ids of the workers that a process has started; the last word of their command line is its id."""
    return {pid for pid in processes_with("--worker") if command_of(pid).split("\0")[-2:-1] == [str(parent)]}


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
