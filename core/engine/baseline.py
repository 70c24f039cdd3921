"""The state of this process that one program could leave changed for the next, and how it is put back."""

from __future__ import annotations

import builtins
import contextlib
import gc
import os
import random
import sys
import threading
import warnings
from types import FunctionType, ModuleType
from typing import Final

import numpy as np
import torch
import torch._compile

from core.protection import end_children

PATCHABLE: Final[tuple[ModuleType | type, ...]] = (
    builtins,
    torch,
    torch.Tensor,
    torch.autograd,
    torch.autograd.Function,
    torch.nn,
    torch.nn.Module,
    torch.nn.functional,
    torch.optim,
    torch.optim.Optimizer,
)
"""Where a program that replaces something changes what the next one sees; not put back, only noticed."""

_HIDING: Final = torch._compile._disable_dynamo.__code__
"""Its file is not the module's in the executable, whose modules are no files."""
_ROOT: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Baseline:
    """How the process stood before any program ran."""

    def __init__(self) -> None:
        self._folder = os.getcwd()
        self._environment = dict(os.environ)
        self._path = list(sys.path)
        self._modules = set(sys.modules)
        self._filters = list(warnings.filters)
        self._recursion = sys.getrecursionlimit()
        self._torch_threads = torch.get_num_threads()
        self._threads = set(threading.enumerate())
        self._names = [(place, dict(vars(place))) for place in PATCHABLE]

    def restore(self) -> None:
        """Makes the next run start as the first did: same random numbers, same settings, none of its modules."""
        with contextlib.suppress(OSError):
            os.chdir(self._folder)
        os.environ.clear()
        os.environ.update(self._environment)
        sys.path[:] = self._path
        for name in set(sys.modules) - self._modules:
            if not _installed(sys.modules[name]):
                del sys.modules[name]
        warnings.filters[:] = self._filters  # type: ignore[index]
        warnings.simplefilter("default", append=True)
        sys.setrecursionlimit(self._recursion)
        gc.enable()
        torch.set_num_threads(self._torch_threads)
        torch.set_default_dtype(torch.float32)
        if torch.are_deterministic_algorithms_enabled():  # asked first, because setting it imports a second of torch
            torch.use_deterministic_algorithms(False)
        torch.autograd.set_detect_anomaly(False)
        torch.set_printoptions(profile="default")
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)

    def intact(self) -> bool:
        """Whether nothing is left that ``restore`` cannot put back: a thread that runs on, a part of torch replaced."""
        end_children()
        threads = {thread for thread in threading.enumerate() if _started_by_python(thread)}
        return threads <= self._threads and all(
            _same(vars(place).get(name), value) for place, names in self._names for name, value in names.items()
        )


def _started_by_python(thread: threading.Thread) -> bool:
    """Torch's own threads show up as dummies once they have run a hook; they stay, and do no harm."""
    return not isinstance(thread, threading._DummyThread)


def _same(now: object, before: object) -> bool:
    """Whether a part of torch is the one it was; with the first optimizer, torch hides ``manual_seed`` from its own
    compiler, by a wrapper that changes nothing else."""
    hidden = isinstance(now, FunctionType) and now.__code__.co_filename == _HIDING.co_filename
    return now is before or (hidden and getattr(now, "__wrapped__", None) is before)


def _installed(module: ModuleType) -> bool:
    """Whether a module belongs to the installation, and not to the folder of the program that imported it."""
    place = getattr(module, "__file__", None)
    return place is None or any(place.startswith(root) for root in (sys.prefix, sys.base_prefix, _ROOT))
