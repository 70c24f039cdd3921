"""The worker seen from the window and the command line: started, asked, stopped, replaced, never blocking them.

``core/wire.py`` draws the two processes. Everything that touches a worker happens in one thread, the keeper: it starts
the processes (Linux ties a child's life to the thread that started it), watches the clock, and takes what one reader
thread per worker hears; one writer thread per worker sends the requests. The public methods only leave a note for it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Literal, Self

import msgspec

from core import wire
from core.jobs import Job
from core.limits import Limits
from core.records import Failure, Trace

State = Literal["starting", "idle", "running", "stopping", "down", "closed"]
"""``down``: the worker died three times in a row and is not started again by itself; see ``Client.restart``."""

GRACE: Final = 1.0
"""Seconds a program has to listen to an interrupt before what it recorded is salvaged."""

SALVAGE_GRACE: Final = 3.0
"""Seconds the worker has to send what was recorded before it is killed."""

START_GRACE: Final = 120.0
"""Seconds a worker has to import torch."""

CRASHES: Final = 3
"""Deaths in a row after which no worker is started by itself."""

LAST_WORDS: Final = 0.5
"""Seconds in which a worker that is not heard any more has to end."""

ENDING: Final = 1.0
"""Seconds a worker's guard has to end what a program has started."""

CONFINED: Final = "confined"
"""Word on a worker's command line: its programs are kept from files and the network."""

SPARE_FROM: Final = 8 << 30
"""Bytes of physical memory from which on a spare worker (140 MB) is kept."""

AHEAD: Final = 2
"""Replies of a worker that are read before the first of them is dealt with."""

FLOOD, FLOOD_A_SECOND = 2000, 200
"""Replies of a worker in one go, and each second, above which it is taken for one that floods."""

_TICK: Final = 0.1


class Client:
    """Runs programs in a worker process. Thread-safe; no method blocks but ``wait`` and ``close``.

    Every job gets exactly one of ``Traced``, ``Answered``, ``Refused``, ``Failed``, ``Stopped`` or ``Died``; a run
    with ``options.verify`` that was ``Traced`` is always ``Verified`` after that. ``Output``, ``Progress`` and
    ``Paused`` come before. Ids are given in order from 1; replies with id 0 (``Ready``, ``Died``) concern no job.

    Args:
        spare: keep a second worker warm, so that a stop costs no start of torch; None decides by the machine's memory.
        limits: what programs are held to.
    """

    def __init__(self, *, spare: bool | None = None, limits: Limits = Limits()) -> None:  # noqa: B008  it is frozen
        self._keeper = _Keeper(_roomy() if spare is None else spare, limits, self._publish)
        self._ids = iter(range(1, sys.maxsize))
        self._replies: deque[wire.AnyReply] = deque()
        self._arrived = threading.Condition()
        self._keeper.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def state(self) -> State:
        """What the worker does now."""
        return self._keeper.state

    @property
    def pid(self) -> int | None:
        """Process id of the worker that takes the jobs."""
        return self._keeper.pid

    def run(self, job: wire.Run) -> int:
        """Records a program in place of whatever runs or waits; returns the id that its replies will carry.

        Raises ValueError when the job cannot be put into a frame: a lone surrogate in the source, a number too large.
        """
        return self._submit(job, replacing=True)

    def ask(self, job: wire.Job) -> int:
        """Does a job after those that run or wait; returns the id that its replies will carry. Raises like ``run``."""
        return self._submit(job, replacing=False)

    def resume(self, request: wire.Resume) -> None:
        """Lets a live run go on from where it is paused. Raises like ``run``."""
        wire.encode(request)
        self._keeper.notes.put(_Resume(request))

    def limit(self, limits: Limits) -> None:
        """Holds the programs from the next one on to other limits."""
        self._keeper.notes.put(_Limit(limits))

    def stop(self) -> None:
        """Ends what runs and what waits: interrupted, killed when it does not listen."""
        self._keeper.notes.put(_Stop())

    def restart(self) -> None:
        """Replaces the worker by a new one, whatever it does; the way out of the state ``down``."""
        self._keeper.notes.put(_Restart())

    def poll(self, limit: int = 64) -> list[wire.AnyReply]:
        """The replies that arrived since the last call, oldest first, ``limit`` of them at most."""
        with self._arrived:
            return [self._replies.popleft() for _ in range(min(limit, len(self._replies)))]

    def wait(self, timeout: float, limit: int = 64) -> list[wire.AnyReply]:
        """Like ``poll``, but waits up to ``timeout`` seconds for the first reply. Not for the window."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._replies or self.state == "closed", timeout)
        return self.poll(limit)

    def close(self) -> None:
        """Ends every process; returns once they are gone. Calling it again does nothing."""
        self._keeper.notes.put(_Close())
        self._keeper.join()

    def _submit(self, job: wire.Job, *, replacing: bool) -> int:
        job = msgspec.structs.replace(job, id=next(self._ids))
        wire.encode(job)
        self._keeper.notes.put(_Submit(job, replacing))
        return job.id

    def _publish(self, reply: wire.AnyReply) -> None:
        with self._arrived:
            # Only the newest of several unread notes of progress says anything.
            if isinstance(reply, wire.Progress) and self._replies and isinstance(self._replies[-1], wire.Progress):
                self._replies.pop()
            self._replies.append(reply)
            self._arrived.notify_all()


def worker_command(limits: Limits) -> list[str]:
    """The command line that starts a worker, in a checkout and in the packaged app."""
    program = [] if getattr(sys, "frozen", False) else [str(Path(__file__).resolve().parents[1] / "app.py")]
    return [
        sys.executable, *program, "--worker", str(limits.memory), CONFINED if limits.confined else "free",
        str(os.getpid()),
    ]  # fmt: skip


def _roomy() -> bool:
    """Whether the machine has memory for a spare worker."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >= SPARE_FROM
    except (AttributeError, ValueError, OSError):
        return False


