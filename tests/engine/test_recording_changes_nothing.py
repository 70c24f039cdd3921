"""A program cannot tell that it is recorded: what it prints, raises, warns, frees and draws is that of a plain run."""

from __future__ import annotations

import contextlib
import io
import os
import random
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from core.engine import Options, WhatIf, record
from core.engine.program import UNCOMPILED
from core.engine.run import _random_state, _set_random_state
from core.records import Cut, Trace
from tests.oracle.consistency import bits, tensor
from tests.oracle.plain import run_in_process

X = "import torch\nfrom torch import nn\nx = torch.tensor([1., 2., 3.], requires_grad=True)\n"

PROGRAMS = {
    "freeing": """
import weakref
y = x * 2
z = y.exp()
refs = [weakref.ref(y), weakref.ref(z)]
s = z.sum()
del y, z
print([r() is None for r in refs])
seen = []
w = x * 3
w.register_hook(lambda g: seen.append(weakref.ref(g)))
(s + w.sum()).backward()
print(seen[0]() is None)
def f(t):
    return weakref.ref(t * 3)
print(f(x)() is None)
class Big:
    def __del__(self):
        print("freed")
b = Big()
b = 3
""",
    "reference counts": """
import gc, sys
y = x * 2
print(sys.getrefcount(y), sys.getrefcount(x), len(gc.get_referrers(y)), sys.getrefcount(x.shape))
y.sum().backward()
print(sys.getrefcount(y), sys.getrefcount(x.grad), x.grad is x.grad)
""",
    "identity and versions": """
y = x * 2
y += 1
print(y._version, x._version, y.is_leaf, y.grad_fn.name(), y._base is None, x.detach() is x, x.requires_grad_() is x)
g = torch.ones(3)
y.backward(g)
print(x.grad is g, x.grad.data_ptr() == g.data_ptr(), g._version)
print(x.contiguous() is x, x.to(torch.float32) is x, x.float() is x)
""",
    "hooks": """
log = []
y = x * 2
y.register_hook(lambda g: log.append(("tensor", g.tolist())))
y.grad_fn.register_prehook(lambda g: log.append(("pre", len(g))))
y.grad_fn.register_hook(lambda a, b: log.append(("post", len(a), len(b))))
x.register_post_accumulate_grad_hook(lambda p: log.append(("leaf", p.grad.tolist())))
y.sum().backward()
print(log, len(y._backward_hooks), len(x._post_accumulate_grad_hooks))
handle = nn.Linear(3, 1).register_forward_hook(lambda m, a, o: log.append("never"))
print(nn.modules.module._global_forward_hooks.keys() is None)
""",
    "random numbers": """
import random
import numpy
torch.manual_seed(3)
random.seed(4)
numpy.random.seed(5)
d = nn.Dropout(0.5)(x)
d.sum().backward()
print(torch.rand(3), random.random(), numpy.random.rand(), x.grad, torch.initial_seed())
print(torch.randperm(5, generator=torch.Generator().manual_seed(1)), torch.get_rng_state().sum())
""",
    "settings": """
print(torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype())
print(torch.is_autocast_enabled("cpu"), torch.get_num_threads() > 0, torch.are_deterministic_algorithms_enabled())
print(torch._C._len_torch_dispatch_stack(), torch.is_anomaly_enabled())
""",
    "namespace": """
import sys, __main__, builtins
print(sorted(globals()), dir() == sorted(globals()), __name__, __main__.x is x)
def f(a, b=2):
    c = a * b
    return sorted(locals())
class C:
    d = x * 2
    __private = x * 3
print(f(x), [k for k in vars(C) if "ivate" in k or k == "d"], f.__code__.co_varnames, f.__annotations__)
print(C.__doc__, f.__doc__, f.__defaults__)
""",
    "tracing": """
def f(t):
    y = t * 2
    return y.sin() + t.shape[0]
traced = torch.jit.trace(f, (x,))
print([node.kind() for node in traced.graph.nodes()])
traced(x).sum().backward()
print(x.grad)
""",
    "nested tensors": """
for layout in (torch.jagged, torch.strided):
    n = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], requires_grad=True, layout=layout)
    (n * 2).sin().to_padded_tensor(0.0, (2, 3)).sum().backward()
    print(n.grad.unbind())
""",
    "errors": """
def attempt(f):
    try:
        f()
    except BaseException as e:
        print(type(e).__module__, type(e).__qualname__, e, e.__cause__, e.__context__, e.args)
attempt(lambda: x @ torch.ones(4))
attempt(lambda: (x * 2).backward())
attempt(lambda: (x * 2).sum().backward(torch.ones(2)))
attempt(lambda: torch.autograd.grad(x.sum(), torch.ones(1, requires_grad=True)))
attempt(lambda: torch.autograd.backward([x.sum()], [torch.ones(2)], nothing=1))
attempt(lambda: torch.autograd.backward(x.sum(), inputs=[]))
attempt(lambda: torch.autograd.backward(iter([x.sum()])))
attempt(lambda: torch.autograd.grad((t for t in [x.sum()]), x))
attempt(lambda: torch.autograd.backward(3))
attempt(lambda: x.exp_())
attempt(lambda: torch.ones(2).sum().backward())
attempt(lambda: x.nothing)
attempt(lambda: x.sum().backward(1, 2, 3, 4, 5))
attempt(lambda: nn.Linear(2, 2)(x))
attempt(lambda: x[5])
attempt(lambda: bool(x))
attempt(lambda: 1 / 0)
attempt(lambda: exit(3))
def bad(g):
    raise KeyError("hook")
y = x * 2
y.register_hook(bad)
attempt(lambda: y.sum().backward())
z = x * 2
z.register_hook(lambda g: torch.ones(7))
attempt(lambda: z.sum().backward())
print(x.grad)
""",
    "subclasses": """
log = []
class Loud(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        log.append(getattr(func, "__name__", "?"))
        return super().__torch_function__(func, types, args, kwargs or {})
t = torch.ones(3).as_subclass(Loud).requires_grad_()
w = t * x
w.sum().backward()
with torch.no_grad():
    t += 1
t.grad = None
print(log, type(w).__name__, x.grad)
""",
    "modes": """
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
log = []
class F(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        log.append(getattr(func, "__name__", "?"))
        return func(*args, **(kwargs or {}))
class D(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        log.append(str(func))
        return func(*args, **(kwargs or {}))
with D():
    y = x * 2 + x
    y[0] = 1
    (y * torch.ones(2, 3)).sum().backward()
    with torch.no_grad():
        x -= x.grad
    x.grad.zero_()
with F():
    ((x * 2).sum() + x.detach().sum()).backward()
    x.grad = None
print(log)
""",
    "anomaly mode": """
import warnings
warnings.simplefilter("ignore")
with torch.autograd.detect_anomaly():
    try:
        torch.sqrt(x * 0 - 1).sum().backward()
    except RuntimeError as e:
        print(e)
print(torch.is_anomaly_enabled())
""",
    "stdout": """
import sys
print("a", end="")
sys.stdout.write("b\\n")
sys.stdout.flush()
print("c", "d", sep="|", flush=True)
print(sys.stdout.writable(), "é😀")
x.sum().backward()
""",
}


