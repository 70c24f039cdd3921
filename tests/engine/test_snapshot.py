"""Snapshots hold what torch says, and the program cannot tell that one was taken."""

import math
import warnings
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from core.engine.snapshot import snapshot
from core.records import HEAD, MACHINE_WORDS, WHOLE_LIMIT, TensorSnapshot


def taken(t: Tensor, *, full: bool = False) -> TensorSnapshot:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        record = snapshot(t, full=full)
    assert record is not None
    return record


def same(found: list[Any] | None, expected: list[Any]) -> bool:
    """Equal numbers, NaN being equal to NaN."""
    return found is not None and repr(found) == repr(expected)


READABLE = [name for name in MACHINE_WORDS if not name.startswith("q")]


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("name", READABLE)
def test_every_type(name: str):
    numbers = torch.tensor([[1.0, 2.0, 0.5], [0.0, 4.0, 1.0]])
    t = numbers.to(getattr(torch, name))
    exact = (
        t.to(torch.complex128 if t.is_complex() else torch.float64) if t.is_complex() or t.is_floating_point() else t
    )
    for shown, judge in [(t, exact), (t.t(), exact.t()), (t[:, 1], exact[:, 1]), (t[0, 0], exact[0, 0])]:
        record = taken(shown)
        assert record.dtype == name
        assert record.shape == tuple(shown.shape)
        assert same(record.data, judge.reshape(-1).tolist())


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("name", READABLE)
def test_every_type_above_the_limit(name: str):
    whole = (torch.arange(5 * WHOLE_LIMIT) % 2).to(getattr(torch, name)).reshape(WHOLE_LIMIT, 5)
    for t in (whole, whole.t()):
        record = taken(t)
        assert record.data is None
        assert record.elided is not None
        flat = t.to(torch.complex64 if t.is_complex() else torch.float32).reshape(-1)
        assert same(record.head, flat[:HEAD].tolist()) or record.head == flat[:HEAD].tolist()
        if not t.is_complex():
            assert (record.min, record.max) == (flat.min(), flat.max())
            assert record.mean == pytest.approx(flat.mean().item())
        assert taken(t, full=True).head == flat.tolist()


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2", "bfloat16", "float16"])
def test_every_narrow_float_is_exact(name: str):
    dtype = getattr(torch, name)
    words = (
        torch.arange(256, dtype=torch.uint8) if dtype.itemsize == 1 else torch.arange(-32768, 32767, 17).to(torch.int16)
    )
    t = words.view(dtype)
    assert same(taken(t, full=True).data, t.to(torch.float64).tolist())


def test_none_is_an_undefined_gradient():
    assert snapshot(None) is None


def test_the_limit():
    assert taken(torch.zeros(WHOLE_LIMIT)).elided is None
    assert taken(torch.zeros(WHOLE_LIMIT + 1)).elided is not None


def test_empty():
    record = taken(torch.empty(0, 3))
    assert (record.shape, record.data, record.opaque) == ((0, 3), [], "")
    assert taken(torch.empty(0, 2 * WHOLE_LIMIT, requires_grad=True)[:, ::2]).data == []


def test_parameters_requires_grad_and_inference_tensors():
    assert taken(torch.nn.Parameter(torch.ones(2))).data == [1.0, 1.0]
    x = torch.ones(2, 2, requires_grad=True)
    assert taken((x * 2).t()).data == [2.0] * 4
    with torch.inference_mode():
        t = torch.ones(2, 3)
    assert taken(t.t()).data == [1.0] * 6


def test_conjugate_and_negative_bits():
    z = torch.tensor([1 + 2j, 3 - 4j])
    assert taken(z.conj()).data == [1 - 2j, 3 + 4j]
    assert taken(z.conj().imag).data == [-2.0, 4.0]
    assert taken(z[:1].conj().imag).data == [-2.0]
    assert taken(torch._efficientzerotensor((2,))).data == [0.0, 0.0]


