"""What torch can do, it can do in the executable: trimming has taken nothing that programs use.

One worker of the executable runs one program after the other, as it does for the window.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import expecttest
import pytest

from core import client, wire
from core.client import Client
from core.limits import Limits
from core.records import Options, Trace
from tests.engine.test_programs import PROGRAMS
from tests.exe.conftest import Installed
from tests.oracle.consistency import check_trace
from tests.oracle.plain import run_plainly

pytestmark = pytest.mark.exe

HEAD = "import torch\nfrom torch import nn\ntorch.manual_seed(0)\nx = torch.ones(3, requires_grad=True)\n"
FEATURES = {
    "every optimizer": """
import torch.optim
for name in sorted(vars(torch.optim)):
    kind = getattr(torch.optim, name)
    if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer) and kind is not torch.optim.Optimizer:
        w = nn.Parameter(torch.ones(2, 2))
        try:
            optimizer = kind([w], lr=0.1)
            loss = (w ** 2).sum()
            loss.backward()
            optimizer.step(lambda: loss)
        except (RuntimeError, ValueError) as error:
            print(name, str(error)[:60])
        print(name, w.detach().flatten().tolist())
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(torch.optim.SGD([nn.Parameter(x.detach())], lr=1.), 4)
print(scheduler.get_last_lr())
""",
    "torch.func": """
from torch.func import grad, hessian, jacrev, jacfwd, vmap, functional_call
print(grad(lambda t: (t ** 3).sum())(x.detach()), hessian(lambda t: (t ** 3).sum())(x.detach()))
print(jacrev(torch.sin)(x.detach()), jacfwd(torch.sin)(x.detach()), vmap(torch.sum)(torch.ones(2, 3)))
net = nn.Linear(3, 1)
print(functional_call(net, dict(net.named_parameters()), x).shape)
net(x).sum().backward()
""",
    "gradcheck and the functional API": """
from torch.autograd import gradcheck, gradgradcheck
from torch.autograd.functional import hessian, hvp, jacobian, jvp, vjp
a = torch.rand(3, dtype=torch.float64, requires_grad=True)
print(gradcheck(torch.sin, a), gradgradcheck(torch.sin, a))
print(jacobian(torch.sin, a), hessian(lambda t: t.sin().sum(), a), vjp(torch.sin, a, torch.ones_like(a)))
print(jvp(torch.sin, a, torch.ones_like(a)), hvp(lambda t: t.sin().sum(), a, torch.ones_like(a)))
a.sum().backward()
""",
    "checkpoint, hooks, saved tensors": """
from torch.utils.checkpoint import checkpoint
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks
y = checkpoint(lambda t: torch.sin(torch.exp(t)), x, use_reentrant=False)
with save_on_cpu():
    z = (y ** 2).sum()
x.register_hook(lambda g: g * 2)
with torch.autograd.detect_anomaly(check_nan=True):
    z.backward()
print(x.grad)
""",
    "sources": """
import inspect
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, t):
        ctx.save_for_backward(t)
        return t ** 3
    @staticmethod
    def backward(ctx, g):
        (t,) = ctx.saved_tensors
        return 3 * t ** 2 * g
Cube.apply(x).sum().backward()
print(x.grad, inspect.getsource(Cube).count("\\n"), "def forward" in inspect.getsource(nn.Linear))
print(len(inspect.getsource(torch.optim.SGD)) > 100, len(inspect.getsource(torch.nn.functional.relu)) > 100)
""",
    "scripts and traces": """
@torch.jit.script
def f(t):
    return t * 2 if bool(t.sum() > 0) else t
traced = torch.jit.trace(lambda t: t * 3, x)
(f(x) + traced(x)).sum().backward()
print(x.grad)
""",
    "compile is not needed": """
f = torch.compile(lambda t: t.sin() * 2, backend="eager")
f(x).sum().backward()
print(x.grad)
""",
    "fx, export, sparse, complex, fft, linalg, distributions": """
import torch.fx
graph = torch.fx.symbolic_trace(nn.Sequential(nn.Linear(3, 3), nn.ReLU()))
print(graph.code.count("relu"))
s = torch.sparse_coo_tensor([[0, 1], [1, 0]], [1., 2.], (3, 3))
n = torch.distributions.Normal(x, 1.)
out = torch.sparse.mm(s, x[:, None]).sum() + torch.fft.rfft(x).abs().sum() + n.log_prob(torch.zeros(3)).sum()
out = out + torch.linalg.det(torch.eye(3) * x) + torch.linalg.svdvals(torch.eye(3) + x).sum()
out.backward()
print(x.grad)
""",
    "data, saving, parametrizations": """
import io
from torch.utils.data import DataLoader, TensorDataset
from torch.nn.utils import parametrizations, clip_grad_norm_
net = parametrizations.weight_norm(nn.Linear(3, 1))
for (batch,) in DataLoader(TensorDataset(torch.ones(4, 3)), batch_size=2):
    net(batch).sum().backward()
print(clip_grad_norm_(net.parameters(), 1.0))
kept = io.BytesIO()
torch.save(net.state_dict(), kept)
kept.seek(0)
print(sorted(torch.load(kept)))
""",
    "the standard library and numpy": """
