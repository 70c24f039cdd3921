"""Threads that run torch's engine: deep stacks, and ends that are really the end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

DEEP_STACK = 512 << 20
"""Bytes of stack for a program: freeing a chain of a million autograd nodes recurses in C."""

_sizing = threading.Lock()


def start_thread(target: Callable[[], None], name: str, *, stack: int = 0) -> threading.Thread:
    """Starts a daemon thread; ``stack`` in bytes, 0 for the system's usual size."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    with _sizing:
        usual = threading.stack_size(stack)
        try:
            thread.start()
        finally:
            threading.stack_size(usual)
    return thread


def join_thread(thread: threading.Thread) -> None:
    """Waits until the system's thread is gone, not only Python's.

    A thread whose backward pass was stopped still holds nodes in torch's thread-local ready queue. They are freed
    after Python has let go of the thread, and need the GIL for it: an interpreter that exits at that moment aborts.
    """
    thread.join()
    while os.path.exists(f"/proc/self/task/{thread.native_id}"):
        time.sleep(0.0001)