# ── Notes to the keeper ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Submit:
    job: wire.Job
    replacing: bool


@dataclass(frozen=True)
class _Resume:
    request: wire.Resume


@dataclass(frozen=True)
class _Limit:
    limits: Limits


@dataclass(frozen=True)
class _Stop:
    pass


@dataclass(frozen=True)
class _Restart:
    pass


@dataclass(frozen=True)
class _Close:
    pass


@dataclass(frozen=True)
class _Heard:
    worker: _Worker
    reply: wire.AnyReply


@dataclass(frozen=True)
class _Lost:
    """Nothing more will be heard of a worker; ``why`` is set when it broke the protocol."""

    worker: _Worker
    why: str = ""


_Note = _Submit | _Resume | _Limit | _Stop | _Restart | _Close | _Heard | _Lost


@dataclass
class _Task:
    """The job that runs, and what is known of it.

    Attributes:
        deadline: when the next step of ending it is due (``time.monotonic``); None while it may go on.
        reason: why it is being ended, '' while it is not.
        salvaging: whether it was asked for what it has recorded.
        answered: whether its answer was passed on.
        unverified: whether its verification is still to come.
        paused: since when its program waits for a ``Resume`` (``time.monotonic``); None while it does not.
        saved: what it sent of its recording so far.
        operations: how many it has recorded, once it has answered.
        heard: when it last sent anything (``time.monotonic``).
    """

    job: wire.Job
    deadline: float | None
    reason: str = ""
    salvaging: bool = False
    answered: bool = False
    unverified: bool = False
    paused: float | None = None
    line: int = 0
    saved: Trace | None = None
    output: str = ""
    operations: int = 0
    heard: float = 0.0