@contextlib.contextmanager
def as_python_starts() -> Iterator[list[warnings.WarningMessage]]:
    """Warnings treated as in a fresh interpreter; yields those that are shown."""
    with warnings.catch_warnings(record=True) as shown:
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings("default", category=DeprecationWarning, module="__main__")
        yield shown


def printed(source: str) -> str:
    """What a program prints, run in this process without the recorder."""
    with contextlib.redirect_stdout(io.StringIO()) as out, as_python_starts():
        run_in_process(source)
    return out.getvalue()


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_a_program_sees(name: str) -> None:
    source = X + PROGRAMS[name]
    plain = printed(source)
    with as_python_starts():
        trace = record(source)
    assert trace.error is None
    assert trace.stdout == plain
    assert trace.agrees is True


WARNINGS = """import warnings
import torch
import torch.nn.functional as F
x = torch.ones(2, 3, requires_grad=True)
for _ in range(2):
    F.mse_loss(x, torch.ones(2, 1)).backward()
F.mse_loss(x, torch.ones(2, 1)).backward()
torch.nn.L1Loss()(x, torch.ones(1))
F.softmax(x)
(x * 2).grad
warnings.warn("mine")
warnings.warn("mine", DeprecationWarning)
def old():
    warnings.warn("old", DeprecationWarning, stacklevel=2)
old()
"""


