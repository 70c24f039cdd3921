"""What a worker's process is bound by, set before torch is imported: its wire, its limits, its life."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import sys
import traceback
from types import TracebackType
from typing import Final, NamedTuple

if sys.platform != "win32":
    import resource

ALLOWANCE: Final = 1 << 30
"""Bytes of data left for torch itself (about 250 MB) and the program's deep stack (512 MB), on top of the limit."""

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36


class Wire(NamedTuple):
    """The worker's two private file descriptors: requests come in, replies go out."""

    requests: int
    replies: int


def protect(memory_limit: int, parent: int) -> Wire:
    """Binds this process and returns its wire. To be called once, before torch is imported and before any thread.

    Args:
        memory_limit: MB of data the program may hold; 0 for no limit. Enforced on Linux.
        parent: process id of the client; when it ends, so does this process.
    """
    wire = _take_wire()
    _die_with(parent)
    _limit(memory_limit)
    # A sandbox (Landlock, seccomp) belongs here: it has to be in place before torch starts its threads.
    return wire


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


def _die_with(parent: int) -> None:
    """A closed wire ends the worker too (see ``worker.serve``), but not while a program keeps the GIL."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)

    def with_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    with_parent()
    os.register_at_fork(after_in_child=with_parent)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != parent:
        sys.exit("the window was gone before the worker had started")


def _limit(memory: int) -> None:
    if sys.platform == "win32":
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory and sys.platform == "linux":
        allowed = resource.getrlimit(resource.RLIMIT_DATA)[1]
        limit = (memory << 20) + ALLOWANCE
        limit = limit if allowed == resource.RLIM_INFINITY else min(limit, allowed)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def end_children() -> None:
    """Ends what the program started and left behind, its grandchildren included."""
    if sys.platform != "linux":
        return
    while children := _children():
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def _children() -> list[int]:
    found: list[int] = []
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError), open(f"/proc/self/task/{thread}/children") as listing:
            found += map(int, listing.read().split())
    return found
