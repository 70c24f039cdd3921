"""Arithmetic that a reader types, worked out over numpy: names, numbers, lists and a table of functions, no code."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from core.playback import Playback
from core.records import MACHINE_WORDS

LONGEST = 400
"""Characters of an expression."""
PARTS = 100
"""Operations, names and numbers of an expression."""
LARGEST = 100_000
"""Elements of anything on the way to the result."""
DIMENSIONS = 8
"""Dimensions of anything on the way to the result."""
EXPONENT = 100
"""Size of the largest exponent."""

Array = np.ndarray


class ExpressionError(ValueError):
    """What is wrong with an expression.

    Attributes:
        key: of the text that says it.
        facts: what belongs into the text.
    """

    def __init__(self, key: str, **facts: object) -> None:
        super().__init__(key, facts)
        self.key, self.facts = key, facts


def evaluate(text: str, names: Mapping[str, Array], shape: tuple[int, ...] | None = None) -> Array:
    """What an expression says, in float64.

    Args:
        text: such as ``9*a**2``, ``[1, -1]`` or ``1/n``.
        names: what it may speak of.
        shape: of a tensor that is to be filled. Then the result is broadcast to it, and ``i`` is the row-major index of
            each element, ``n`` their number, ``shape`` the sizes, ``ones`` and ``zeros`` what they say, and ``eye(k)``
            is 1 at index k and 0 elsewhere.

    Raises ExpressionError for what cannot be read, is not known, does not fit or would become too large.
    """
    if not text.strip():
        raise ExpressionError("expression.empty")
    plain = text.translate(_SIGNS)
    if len(plain) > LONGEST:
        raise ExpressionError("expression.large")
    try:
        tree = ast.parse(plain.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # the last two for too many brackets
        raise ExpressionError("expression.unread", text=_clip(text)) from None
    if sum(1 for _ in ast.walk(tree)) > 3 * PARTS:  # operators and contexts are nodes of the tree too
        raise ExpressionError("expression.large")
    with np.errstate(all="ignore"):
        result = _Evaluator(plain.strip(), names, shape).value(tree)
    if shape is None:
        return result
    try:
        return np.broadcast_to(result, shape)
    except ValueError:
        raise ExpressionError("expression.shape", given=_sizes(result), needed=_shown(shape)) from None


class Values(Mapping[str, Array]):
    """The values of a run by the names the program gives them, as they stand at a moment."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback
        self._value_of = {
            name: value.id for value in playback.trace.values if playback.exists(value.id) for name in value.names
        }

    def __getitem__(self, name: str) -> Array:
        """Raises KeyError for a name that nothing has, and for a tensor whose elements are not kept or not real."""
        tensor = self._playback.tensor(self._value_of[name])
        if tensor.elided is not None or tensor.opaque or tensor.dtype not in MACHINE_WORDS:
            raise KeyError(name)
        if tensor.dtype.startswith("complex"):
            raise KeyError(name)
        data = np.frombuffer(tensor.raw, f"<{MACHINE_WORDS[tensor.dtype][0]}")
        return data.astype(np.float64).reshape(tensor.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._value_of)

    def __len__(self) -> int:
        return len(self._value_of)


