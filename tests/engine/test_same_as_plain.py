"""Whatever a program does around a backward pass, it comes out as in plain torch: results, hook logs, errors, warnings.

Each scenario is a small program that gets a ``backward`` to call. It runs with ``torch.autograd.backward``, then with
``BackwardPass`` stepped to its end and with ``record_backward``, and everything it can observe is compared bit for bit.
"""

from __future__ import annotations

import contextvars
import threading
import traceback
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import Variable
from torch.autograd.graph import GradientEdge, get_gradient_edge, register_multi_grad_hook, save_on_cpu
from torch.nn.functional import embedding
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from core.engine import BackwardPass, record_backward

Backward: TypeAlias = Callable[..., None]
Log: TypeAlias = list[Any]
Scenario: TypeAlias = Callable[[Backward, Log], Sequence[Tensor]]
"""Runs a program, notes what hooks see in the log, and returns the tensors whose ``.grad`` matters."""

SCENARIOS: dict[str, tuple[Scenario, type[BaseException] | None]] = {}
"""Name → the program, and what it raises in plain torch."""


def scenario(play: Scenario) -> Scenario:
    """Register a program that runs through."""
    SCENARIOS[play.__name__] = play, None
    return play


def raises(error: type[BaseException]) -> Callable[[Scenario], Scenario]:
    """Register a program that ends with ``error``."""

    def register(play: Scenario) -> Scenario:
        SCENARIOS[play.__name__] = play, error
        return play

    return register


def step_through(*arguments: Any, **options: Any) -> None:
    for _ in BackwardPass(*arguments, **options):
        pass


# ── What can be observed ──────────────────────────────────────────────────────────────────────────────────────────


def frozen(value: Any) -> Any:
    """A copy that can be compared with ``==``: tensors as their bits and layout, errors as type and text."""
    if isinstance(value, Tensor):
        with torch._C.DisableTorchFunction():
            dense = value.detach()
            if dense.layout is torch.sparse_coo:
                return ("sparse", frozen(dense._indices()), frozen(dense._values()), tuple(dense.shape))
            if dense.layout is not torch.strided:
                return (str(dense.layout), frozen(dense.to_dense()))
            words = dense.resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8).tolist()
            return (str(value.dtype), tuple(value.shape), value.stride(), value.requires_grad, bytes(words))
    if isinstance(value, BaseException):
        return (type(value), str(value))
    if isinstance(value, tuple | list):
        return tuple(map(frozen, value))
    return value


def outcome(play: Scenario, backward: Backward) -> dict[str, Any]:
    """Run a scenario from a fixed state and return all that it shows."""
    torch.manual_seed(0)
    log: Log = []
    error, grads = None, ()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            grads = frozen([tensor.grad for tensor in play(backward, log)])
        except BaseException as raised:
            error = frozen(raised)
    return {
        "error": error,
        "grads": grads,
        "log": frozen(log),
        "warnings": [(warning.category, str(warning.message).splitlines()[0]) for warning in caught],
    }


@pytest.fixture(autouse=True)
def _same_start() -> Iterator[None]:
    """torch repeats its once-only warnings, and no test leaves a thread behind."""
    threads = threading.enumerate()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)
    assert threading.enumerate() == threads


# ── Functions of the programs ─────────────────────────────────────────────────────────────────────────────────────


class CustomError(Exception):
    """Raised by programs here."""


class TwoOutputs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, log: Log) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        ctx.log = log
        return x * 2, x * 3

    @staticmethod
    def backward(ctx: Any, left: Tensor | None, right: Tensor | None) -> Any:
        ctx.log.append((left, right))
        return left, None