class _Worker:
    """One process, its pipes, and the threads that read from it and write to it.

    Attributes:
        limits: what its programs are held to.
        torch: its version, '' while the worker is starting.
        born: when it was started (``time.monotonic``).
        last_words: the end of what the interpreter wrote as it crashed; known once the process was ended.
    """

    def __init__(self, limits: Limits, notes: queue.SimpleQueue[_Note]) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        self._process = subprocess.Popen(
            worker_command(limits),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C in the terminal is the client's; the program's children die with the group
        )
        self._job = Job(self._process, limits.memory << 20) if sys.platform == "win32" else None
        self._notes = notes
        self._room = threading.Semaphore(AHEAD)
        self.limits = limits
        self.torch = ""
        self.last_words = ""
        self.born = time.monotonic()
        self._credit, self._counted = float(FLOOD), self.born
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        for loop in (self._read, self._write):
            threading.Thread(target=loop, name=f"pullback{loop.__name__}", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ready(self) -> bool:
        return self.torch != ""

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def send(self, request: wire.Request) -> None:
        """Leaves a request to be written: who does not read, holds up nobody."""
        self._requests.put(wire.encode(request))

    def dealt_with(self) -> None:
        """One reply more may be read."""
        self._room.release()

    def kill(self, patience: float = 0.0) -> int:
        """Ends the process and all it started; returns its exit code, leaves ``last_words``.

        ``patience``: seconds it has to end by itself, and its guard to say how.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        if sys.platform == "linux":
            self._process.terminate()  # its guard does the rest
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(ENDING)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._job is not None:
                self._job.end()
            elif sys.platform != "win32":
                os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        self._room.release(FLOOD)  # what it has left in the pipe is soon read, and the reader ends
        self._requests.put(None)
        if not self._log.closed:
            with self._log:
                self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - 20_000))
                self.last_words = self._log.read().decode("utf-8", "replace")
        return code

    def _write(self) -> None:
        """A worker that is gone is noticed by its reader."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as pipe:
            while (body := self._requests.get()) is not None:
                wire.write_frame(pipe.fileno(), body)

    def _read(self) -> None:
        assert self._process.stdout is not None
        why = ""
        with self._process.stdout as pipe:
            try:
                while self._room.acquire() and (body := wire.read_frame(pipe.fileno())) is not None:
                    self._count()
                    self._notes.put(_Heard(self, wire.decode_reply(body)))
            except (OSError, wire.FrameError) as error:
                why = f"It put something else than Pullback's messages on their wire: {error}."
        self._notes.put(_Lost(self, why))

    def _count(self) -> None:
        """Raises FrameError for a worker that floods."""
        now = time.monotonic()
        self._credit = min(FLOOD, self._credit + (now - self._counted) * FLOOD_A_SECOND) - 1
        self._counted = now
        if self._credit < 0:
            raise wire.FrameError(f"more than {FLOOD} in a row")


class _Keeper(threading.Thread):
    """The thread that every worker belongs to."""

    def __init__(self, spare: bool, limits: Limits, publish: Callable[[wire.AnyReply], None]) -> None:
        super().__init__(name="pullback-keeper", daemon=True)
        self.notes: queue.SimpleQueue[_Note] = queue.SimpleQueue()
        self.state: State = "starting"
        self._wants_spare = spare
        self._limits = limits
        self._publish = publish
        self._active: _Worker | None = None
        self._spare: _Worker | None = None
        self._task: _Task | None = None
        self._waiting: deque[wire.Job] = deque()
        self._crashes = 0
        self._last_death = ""
        self._given = 0  # id of the last job that a worker was given
        self._closing = False

    @property
    def pid(self) -> int | None:
        active = self._active
        return active.pid if active is not None else None

    def run(self) -> None:
        try:
            self._fill()
            while not self._closing:
                try:
                    self._act_on(self.notes.get(timeout=self._pause()))
                except queue.Empty:
                    self._look()
                self._next()
                self.state = self._state()
            if self._task is not None:
                self._answer_stopped(self._task)
                self._settle(self._task)
        finally:
            for worker in (self._active, self._spare):
                if worker is not None:
                    worker.kill()
            self.state = "closed"

    def _state(self) -> State:
        if self._active is None:
            return "down"
        if self._task is not None:
            return "stopping" if self._task.reason else "running"
        return "idle" if self._active.ready else "starting"

    def _pause(self) -> float | None:
        """Seconds until the workers have to be looked at; None when only a note can change anything."""
        watching = self._task is not None or any(w is not None and not w.ready for w in (self._active, self._spare))
        return _TICK if watching else None

    # ── Notes ──

    def _act_on(self, note: _Note) -> None:
        match note:
            case _Submit(job, replacing):
                if replacing:
                    self._drop("replaced")
                self._waiting.append(job)
            case _Resume(request):
                self._resume(request)
            case _Limit(limits):
                self._limits = limits
                if self._spare is not None and self._outdated(self._spare):
                    self._spare.kill()
                    self._spare = None
            case _Stop():
                self._drop("stop")
            case _Restart():
                self._drop("stop")
                self._crashes = 0
                if self._task is not None:
                    self._end(self._task)
                else:
                    self._replace()
            case _Close():
                self._drop("closed")
                self._closing = True
            case _Heard(worker, reply):
                if worker is self._active or worker is self._spare:
                    try:
                        self._heard(worker, reply)
                    except _Lie as lie:
                        self._lost(worker, f"It said what it could not have said: {lie}.")
                worker.dealt_with()
            case _Lost(worker, why):
                if worker is self._active or worker is self._spare:
                    self._lost(worker, why)

    def _resume(self, request: wire.Resume) -> None:
        """The time a program was paused does not count."""
        task = self._task
        if task is not None and task.job.id == request.id and task.paused is not None:
            if task.deadline is not None:
                task.deadline += time.monotonic() - task.paused
            task.paused = None
            self._ask_worker(request)

    def _drop(self, reason: str) -> None:
        """Ends what runs, and what waits."""
        while self._waiting:
            self._publish(wire.Stopped(self._waiting.popleft().id, reason))
        task = self._task
        if task is not None and not task.reason:
            self._interrupt(task, reason)

    def _heard(self, worker: _Worker, reply: wire.AnyReply) -> None:
        """Passes on what a worker says; raises _Lie for what no worker of ours says at this moment."""
        if isinstance(reply, wire.Ready):
            _believe(not worker.ready and reply.torch != "", "that it was ready, twice")
            worker.torch = reply.torch
            if worker is self._active:
                self._publish(reply)
                self._fill()
            return
        _believe(not isinstance(reply, wire.Stopped | wire.Died), "its own end")
        _believe(worker.ready and 0 < reply.id <= self._given, "something about a job that it never had")
        task = self._task
        if worker is not self._active or task is None or reply.id != task.job.id:
            return  # the last words on a job that is over
        task.heard = time.monotonic()
        match reply:
            case wire.Progress():
                task.line = reply.line
                self._publish(reply)
            case wire.Output():
                room = 2 * task.job.options.output - len(task.output)
                if reply.text and room > 0:
                    task.output += reply.text
                    self._publish(msgspec.structs.replace(reply, text=reply.text[:room]))
            case wire.Paused():
                _believe(isinstance(task.job, wire.Run) and task.job.live and task.paused is None, "that it paused")
                task.saved = reply.trace or task.saved
                if not task.reason:
                    task.paused = time.monotonic()
                    self._publish(reply)
            case wire.Salvaged():
                task.saved, task.line = reply.trace, reply.line or task.line
                if task.reason:
                    self._end(task)
            case wire.Traced() if task.reason and not task.answered:
                task.saved = reply.trace
                self._answer_stopped(task)
            case wire.Verified() | wire.Failed() if task.reason and task.answered and not task.unverified:
                pass  # it was stopped as it came to its end, of which nothing was passed on
            case wire.Failed() if task.unverified:  # it tells of the verification
                self._publish(reply)
                self._settle_verification(task)
            case wire.Traced() | wire.Answered() | wire.Refused() | wire.Failed():
                _believe(not task.answered, "two answers")
                _believe(isinstance(reply, _answers(task.job)), "the answer to another question")
                task.answered = True
                if isinstance(reply, wire.Traced):
                    task.unverified, task.operations = _verifies(task.job), len(reply.trace.ops)
                task.deadline = self._time_is_up()
                self._publish(reply)
            case wire.Verified():
                _believe(task.unverified, "that it verified what it did not run")
                _believe(all(0 <= one.op < task.operations for one in reply.checks), "a check of no operation")
                task.unverified = False
                self._publish(reply)
            case wire.Finished():
                self._crashes = 0
                self._settle(task)
                if not reply.reusable:
                    self._replace()

    def _lost(self, worker: _Worker, why: str) -> None:
        """A worker ended that nobody had ended."""
        code = worker.kill(patience=LAST_WORDS)
        self._crashes += 1
        if worker is self._spare:
            self._spare = None
        else:
            self._active = None
            task = self._task
            line = _crash_line(worker.last_words, task.job) or task.line if task is not None else 0
            why = why or (
                "" if worker.ready else f"It could not start: {worker.last_words.strip().rpartition(chr(10))[2]}"
            )
            died = wire.Died(0, code, line, _obituary(code, line, why), restarting=self._crashes < CRASHES)
            self._last_death = died.message
            if task is None or task.answered:
                self._publish(died)
            else:
                failure = Failure("ProcessDied", died.message, line, kind="process-died", facts={"code": str(code)})
                task.answered = True
                self._publish(msgspec.structs.replace(died, id=task.job.id, trace=_cut_short(task, worker, failure)))
            if task is not None:
                self._settle(task)
        self._fill()

    # ── Workers ──

    def _fill(self) -> None:
        """Starts the workers that are missing, unless they only crash."""
        if self._crashes < CRASHES:
            if self._active is None:
                self._active, self._spare = self._spare or self._new_worker(), None
            if self._wants_spare and self._spare is None and self._active.ready:
                self._spare = self._new_worker()

    def _new_worker(self) -> _Worker:
        return _Worker(self._limits, self.notes)

    def _outdated(self, worker: _Worker) -> bool:
        """Whether its process is bound otherwise than the next program has to be."""
        bound, wanted = worker.limits, self._limits
        return (bound.memory, bound.confined) != (wanted.memory, wanted.confined)

    def _replace(self) -> None:
        """Kills the active worker, and takes the spare."""
        if self._active is not None:
            self._active.kill()
            self._active = None
        self._fill()

    def _next(self) -> None:
        """Hands the next job to a worker that has none."""
        while self._active is None and self._waiting:
            message = f"No Python process runs any more: {CRASHES} ended one after another. {self._last_death}"
            died = wire.Died(0, 0, 0, message, restarting=False)
            self._publish(msgspec.structs.replace(died, id=self._waiting.popleft().id))
        if self._task is None and self._active is not None and self._outdated(self._active):
            self._replace()
        if self._task is None and self._waiting and self._active is not None and self._active.ready:
            self._task = _Task(self._waiting.popleft(), self._time_is_up(), heard=time.monotonic())
            self._given = self._task.job.id
            self._active.send(self._task.job)

    # ── The clock ──

    def _time_is_up(self) -> float | None:
        return time.monotonic() + self._limits.seconds if self._limits.seconds else None

    def _look(self) -> None:
        """What is due by now."""
        now = time.monotonic()
        for worker in (self._active, self._spare):
            if worker is not None and worker.ended:
                # Its reader notes the end, unless a child of the program still holds the pipe.
                worker.kill()
            elif worker is not None and not worker.ready and now > worker.born + START_GRACE:
                self._lost(worker, f"It did not start within {START_GRACE:g} s.")
        task = self._task
        if task is None or task.paused is not None or task.deadline is None or now < task.deadline:
            return
        if not task.reason:
            self._interrupt(task, "time")
        elif not (task.salvaging or task.answered) and isinstance(task.job, wire.Run) and now < task.heard + GRACE:
            task.salvaging = True  # what has been silent since the interrupt holds the interpreter, and cannot answer
            task.deadline = now + SALVAGE_GRACE
            self._ask_worker(wire.Salvage(task.job.id))
        else:
            self._end(task)

    def _interrupt(self, task: _Task, reason: str) -> None:
        task.reason, task.paused = reason, None
        task.deadline = time.monotonic() + GRACE
        self._ask_worker(wire.Interrupt(task.job.id))

    def _end(self, task: _Task) -> None:
        """Ends a job together with its worker."""
        self._answer_stopped(task)
        self._settle(task)
        self._replace()

    def _answer_stopped(self, task: _Task) -> None:
        if not task.answered and self._active is not None:
            task.answered = True
            line = task.saved.error.line if task.saved and task.saved.error else task.line
            trace = _cut_short(task, self._active, self._why_stopped(task.reason, line))
            self._publish(wire.Stopped(task.job.id, task.reason, trace, line))

    def _why_stopped(self, reason: str, line: int) -> Failure:
        if reason == "time":
            seconds = f"{self._limits.seconds:g}"
            message = f"stopped after {seconds} s, the time limit"
            return Failure("TimeLimit", message, line, kind="time-limit", facts={"seconds": seconds})
        return Failure("Stopped", "stopped before its end", line, kind="stopped")

    def _settle(self, task: _Task) -> None:
        """The job is over: what it still owes is said."""
        self._settle_verification(task)
        if not task.answered:
            self._publish(wire.Failed(task.job.id, "the worker gave no answer"))
        self._task = None

    def _settle_verification(self, task: _Task) -> None:
        if task.unverified:
            task.unverified = False
            self._publish(wire.Verified(task.job.id, None))

    def _ask_worker(self, request: wire.Request) -> None:
        if self._active is not None:
            self._active.send(request)


class _Lie(Exception):
    """A reply that no worker of ours sends at this moment."""


def _believe(likely: object, what: str) -> None:
    if not likely:
        raise _Lie(what)


def _answers(job: wire.Job) -> tuple[type[wire.Reply], ...]:
    """What a job may be answered with."""
    return (wire.Traced if isinstance(job, wire.Run) else wire.Answered), wire.Refused, wire.Failed


def _verifies(job: wire.Job) -> bool:
    return isinstance(job, wire.Run) and job.options.verify


def _cut_short(task: _Task, worker: _Worker, failure: Failure) -> Trace | None:
    """What is left of a run: its recording up to there, or no more than its source and output."""
    job = task.job
    if not isinstance(job, wire.Run):
        return None
    trace = task.saved or Trace(
        worker.torch, job.source, stdout=task.output, what_if=job.what_if, path=job.options.path
    )
    return msgspec.structs.replace(trace, error=failure)


def _crash_line(words: str, job: wire.Job) -> int:
    """The program's line in what Python's fault handler wrote; 0 when it wrote none."""
    found = re.search(rf'File "{re.escape(job.options.path or "<program>")}", line (\d+)', words)
    return int(found[1]) if found else 0


def _obituary(code: int, line: int, why: str) -> str:
    how = signal.Signals(-code).name if -code in set(signal.Signals) else f"code {code}"
    near = f" near line {line}" if line else ""
    return f"The Python process ended ({how}){near}." + (f" {why}" if why else "")