def test_warnings_are_shown_where_and_as_often_as_in_plain_python(tmp_path: Path) -> None:
    path = tmp_path / "warning.py"
    path.write_text(WARNINGS)
    plain = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=60, check=True)
    with as_python_starts() as shown:
        trace = record(WARNINGS, options=Options(path=str(path), verify=False))
    assert trace.error is None
    assert plain.stderr.count("Warning") >= 7
    text = "".join(warnings.formatwarning(w.message, w.category, w.filename, w.lineno) for w in shown)
    assert text == plain.stderr


def test_a_real_run_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    source = X + "import sys, os\nprint(__file__, sys.argv, sys.path[0], os.getcwd(), __name__, __doc__, __package__)\n"
    source += (
        "torch.manual_seed(0)\nlayer = nn.Linear(3, 2)\nlayer(x).sum().backward()\nprint(x.grad, layer.bias.grad)\n"
    )
    path.write_text(source)
    plain = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=60, check=True)
    assert record(source, options=Options(path=str(path))).stdout == plain.stdout


def test_standard_output_is_a_stream_like_any_other() -> None:
    source = """import sys
sys.stdout.reconfigure(line_buffering=True)
sys.stdout.buffer.write("é".encode()[:1])
sys.stdout.buffer.write("é".encode()[1:])
print(sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.errors)
print("a\\r\\nb", end="")
"""
    trace = record(source)
    assert trace.error is None
    assert trace.stdout == "éFalse utf-8 strict\na\r\nb"


def test_compiled_functions_run_as_they_are_written() -> None:
    source = (
        X
        + """
@torch.compile(backend="eager", fullgraph=True)
def f(t):
    y = t * t
    return y.sum()
f(x).backward()
"""
    )
    trace = record(source)
    assert trace.error is None
    assert trace.agrees is True
    assert [op.text for op in trace.ops][-2:] == ["t * t", "y.sum()"]
    assert UNCOMPILED not in os.environ


def test_a_program_that_is_no_file_can_read_its_own_source() -> None:
    source = "import inspect\ndef f():\n    return 1  # one\nprint(inspect.getsource(f), end='')\n"
    assert record(source).stdout == "def f():\n    return 1  # one\n"


def test_the_state_of_this_process_is_put_back() -> None:
    def state() -> tuple[object, ...]:
        return (
            sys.modules["__main__"],
            sys.stdout,
            tuple(sys.argv),
            tuple(sys.path),
            threading.Thread._bootstrap_inner,  # type: ignore[attr-defined]
            torch.autograd.Function.__dict__["apply"],
            torch.autograd.backward,
            torch.autograd.grad,
            torch.autograd._engine_run_backward,
            torch.autograd.graph._engine_run_backward,
            torch.is_grad_enabled(),
            torch._C._len_torch_function_stack(),
            len(torch.nn.modules.module._global_forward_hooks),
            len(torch.nn.modules.module._global_forward_pre_hooks),
            threading.stack_size(),
            [name for name in dir(__builtins__) if "pullback" in name],
        )

    before = state()
    for source in (X + "x.sum().backward()\n", X + "raise KeyError\n", "syntax error\n", "import sys\nsys.exit(2)\n"):
        record(source)
        assert state() == before


@pytest.mark.parametrize("verify", [False, True])
def test_random_numbers_go_on_as_if_the_program_had_run_once(verify: bool) -> None:
    source = (
        X + "import random\nimport numpy\ntorch.rand(3), random.random(), numpy.random.rand()\nx.sum().backward()\n"
    )
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    start = _random_state()
    run_in_process(source)
    wanted = torch.rand(2).tolist(), random.random(), np.random.rand()
    _set_random_state(start)
    assert record(source, options=Options(verify=verify, finite_differences=verify)).error is None
    assert (torch.rand(2).tolist(), random.random(), np.random.rand()) == wanted


TRAINING = """import torch
torch.manual_seed(7)
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.3), torch.nn.GELU(), torch.nn.Linear(8, 1))
opt = torch.optim.Adam(net.parameters(), 0.01)
a = torch.randn(5, 4, requires_grad=True)
for _ in range(4):
    opt.zero_grad()
    (net(a) ** 2).mean().backward()
    opt.step()
"""


def leaf(trace: Trace, name: str) -> tuple[object, ...]:
    found = next(leaf.grad for leaf in trace.leaves if leaf.name == name)
    assert found is not None
    return bits(tensor(found))