class _Evaluator:
    """Walks one expression; what is not in its tables is refused."""

    def __init__(self, text: str, names: Mapping[str, Array], shape: tuple[int, ...] | None) -> None:
        self._text, self._names, self._shape = text, names, shape
        self._own: dict[str, Array] = {} if shape is None else _names_of(shape)

    def value(self, node: ast.expr) -> Array:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return np.asarray(self._float(number))
            case ast.Name(id=name):
                return self._named(name)
            case ast.UnaryOp(op=op, operand=inner) if type(op) in _SIGNED:
                return np.asarray(_SIGNED[type(op)](self.value(inner)))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return self._binary(op, self.value(left), self.value(right))
            case ast.BinOp(op=ast.BitXor()):
                raise ExpressionError("expression.power")
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
                return self._together(_COMPARED[type(op)], self.value(left), self.value(right)).astype(np.float64)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return self._row([self.value(part) for part in parts])
            case ast.Subscript(value=inner, slice=place):
                return self._element(self.value(inner), place)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._called(name, [self.value(arg) for arg in args])
            case _:
                part = ast.get_source_segment(self._text, node) or self._text
                raise ExpressionError("expression.part", text=_clip(part))

    def _float(self, number: float) -> float:
        try:
            return float(number)
        except OverflowError:
            raise ExpressionError("expression.large") from None

    def _named(self, name: str) -> Array:
        for known in (self._own, self._names, _CONSTANTS):
            if name in known:
                try:
                    return _bounded(np.asarray(known[name], dtype=np.float64))
                except KeyError:
                    break  # a tensor that was not kept whole
        raise ExpressionError("expression.name", name=_clip(name))

    def _binary(self, op: ast.operator, left: Array, right: Array) -> Array:
        if isinstance(op, ast.MatMult):
            return self._product(left, right)
        if isinstance(op, ast.Pow) and right.size and not np.abs(right).max() <= EXPONENT:
            raise ExpressionError("expression.large")
        return self._together(_BINARY[type(op)], left, right)

    def _together(self, function: Callable[[Array, Array], Array], left: Array, right: Array) -> Array:
        try:
            shape = np.broadcast_shapes(left.shape, right.shape)
        except ValueError:
            raise ExpressionError("expression.shapes", left=_sizes(left), right=_sizes(right)) from None
        _allow(shape)
        return np.asarray(function(left, right))

    def _product(self, left: Array, right: Array) -> Array:
        if not (left.ndim in (1, 2) and right.ndim in (1, 2) and left.shape[-1] == right.shape[0]):
            raise ExpressionError("expression.shapes", left=_sizes(left), right=_sizes(right))
        _allow((*left.shape[:-1], *right.shape[1:]))
        return np.asarray(left @ right)

    def _row(self, parts: list[Array]) -> Array:
        odd = next((part for part in parts if part.shape != parts[0].shape), None)
        if odd is not None:
            raise ExpressionError("expression.shapes", left=_sizes(parts[0]), right=_sizes(odd))
        _allow((len(parts), *(parts[0].shape if parts else ())))
        return np.array(parts, dtype=np.float64)

    def _element(self, whole: Array, place: ast.expr) -> Array:
        numbers = [self.value(part) for part in (place.elts if isinstance(place, ast.Tuple) else [place])]
        if any(number.shape or number != np.floor(number) for number in numbers):
            raise ExpressionError("expression.index", shape=_sizes(whole))
        try:
            return np.asarray(whole[tuple(int(number) for number in numbers)])
        except (IndexError, OverflowError):
            raise ExpressionError("expression.index", shape=_sizes(whole)) from None

    def _called(self, name: str, args: list[Array]) -> Array:
        function = _FUNCTIONS.get(name)
        if name == "eye" and self._shape is not None:
            function = self._unit
        if function is None:
            raise ExpressionError("expression.name", name=_clip(name))
        if len(args) != 1:
            raise ExpressionError("expression.arguments", name=name)
        if name in _REDUCING and not args[0].size:
            raise ExpressionError("expression.index", shape=_sizes(args[0]))
        return np.asarray(function(args[0]), dtype=np.float64)

    def _unit(self, number: Array) -> Array:
        """eᵢ: one at an index, zero elsewhere."""
        index = self._own["i"]
        if number.shape or number not in index:
            raise ExpressionError("expression.index", shape=_sizes(index))
        return np.asarray(index == number, dtype=np.float64)


def _names_of(shape: tuple[int, ...]) -> dict[str, Array]:
    """What an expression for a tensor of this shape may speak of besides the program's values."""
    count = math.prod(shape)
    _allow(shape)
    return {
        "i": np.arange(count, dtype=np.float64).reshape(shape),
        "n": np.asarray(float(count)),
        "shape": np.array(shape, dtype=np.float64),
        "ones": np.ones(shape),
        "zeros": np.zeros(shape),
    }


def _allow(shape: Sequence[int]) -> None:
    if math.prod(shape) > LARGEST or len(shape) > DIMENSIONS:
        raise ExpressionError("expression.large")


def _bounded(array: Array) -> Array:
    _allow(array.shape)
    return array


def _sizes(array: Array) -> str:
    return _shown(array.shape)


def _shown(shape: Sequence[int]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _clip(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:23]}…"


_SIGNS: Final = str.maketrans({"−": "-", "×": "*", "·": "*", "，": ",", "（": "(", "）": ")", "【": "[", "】": "]"})
"""Signs that readers type, and what they mean."""

_CONSTANTS: Final[dict[str, Array]] = {
    "pi": np.asarray(math.pi), "π": np.asarray(math.pi), "e": np.asarray(math.e),
    "inf": np.asarray(math.inf), "nan": np.asarray(math.nan),
}  # fmt: skip

_SIGNED: Final[dict[type[ast.unaryop], Callable[[Array], Array]]] = {ast.UAdd: np.positive, ast.USub: np.negative}

_BINARY: Final[dict[type[ast.operator], Callable[[Array, Array], Array]]] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.true_divide,
    ast.FloorDiv: np.floor_divide, ast.Mod: np.mod, ast.Pow: np.power, ast.MatMult: np.matmul,
}  # fmt: skip

_COMPARED: Final[dict[type[ast.cmpop], Callable[[Array, Array], Array]]] = {
    ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater, ast.GtE: np.greater_equal,
    ast.Eq: np.equal, ast.NotEq: np.not_equal,
}  # fmt: skip
"""Comparisons give 1 where they hold and 0 elsewhere."""

_FUNCTIONS: Final[dict[str, Callable[[Array], Array]]] = {
    "abs": np.abs, "sign": np.sign, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos,
    "tan": np.tan, "tanh": np.tanh, "sigmoid": lambda x: 0.5 + 0.5 * np.tanh(x / 2), "relu": lambda x: np.maximum(x, 0),
    "round": np.round, "floor": np.floor, "sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min,
    "transpose": np.transpose,
}  # fmt: skip

_REDUCING: Final = frozenset({"max", "min", "mean"})
"""Functions that need an element."""
