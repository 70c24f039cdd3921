"""A job object of Windows: what it holds dies with the process that made it, and has a limit on memory."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from typing import Final

_EXTENDED_LIMITS: Final = 9  # JobObjectExtendedLimitInformation
_JOB_MEMORY, _DIE_ON_UNHANDLED_EXCEPTION, _KILL_ON_JOB_CLOSE = 0x200, 0x400, 0x2000


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    )


class _ExtendedLimits(ctypes.Structure):
    _fields_ = (
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class Job:
    """Holds a process and all it starts; they end when this object, or the process it lives in, does.

    Args:
        memory: bytes they may hold together; 0 for no limit.

    Raises OSError where Windows refuses.
    """

    def __init__(self, process: subprocess.Popen[bytes], memory: int) -> None:
        if sys.platform == "win32":
            self._kernel = ctypes.WinDLL("kernel32", use_last_error=True)
            self._kernel.CreateJobObjectW.restype = ctypes.c_void_p
            self._handle = self._kernel.CreateJobObjectW(None, None)
            limits = _ExtendedLimits()
            limits.BasicLimitInformation.LimitFlags = _KILL_ON_JOB_CLOSE | _DIE_ON_UNHANDLED_EXCEPTION
            if memory:
                limits.BasicLimitInformation.LimitFlags |= _JOB_MEMORY
                limits.JobMemoryLimit = memory
            handle, held = ctypes.c_void_p(self._handle), ctypes.c_void_p(int(process._handle))  # type: ignore[attr-defined]
            if not (
                self._handle
                and self._kernel.SetInformationJobObject(
                    handle, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)
                )
                and self._kernel.AssignProcessToJobObject(handle, held)
            ):
                raise ctypes.WinError(ctypes.get_last_error())

    def end(self) -> None:
        """Ends everything in it."""
        if sys.platform == "win32" and self._handle:
            self._kernel.TerminateJobObject(ctypes.c_void_p(self._handle), 1)
            self._kernel.CloseHandle(ctypes.c_void_p(self._handle))
            self._handle = None