def test_gradients_are_those_of_the_plain_run_bit_for_bit() -> None:
    module = run_in_process(TRAINING)
    trace = record(TRAINING)
    assert trace.agrees is True
    assert leaf(trace, "a") == bits(module.a.grad)
    for name, parameter in module.net.named_parameters():
        assert leaf(trace, f"net.{name}") == bits(parameter.grad)
        value = next(trace.values[one.value] for one in trace.leaves if one.name == f"net.{name}" and one.value)
        assert bits(tensor(value.tensor)) == bits(parameter)


def test_agrees_tells_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECORDED", "1")
    source = X + "import os\nk = 2 if os.environ.pop('RECORDED', '') else 3\n(x * k).sum().backward()\n"
    assert record(source).agrees is False
    assert "RECORDED" not in os.environ


def test_agrees_looks_at_each_pass_not_only_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECORDED", "1")
    source = X + "import os\nk = 2 if os.environ.pop('RECORDED', '') else 3\n(x * k).sum().backward()\nx.grad = None\n"
    assert record(source).agrees is False


@pytest.mark.parametrize(
    "chance", ["int.from_bytes(os.urandom(4), 'big')", "time.perf_counter_ns() % 10**6", "next(count)"]
)
def test_a_program_that_is_not_deterministic_is_no_failure(chance: str) -> None:
    source = "import builtins, itertools, os, time\ncount = builtins.__dict__.setdefault('_count', itertools.count())\n"
    try:
        assert record(source + X + f"(x * ({chance})).sum().backward()\n").agrees is None
    finally:
        vars(sys.modules["builtins"]).pop("_count", None)


def test_a_run_that_was_not_compared_says_so() -> None:
    assert record(X + "x.sum().backward()\n", options=Options(verify=False)).agrees is None


@pytest.mark.parametrize(
    "what_if",
    [
        WhatIf(seeds={0: [2]}),
        WhatIf(cuts=(Cut("4:x * 2"),)),
        WhatIf(leaves={"x": [0, 1, 0]}),
        WhatIf(heals=("5:x.detach()",)),
    ],
)
def test_what_ifs_are_compared_with_an_unrecorded_run_too(what_if: WhatIf) -> None:
    trace = record(X + "y = (x * 2).sum() + x.sum()\nz = x.detach() * x\n(y + z.sum()).backward()\n", what_if)
    assert trace.agrees is True


def test_a_program_that_records_another_is_refused_and_does_not_hang() -> None:
    trace = record("from core.engine import record\nrecord('1')\n", options=Options(verify=False))
    assert trace.error is not None
    assert (trace.error.line, trace.error.message) == (2, "a program is being recorded already; one at a time")


def test_a_program_that_raises_leaves_what_it_did() -> None:
    trace = record(X + "(x * 2).sum().backward()\nprint('before')\nraise ValueError('é')\nprint('after')\n")
    assert (trace.stdout, trace.agrees) == ("before\n", True)
    assert trace.error is not None
    assert (trace.error.type, trace.error.message, trace.error.line) == ("ValueError", "é", 6)
    assert trace.leaves[0].grad is not None


@pytest.mark.parametrize("code", ["sys.exit()", "sys.exit(0)", "sys.exit(3)", "raise SystemExit('words')"])
def test_sys_exit_is_a_normal_end(code: str) -> None:
    trace = record("import sys\n" + X + f"x.sum().backward()\n{code}\nprint('never')\n")
    assert (trace.error, trace.stdout, trace.agrees) == (None, "", True)


@pytest.mark.parametrize(
    ("source", "kind", "line"),
    [("x = (1,\n", "SyntaxError", 1), ("def f():\nreturn\n", "IndentationError", 2), ("a\0b", "SyntaxError", 0)],
)
def test_programs_that_do_not_compile(source: str, kind: str, line: int) -> None:
    error = record(source).error
    with pytest.raises((SyntaxError, ValueError)):
        compile(source, "<program>", "exec")
    assert error is not None
    assert (error.type, error.line) == (kind, line)


def test_a_program_that_redirected_its_output_can_go_back() -> None:
    source = "import io, sys\nsys.stdout = io.StringIO()\nprint('aside')\nsys.stdout = sys.__stdout__\nprint('told')\n"
    before = sys.stdout, sys.__stdout__
    assert record(source, options=Options(verify=False)).stdout == "told\n"
    assert (sys.stdout, sys.__stdout__) == before
