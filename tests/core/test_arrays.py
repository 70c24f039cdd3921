"""Recorded tensors as arrays: taken away and brought back, searched, counted."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import arrays
from core.engine.snapshot import snapshot
from core.records import TensorSnapshot

NAN, INF = math.nan, math.inf
SPECIAL = [0.0, -0.0, 1.0, -1.5, 0.1, 1e-40, 3e38, NAN, INF, -INF, 2.0**-24]
FLOATS = ("float16", "bfloat16", "float32", "float64", "float8_e5m2", "float8_e4m3fn")
WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")


def taken(tensor: torch.Tensor) -> tuple[TensorSnapshot, np.ndarray]:
    found = snapshot(tensor, full=True)
    assert found is not None
    data = arrays.array(found)
    assert data is not None
    return found, data


def again(text: str) -> torch.Tensor:
    return eval(text, {"torch": torch})  # type: ignore[no-any-return]


def words(tensor: torch.Tensor) -> bytes:
    """Every bit of a tensor; all NaN alike."""
    tensor = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    if tensor.is_floating_point():
        tensor = tensor.double()
        tensor[tensor.isnan()] = NAN
    return tensor.numpy().tobytes()


@pytest.mark.parametrize("dtype", FLOATS + WHOLE)
def test_what_is_copied_makes_the_same_tensor(dtype: str) -> None:
    kind = getattr(torch, dtype)
    values = SPECIAL if dtype in FLOATS else [0, 1, 2**63 - 1 if dtype.endswith("int64") else 1, 100]
    tensor = torch.tensor([values], dtype=kind)
    found, data = taken(tensor)
    copied = again(arrays.as_python(data, found.dtype))
    assert copied.dtype is kind
    assert copied.shape == tensor.shape
    assert words(copied) == words(tensor)


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@pytest.mark.parametrize("dtype", ["complex32", "complex64", "complex128"])
def test_complex_parts_keep_to_themselves(dtype: str) -> None:
    parts = torch.tensor([[1.0, INF], [-0.0, -0.0], [NAN, 2.0], [0.1, -3.0]])
    half = {"complex32": torch.float16, "complex64": torch.float32, "complex128": torch.float64}[dtype]
    tensor = torch.view_as_complex(parts.to(half))
    found, data = taken(tensor)
    assert (data[0].real, data[0].imag) == (1.0, INF)  # and not NaN + ∞i
    assert (arrays.extent(data).nan, arrays.extent(data).inf) == (1, 1)
    copied = again(arrays.as_python(data, found.dtype))
    assert words(copied) == words(tensor)


@given(st.integers(0, 2**32 - 1))
def test_every_float32_comes_back(bits: int) -> None:
    data = np.array([bits], "<u4").view("<f4")
    text = arrays.as_python(data, "float32")
    copied = again(text).numpy()
    assert np.isnan(data[0]) == np.isnan(copied[0])
    assert np.isnan(data[0]) or copied.tobytes() == data.tobytes()


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (3,), (2, 3), (2, 1, 2)])
def test_shapes_come_back(shape: tuple[int, ...]) -> None:
    found, data = taken(torch.arange(math.prod(shape), dtype=torch.int32).reshape(shape))
    copied = again(arrays.as_python(data, found.dtype))
    assert copied.shape == shape
    assert copied.flatten().tolist() == data.reshape(-1).tolist()


def test_rows_stand_below_one_another() -> None:
    text = arrays.as_python(np.array([[1, 2.5], [3, 0.1]], "<f4"), "float32")
    assert text == "torch.tensor([[1.0, 2.5],\n              [3.0, 0.1]], dtype=torch.float32)"


@pytest.mark.parametrize(
    ("dtype", "kept"), [("float16", "float16"), ("bfloat16", "float32"), ("int64", "int64"), ("bool", "bool")]
)
def test_a_file_holds_the_same_numbers(dtype: str, kept: str) -> None:
    tensor = torch.tensor([[0, 1], [2, 3]]).to(getattr(torch, dtype))
    found, data = taken(tensor)
    loaded = np.load(io.BytesIO(arrays.npy(data, found.dtype)), allow_pickle=False)
    assert loaded.dtype == kept
    assert loaded.tolist() == tensor.tolist()


def test_of_an_elided_tensor_the_head_is_known() -> None:
    found = snapshot(torch.arange(5000.0).reshape(50, 100))
    assert found is not None
    data = arrays.array(found)
    assert data is not None
    assert data.tolist() == list(range(64))
    assert arrays.array(TensorSnapshot((2,), "float32", opaque="meta tensor")) is None


def test_odd_elements_are_gone_through_in_a_ring() -> None:
    data = np.zeros((2, 2, 3))
    data[0, 1, 2], data[1, 0, 0], data[1, 1, 1] = NAN, INF, -INF
    ring = [(0, 1, 2), (1, 0, 0), (1, 1, 1)]
    place: arrays.Place | None = None
    for expected in (*ring, ring[0]):
        place = arrays.next_odd(data, place, 1)
        assert place == expected
    for expected in (ring[2], ring[1]):
        place = arrays.next_odd(data, place, -1)
        assert place == expected
    assert arrays.next_odd(data, (0, 0, 0), -1) == ring[2]
    assert arrays.next_odd(np.zeros((2, 2)), (0, 0), 1) is None
    assert arrays.next_odd(np.array(NAN), (), 1) == ()


def test_planes() -> None:
    data = np.arange(24).reshape(2, 3, 2, 2)
    assert arrays.plane(data, (1, 2)).tolist() == [[20, 21], [22, 23]]
    assert arrays.plane(np.arange(3), ()).shape == (3, 1)
    assert arrays.plane(np.array(5), ()).tolist() == [[5]]


@pytest.mark.parametrize(
    ("data", "bins", "counted"),
    [
        (np.array([0.0, 0.1, 0.9, 1.0]), 2, [2, 2]),
        (np.array([NAN, 1.0, INF]), 4, [1]),
        (np.array([NAN]), 4, []),
        (np.array([2, 2, 5]), 10, [2, 0, 0, 1]),
        (np.array([True, False, True]), 10, [1, 2]),
        (np.array([-1.7e308, 1.7e308]), 2, [1, 1]),
        (np.array([1.0, np.nextafter(1.0, 2)]), 50, [2]),
    ],
)
def test_every_finite_element_is_counted_once(data: np.ndarray, bins: int, counted: list[int]) -> None:
    counts, edges = arrays.histogram(data, bins)
    assert sum(counts) == np.isfinite(data).sum()
    assert len(edges) == len(counts) + 1 if len(counts) else not len(edges)
    assert [int(count) for count in counts] == counted


def test_the_mean_is_that_of_the_finite_elements() -> None:
    assert arrays.mean(np.array([1.0, NAN, 3.0, INF])) == 2.0
    assert arrays.mean(np.array([1.7e308, 1.7e308])) == pytest.approx(1.7e308)
    assert arrays.mean(np.array([NAN])) is None
    assert arrays.mean(np.array([True, False])) == 0.5