class KeepsAnObject(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.kept = CustomError("only an object that can be referred to weakly")
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient


class MatmulInBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x @ x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return gradient @ x.t() + x.t() @ gradient


class Everything(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scale: float, x: Tensor, y: Tensor, constant: Tensor, log: Log) -> Any:
        ctx.save_for_backward(x, y)
        ctx.scale, ctx.log = scale, log
        indices = x.argsort()
        ctx.mark_non_differentiable(indices)
        return x * y * scale, indices, x + constant

    @staticmethod
    def backward(ctx: Any, product: Tensor, indices: Tensor, total: Tensor) -> Any:
        x, y = ctx.saved_tensors
        ctx.log.append((product, indices, total, ctx.needs_input_grad))
        return None, product * y * ctx.scale + total, product * x * ctx.scale, None, None


class Refuses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        raise CustomError("backward refused")


class WrongCount(Refuses):
    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient, gradient


class WrongShape(Refuses):
    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return torch.ones(7)


class OnceOnly(Refuses):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient * 2


# ── Graphs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def leaf(*values: float, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.tensor(values, dtype=dtype, requires_grad=True)


@scenario
def polynomial(backward: Backward, log: Log) -> Sequence[Tensor]:
    a, b = leaf(2, 3), leaf(6, 4)
    backward(3 * a**3 - b**2, torch.tensor([1.0, 1.0]))
    return a, b


@scenario
def scalar_root_seeds_itself(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2, 3)
    backward((x * x).sum())
    return (x,)


@scenario
def fan_out(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(0.1, 0.7)
    y = x.exp()
    backward([(y * y.sin() / y + y).sum()])
    return (x,)


@scenario
def broadcasting(backward: Backward, log: Log) -> Sequence[Tensor]:
    row, column, one = leaf(1, 2, 3), torch.tensor([[4.0], [5.0]], requires_grad=True), leaf(2)
    backward((row * column + one).sin().sum())
    return row, column, one


@scenario
def type_promotion(backward: Backward, log: Log) -> Sequence[Tensor]:
    half, single, double = leaf(1.5, dtype=torch.bfloat16), leaf(2.5), leaf(1 / 3, dtype=torch.float64)
    backward(half * single * double)
    return half, single, double


@scenario
def complex_numbers(backward: Backward, log: Log) -> Sequence[Tensor]:
    z = torch.tensor([1 + 2j, -0.5j], requires_grad=True)
    x = leaf(1, 2)
    y = (z * x).conj().exp() + torch.view_as_complex(torch.view_as_real(z))
    backward(y, torch.tensor([1j, 2 - 1j]))
    return z, x


@scenario
def several_outputs(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = torch.randn(6, 4, requires_grad=True)
    first, _, third = x.chunk(3)
    values, _ = x.topk(2)
    u, _, _ = torch.linalg.svd(first + third)
    backward(values.sum() + u.abs().sum() + torch.std_mean(x, 0)[1].sum() + x.unbind(1)[2].sum())
    return (x,)


@scenario
def undefined_gradients(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, unused = leaf(1, 2), leaf(3)
    left, right = TwoOutputs.apply(x, log)
    unused * right.sum()
    backward(left.sum())
    return x, unused


@scenario
def several_roots(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = leaf(1, 2), leaf(3, 4)
    p, q = x * y, y.exp()
    backward([p, q.sum(), p, p + q], [torch.ones(2), None, torch.tensor([2.0, 3.0]), torch.ones(2)])
    return x, y


@scenario
def leaf_as_root(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    backward(x, torch.tensor([5.0, 6.0]))
    backward([x, x.sin().sum()], [torch.ones(2), None])
    return (x,)


@scenario
def gradient_edges_as_roots(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2, 3, 4)
    head, tail = (x * x).split(2)
    edge = get_gradient_edge(tail)
    backward(edge, torch.tensor([1.0, 2.0]), retain_graph=True)
    backward([edge, get_gradient_edge(head), get_gradient_edge(x)], [torch.ones(2), torch.ones(2), torch.ones(4)])
    return (x,)


@scenario
def gradient_edge_needs_a_seed(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1)
    backward(get_gradient_edge(x * x))
    return (x,)


@scenario
def in_place_and_views(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = torch.randn(3, 4, requires_grad=True), leaf(1, 2, 3, 4)
    z = x * 1
    z[1] = y
    z[:, 2].mul_(y[0])
    z.view(4, 3).add_(1)
    z.narrow(0, 0, 2).copy_(y)
    backward((z.tanh_() * y).sum())
    return x, y


@scenario
def sparse_gradients(backward: Backward, log: Log) -> Sequence[Tensor]:
    only, twice, mixed = (torch.randn(5, 2, requires_grad=True) for _ in range(3))
    rows = torch.tensor([0, 3, 3])
    total = embedding(rows, only, sparse=True).sum()
    total = total + (embedding(rows, twice, sparse=True) * embedding(rows + 1, twice, sparse=True)).sum()
    total = total + (mixed * mixed).sum() + embedding(rows, mixed, sparse=True).sum()
    backward(total, retain_graph=True)
    backward(total)
    return only, twice, mixed


@scenario
def sparse_matrix(backward: Backward, log: Log) -> Sequence[Tensor]:
    sparse = torch.eye(3).to_sparse().requires_grad_()
    dense = torch.randn(3, 2, requires_grad=True)
    backward((torch.sparse.mm(sparse, dense) ** 2).sum())
    return sparse, dense


@scenario
def channels_last_strides(backward: Backward, log: Log) -> Sequence[Tensor]:
    weight = torch.randn(3, 2, 3, 3).to(memory_format=torch.channels_last).requires_grad_()
    x = torch.randn(1, 2, 5, 5).to(memory_format=torch.channels_last).requires_grad_()
    backward(torch.conv2d(x, weight).square().sum())
    return weight, x


@scenario
def empty_tensors(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = torch.zeros(0, 3, requires_grad=True), leaf(1)
    backward(x.sum() + (x * y[0]).sum())
    return x, y


@scenario
def modules(backward: Backward, log: Log) -> Sequence[Tensor]:
    convolution = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3))
    recurrent, attention = nn.GRU(8, 4, batch_first=True), nn.MultiheadAttention(4, 2, batch_first=True)
    states, _ = recurrent(convolution(torch.randn(3, 1, 4, 4)).unsqueeze(1).expand(3, 2, 8))
    attended, _ = attention(states, states, states)
    head = nn.Linear(4, 4)
    head.weight = attention.out_proj.weight  # weight tying
    backward(nn.functional.cross_entropy(head(attended).flatten(0, 1), torch.arange(6) % 4))
    return [p for module in (convolution, recurrent, attention, head) for p in module.parameters()]


@scenario
def gradients_add_up_in_place(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = x * x
    backward(y.sum(), retain_graph=True)
    held = x.grad
    backward(y, torch.tensor([3.0, 4.0]))
    log.append(x.grad is held)
    return (x,)


@scenario
def optimizer_loop(backward: Backward, log: Log) -> Sequence[Tensor]:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for step in range(4):
        optimizer.zero_grad(set_to_none=step % 2 == 0)
        loss = model(torch.randn(3, 2)).square().mean()
        backward(loss)
        optimizer.step()
        log.append(loss)
    return list(model.parameters())


@scenario
def many_threads_of_leaves(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    backward(torch.stack([x * k for k in range(9)]).prod(0).sum())
    return (x,)


# ── Arguments ─────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
def inputs_are_some_leaves(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y, z = leaf(1, 2), leaf(3, 4), leaf(5)
    product = x * y
    backward((product.sin() * z).sum(), inputs=[y, z], retain_graph=True)
    backward(product.sum(), inputs=y)
    return x, y, z


@scenario
def inputs_are_inner_values(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = leaf(1, 2), leaf(3, 4)
    product = x * y
    product.register_hook(log.append)
    backward((product.sin() + product).sum(), inputs=[product, y])
    return x, product, y


@scenario
def inputs_are_gradient_edges(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = leaf(1, 2), leaf(3, 4)
    backward((x * y).sum(), inputs=[get_gradient_edge(x)])
    return x, y


@scenario
def inputs_not_reached(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = leaf(1, 2), leaf(3, 4)
    backward((x * x).sum(), inputs=[y])
    return x, y


@raises(RuntimeError)
def inputs_empty(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1)
    backward(x * x, inputs=[])
    return (x,)


@raises(RuntimeError)
def inputs_without_grad(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1)
    backward(x * x, inputs=[torch.ones(1)])
    return (x,)


@scenario
def no_roots(backward: Backward, log: Log) -> Sequence[Tensor]:
    backward([])
    return ()


@raises(AssertionError)
def root_is_no_tensor(backward: Backward, log: Log) -> Sequence[Tensor]:
    backward([1.0])
    return ()


@raises(RuntimeError)
def root_needs_a_seed(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    backward(x * x)
    return (x,)


@raises(RuntimeError)
def root_without_grad_fn(backward: Backward, log: Log) -> Sequence[Tensor]:
    backward(torch.ones(1) * 2)
    return ()


@raises(RuntimeError)
def one_root_of_two_without_grad_fn(backward: Backward, log: Log) -> Sequence[Tensor]:
    backward([leaf(1) * 2, torch.ones(1)])
    return ()


@raises(RuntimeError)
def root_is_an_integer(backward: Backward, log: Log) -> Sequence[Tensor]:
    backward(leaf(1, 2).argmax())
    return ()


@raises(RuntimeError)
def complex_root_needs_a_seed(backward: Backward, log: Log) -> Sequence[Tensor]:
    backward(torch.tensor(1j, requires_grad=True) * 2)
    return ()


@raises(RuntimeError)
def seed_of_another_shape(backward: Backward, log: Log) -> Sequence[Tensor]:
    backward(leaf(1, 2) * 2, torch.ones(3))
    return ()


@raises(RuntimeError)
def seed_of_another_kind(backward: Backward, log: Log) -> Sequence[Tensor]:
    backward(leaf(1, 2) * 2, torch.ones(2, dtype=torch.complex64))
    return ()


@scenario
def seed_of_another_precision(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    backward(x * 2, torch.ones(2, dtype=torch.float64) / 3)
    return (x,)


@raises(TypeError)
def seed_is_a_number(backward: Backward, log: Log) -> Sequence[Tensor]:
    backward([leaf(1, 2) * 2], [3.0])
    return ()


@scenario
def more_seeds_than_roots(backward: Backward, log: Log) -> Sequence[Tensor]:
    backward([leaf(1) * 2], [torch.ones(1), torch.ones(1)])
    return ()


@scenario
def undefined_keyword(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1)
    backward(x * 2, None, retain_graph=None, create_graph=False, inputs=None)
    return (x,)


# ── Freed graphs and changed values ───────────────────────────────────────────────────────────────────────────────


@raises(RuntimeError)
def second_backward(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = (x * x).exp().sum()
    backward(y)
    backward(y)
    return (x,)


@scenario
def second_backward_where_nothing_was_saved(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = (x + 1).sum()
    backward(y)
    backward(y)
    return (x,)


@scenario
def retained_graph(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = (x * x).exp().sum()
    for _ in range(3):
        backward(y, retain_graph=True)
        log.append(y.grad_fn.next_functions[0][0]._saved_result)
    return (x,)


@scenario
def saved_tensors_are_freed(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    product = x * x.sin()
    backward(product.sum())
    for name in ("_saved_self", "_saved_other"):
        try:
            log.append(getattr(product.grad_fn, name))
        except RuntimeError as error:
            log.append(error)
    return (x,)


@scenario
def memory_is_freed(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = KeepsAnObject.apply(x)
    kept = weakref.ref(y.grad_fn.kept)
    saved = torch.randn(2)
    freed = weakref.ref(saved)
    root = (y * saved).sum()
    del saved
    log.append((kept() is None, freed() is None))
    backward(root)
    log.append((kept() is None, freed() is None))
    del root, y
    log.append((kept() is None, freed() is None))
    return (x,)


@raises(RuntimeError)
def saved_value_was_changed(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = leaf(1, 2), leaf(3, 4)
    z = (x * 1).exp()
    root = (z * y).sum()
    z.add_(1)
    backward(root)
    return x, y


@raises(RuntimeError)
def leaf_was_changed(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    root = (x * x).sum()
    with torch.no_grad():
        x.add_(1)
    backward(root)
    return (x,)


# ── Hooks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
def tensor_hooks(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = x * 3
    x.register_hook(lambda gradient: log.append(("x", gradient)))
    x.register_hook(lambda gradient: gradient * 10)
    x.register_hook(lambda gradient: log.append(("x again", gradient)))
    y.register_hook(lambda gradient: log.append(("y", gradient)))
    y.register_hook(lambda gradient: gradient.clamp(max=0.5))
    removed = y.register_hook(lambda gradient: gradient * 0)
    removed.remove()
    backward((y.sin() + y).sum())
    return (x,)


@scenario
def retained_inner_gradients(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = x * 3
    z = y.exp()
    y.register_hook(lambda gradient: gradient * 2)
    y.retain_grad()
    z.retain_grad()
    z.register_hook(lambda gradient: gradient + 1)
    z.register_hook(lambda gradient: log.append((z.grad, gradient)))
    backward(z.sum())
    return x, y, z


@scenario
def node_hooks(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = x * x
    z = y.exp()
    for name, value in (("z", z), ("y", y), ("x", get_gradient_edge(x))):
        node = value.node if isinstance(value, GradientEdge) else value.grad_fn
        node.register_prehook(lambda arrived, name=name: log.append((name, "arrives", arrived)))
        node.register_hook(lambda left, arrived, name=name: log.append((name, "leaves", left, arrived)))
    z.grad_fn.register_prehook(lambda arrived: (arrived[0] * 2,))
    y.grad_fn.register_hook(lambda left, arrived: (left[0] + 1, None))
    backward(z.sum())
    return (x,)


@scenario
def node_hook_stops_a_gradient(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = leaf(1, 2), leaf(3, 4)
    product = x * y
    product.grad_fn.register_prehook(lambda arrived: (None,))
    backward((product.sin() + x).sum())
    return x, y


@raises(RuntimeError)
def hook_returns_the_wrong_shape(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = x * x
    y.register_hook(lambda gradient: torch.ones(3))
    backward(y.sum())
    return (x,)


@raises(TypeError)
def hook_returns_no_tensor(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    x.register_hook(lambda gradient: 3.0)
    backward((x * x).sum())
    return (x,)


@scenario
def hook_changes_the_gradient_in_place(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = leaf(1, 2), leaf(3, 4)
    z = x + y
    z.register_hook(lambda gradient: gradient.mul_(3))
    x.register_hook(lambda gradient: gradient.add_(1))
    backward((z * z).sum())
    return x, y


@scenario
def post_accumulate_grad_hooks(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = leaf(1, 2), leaf(3, 4)

    def step(parameter: Tensor) -> None:
        log.append((parameter, parameter.grad))
        with torch.no_grad():
            parameter.sub_(parameter.grad, alpha=0.1)
        parameter.grad = None

    x.register_post_accumulate_grad_hook(step)
    y.register_post_accumulate_grad_hook(lambda parameter: log.append(parameter.grad))
    for _ in range(2):
        backward((x * 2).exp().mul(y + 1).sum())
    log.append(x)
    return x, y


@scenario
def multi_grad_hooks(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y, unused = leaf(1, 2), leaf(3, 4), leaf(5)
    z = x * y
    register_multi_grad_hook([x, y, z, unused], lambda grads: log.append(("all", grads)))
    register_multi_grad_hook([x, y], lambda gradient: log.append(("any", gradient)), mode="any")
    for _ in range(2):
        backward(z.sum(), retain_graph=True)
    return x, y


@scenario
def module_hooks(backward: Backward, log: Log) -> Sequence[Tensor]:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    for layer in model:
        layer.register_full_backward_pre_hook(lambda layer, arrived: log.append((type(layer), arrived)))
        layer.register_full_backward_hook(lambda layer, left, arrived: log.append((type(layer), left, arrived)))
    model[1].register_full_backward_hook(lambda layer, left, arrived: (left[0] * 2,))
    backward(model(torch.randn(4, 2)).sum())
    return list(model.parameters())


@scenario
def hook_registers_and_removes_hooks(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = x * x
    z = y.exp()
    handles = [y.register_hook(lambda gradient: log.append("to be removed"))]

    def change(gradient: Tensor) -> None:
        handles.pop().remove()
        y.register_hook(lambda gradient: log.append(("late", gradient)))
        y.grad_fn.register_hook(lambda left, arrived: log.append(("late node hook", left, arrived)))
        x.register_post_accumulate_grad_hook(lambda leaf: log.append(("late leaf", leaf.grad)))

    z.register_hook(change)
    backward(z.sum())
    return (x,)


def raising_hook(error: BaseException) -> None:
    def play(backward: Backward, log: Log) -> Sequence[Tensor]:
        def refuse(gradient: Tensor) -> None:
            raise error

        x, y = leaf(1, 2), leaf(3, 4)
        z = y.exp()
        z.register_hook(refuse)
        try:
            backward((x * z).sum())
        except BaseException as raised:
            log.append((raised is error, traceback.extract_tb(raised.__traceback__)[-1].name, x.grad, y.grad))
            raise
        return x, y

    play.__name__ = f"hook_raises_{type(error).__name__}"
    raises(type(error))(play)


raising_hook(CustomError("no", 3))
raising_hook(KeyboardInterrupt("stop"))
raising_hook(SystemExit(3))
raising_hook(GeneratorExit("x"))


@raises(RuntimeError)
def graph_after_a_failed_pass(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = x.exp()
    root = (y * y).sum()

    def refuse(gradient: Tensor) -> None:
        raise CustomError("once")

    handle = y.register_hook(refuse)
    for retain in (True, False):
        try:
            backward(root, retain_graph=retain)
        except CustomError as error:
            log.append(error)
    handle.remove()
    backward(root)
    return (x,)


@scenario
def hook_runs_a_backward_of_its_own(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = x * x
    inner = (x * 5).sin().sum()

    def nested(gradient: Tensor) -> Tensor:
        torch.autograd.backward(inner, retain_graph=True)
        log.append(x.grad)
        (second,) = torch.autograd.grad(inner, x)
        log.append(second)
        return gradient + second

    y.register_hook(nested)
    x.register_hook(log.append)
    backward(y.exp().sum())
    return (x,)


@scenario
def hook_runs_a_backward_of_the_same_graph(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = x * x
    z = y.exp()
    root = z.sum()
    depth = [0]

    def nested(gradient: Tensor) -> None:
        log.append((depth[0], gradient))
        if depth[0] < 2:
            depth[0] += 1
            torch.autograd.backward(root, retain_graph=True)

    z.register_hook(nested)
    y.register_hook(lambda gradient: log.append(("y", gradient)))
    backward(root, retain_graph=True)
    return (x,)


@scenario
def hook_runs_the_judged_backward(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = x * x

    def nested(gradient: Tensor) -> None:
        with torch.enable_grad():
            backward((x * gradient).sin().sum())
        log.append(x.grad)

    y.register_hook(nested)
    backward(y.exp().sum())
    return (x,)


@scenario
def callbacks_at_the_end(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = x * x
    y.register_hook(lambda gradient: Variable._execution_engine.queue_callback(lambda: log.append(("end", x.grad))))
    x.register_hook(log.append)
    backward(y.sum())
    log.append("after")
    return (x,)


# ── The state around the pass ─────────────────────────────────────────────────────────────────────────────────────

REQUEST = contextvars.ContextVar("REQUEST", default="outside")


@scenario
def context_variables(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    x.register_hook(lambda gradient: log.append(REQUEST.get()))
    token = REQUEST.set("inside")
    try:
        backward((x * x).sum())
    finally:
        REQUEST.reset(token)
    return (x,)


@scenario
def settings_seen_by_hooks(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = x * x
    y.register_hook(
        lambda gradient: log.append(
            (
                torch.is_grad_enabled(),
                torch.is_autocast_enabled("cpu"),
                torch.is_anomaly_enabled(),
                torch.get_num_threads(),
                torch.get_default_dtype(),
                torch.rand(1),
            )
        )
    )
    threads = torch.get_num_threads()
    try:
        backward(y.sum(), retain_graph=True)
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            backward([y], [torch.ones(2)], retain_graph=True)
        torch.set_num_threads(1)
        backward(y, torch.ones(2), create_graph=True)
    finally:
        torch.set_num_threads(threads)
    return (x,)


@scenario
def number_of_threads(backward: Backward, log: Log) -> Sequence[Tensor]:
    """The Fourier transform of MKL rounds otherwise with more threads, and has a limit for each thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        x = torch.randn(5, 6, 7, requires_grad=True)
        backward(torch.fft.irfft(x, n=7), torch.randn(5, 6, 7))
    finally:
        torch.set_num_threads(threads)
    return (x,)


@scenario
def autocast(backward: Backward, log: Log) -> Sequence[Tensor]:
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(torch.randn(3, 4))
        log.append(output)
        loss = output.square().mean()
    backward(loss)
    return list(model.parameters())


@scenario
def autocast_around_the_pass(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = torch.randn(4, 4, requires_grad=True)
    y = MatmulInBackward.apply(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        backward(y.sum())
    return (x,)


class OperationLog(TorchDispatchMode):
    """Notes the operations that torch dispatches."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.log.append(str(func))
        return func(*args, **(kwargs or {}))


class FunctionLog(TorchFunctionMode):
    """Notes the functions of torch that Python code calls."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.log.append(getattr(func, "__name__", str(func)))
        return func(*args, **(kwargs or {}))


@scenario
def function_mode_around_the_pass(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    root = (x * x).sum()
    calls: Log = []
    with FunctionLog(calls):
        backward(root)
    log.extend(name for name in calls if name != "backward")
    return (x,)


@scenario
def dispatch_mode_around_the_pass(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = leaf(1, 2), leaf(3, 4)
    root = ((x * y).exp() * x).sum()
    with OperationLog(log):
        backward(root)
    return x, y


@scenario
def inference_mode_around_the_pass(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    root = (x * x).sum()
    with torch.inference_mode():
        backward(root)
    assert x.grad is not None
    log.append(x.grad.is_inference())
    return (x,)


@scenario
def saved_tensor_hooks_around_a_differentiable_pass(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    y = x.exp().sum()

    def pack(tensor: Tensor) -> Tensor:
        log.append(("pack", tensor.detach()))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda packed: packed):
        backward(y, create_graph=True)
    return (x,)


@scenario
def saved_tensor_hooks(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = leaf(1, 2), leaf(3, 4)

    def pack(tensor: Tensor) -> Any:
        log.append(("pack", tensor.detach()))
        return len(log), tensor.detach() * 2

    def unpack(packed: Any) -> Tensor:
        log.append(("unpack", packed))
        return packed[1] / 2

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        z = (x * y).exp() * x
    log.append("backward")
    backward(z.sum())
    with save_on_cpu():
        z = (x * y).sin()
    backward(z.sum())
    return x, y


@raises(RuntimeError)
def anomaly_mode_finds_a_nan(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(0, 1)
    with torch.autograd.detect_anomaly(check_nan=True):
        y = (x * 0).sqrt() * 0
        backward(y.sum())
    return (x,)


@raises(RuntimeError)
def anomaly_mode_explains_an_error(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    with torch.autograd.set_detect_anomaly(True):
        y = x.exp()
        z = y.sum()
        with torch.no_grad():
            y.zero_()
        backward(z * y[0])
    return (x,)


@scenario
def reentrant_checkpoint(backward: Backward, log: Log) -> Sequence[Tensor]:
    layer, x = nn.Linear(3, 3), torch.randn(2, 3, requires_grad=True)

    def block(value: Tensor) -> Tensor:
        log.append("forward")
        return layer(value).tanh() * value

    y = checkpoint(block, checkpoint(block, x, use_reentrant=True), use_reentrant=True)
    x.register_hook(log.append)
    backward(y.sum() + layer.weight.sum())
    return [x, *layer.parameters()]


@scenario
def checkpoint_without_reentry(backward: Backward, log: Log) -> Sequence[Tensor]:
    layer, x = nn.Linear(3, 3), torch.randn(2, 3, requires_grad=True)

    def block(value: Tensor) -> Tensor:
        log.append("forward")
        return nn.functional.dropout(layer(value), 0.4).tanh() * value

    y = checkpoint(block, checkpoint(block, x, use_reentrant=False), use_reentrant=False)
    backward(y.sum() + layer.weight.sum())
    return [x, *layer.parameters()]


class CountingTensor(Tensor):
    """A tensor subclass that notes what is called on it."""

    calls: Log

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cls.calls.append(getattr(func, "__name__", str(func)))
        return super().__torch_function__(func, types, args, kwargs or {})


@scenario
def tensor_subclass(backward: Backward, log: Log) -> Sequence[Tensor]:
    CountingTensor.calls = log
    x = torch.randn(3).as_subclass(CountingTensor).requires_grad_()
    backward((x * x).sin().sum())
    log.append(type(x.grad))
    return (x,)


@scenario
def pass_in_another_thread(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    thread = threading.Thread(target=lambda: backward((x * x).exp().sum()))
    thread.start()
    thread.join()
    return (x,)


@scenario
def nested_tensors(backward: Backward, log: Log) -> Sequence[Tensor]:
    a, b = torch.randn(2, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    ragged = torch.nested.as_nested_tensor([a, b], layout=torch.jagged)
    backward((ragged * ragged).values().sum())
    return a, b


# ── Custom functions ──────────────────────────────────────────────────────────────────────────────────────────────


@scenario
def custom_function(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = leaf(2, 1), leaf(3, 4)
    product, _, total = Everything.apply(0.5, x, y, torch.ones(2), log)
    backward((product * total).sum())
    return x, y


@raises(CustomError)
def custom_function_raises(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    backward(Refuses.apply(x * 2).sum())
    return (x,)


@raises(RuntimeError)
def custom_function_returns_too_many(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    backward(WrongCount.apply(x * 2).sum())
    return (x,)


@raises(RuntimeError)
def custom_function_returns_the_wrong_shape(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    backward(WrongShape.apply(x * 2).sum())
    return (x,)


@raises(RuntimeError)
def once_differentiable_function(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    backward(OnceOnly.apply(x).exp().sum(), create_graph=True)
    gradient, x.grad = x.grad, None
    assert gradient is not None
    backward(gradient.sum())
    return (x,)


@scenario
def warning_in_a_hook(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    x.register_hook(lambda gradient: warnings.warn("seen in a hook", stacklevel=1))
    backward((x * x).sum())
    return (x,)


# ── Passes over passes ────────────────────────────────────────────────────────────────────────────────────────────


@scenario
def double_backward(backward: Backward, log: Log) -> Sequence[Tensor]:
    x, y = leaf(1, 2), leaf(3, 4)
    root = ((x * y).exp() / y).sum()
    backward(root, create_graph=True)
    first, x.grad, y.grad = x.grad, None, None
    log.append(first)
    assert first is not None
    backward((first * first).sum() + root)
    return x, y


@scenario
def triple_backward(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(0.5, 2)
    value = x**4
    for _ in range(3):
        backward(value.sum(), create_graph=True)
        value, x.grad = x.grad, None
        assert value is not None
        log.append(value)
    return (x,)


@scenario
def gradient_penalty(backward: Backward, log: Log) -> Sequence[Tensor]:
    critic, x = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)), torch.randn(3, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    backward((slope.norm(dim=1) - 1).square().mean())
    return [x, *critic.parameters()]


@scenario
def differentiable_pass_adds_to_a_gradient(backward: Backward, log: Log) -> Sequence[Tensor]:
    x = leaf(1, 2)
    x.grad = torch.ones(2)
    held = x.grad
    backward((x**3).sum(), create_graph=True)
    log.append((x.grad is held, held))
    return (x,)


# ── The comparison ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("judged", [step_through, record_backward])
@pytest.mark.parametrize("name", SCENARIOS)
def test_same_as_plain(name: str, judged: Backward) -> None:
    play, error = SCENARIOS[name]
    plain = outcome(play, torch.autograd.backward)
    assert (plain["error"] and plain["error"][0]) is error, "the scenario does not do what it is for"
    assert outcome(play, torch.autograd.backward) == plain, "the scenario is not repeatable"
    assert outcome(play, judged) == plain