import argparse, bisect, collections, concurrent.futures, contextlib, copy, csv, dataclasses, datetime, decimal
import enum, fractions, functools, graphlib, hashlib, heapq, html, http.client, itertools, json, math, operator
import pathlib, pickle, pprint, queue, random, re, shelve, sqlite3, statistics, string, struct, subprocess, tempfile
import textwrap, threading, time, timeit, typing, unittest.mock, urllib.request, uuid, wsgiref.simple_server, xml.dom
import zipfile, zoneinfo
import numpy as np
print(statistics.mean([1, 2]), np.linalg.inv(np.eye(2)), np.random.default_rng(0).integers(5))
x.sum().backward()
""",
}
OPERATIONS = """
import warnings
import torch
warnings.simplefilter("ignore")
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils._pytree import tree_leaves

def differentiable(value):
    return isinstance(value, torch.Tensor) and value.requires_grad and value.layout == torch.strided

done = 0
for operation in op_db[{first}::{stride}]:
    if not operation.supports_autograd or not operation.supports_dtype(torch.float64, "cpu"):
        continue
    if operation.name == "sparse.mm":
        continue  # its compressed tensor cannot be recorded, here or in a checkout
    torch.manual_seed(0)
    sample = next(iter(operation.sample_inputs("cpu", torch.float64, requires_grad=True)), None)
    try:
        out = [t for t in tree_leaves(operation(sample.input, *sample.args, **sample.kwargs)) if differentiable(t)]
        if out:
            torch.autograd.backward(out, [torch.ones_like(t) for t in out])
    except Exception as error:
        print(operation.name, type(error).__name__)
        continue
    if out:
        leaves = [t for t in tree_leaves((sample.input, sample.args, sample.kwargs)) if differentiable(t)]
        print(operation.name, [t.grad.norm().item() for t in leaves if t.grad is not None])
        done += 1
print(done, "operations")
"""
STRIDE = 4


class Frozen:
    """The worker of the executable."""

    def __init__(self, client: Client, folder: Path) -> None:
        self._client, self._folder = client, folder

    def record(self, name: str, source: str) -> Trace:
        """A program's trace, compared by the worker with an unrecorded run."""
        path = self._folder / f"{name.replace(' ', '_').replace('/', '_')}.py"
        path.write_text(source, encoding="utf-8")
        number = self._client.run(wire.Run(source, options=Options(path=str(path), operations=200_000, verify=True)))
        trace, agrees = None, None
        while agrees is None:
            replies = self._client.wait(240)
            assert replies, f"{name}: no answer"
            for reply in replies:
                if reply.id == number:
                    assert not isinstance(reply, wire.Died | wire.Failed | wire.Stopped), reply
                trace = reply.trace if isinstance(reply, wire.Traced) else trace
                agrees = reply.agrees if isinstance(reply, wire.Verified) else agrees
        assert trace is not None
        assert trace.error is None, trace.error
        assert agrees is True
        return trace


@pytest.fixture(scope="module")
def frozen(installed: Installed) -> Iterator[Frozen]:
    folder = installed.home / "programs"
    folder.mkdir()
    # torch's own list of operations imports this; it is a tool of tests and does not come along.
    shutil.copytree(Path(expecttest.__file__).parent, folder / "expecttest")
    (folder / "neighbour.py").write_text(
        "import torch\nclass Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.w = torch.nn.Parameter(torch.ones(2))\n    def forward(self, x):\n        return self.w * x\n"
        "def loss(y):\n    return (y ** 2).sum()\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        command = client.worker_command
        patch.setattr(client, "worker_command", lambda *limits: [installed.command, *command(*limits)[2:]])
        with Client(spare=False, limits=Limits(seconds=200)) as worker:
            yield Frozen(worker, folder)


@pytest.fixture(scope="module")
def printed(installed: Installed, frozen: Frozen) -> dict[str, str]:
    """What plain Python and an untrimmed torch print."""
    folder = installed.home / "programs"
    sources = {**PROGRAMS, **{name: HEAD + source for name, source in FEATURES.items()}}
    sources |= {f"operations {first}": OPERATIONS.format(first=first, stride=STRIDE) for first in range(STRIDE)}
    paths = []
    for number, source in enumerate(sources.values()):
        paths.append(folder / f"plain_{number}.py")
        paths[-1].write_text(source, encoding="utf-8")
    outcomes = dict(zip(sources, run_plainly(paths), strict=True))
    assert not [name for name, outcome in outcomes.items() if outcome.status]
    return {name: outcome.stdout for name, outcome in outcomes.items()}


@pytest.mark.parametrize("name", FEATURES)
def test_features(name: str, frozen: Frozen, printed: dict[str, str]) -> None:
    trace = frozen.record(name, HEAD + FEATURES[name])
    assert trace.stdout == printed[name]
    assert any(one.steps for one in trace.passes)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str, frozen: Frozen, printed: dict[str, str]) -> None:
    trace = frozen.record(name, PROGRAMS[name])
    assert trace.stdout == printed[name]
    check_trace(trace)


@pytest.mark.parametrize("first", range(STRIDE))
def test_operations(first: int, frozen: Frozen, printed: dict[str, str]) -> None:
    """A sample of every operation that torch lists, a share of them in each program."""
    trace = frozen.record(f"operations {first}", OPERATIONS.format(first=first, stride=STRIDE))
    assert trace.stdout == printed[f"operations {first}"]
    assert int(trace.stdout.split()[-2]) > 80


def test_one_worker_was_enough(frozen: Frozen) -> None:
    """What an optimizer replaces in torch is known here too, so that the worker need not be exchanged each time."""
    before = frozen._client.pid
    frozen.record("optimizer", HEAD + "nn.Linear(3, 1)(x).backward()\ntorch.optim.Adam([x], lr=0.1).step()\n")
    frozen.record("after it", HEAD + "x.sum().backward()\n")
    assert frozen._client.pid == before