def test_statistics_count_what_is_not_finite():
    nan, inf = math.nan, math.inf
    record = taken(torch.tensor([1.0, nan, inf, -inf]).repeat(2000))
    assert (record.nan, record.inf) == (2000, 4000)
    assert math.isnan(record.min or 0.0)
    record = taken(torch.tensor([1.0, inf]).repeat(3000).half())
    assert (record.min, record.max, record.mean, record.nan, record.inf) == (1.0, inf, inf, 0, 3000)
    record = taken(torch.tensor([complex(nan, inf), 1, complex(0, -inf)]).repeat(2000))
    assert (record.min, record.nan, record.inf) == (None, 2000, 4000)
    assert taken(torch.full((5000,), 3e38)).mean == pytest.approx(3e38)  # the sum overflows


def test_statistics_of_an_expanded_number_touch_one_number():
    record = taken(torch.tensor([1.0, math.nan]).expand(10**9, 2))
    assert (record.shape, record.nan) == ((10**9, 2), 10**9)
    assert record.head[:2] == [1.0, pytest.approx(math.nan, nan_ok=True)]
    assert len(record.head) == HEAD


def test_statistics_of_a_half_precision_giant_are_taken_in_pieces():
    t = torch.ones(3, 2 * 1024 * 1024, dtype=torch.bfloat16)
    t[2, -1] = 7
    record = taken(t)
    assert (record.min, record.max) == (1.0, 7.0)
    assert record.mean == pytest.approx(1 + 6 / t.numel())


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
    st.permutations(range(4)),
    st.integers(1, 3),
)
def test_the_head_is_row_major_whatever_the_strides(shape: list[int], order: list[int], stride: int):
    t = (
        torch.arange(math.prod(shape))
        .reshape(shape)
        .permute([axis for axis in order if axis < len(shape)])[..., ::stride]
    )
    record = taken(t)
    assert record.head == t.flatten().tolist()[: len(record.head)]
    assert len(record.head) == (t.numel() if t.numel() <= WHOLE_LIMIT else HEAD)


# ── Kinds of tensors ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_other_layouts_are_read_dense():
    eye = torch.eye(2)
    for t, layout in [
        (eye.to_sparse(), "sparse_coo"),
        (torch.sparse_coo_tensor([[0, 0, 1], [0, 0, 1]], [0.5, 0.5, 1.0], (2, 2)), "sparse_coo"),
        (eye.to_sparse_csr(), "sparse_csr"),
        (eye.to_mkldnn(), "_mkldnn"),
    ]:
        record = taken(t)
        assert (record.layout, record.data) == (layout, [1.0, 0.0, 0.0, 1.0])
    large = torch.sparse_coo_tensor([[0], [1]], [2.0], (100, 100))
    assert taken(large).max == 2.0
    assert taken(large).head[:2] == [0.0, 2.0]
    huge = torch.sparse_coo_tensor([[0], [1]], [2.0], (10**6, 10**6))
    assert taken(huge).opaque == "sparse_coo tensor of 1,000,000,000,000 elements"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quantized_tensors_are_the_numbers_they_stand_for():
    t = torch.quantize_per_tensor(torch.tensor([0.1, 0.26]), 0.25, 0, torch.quint8)
    assert (taken(t).dtype, taken(t).data) == ("quint8", [0.0, 0.25])
    assert taken(t.repeat(5000)).max == 0.25


