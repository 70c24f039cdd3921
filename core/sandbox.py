"""What a program may not do to the computer it runs on: Landlock and a filter of system calls, where Linux has them.

It may read everything, and write in its scratch folder only. It has no sockets but those between processes of this
computer, changes nobody's permissions, and sends no signal to a process outside of the sandbox. From a service that
listens on a socket in the file system, such as the desktop's message bus, only Linux 7.1 and later can keep it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import glob
import os
import platform
import struct
import sys
from typing import Final

FILES: Final = "files"
"""Nothing is written outside the scratch folder."""

NETWORK: Final = "network"
"""There is no network."""

# ── Landlock ──────────────────────────────────────────────────────────────────────────────────────────────────────

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_WRITE_FILE, _REMOVE_FILE, _MAKE_REG, _TRUNCATE = 1 << 1, 1 << 5, 1 << 8, 1 << 14
_RIGHTS: Final = (
    (1, _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12),
    (2, 1 << 13),  # moving and linking between folders
    (3, _TRUNCATE),
    (9, 1 << 16),  # connecting to a socket in the file system that was not made in the sandbox
)
"""Version of Landlock → rights to write that it knows from then on."""
_NETWORK: Final = (4, 0b11)  # TCP: to bind, to connect
_SCOPES: Final = (6, 0b11)  # abstract sockets and signals, to processes outside of the sandbox

_PLACES: Final = (
    ("/dev/shm", _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _TRUNCATE),  # how processes share tensors and locks
    ("/dev/null", _WRITE_FILE),
    ("/dev/zero", _WRITE_FILE),
    ("/dev/full", _WRITE_FILE),
    ("/dev/nvidia*", _WRITE_FILE),
    ("/dev/kfd", _WRITE_FILE),
    ("/dev/dri/*", _WRITE_FILE),
)
"""Where something may be written beside the scratch folder; none of it is a file of the user's."""

# ── The filter of system calls ────────────────────────────────────────────────────────────────────────────────────

_CALLS: Final = {
    # chmod, fchmod, chown, fchown, lchown, (l, f)setxattr, (l, f)removexattr, fchownat, fchmodat
    "x86_64": (0xC000003E, 41, (90, 91, 92, 93, 94, 188, 189, 190, 197, 198, 199, 260, 268)),
    "aarch64": (0xC00000B7, 198, (52, 53, 54, 55, 5, 6, 7, 14, 15, 16)),
}
"""Machine → its number for the filter, its call ``socket``, and its calls that change what a file's owner allows.

These do nothing, and say that they did it: Python's own multiprocessing makes such calls on its sockets."""
_CALLS_EVERYWHERE: Final = (452, 463, 466)  # fchmodat2, setxattrat, removexattrat
_IO_URING: Final = 425  # makes sockets by itself
_X32: Final = 0x40000000
"""Calls of x86_64 from here on are the same ones under other numbers."""
_AF_UNIX: Final = 1

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW: Final = 0x7FFF0000
_NR, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # places in what the filter is given

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER_MODE = 38, 22, 2


def confine(scratch: str) -> tuple[str, ...]:
    """Binds this thread and all it will start, for good; returns what holds then: ``FILES``, ``NETWORK``.

    To be called while there is no other thread.

    Args:
        scratch: the folder that may be written to.
    """
    if sys.platform != "linux":
        return ()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return ()
    holds = []
    with contextlib.suppress(OSError):
        if _restrict(libc, scratch) >= 3:  # before, any file could be made empty
            holds.append(FILES)
    with contextlib.suppress(OSError):
        if _filter(libc):
            holds.append(NETWORK)
    return tuple(holds)


def _restrict(libc: ctypes.CDLL, scratch: str) -> int:
    """Applies Landlock; returns its version; raises OSError where there is none."""
    version = _call(libc, _CREATE_RULESET, None, 0, 1)
    rights = sum(right for since, right in _RIGHTS if version >= since)
    network, scopes = (what if version >= since else 0 for since, what in (_NETWORK, _SCOPES))
    ruleset = _call(libc, _CREATE_RULESET, struct.pack("<QQQ", rights, network, scopes), 24, 0)
    try:
        _allow(libc, ruleset, scratch, rights)
        for pattern, allowed in _PLACES:
            for place in glob.glob(pattern):
                _allow(libc, ruleset, place, allowed & rights)
        _call(libc, _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def _allow(libc: ctypes.CDLL, ruleset: int, place: str, rights: int) -> None:
    below = os.open(place, os.O_PATH | os.O_CLOEXEC)
    try:
        _call(libc, _ADD_RULE, ruleset, 1, struct.pack("<Qi", rights, below), 0)
    finally:
        os.close(below)


def _call(libc: ctypes.CDLL, number: int, *arguments: int | bytes | None) -> int:
    """A system call; raises OSError."""
    given = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result: int = libc.syscall(ctypes.c_long(number), *given)
    if result < 0:
        raise OSError(ctypes.get_errno(), "Landlock")
    return result


def _filter(libc: ctypes.CDLL) -> bool:
    """Applies the filter of system calls; False on a machine whose calls are not known here."""
    if platform.machine() not in _CALLS:
        return False
    arch, socket, changes = _CALLS[platform.machine()]
    lines = [
        (_LOAD, 0, 0, _ARCH), (_IF_EQUAL, 1, 0, arch), _refuse(errno.EPERM),
        (_LOAD, 0, 0, _NR), (_IF_AT_LEAST, 0, 1, _X32), _refuse(errno.EPERM),
        *(line for call in (*changes, *_CALLS_EVERYWHERE) for line in ((_IF_EQUAL, 0, 1, call), _refuse(0))),
        (_IF_EQUAL, 0, 1, _IO_URING), _refuse(errno.ENOSYS),
        (_IF_EQUAL, 0, 3, socket), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_IF_EQUAL, 1, 0, _AF_UNIX), _refuse(errno.EACCES),
        (_RETURN, 0, 0, _ALLOW),
    ]  # fmt: skip
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in lines))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(lines), ctypes.addressof(code)))
    return bool(libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, program, 0, 0) == 0)


def _refuse(error: int) -> tuple[int, int, int, int]:
    """The call is not made, and fails with an error; with 0 it seems to succeed."""
    return _RETURN, 0, 0, 0x00050000 | error
