"""Jacobians against torch's own, and the numbers of the course."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.engine.jacobian import LocalJacobian, finite_differences, local_jacobian, pass_jacobian


def leaf(*values: Any, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(values, dtype=dtype, requires_grad=True)


def random(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    torch.manual_seed(sum(shape) + len(shape))
    return torch.randn(shape, dtype=dtype, requires_grad=True)


def local(result: Tensor) -> list[LocalJacobian]:
    assert result.grad_fn is not None
    return local_jacobian(result.grad_fn)


def matrix(jacobian: LocalJacobian) -> list[list[float]]:
    assert jacobian.matrix is not None, jacobian.note
    return jacobian.matrix.tolist()


# ── The course's numbers ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_number_to_two():
    x = leaf(2.0)
    (jacobian,) = pass_jacobian([torch.cat([x**2, x**3])], [x])
    assert matrix(jacobian) == [[4.0], [12.0]]


def test_the_record_of_a_matrix():
    x = leaf(2.0)
    record = pass_jacobian([torch.cat([x**2, x**3])], [x])[0].record("dy/dx")
    assert (record.label, record.output_shape, record.input_shape, record.note) == ("dy/dx", (2,), (1,), "")
    assert record.tensor is not None
    assert (record.tensor.shape, record.tensor.data) == ((2, 1), [4.0, 12.0])


def test_two_to_two():
    x = leaf(1.0, 2.0)
    (jacobian,) = pass_jacobian([torch.stack([x[0] ** 2 + x[1], x[0] + x[1] ** 3])], [x])
    assert matrix(jacobian) == [[2.0, 1.0], [1.0, 12.0]]


def test_every_output_by_every_leaf():
    a, b, unused = leaf(2.0, 3.0), leaf(6.0, 4.0), leaf(1.0)
    q = 3 * a**3 - b**2
    by_a, by_b, by_unused = pass_jacobian([q], [a, b, unused])
    assert matrix(by_a) == [[36.0, 0.0], [0.0, 81.0]]
    assert matrix(by_b) == [[-12.0, 0.0], [0.0, -8.0]]
    assert by_unused.matrix is None
    assert by_unused.note == "undefined: no path"
    assert a.grad is None
    q.sum().backward()  # the graph was kept


def test_a_pass_from_and_to_the_middle_of_a_graph():
    x = random(3)
    y = x.exp()
    z = y.sin()
    edges = [torch.autograd.graph.get_gradient_edge(t) for t in (z, y)]
    (jacobian,) = pass_jacobian(edges[:1], edges[1:])
    assert jacobian.output_shape == jacobian.input_shape == (3,)
    torch.testing.assert_close(jacobian.matrix, torch.diag(y.cos()).detach())


def test_a_pass_that_vmap_refuses():
    class Peek(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            return grad * (2 if grad.sum().item() > 0 else 0)

    x = random(3)
    (jacobian,) = pass_jacobian([Peek.apply(x)], [x])
    assert matrix(jacobian) == [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]]


# ── One node ──────────────────────────────────────────────────────────────────────────────────────────────────────

ONE_NODE: dict[str, tuple[Callable[..., Tensor], tuple[Tensor, ...]]] = {
    "softmax": (lambda x: x.softmax(0), (random(5),)),
    "add": (torch.add, (random(3), random(3))),
    "broadcast add": (torch.add, (random(4, 3), random(3))),
    "broadcast mul": (torch.mul, (random(2, 1, 3), random(4, 1))),
    "mul by a number": (torch.mul, (random(2, 3), random())),
    "matmul": (torch.mm, (random(3, 4), random(4, 2))),
    "stack": (lambda *ts: torch.stack(ts), (random(3), random(3).neg().detach().requires_grad_())),
    "sum": (lambda x: x.sum(), (random(4, 5),)),
    "mean over an axis": (lambda x: x.mean(1), (random(4, 5),)),
    "select": (lambda x: x[1], (random(3, 2),)),
    "many rows": (lambda x: x.sin(), (random(50),)),
    "max": (lambda x: x.max(), (random(7),)),
    "reads memory": (lambda x, y: torch.as_strided_scatter(x, y, (2,), (1,), 0), (random(2, 3), random(2))),
    "layer norm": (
        lambda x, w, b: F.layer_norm(x, (6,), w, b),
        (random(4, 6), random(6), random(6, 1)[:, 0].detach().requires_grad_()),
    ),
    "conv": (lambda x, w: F.conv2d(x, w), (random(1, 2, 5, 5), random(3, 2, 3, 3))),
}


@pytest.mark.parametrize("name", ONE_NODE)
def test_agrees_with_torch(name: str):
    func, args = ONE_NODE[name]
    result = func(*args)
    expected = torch.autograd.functional.jacobian(func, args)
    found = {j.input: j for j in local(result)}
    edges = result.grad_fn.next_functions
    variables = {edge[0].variable.data_ptr(): slot for slot, edge in enumerate(edges) if edge[0] is not None}
    assert len(found) == len(args)
    for arg, judge in zip(args, expected, strict=True):
        jacobian = found[variables[arg.data_ptr()]]
        assert jacobian.matrix is not None, jacobian.note
        assert jacobian.matrix.shape == (result.numel(), arg.numel())
        assert (jacobian.output_shape, jacobian.input_shape) == (result.shape, arg.shape)
        torch.testing.assert_close(jacobian.matrix, judge.reshape(result.numel(), arg.numel()))
    for jacobian, judge in zip(pass_jacobian([result], args), expected, strict=True):
        torch.testing.assert_close(jacobian.matrix, judge.reshape(jacobian.matrix.shape))


def test_empty():
    (jacobian,) = local(random(0, 3).exp())
    assert jacobian.matrix is not None
    assert jacobian.matrix.shape == (0, 0)


def test_dropout_uses_the_mask_that_was_drawn():
    x = random(40)
    dropped = F.dropout(x, 0.5)
    before = torch.get_rng_state()
    (jacobian,) = local(dropped)
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(jacobian.matrix, torch.diag(dropped / x).detach())


def test_several_outputs():
    x = random(4)
    parts = x.unbind()
    assert parts[0].grad_fn is parts[3].grad_fn
    found = local(parts[0])
    assert [(j.output, j.input) for j in found] == [(0, 0), (1, 0), (2, 0), (3, 0)]
    assert torch.equal(torch.cat([j.matrix for j in found]), torch.eye(4, dtype=torch.float64))


def test_an_in_place_write_into_a_part():
    x = random(3)
    y = x.clone()
    y[0] = 2 * x[1]
    found = {j.input: matrix(j) for j in local(y) if j.matrix is not None}
    assert y.grad_fn is not None
    assert y.grad_fn.name().endswith("CopySlices")
    assert found[0] == [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert found[1] == [[1.0], [0.0], [0.0]]


def test_a_cast_gives_the_type_of_the_input():
    x = random(2, dtype=torch.float32)
    (jacobian,) = local(x.double())
    assert jacobian.matrix is not None
    assert jacobian.matrix.dtype == torch.float32


@pytest.mark.parametrize("size", [2, 20])
def test_complex_elements_count_twice(size: int):
    z = random(size, dtype=torch.complex128)
    for func in (torch.conj_physical, torch.abs, torch.square):
        (jacobian,) = local(func(z))

        def real(numbers: Tensor, func: Callable[[Tensor], Tensor] = func) -> Tensor:
            out = func(torch.view_as_complex(numbers))
            return torch.view_as_real(out) if out.is_complex() else out

        judge = torch.autograd.functional.jacobian(real, torch.view_as_real(z).detach())
        assert jacobian.matrix is not None, jacobian.note
        torch.testing.assert_close(jacobian.matrix, judge.reshape(jacobian.matrix.shape))


def test_real_times_complex_drops_the_imaginary_part_of_the_gradient():
    x, z = random(2), random(2, dtype=torch.complex128)
    by_x = next(j for j in local(x * z) if j.input == 0)
    assert by_x.matrix is not None
    assert by_x.matrix.shape == (4, 2)
    torch.testing.assert_close(by_x.matrix[:2, 0], torch.view_as_real(z[0]).detach())


def test_a_sparse_gradient():
    weight = random(5, 2)
    (jacobian,) = local(F.embedding(torch.tensor([1, 1]), weight, sparse=True))
    assert jacobian.matrix is not None, jacobian.note
    assert jacobian.matrix.shape == (4, 10)
    assert jacobian.matrix.sum() == 4


def test_a_leaf_has_no_jacobian_and_nothing_is_accumulated():
    x = random(2)
    assert (x * 1).grad_fn is not None
    accumulate = (x * 1).grad_fn.next_functions[0][0]
    assert accumulate.name().endswith("AccumulateGrad")
    assert local_jacobian(accumulate) == []
    local(x * x)
    assert x.grad is None


def test_fires_no_hook():
    x = random(3)
    y = x * 2
    fired: list[str] = []
    y.register_hook(lambda grad: fired.append("tensor"))
    y.grad_fn.register_hook(lambda *grads: fired.append("node"))
    y.grad_fn.register_prehook(lambda grads: fired.append("before"))
    local(y)
    assert fired == []


def test_modes_of_the_program_see_nothing():
    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            raise AssertionError(func)

    class Below(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            raise AssertionError(func)

    small = random(3)
    nodes = [small.exp().grad_fn, random(30).exp().grad_fn]
    with Watch(), Below():
        found = [local_jacobian(node) for node in nodes]
        comparison = finite_differences(torch.exp, [small], {})
    assert [jacobian.note for jacobians in found for jacobian in jacobians] == ["", ""]
    assert comparison is not None


def test_too_large_is_said():
    x = random(2000)
    (jacobian,) = local(x.exp())
    assert jacobian.matrix is None
    assert jacobian.note == "2,000 × 2,000 is too large (limit 1,048,576 entries)"
    (whole,) = pass_jacobian([x.exp()], [x])
    assert whole.note == jacobian.note


def test_only_the_large_slot_is_left_out():
    found = local(torch.mv(random(8, 10_000), random(10_000)))
    assert [bool(j.note) for j in found] == [False, False]
    found = local_jacobian(torch.mv(random(20, 400), random(400)).grad_fn, limit=10_000)
    assert [bool(j.note) for j in found] == [True, False]


def test_freed_saved_tensors_are_said():
    y = random(3).exp()
    y.sum().backward()
    (jacobian,) = local(y)
    assert jacobian.matrix is None
    assert "second time" in jacobian.note


@pytest.mark.filterwarnings("error")
def test_no_warning_where_vmap_has_no_rule():
    x = random(6, 6)
    (jacobian,) = local(torch.linalg.matrix_exp(x))
    assert jacobian.matrix is not None


# ── Custom Functions ──────────────────────────────────────────────────────────────────────────────────────────────


class Scale(torch.autograd.Function):
    """Several arguments, not all tensors; several results, not all differentiable."""

    @staticmethod
    def forward(ctx: Any, k: float, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(a, b)
        ctx.k = k
        positive = a > 0
        ctx.mark_non_differentiable(positive)
        return a * k * b, c.clone(), positive

    @staticmethod
    def backward(ctx: Any, first: Tensor, second: Tensor, _: Tensor) -> Any:
        a, b = ctx.saved_tensors
        return None, first * b * ctx.k, first * a * ctx.k, second


@pytest.mark.parametrize("size", [3, 30])
def test_a_custom_function(size: int):
    a, b, c = random(size), torch.ones(size, dtype=torch.float64), random(size)
    product, copy, _ = Scale.apply(2.0, a, b, c)
    assert product.grad_fn is copy.grad_fn
    found = {(j.output, j.input): j.matrix for j in local(product)}
    eye = torch.eye(size, dtype=torch.float64)
    assert torch.equal(found[0, 0], 2 * eye)
    assert torch.equal(found[0, 2], 0 * eye)
    assert torch.equal(found[1, 0], 0 * eye)
    assert torch.equal(found[1, 2], eye)


def test_a_custom_backward_that_raises_is_said():
    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            raise ValueError("no gradient today")

    (jacobian,) = local(Broken.apply(random(2)))
    assert jacobian.note == "ValueError: no gradient today"


def test_a_checkpoint_is_not_run():
    weight = random(3)
    result = torch.utils.checkpoint.checkpoint(lambda x: x * weight, random(3), use_reentrant=True)
    assert "checkpoint" in local(result)[0].note
    assert weight.grad is None


# ── Finite differences ────────────────────────────────────────────────────────────────────────────────────────────

SMOOTH: dict[str, tuple[Callable[..., Any], list[Any], dict[str, Any]]] = {
    "product": (torch.mul, [random(2, 3), random(3)], {}),
    "square of one": (lambda x: x * x, [random(3)], {}),
    "float32": (torch.exp, [random(4, dtype=torch.float32)], {}),
    "half": (torch.exp, [torch.ones(2, dtype=torch.float16, requires_grad=True)], {}),
    "matmul": (torch.matmul, [random(3, 4), random(4, 2)], {}),
    "transposed": (torch.exp, [random(3, 4).detach().t().requires_grad_()], {}),
    "list": (torch.stack, [[random(2), random(2)]], {"dim": 1}),
    "tuple out": (torch.unbind, [random(3)], {}),
    "indices out": (lambda x: x.sort(), [random(5)], {}),
    "in place": (lambda x: x.mul_(3), [random(3)], {}),
    "dropout": (F.dropout, [random(20)], {"p": 0.5}),
    "batch norm": (
        lambda x, mean, var: F.batch_norm(x, mean, var, training=True),
        [random(6, 3), torch.zeros(3), torch.ones(3)],
        {},
    ),
    "large numbers": (lambda x: x**2 + 1e9, [leaf(1e4, 3.0)], {}),
    "complex": (lambda z: z * z.conj() + z**2, [random(3, dtype=torch.complex128)], {}),
    "relu": (F.relu, [leaf(-1.0, 2.0)], {}),
    "infinite result": (lambda x: torch.cat([x.exp(), torch.full((1,), math.inf)]), [leaf(1.0, 2.0)], {}),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_finite_differences_agree(name: str):
    func, args, kwargs = SMOOTH[name]
    before = [arg.detach().clone() for arg in args if isinstance(arg, Tensor)]
    state = torch.get_rng_state()
    comparison = finite_differences(func, args, kwargs)
    assert comparison is not None
    assert comparison.agrees, comparison
    assert comparison.error < 1e-6
    assert torch.equal(torch.get_rng_state(), state)
    assert all(map(torch.equal, before, [arg.detach() for arg in args if isinstance(arg, Tensor)]))


def test_a_generator_is_left_alone():
    generator = torch.Generator().manual_seed(1)
    state = generator.get_state()
    noisy = finite_differences(lambda x, g: x * torch.rand(3, generator=g), [random(3), generator], {})
    assert noisy is not None
    assert noisy.agrees
    assert torch.equal(generator.get_state(), state)


def test_a_wrong_backward_is_found():
    class Liar(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            return grad * x

    comparison = finite_differences(Liar.apply, [leaf(1.0, 3.0)], {})
    assert comparison is not None
    assert not comparison.agrees
    assert comparison.error == pytest.approx(0.5)  # 3 off, of 6


def test_a_straight_through_estimator_is_not_the_jacobian():
    class Straight(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x.round()

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            return grad

    comparison = finite_differences(Straight.apply, [leaf(0.2, 1.7)], {})
    assert comparison is not None
    assert (comparison.agrees, comparison.error) == (False, 1.0)


def test_a_kink_differs():
    comparison = finite_differences(F.relu, [leaf(0.0)], {})
    assert comparison is not None
    assert comparison.error == pytest.approx(0.5)


def test_a_gradient_that_is_not_a_number():
    def leaky(x: Tensor) -> Tensor:
        return torch.where(x > 0, x.sqrt(), 0 * x)

    comparison = finite_differences(leaky, [leaf(-1.0, 4.0)], {})
    assert comparison is not None
    assert not comparison.agrees
    assert comparison.error == math.inf


NOT_APPLICABLE: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "nothing requires grad": (torch.exp, [torch.ones(2)]),
    "integers": (torch.add, [torch.arange(3), 1]),
    "not a tensor": (lambda x: x.sum().item(), [random(2)]),
    "detached": (torch.detach, [random(2)]),
    "large in": (torch.sum, [random(65)]),
    "large out": (lambda x: x.expand(65), [random(1)]),
    "empty": (torch.exp, [random(0)]),
    "raises": (torch.mm, [random(2, 3), random(2, 3)]),
    "another type": (lambda x: x.float(), [random(2)]),
    "refuses float64": (torch.nn.Linear(2, 1), [random(2, dtype=torch.float32)]),
    "infinite": (torch.exp, [leaf(1.0, -math.inf)]),
    "outside its domain": (torch.sqrt, [leaf(-1.0)]),
}


@pytest.mark.parametrize("name", NOT_APPLICABLE)
def test_finite_differences_do_not_apply(name: str):
    func, args = NOT_APPLICABLE[name]
    assert finite_differences(func, args, {}) is None