class Tagged(Tensor):
    """A subclass that must not be asked."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(func)


class Wrapper(Tensor):
    """A subclass without memory of its own."""

    @staticmethod
    def __new__(cls) -> "Wrapper":
        return Tensor._make_wrapper_subclass(cls, (2, 3))

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(func)


def test_subclasses():
    with torch._C.DisableTorchFunction():
        tagged = torch.ones(2, 2).as_subclass(Tagged)
    with torch._C.DisableTorchFunction():
        turned = tagged.t()
    for t in (tagged, turned):
        record = taken(t)
        assert record.data == [1.0] * 4
    record = taken(Wrapper())
    assert (record.shape, record.data) == ((2, 3), None)
    assert record.opaque


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_has_no_values_is_opaque():
    with FakeTensorMode():
        fake = torch.ones(3)
    freed = torch.ones(3)
    freed.untyped_storage().resize_(0)
    rows = [torch.ones(2), torch.ones(3)]
    for t, why in [
        (torch.empty(3, device="meta"), "meta tensor"),
        (torch.empty(3 * WHOLE_LIMIT, device="meta"), "meta tensor"),
        (fake, "FakeTensor holds no values"),
        (freed, "ValueError: its memory was given back"),
        (torch.zeros(3, dtype=torch.uint8).view(torch.bits8), "torch.bits8 has no values that can be read"),
        (torch.nested.nested_tensor(rows), "nested tensor"),
        (torch.nested.nested_tensor(rows, layout=torch.jagged), "nested tensor"),
    ]:
        record = taken(t)
        assert (record.opaque, record.data, record.head) == (why, None, [])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, on the first use of jvp
def test_below_the_levels_of_torch_func():
    seen: list[list[Any] | None] = []
    shapes: list[tuple[int, ...]] = []

    def look(x: Tensor) -> Tensor:
        record = taken(x)
        seen.append(record.data)
        shapes.append(record.shape)
        return (x * x).sum()

    x = torch.arange(24.0).reshape(2, 3, 4)
    torch.func.grad(look)(x)
    assert seen.pop() == x.flatten().tolist()
    torch.func.vmap(torch.func.vmap(torch.func.grad(look), in_dims=1), in_dims=2)(x)
    assert shapes.pop() == (4, 3, 2)
    assert seen.pop() == x.permute(2, 1, 0).flatten().tolist()
    torch.func.jvp(look, (x,), (x,))
    assert seen.pop() == x.flatten().tolist()
    torch.func.functionalize(look)(x)
    assert seen.pop() == x.flatten().tolist()


def test_a_batch_of_gradients():
    x = torch.ones(2, requires_grad=True)
    y = 3 * x
    seen: list[TensorSnapshot] = []
    x.register_hook(lambda grad: seen.append(taken(grad)))
    torch.autograd.grad(y, x, torch.eye(2), is_grads_batched=True)
    assert (seen[0].shape, seen[0].data) == ((2, 2), [3.0, 0.0, 0.0, 3.0])


# ── Nothing to notice ─────────────────────────────────────────────────────────────────────────────────────────────


def kinds() -> list[Tensor]:
    base = torch.randn(3, 4, requires_grad=True)
    return [base, base.t(), base.half(), base.exp(), torch.randn(100, 100).t(), torch.eye(3).to_sparse()]


def test_no_mode_sees_it():
    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            raise AssertionError(func)

    class Below(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            raise AssertionError(func)

    tensors = kinds()
    with Watch(), Below():
        records = [taken(t) for t in tensors]
    assert [record.opaque for record in records] == [""] * len(records)


def test_leaves_no_trace():
    for t in kinds():
        state = torch.get_rng_state()
        sequence = torch._C._autograd._get_sequence_nr()
        version, node = t._version, t.grad_fn
        taken(t)
        assert torch._C._autograd._get_sequence_nr() == sequence
        assert t._version == version
        assert t.grad_fn is node
        assert torch.equal(torch.get_rng_state(), state)
        assert torch.is_grad_enabled()


def test_a_copy_not_a_view():
    t = torch.zeros(2)
    record = taken(t)
    t.fill_(1)
    assert record.data == [0.0, 0.0]


def test_small_tensors_take_microseconds():
    import timeit

    t = torch.randn(3, 4)
    seconds = min(timeit.repeat(lambda: snapshot(t), number=1000, repeat=20)) / 1000
    assert seconds < 20e-6  # 1.3 µs on an idle machine


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("layout", ["coo", "csr", "csc", "bsr", "bsc"])
def test_reading_a_sparse_tensor_does_not_move_its_version(layout: str) -> None:
    dense = torch.arange(16.0).reshape(4, 4)
    blocks = ((2, 2),) if layout.startswith("b") else ()
    sparse = dense.to_sparse() if layout == "coo" else getattr(dense, f"to_sparse_{layout}")(*blocks)
    sparse.requires_grad_()
    before = sparse._version
    read = snapshot(sparse)
    assert read is not None
    assert read.data == dense.flatten().tolist()
    assert sparse._version == before
