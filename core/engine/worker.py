"""The worker's request loop: takes jobs off the wire, runs them one after another, answers.

    main thread      reads requests, takes signals; never runs the program, so it always hears an interrupt
    runner thread    does the jobs; the engine starts a thread with a deep stack for each program
    ticker thread    sends what the program prints, and every half second at which line it is
    pauses thread    sends where a live run has paused; the program's own thread may be interrupted, and writes nothing

``core/wire.py`` draws both processes.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import itertools
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections import deque
from typing import Final, NoReturn

import msgspec
import torch

from core import engine, wire
from core.engine.baseline import Baseline
from core.protection import Wire, bound
from core.records import OUTPUT_LIMIT, Trace, without_surrogates

TICK: Final = 0.05
"""Seconds between two looks at what the program has printed."""

TICKS: Final = 10
"""Ticks between two ``Progress`` replies."""

IDLE: Final = 0.3
"""Seconds without a job after which a new worker warms up."""

end_process: Final = os._exit
"""The real one; programs find ``Worker.exit`` in its place."""


def serve(ends: Wire) -> NoReturn:
    """Does jobs until the other side of the wire is gone; then ends this process and everything it started."""
    worker = Worker(ends.replies)
    # A program that sends itself an interrupt gets it where Python would raise it: in its own code.
    signal.signal(signal.SIGINT, lambda *_: engine.interrupt())
    with contextlib.suppress(OSError, wire.FrameError):
        worker.send(wire.Ready(0, str(torch.__version__), bound()))
        while (body := wire.read_frame(ends.requests)) is not None:
            worker.take(wire.decode_request(body))
    if sys.platform == "darwin":
        os.killpg(0, signal.SIGKILL)
    end_process(0)  # on Linux the guard, on Windows the client's job object, ends what the program started


class Worker:
    """One job at a time, and what can be asked while it runs."""

    def __init__(self, replies: int) -> None:
        self._replies = replies
        self._sending = threading.Lock()
        self._jobs: queue.SimpleQueue[wire.Job] = queue.SimpleQueue()
        self._job: wire.Job | None = None
        self._began = 0.0
        self._pid = os.getpid()
        self._interrupted = 0
        self._busy = threading.Event()
        self._live: engine.Live | None = None
        self._moments: queue.SimpleQueue[tuple[wire.Job, engine.Moment]] = queue.SimpleQueue()
        self._moment: engine.Moment | None = None
        self._printed = Printed()
        sys.stderr = self._printed
        builtins.input = _no_input
        os._exit = self.exit
        for loop in (self._work, self._tick, self._pauses):
            threading.Thread(target=loop, name=f"pullback{loop.__name__}", daemon=True).start()
        self._baseline = Baseline()
        self._baseline.restore()

    def send(self, reply: wire.Reply) -> None:
        """Puts a reply on the wire, whatever thread asks for it."""
        try:
            body = wire.encode(reply)
        except UnicodeEncodeError:
            body = wire.encode(_without_surrogates(reply))
        with self._sending:
            wire.write_frame(self._replies, body)

    def take(self, request: wire.AnyRequest) -> None:
        """Hands a job to the runner, or acts on the running one."""
        if isinstance(request, wire.Job):
            self._jobs.put(request)
            return
        job = self._job
        if job is None or job.id != request.id:
            return  # it has just ended
        if isinstance(request, wire.Interrupt):
            self._interrupted = job.id
            engine.interrupt()
        elif isinstance(request, wire.Resume):
            self._resume(request)
        else:
            self.send(wire.Salvaged(job.id, engine.salvage(), engine.program_line()))

    def exit(self, status: int) -> NoReturn:
        """Stands for ``os._exit``: the trace is saved first."""
        job = self._job
        if job is not None and os.getpid() == self._pid:
            self._send_printed(job)
            self.send(wire.Salvaged(job.id, engine.salvage(), engine.program_line()))
        end_process(status)

    def _first_job(self) -> wire.Job:
        """Waits for a job; uses the time, if there is any, to load what torch loads at its first backward pass."""
        with contextlib.suppress(queue.Empty):
            return self._jobs.get(timeout=IDLE)
        engine.warm_up()
        self._baseline.restore()
        return self._jobs.get()

    def _work(self) -> None:
        job = self._first_job()
        while True:
            self._live, self._began, self._job = None, time.monotonic(), job
            known = set(sys.modules)
            self._printed.room = 2 * job.options.output  # on standard output and error together
            self._busy.set()
            try:
                self._do(job)
            except ValueError as error:  # a what-if that fits nothing, a question about what is not there
                self.send(wire.Refused(job.id, _one_line(error)))
            except BaseException as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                message = f"{type(error).__name__}: {_one_line(error)} ({place.name}, line {place.lineno})"
                self.send(wire.Failed(job.id, message, traceback.format_exc()))
            self._busy.clear()
            self._job = None
            self._printed.take()
            self._baseline.restore()
            # An interrupt within an import leaves a package without its parts, for every program that comes after.
            whole = self._interrupted != job.id or known.issuperset(sys.modules)
            self.send(wire.Finished(job.id, reusable=self._baseline.intact() and whole))
            job = self._jobs.get()

    def _do(self, job: wire.Job) -> None:
        asked = job.source, job.what_if, job.options
        match job:
            case wire.Run():
                options = msgspec.structs.replace(job.options, verify=False)
                self._live = engine.Live(lambda moment: self._moments.put((job, moment))) if job.live else None
                trace = engine.record(job.source, job.what_if, options, listener=self._printed.add, live=self._live)
                self._send_printed(job)
                self.send(wire.Traced(job.id, trace))
                if job.options.verify and self._interrupted != job.id:
                    self._baseline.restore()
                    self._verify(job, trace)
            case wire.AskPassJacobian():
                self.send(wire.Answered(job.id, engine.pass_jacobian(*asked, job.pass_index)))
            case wire.AskLocalJacobian():
                self.send(wire.Answered(job.id, engine.local_jacobian(*asked, job.pass_index, job.step_index)))
            case wire.AskJacobians():
                self.send(wire.Answered(job.id, several=engine.local_jacobians(*asked, job.steps, job.limit)))
            case wire.AskTensor():
                self.send(wire.Answered(job.id, tensor=engine.whole_tensor(*asked, job.where)))

    def _pauses(self) -> None:
        while True:
            job, self._moment = self._moments.get()
            if job is not self._job:
                continue  # it was interrupted
            try:
                self.send(wire.Paused(job.id, *self._moment, engine.salvage()))
            except wire.FrameError:  # so large that it cannot be shown
                self._resume(wire.Resume(job.id, before="never"))

    def _resume(self, request: wire.Resume) -> None:
        if self._live is None or self._moment is None:
            return
        try:
            self._live.go_on(request.before, request.gradients)
        except ValueError as error:
            self.send(wire.Paused(request.id, *self._moment, problem=_one_line(error)))

    def _verify(self, job: wire.Run, trace: Trace) -> None:
        try:
            verified = engine.verify_trace(trace, job.what_if, job.options)
        except KeyboardInterrupt:
            if self._interrupted != job.id:
                raise
        else:
            if self._interrupted != job.id:
                self.send(wire.Verified(job.id, verified.agrees, verified.checks))

    def _tick(self) -> None:
        for tick in itertools.count(1):
            self._busy.wait()
            time.sleep(TICK)
            job = self._job
            if job is not None:
                self._send_printed(job)
                if tick % TICKS == 0:
                    self.send(wire.Progress(job.id, engine.program_line(), self._seconds()))

    def _seconds(self) -> float:
        """How long the job has run; the time it was paused does not count."""
        return time.monotonic() - self._began - (self._live.waited if self._live is not None else 0.0)

    def _send_printed(self, job: wire.Job) -> None:
        if text := self._printed.take():
            self.send(wire.Output(job.id, text))


class Printed(io.TextIOBase):
    """What the program has printed and was not yet sent; also stands for its standard error.

    Attributes:
        room: characters that are still taken; what comes after them is lost.
    """

    def __init__(self) -> None:
        self._parts: deque[str] = deque()
        self.room = OUTPUT_LIMIT

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        self.add(text)
        return len(text)

    def add(self, text: str, /) -> None:
        if text and self.room > 0:
            self._parts.append(text[: self.room])
            self.room -= len(text)

    def take(self) -> str:
        return "".join(self._parts.popleft() for _ in range(len(self._parts)))


def _no_input(prompt: object = "", /) -> NoReturn:
    raise EOFError("input() has nobody to ask here: write the value into the program")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _without_surrogates(reply: wire.Reply) -> wire.Reply:
    """The same reply with lone surrogates, which no encoding can carry, written as escapes."""
    plain = msgspec.to_builtins(reply, builtin_types=(bytes,), enc_hook=wire.as_text)
    return msgspec.convert(without_surrogates(plain), type(reply))
