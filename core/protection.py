"""What a worker's process is bound by, set before torch is imported: its wire, its limits, its life, its sandbox."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from types import TracebackType
from typing import Final, NamedTuple, NoReturn

from core.sandbox import confine

if sys.platform != "win32":
    import resource

ALLOWANCE: Final = 1 << 30
"""Bytes of data left for torch itself (about 250 MB) and the program's deep stack (512 MB), on top of the limit."""

MEMORY: Final = "memory"
"""The limit on memory is kept."""

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_WATCH: Final = 0.25
"""Seconds between two looks at memory and parent, where the system does not keep an eye on them."""

_bound: tuple[str, ...] = ()


class Wire(NamedTuple):
    """The worker's two private file descriptors: requests come in, replies go out."""

    requests: int
    replies: int


def protect(memory_limit: int, parent: int, *, confined: bool) -> Wire:
    """Binds this process and returns its wire. To be called once, before torch is imported and before any thread.

    On Linux it goes on in a child of its own, see ``_guard``.

    Args:
        memory_limit: MB of data the program may hold; 0 for no limit.
        parent: process id of the client; when it ends, so does this process.
        confined: whether the program is kept from the user's files and the network, where the system can do that.
    """
    global _bound
    scratch = _guard(parent) if sys.platform == "linux" else ""
    wire = _take_wire()
    holds = _limit(memory_limit)
    if sys.platform == "darwin":
        threading.Thread(target=_watch, args=(memory_limit << 20, parent), name="pullback-watch", daemon=True).start()
    if scratch and confined:
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        holds += confine(scratch)
    _bound = holds
    return wire


def bound() -> tuple[str, ...]:
    """What holds in this process: ``MEMORY``, and of the sandbox ``FILES`` and ``NETWORK``."""
    return _bound


def memory_limit() -> int:
    """Bytes of data that a program may hold in this process; 0 where nothing limits them."""
    if sys.platform != "linux":
        return 0
    limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
    return 0 if limit == resource.RLIM_INFINITY else max(0, limit - ALLOWANCE)


def _take_wire() -> Wire:
    """Moves standard input and output, which the client reads, to where the program's ``print`` does not reach."""
    wire = Wire(os.dup(0), os.dup(1))
    crash_log = os.dup(2)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    # The client finds in this log the line of a segmentation fault, and why a worker could not start.
    faulthandler.enable(file=crash_log, all_threads=False)

    def log(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
        os.write(crash_log, "".join(traceback.format_exception(kind, error, at)).encode())

    sys.excepthook = log
    return wire


# ── Its life ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _guard(parent: int) -> str:
    """Forks; the child goes on as the worker, and is given its scratch folder.

    This process runs nothing of the program's and so can be relied on: it waits for the child, or for the client to end
    or to ask for the end, kills whatever the program has started, also what left its group, removes the folder, and
    ends as the child did.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    if os.getppid() != parent:
        sys.exit("the window was gone before the worker had started")
    scratch = tempfile.mkdtemp(prefix="pullback-")
    guard = os.getpid()
    child = os.fork()
    if child:
        _await(child, scratch)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def with_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    with_parent()
    os.register_at_fork(after_in_child=with_parent)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != guard:
        os._exit(1)
    return scratch


def _await(child: int, scratch: str) -> NoReturn:
    status = 0
    try:
        for standard in (0, 1):
            os.close(standard)  # the client hears the end of the child by the end of the pipe
        ended = 0
        while ended != child:
            ended, status = os.wait()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_children()
        with contextlib.suppress(RecursionError):
            shutil.rmtree(scratch, ignore_errors=True)
        if os.WIFSIGNALED(status):
            with contextlib.suppress(OSError, ValueError):
                signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.kill(os.getpid(), os.WTERMSIG(status))
        os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)


def end_children() -> None:
    """Ends what the program started and left behind, its grandchildren included."""
    if sys.platform != "linux":
        return
    while children := _children():
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def _children() -> list[int]:
    found: list[int] = []
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError), open(f"/proc/self/task/{thread}/children") as listing:
            found += map(int, listing.read().split())
    return found


# ── Its limits ────────────────────────────────────────────────────────────────────────────────────────────────────


def _limit(memory: int) -> tuple[str, ...]:
    """Sets the limits that this system knows; returns ``(MEMORY,)`` where memory is one of them."""
    if sys.platform == "win32":
        return (MEMORY,) if memory else ()  # the client's job object keeps it
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory and sys.platform == "linux":
        allowed = resource.getrlimit(resource.RLIMIT_DATA)[1]
        limit = (memory << 20) + ALLOWANCE
        limit = limit if allowed == resource.RLIM_INFINITY else min(limit, allowed)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    return (MEMORY,) if memory else ()


def _watch(memory: int, parent: int) -> None:
    """On macOS: ends this process and its group when its parent has ended, or when it holds too much."""
    if sys.platform == "darwin":
        allowed = memory + ALLOWANCE if memory else sys.maxsize
        while os.getppid() == parent and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < allowed:
            time.sleep(_WATCH)
        os.killpg(0, signal.SIGKILL)
