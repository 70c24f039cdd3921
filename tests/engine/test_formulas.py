"""The formulas of the nodes, with torch as the judge: each is worked out in plain operations and compared."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.engine.graph import node_name, reachable
from core.formulas import official_formula, own_formulas

GENERATOR = torch.Generator().manual_seed(4)
SHARED = {"torch": torch, "F": F, "aten": torch.ops.aten, "pi": torch.pi, "sigmoid": torch.sigmoid}


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=GENERATOR, dtype=torch.float64)


def positive(*shape: int) -> Tensor:
    """Between 0.1 and 0.9, so that it is a probability too."""
    return 0.1 + 0.8 * torch.rand(shape, generator=GENERATOR, dtype=torch.float64)


def near(x: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """v added to x's places k of the first dimension, on zeros."""
    return torch.zeros_like(x).index_add(0, k, v)


def overwritten(x: Tensor, s: Tensor) -> Tensor:
    return x.clone().copy_(s)


def row_written(x: Tensor, b: Tensor) -> Tensor:
    y = x.clone()
    y[0] = b
    return y


def row_scaled(x: Tensor, b: Tensor) -> Tensor:
    y = x.clone()
    y[0].mul_(b)
    return y


def normalized(x: Tensor, dims: list[int]) -> Tensor:
    return (x - x.mean(dims, True)) / (x.var(dims, correction=0, keepdim=True) + 1e-5).sqrt()


def through_norm(x: Tensor, g: Tensor, dims: list[int]) -> Tensor:
    hat, sigma = normalized(x, dims), (x.var(dims, correction=0, keepdim=True) + 1e-5).sqrt()
    return (g - g.mean(dims, True) - hat * (hat * g).mean(dims, True)) / sigma


def phi(x: Tensor) -> Tensor:
    return (-(x**2) / 2).exp() / (2 * torch.pi) ** 0.5


def attention(q: Tensor, k: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """P, S and √d of the formula."""
    root = q.shape[-1] ** 0.5
    p = (q @ k.mT / root).softmax(-1)
    g = v @ u.mT
    return p, p * (g - (g * p).sum(-1, True)), root


SHARED |= {
    "near": near, "overwritten": overwritten, "row_written": row_written, "row_scaled": row_scaled,
    "normalized": normalized, "through_norm": through_norm, "phi": phi, "attention": attention,
    "k": torch.tensor([2, 0, 2]), "m": torch.tensor([True, False, True, False]), "once": torch.tensor([2, 0]),
}  # fmt: skip

x, y_, z = normal(4), normal(4), normal(4)
two = {"a": x, "b": y_}
one = {"x": x}
matrix = {"x": normal(3, 4)}
image = {"x": normal(2, 3, 4, 4)}

# node; a program; its inputs by the formula's symbols; the gradient of each by the formula, worked out.
CASES: list[tuple[str, str, dict[str, Any], dict[str, str]]] = [
    ("CloneBackward0", "x.clone()", one, {"x": "v"}),
    ("AliasBackward0", "aten.alias(x)", one, {"x": "v"}),
    ("ToCopyBackward0", "x.to(torch.float32)", one, {"x": "v.double()"}),
    ("CopyBackwards", "overwritten(x, s)", {"x": x, "s": y_}, {"x": "0 * v", "s": "v"}),
    ("CopySlices", "row_written(x, b)", {"x": normal(2, 3), "b": normal(3)},
     {"x": "torch.stack([0 * v[0], v[1]])", "b": "v[0]"}),
    ("CopySlices", "row_scaled(x, b)", {"x": normal(2, 3), "b": normal(3)},
     {"x": "torch.stack([b * v[0], v[1]])", "b": "x[0] * v[0]"}),
    # Arithmetic
    ("AddBackward0", "torch.add(a, b, alpha=3)", two, {"a": "v", "b": "3 * v"}),
    ("AddBackward1", "aten.add.Scalar(x, 3)", one, {"x": "v"}),
    ("SubBackward0", "torch.sub(a, b, alpha=3)", two, {"a": "v", "b": "-3 * v"}),
    ("SubBackward1", "aten.sub.Scalar(x, 3)", one, {"x": "v"}),
    ("RsubBackward0", "torch.rsub(a, b, alpha=3)", two, {"a": "-3 * v", "b": "v"}),
    ("RsubBackward1", "1 - x", one, {"x": "-v"}),
    ("MulBackward0", "a * b", two, {"a": "v * b", "b": "v * a"}),
    ("MulBackward1", "aten.mul.Scalar(x, 3)", one, {"x": "3 * v"}),
    ("DivBackward0", "a / b", two, {"a": "v / b", "b": "-v * a / b**2"}),
    ("DivBackward1", "aten.div.Scalar(x, 3)", one, {"x": "v / 3"}),
    ("NegBackward0", "-x", one, {"x": "-v"}),
    ("PowBackward0", "x**3", one, {"x": "v * 3 * x**2"}),
    ("PowBackward1", "x**n", {"x": positive(3), "n": normal(3)},
     {"x": "v * n * x ** (n - 1)", "n": "v * y * x.log()"}),
    ("PowBackward2", "2**x", one, {"x": "v * y * torch.tensor(2.0).double().log()"}),
    ("ReciprocalBackward0", "x.reciprocal()", one, {"x": "-v * y**2"}),
    ("SqrtBackward0", "x.sqrt()", {"x": positive(4)}, {"x": "v / (2 * y)"}),
    ("RsqrtBackward0", "x.rsqrt()", {"x": positive(4)}, {"x": "-0.5 * v * y**3"}),
    ("AbsBackward0", "x.abs()", {"x": torch.tensor([-2.0, 0.0, 3.0])}, {"x": "v * x.sign()"}),
    *((f"{name}Backward0", f"x.{name.lower()}()", one, {"x": "0 * v"})
      for name in ("Sign", "Floor", "Ceil", "Round", "Trunc")),
    ("RemainderBackward0", "x % 0.7", one, {"x": "v"}),
    ("FmodBackward0", "x.fmod(0.7)", one, {"x": "v"}),
    ("FracBackward0", "x.frac()", one, {"x": "v"}),
    # Elementary functions
    ("ExpBackward0", "x.exp()", one, {"x": "v * y"}),
    ("Exp2Backward0", "x.exp2()", one, {"x": "v * y * torch.tensor(2.0).double().log()"}),
    ("Expm1Backward0", "x.expm1()", one, {"x": "v * (y + 1)"}),
    ("LogBackward0", "x.log()", {"x": positive(4)}, {"x": "v / x"}),
    ("Log2Backward0", "x.log2()", {"x": positive(4)}, {"x": "v / (x * torch.tensor(2.0).double().log())"}),
    ("Log10Backward0", "x.log10()", {"x": positive(4)}, {"x": "v / (x * torch.tensor(10.0).double().log())"}),
    ("Log1PBackward0", "x.log1p()", {"x": positive(4)}, {"x": "v / (1 + x)"}),
    ("XlogyBackward0", "torch.xlogy(a, b)", {"a": x, "b": positive(4)}, {"a": "v * b.log()", "b": "v * a / b"}),
    ("SinBackward0", "x.sin()", one, {"x": "v * x.cos()"}),
    ("CosBackward0", "x.cos()", one, {"x": "-v * x.sin()"}),
    ("TanBackward0", "x.tan()", one, {"x": "v * (1 + y**2)"}),
    ("AsinBackward0", "x.asin()", {"x": positive(4)}, {"x": "v / (1 - x**2).sqrt()"}),
    ("AcosBackward0", "x.acos()", {"x": positive(4)}, {"x": "-v / (1 - x**2).sqrt()"}),
    ("AtanBackward0", "x.atan()", one, {"x": "v / (1 + x**2)"}),
    ("Atan2Backward0", "torch.atan2(a, b)", two, {"a": "v * b / (a**2 + b**2)", "b": "-v * a / (a**2 + b**2)"}),
    ("SinhBackward0", "x.sinh()", one, {"x": "v * x.cosh()"}),
    ("CoshBackward0", "x.cosh()", one, {"x": "v * x.sinh()"}),
    ("TanhBackward0", "x.tanh()", one, {"x": "v * (1 - y**2)"}),
    ("SigmoidBackward0", "x.sigmoid()", one, {"x": "v * y * (1 - y)"}),
    ("ErfBackward0", "x.erf()", one, {"x": "v * 2 / pi**0.5 * (-(x**2)).exp()"}),
    # Choosing
    *((f"{name}imumBackward0", f"torch.{name.lower()}imum(a, b)",
       {"a": torch.tensor([1.0, 2.0, 3.0]), "b": torch.tensor([2.0, 2.0, 1.0])},
       {"a": f"v * ((a {sign} b) + (a == b) / 2)", "b": f"v * ((b {sign} a) + (a == b) / 2)"})
      for name, sign in (("Max", ">"), ("Min", "<"))),
    ("ClampBackward0", "x.clamp(l, h)", {"x": normal(9), "l": -positive(9), "h": positive(9)},
     {"x": "v * ((l <= x) & (x <= h))", "l": "v * (x < l)", "h": "v * (x > h)"}),
    *((node, program, {"x": torch.tensor([-2.0, -1.0, 0.5, 1.0, 2.0])}, {"x": wanted}) for node, program, wanted in (
        ("ClampBackward1", "x.clamp(-1, 1)", "v * ((-1 <= x) & (x <= 1))"),
        ("ClampMinBackward0", "x.clamp_min(1)", "v * (x >= 1)"),
        ("ClampMaxBackward0", "x.clamp_max(1)", "v * (x <= 1)"),
        ("HardtanhBackward0", "F.hardtanh(x)", "v * ((-1 < x) & (x < 1))"),
        ("ThresholdBackward0", "F.threshold(x, 1, 7)", "v * (x > 1)"),
    )),
    ("WhereBackward0", "torch.where(m, a, b)", two, {"a": "v * m", "b": "v * ~m"}),
    ("MaskedFillBackward0", "x.masked_fill(m, 7)", one, {"x": "v * ~m"}),
    ("MaskedFillBackward1", "x.masked_fill(m, c)", {"x": x, "c": torch.tensor(7.0).double()},
     {"x": "v * ~m", "c": "(v * m).sum()"}),
    ("LerpBackward0", "torch.lerp(a, b, 0.3)", two, {"a": "0.7 * v", "b": "0.3 * v"}),
    ("LerpBackward1", "torch.lerp(a, b, w)", {**two, "w": z},
     {"a": "(1 - w) * v", "b": "w * v", "w": "v * (b - a)"}),
    ("AddcmulBackward0", "torch.addcmul(x, a, b, value=3)", {"x": z, **two},
     {"x": "v", "a": "3 * v * b", "b": "3 * v * a"}),
    ("AddcdivBackward0", "torch.addcdiv(x, a, b, value=3)", {"x": z, **two},
     {"x": "v", "a": "3 * v / b", "b": "-3 * v * a / b**2"}),
    # Activations
    *((node, program, {"x": torch.tensor([-4.0, -3.0, -1.0, 0.0, 1.5, 3.0, 4.0])}, {"x": wanted})
      for node, program, wanted in (
        ("ReluBackward0", "x.relu()", "v * (x > 0)"),
        ("LeakyReluBackward0", "F.leaky_relu(x, 0.2)", "v * ((x > 0) + 0.2 * (x <= 0))"),
        ("EluBackward0", "F.elu(x, 1.5)", "v * ((x > 0) + 1.5 * x.exp() * (x <= 0))"),
        ("HardsigmoidBackward0", "F.hardsigmoid(x)", "v / 6 * ((-3 < x) & (x < 3))"),
        ("HardswishBackward0", "F.hardswish(x)", "v * ((x >= 3) + (2 * x + 3) / 6 * ((-3 < x) & (x < 3)))"),
    )),
    ("PreluKernelBackward0", "F.prelu(x, a)", {"x": normal(2, 3), "a": normal(3)},
     {"x": "v * ((x > 0) + a * (x <= 0))", "a": "(v * x.clamp(max=0)).sum(0)"}),
    ("GeluBackward0", "F.gelu(x)", one, {"x": "v * ((1 + (x / 2**0.5).erf()) / 2 + x * phi(x))"}),
    ("SiluBackward0", "F.silu(x)", one, {"x": "v * sigmoid(x) * (1 + x * (1 - sigmoid(x)))"}),
    ("MishBackward0", "F.mish(x)", one, {
        "x": "v * (F.softplus(x).tanh() + x * (1 - F.softplus(x).tanh() ** 2) * sigmoid(x))"}),
    ("SoftplusBackward0", "F.softplus(x, 2)", one, {"x": "v * sigmoid(2 * x)"}),
    ("LogSigmoidBackward0", "F.logsigmoid(x)", one, {"x": "v * sigmoid(-x)"}),
    ("GluBackward0", "F.glu(x)", one, {
        "x": "torch.cat([v * sigmoid(x[2:]), v * y * (1 - sigmoid(x[2:]))])"}),
    ("NativeDropoutBackward0", "torch.native_dropout(x, 0.25, True)[0]", {"x": normal(30)},
     {"x": "(y != 0) * v / 0.75"}),
    ("SoftmaxBackward0", "x.softmax(1)", matrix, {"x": "y * (v - (v * y).sum(1, True))"}),
    ("LogSoftmaxBackward0", "x.log_softmax(1)", matrix, {"x": "v - y.exp() * v.sum(1, True)"}),
    ("LogsumexpBackward0", "x.logsumexp(0)", one, {"x": "v * (x - y).exp()"}),
    # Reductions
    ("SumBackward0", "x.sum()", matrix, {"x": "v.expand(3, 4)"}),
    ("SumBackward1", "x.sum(0)", matrix, {"x": "v.expand(3, 4)"}),
    ("MeanBackward0", "x.mean()", matrix, {"x": "(v / 12).expand(3, 4)"}),
    ("MeanBackward1", "x.mean(0)", matrix, {"x": "(v / 3).expand(3, 4)"}),
    ("ProdBackward0", "x.prod()", one, {"x": "v * y / x"}),
    ("ProdBackward1", "x.prod(0)", matrix, {"x": "v * y / x"}),
    *((f"{name.title()}Backward{number}", f"x.{name}(0)[0]", matrix, {"x": "v * (x == y)"})
      for name, number in (("max", 0), ("min", 0), ("median", 1), ("mode", 0))),
    ("KthvalueBackward0", "x.kthvalue(2, 0)[0]", matrix, {"x": "v * (x == y)"}),
    *((f"{name.title()}Backward{number}", f"x.{name}()", {"x": torch.tensor([[7.0, 1.0], [7.0, 1.0]])},
       {"x": "v * (x == y) / 2"})
      for name, number in (("max", 1), ("min", 1), ("amax", 0), ("amin", 0), ("median", 0))),
    ("SortBackward0", "aten.sort.default(x)[0]", one, {"x": "near(x, x.argsort(), v)"}),
    ("SortBackward1", "torch.sort(x, stable=True)[0]", one, {"x": "near(x, x.argsort(), v)"}),
    ("TopkBackward0", "x.topk(2)[0]", one, {"x": "near(x, x.topk(2)[1], v)"}),
    ("NormBackward0", "aten.norm.Scalar(x, 3)", one, {"x": "v * x.sign() * (x.abs() / y) ** 2"}),
    ("NormBackward1", "aten.norm.ScalarOpt_dim(x, 3, [0])", one, {"x": "v * x.sign() * (x.abs() / y) ** 2"}),
    ("LinalgVectorNormBackward0", "x.norm()", one, {"x": "v * x.sign() * (x.abs() / y)"}),
    ("VarBackward0", "x.var()", one, {"x": "2 * v / 3 * (x - x.mean())"}),
    ("StdBackward0", "x.std()", one, {"x": "v / (3 * y) * (x - x.mean())"}),
    ("CumsumBackward0", "x.cumsum(0)", one, {"x": "v.flip(0).cumsum(0).flip(0)"}),
    ("CumprodBackward0", "x.cumprod(0)", one, {"x": "(v * y).flip(0).cumsum(0).flip(0) / x"}),
    ("TraceBackward0", "X.trace()", {"X": normal(3, 3)}, {"X": "v * torch.eye(3)"}),
    # Shapes
    *((node, program, matrix, {"x": "v.reshape(3, 4)"}) for node, program in (
        ("ViewBackward0", "x.view(4, 3)"),
        ("UnsafeViewBackward0", "aten._unsafe_view(x, [4, 3])"),
        ("ReshapeAliasBackward0", "aten._reshape_alias(x, [4, 3], [3, 1])"),
        ("UnsqueezeBackward0", "x.unsqueeze(0)"),
        ("UnsqueezeBackward1", "x.clone().unsqueeze_(0)"),
    )),
    *((f"SqueezeBackward{number}", program, {"x": normal(1, 3, 1)}, {"x": "v.reshape(1, 3, 1)"})
      for number, program in enumerate((
        "x.squeeze()", "x.squeeze(0)", "x.squeeze((0, 2))",
        "x.clone().squeeze_()", "x.clone().squeeze_(0)", "x.clone().squeeze_((0, 2))",
    ))),
    ("ExpandBackward0", "x.expand(3, 4)", one, {"x": "v.sum(0)"}),
    ("RepeatBackward0", "x.repeat(3)", one, {"x": "v[:4] + v[4:8] + v[8:]"}),
    ("PermuteBackward0", "x.permute(2, 0, 1, 3)", image, {"x": "v.permute(1, 2, 0, 3)"}),
    ("TBackward0", "X.t()", {"X": normal(2, 3)}, {"X": "v.t()"}),
    ("TransposeBackward0", "X.transpose(0, 1)", {"X": normal(2, 3)}, {"X": "v.t()"}),
    ("TransposeBackward1", "X.clone().transpose_(0, 1)", {"X": normal(2, 3)}, {"X": "v.t()"}),
    ("FlipBackward0", "x.flip(0)", one, {"x": "v.flip(0)"}),
    ("RollBackward0", "x.roll(1)", one, {"x": "v.roll(-1)"}),
    ("SelectBackward0", "x[2]", matrix, {"x": "near(x, torch.tensor([2]), v[None])"}),
    ("SliceBackward0", "x[1::2]", one, {"x": "near(x, torch.tensor([1, 3]), v)"}),
    ("DiagonalBackward0", "X.diagonal()", {"X": normal(3, 3)}, {"X": "v.diag()"}),
    ("DiagEmbedBackward0", "x.diag_embed()", one, {"x": "v.diag()"}),
    ("TrilBackward0", "X.tril()", {"X": normal(3, 3)}, {"X": "v.tril()"}),
    ("TriuBackward0", "X.triu()", {"X": normal(3, 3)}, {"X": "v.triu()"}),
    ("CatBackward0", "torch.cat(x)", {"x": [normal(2), normal(1), normal(3)]}, {"x": "v.split([2, 1, 3])"}),
    ("StackBackward0", "torch.stack(x)", {"x": [normal(2), normal(2), normal(2)]}, {"x": "v.unbind()"}),
    ("SplitBackward0", "x.split(3)", one, {"x": "torch.cat(v)"}),
    ("SplitWithSizesBackward0", "x.split([1, 3])", one, {"x": "torch.cat(v)"}),
    ("UnbindBackward0", "x.unbind()", matrix, {"x": "torch.stack(v)"}),
    ("ConstantPadNdBackward0", "F.pad(x, (2, 1))", one, {"x": "v[2:-1]"}),
    ("UnfoldBackward0", "x.unfold(0, 2, 1)", one,
     {"x": "torch.stack([v[0, 0], v[0, 1] + v[1, 0], v[1, 1] + v[2, 0], v[2, 1]])"}),
    ("AsStridedBackward0", "x.as_strided([3, 2], [1, 1])", one,
     {"x": "torch.stack([v[0, 0], v[0, 1] + v[1, 0], v[1, 1] + v[2, 0], v[2, 1]])"}),
    # Indices
    ("IndexBackward0", "x[k]", one, {"x": "near(x, k, v)"}),
    ("IndexSelectBackward0", "x.index_select(0, k)", one, {"x": "near(x, k, v)"}),
    ("GatherBackward0", "x.gather(0, k)", one, {"x": "near(x, k, v)"}),
    ("TakeBackward0", "x.take(k)", one, {"x": "near(x, k, v)"}),
    ("MaskedSelectBackward0", "x.masked_select(m)", one,
     {"x": "near(x, torch.tensor([0, 2]), v)"}),
    ("EmbeddingBackward0", "F.embedding(k, W)", {"W": normal(4, 2)}, {"W": "near(W, k, v)"}),
    ("IndexPutBackward0", "x.index_put((once,), s)", {"x": x, "s": normal(2)},
     {"x": "v.index_fill(0, once, 0)", "s": "v[once]"}),
    ("ScatterBackward0", "x.scatter(0, once, s)", {"x": x, "s": normal(2)},
     {"x": "v.index_fill(0, once, 0)", "s": "v[once]"}),
    ("ScatterBackward1", "x.scatter(0, once, 7.0)", one, {"x": "v.index_fill(0, once, 0)"}),
    ("ScatterAddBackward0", "x.scatter_add(0, k, s)", {"x": x, "s": normal(3)}, {"x": "v", "s": "v[k]"}),
    ("IndexAddBackward0", "x.index_add(0, k, s, alpha=3)", {"x": x, "s": normal(3)}, {"x": "v", "s": "3 * v[k]"}),
    # Matrices
    ("MmBackward0", "A @ B", {"A": normal(2, 3), "B": normal(3, 4)}, {"A": "v @ B.T", "B": "A.T @ v"}),
    ("BmmBackward0", "A.bmm(B)", {"A": normal(5, 2, 3), "B": normal(5, 3, 4)}, {"A": "v @ B.mT", "B": "A.mT @ v"}),
    ("AddmmBackward0", "torch.addmm(C, A, B, beta=2, alpha=3)",
     {"C": normal(2, 4), "A": normal(2, 3), "B": normal(3, 4)}, {"C": "2 * v", "A": "3 * v @ B.T", "B": "3 * A.T @ v"}),
    ("BaddbmmBackward0", "torch.baddbmm(C, A, B, beta=2, alpha=3)",
     {"C": normal(5, 2, 4), "A": normal(5, 2, 3), "B": normal(5, 3, 4)},
     {"C": "2 * v", "A": "3 * v @ B.mT", "B": "3 * A.mT @ v"}),
    ("MvBackward0", "A @ x", {"A": normal(2, 3), "x": normal(3)}, {"A": "v.outer(x)", "x": "A.T @ v"}),
    ("AddmvBackward0", "torch.addmv(c, A, x, beta=2, alpha=3)", {"c": normal(2), "A": normal(2, 3), "x": normal(3)},
     {"c": "2 * v", "A": "3 * v.outer(x)", "x": "3 * A.T @ v"}),
    ("DotBackward0", "a @ b", two, {"a": "v * b", "b": "v * a"}),
    ("AddrBackward0", "torch.addr(C, a, b, beta=2, alpha=3)", {"C": normal(4, 4), **two},
     {"C": "2 * v", "a": "3 * v @ b", "b": "3 * v.T @ a"}),
    ("LinalgInvExBackward0", "torch.linalg.inv(A)", {"A": normal(3, 3)}, {"A": "-y.T @ v @ y.T"}),
    ("LinalgDetBackward0", "torch.linalg.det(A)", {"A": normal(3, 3)}, {"A": "v * y * A.inverse().T"}),
    ("LinalgSolveExBackward0", "torch.linalg.solve(A, B)", {"A": normal(3, 3), "B": normal(3, 2)},
     {"A": "-(A.inverse().T @ v) @ y.T", "B": "A.inverse().T @ v"}),
    ("ScaledDotProductFlashAttentionForCpuBackward0", "F.scaled_dot_product_attention(Q, K, U)",
     {name: normal(2, 2, 5, 4) for name in "QKU"},
     {"Q": "attention(Q, K, U, v)[1] @ K / 2", "K": "attention(Q, K, U, v)[1].mT @ Q / 2",
      "U": "attention(Q, K, U, v)[0].mT @ v"}),
    # Layers
    ("ConvolutionBackward0", "F.conv1d(x, w, b)", {"x": normal(1, 1, 7), "w": normal(1, 1, 3), "b": normal(1)},
     {"x": "F.conv1d(F.pad(v, (2, 2)), w.flip(2))", "w": "F.conv1d(x, v)", "b": "v.sum((0, 2))"}),
    ("NativeLayerNormBackward0", "F.layer_norm(x, (4,), gamma, beta)",
     {"x": normal(3, 4), "gamma": normal(4), "beta": normal(4)},
     {"x": "through_norm(x, v * gamma, [1])", "gamma": "(v * normalized(x, [1])).sum(0)", "beta": "v.sum(0)"}),
    ("NativeGroupNormBackward0", "F.group_norm(x, 2, gamma, beta)",
     {"x": normal(2, 4, 3), "gamma": normal(4), "beta": normal(4)}, {
        "x": "through_norm(x.view(2, 2, 6), (v * gamma[:, None]).view(2, 2, 6), [2]).view(2, 4, 3)",
        "gamma": "(v * normalized(x.view(2, 2, 6), [2]).view(2, 4, 3)).sum((0, 2))", "beta": "v.sum((0, 2))"}),
    ("NativeBatchNormBackward0", "F.batch_norm(x, None, None, gamma, beta, True)",
     {"x": normal(5, 3), "gamma": normal(3), "beta": normal(3)},
     {"x": "through_norm(x, v * gamma, [0])", "gamma": "(v * normalized(x, [0])).sum(0)", "beta": "v.sum(0)"}),
    ("MaxPool2DWithIndicesBackward0", "F.max_pool2d(x, 2)", image,
     {"x": "(F.interpolate(y, scale_factor=2) == x) * F.interpolate(v, scale_factor=2)"}),
    ("AdaptiveMaxPool2DBackward0", "F.adaptive_max_pool2d(x, 2)", image,
     {"x": "(F.interpolate(y, scale_factor=2) == x) * F.interpolate(v, scale_factor=2)"}),
    ("AvgPool2DBackward0", "F.avg_pool2d(x, 2)", image, {"x": "F.interpolate(v, scale_factor=2) / 4"}),
    ("AdaptiveAvgPool2DBackward0", "F.adaptive_avg_pool2d(x, 2)", image,
     {"x": "F.interpolate(v, scale_factor=2) / 4"}),
    ("UpsampleNearest2DBackward0", "F.interpolate(x, scale_factor=2)", image, {"x": "4 * F.avg_pool2d(v, 2)"}),
    # Losses
    ("MseLossBackward0", "F.mse_loss(x, t)", {"x": x, "t": y_},
     {"x": "2 * v / 4 * (x - t)", "t": "-2 * v / 4 * (x - t)"}),
    ("SmoothL1LossBackward0", "F.smooth_l1_loss(x, t, beta=0.5)", {"x": x, "t": y_},
     {"x": "v / 4 * ((x - t) / 0.5).clamp(-1, 1)", "t": "-v / 4 * ((x - t) / 0.5).clamp(-1, 1)"}),
    ("HuberLossBackward0", "F.huber_loss(x, t, delta=0.5)", {"x": x, "t": y_},
     {"x": "v / 4 * (x - t).clamp(-0.5, 0.5)", "t": "-v / 4 * (x - t).clamp(-0.5, 0.5)"}),
    ("NllLossBackward0", "F.nll_loss(x, k)", {"x": normal(3, 4)}, {"x": "-v / 3 * F.one_hot(k, 4)"}),
    ("NllLoss2DBackward0", "F.nll_loss(x, k[None, None])", {"x": normal(1, 4, 1, 3)},
     {"x": "-v / 3 * F.one_hot(k, 4).T[None, :, None]"}),
    ("BinaryCrossEntropyBackward0", "F.binary_cross_entropy(x, t)", {"x": positive(4), "t": positive(4)},
     {"x": "v / 4 * (x - t) / (x * (1 - x))", "t": "v / 4 * ((1 - x) / x).log()"}),
    ("BinaryCrossEntropyWithLogitsBackward0", "F.binary_cross_entropy_with_logits(x, t)",
     {"x": x, "t": positive(4)}, {"x": "v / 4 * (sigmoid(x) - t)", "t": "-v / 4 * x"}),
]  # fmt: skip


@pytest.mark.parametrize(("node", "program", "given", "wanted"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
def test_formula_is_what_torch_computes(node: str, program: str, given: dict[str, Any], wanted: dict[str, str]) -> None:
    leaves = {name: fresh(value) for name, value in given.items()}
    y = eval(program, {**SHARED, **leaves})
    outputs = y if isinstance(y, tuple) else (y,)
    grad_fn = outputs[0].grad_fn
    assert grad_fn is not None
    assert node_name(grad_fn) == node

    # Its inputs, in the order of next_functions, are the formula's.
    formula = own_formulas()[node]
    symbols = [entry.symbol.removeprefix("\\") for entry in formula.inputs]
    assert symbols == list(wanted) == list(leaves)
    flat = [leaf for value in leaves.values() for leaf in (value if isinstance(value, list) else [value])]
    if formula.repeats:
        assert len(grad_fn.next_functions) >= len(formula.inputs)
    else:
        assert len(grad_fn.next_functions) == len(formula.inputs)
        official = official_formula(node)
        assert official is None or len(", ".join(names for names, _ in official.inputs).split(", ")) == len(symbols)
    for leaf, (following, _) in zip(flat, grad_fn.next_functions, strict=False):
        below = reachable([following]) if following is not None else {}
        assert [other for other in below if getattr(other, "variable", None) is leaf]

    # What the formula says, worked out, is what torch computes.
    v = tuple(normal(*output.shape).to(output.dtype) for output in outputs)
    got = torch.autograd.grad(outputs, flat, v)
    plain = {name: detached(value) for name, value in leaves.items()}
    names = {**SHARED, **plain, "v": v if isinstance(y, tuple) else v[0], "y": detached(y)}
    expected = [eval(text, names) for text in wanted.values()]
    expected = [one for entry in expected for one in (entry if isinstance(entry, tuple | list) else [entry])]
    for gradient, formula_says in zip(got, expected, strict=True):
        assert gradient.abs().sum() > 0 or not formula_says.any()
        torch.testing.assert_close(gradient, formula_says.to(gradient.dtype))


def fresh(value: Any) -> Any:
    if isinstance(value, list):
        return [fresh(entry) for entry in value]
    return value.detach().double().requires_grad_()


def detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else type(value)(entry.detach() for entry in value)


def test_a_leaf_adds_what_arrives_to_its_gradient():
    leaf = fresh(x)
    leaf.grad = torch.ones_like(leaf)
    y = leaf * 1
    assert y.grad_fn is not None
    accumulator = y.grad_fn.next_functions[0][0]
    assert accumulator is not None
    assert node_name(accumulator) == "AccumulateGrad"
    assert own_formulas()["AccumulateGrad"].inputs == ()
    v = normal(4)
    y.backward(v)
    torch.testing.assert_close(leaf.grad, 1 + v)


def test_every_formula_is_judged():
    assert {case[0] for case in CASES} | {"AccumulateGrad"} == set(own_formulas())


def test_every_node_that_torch_generates_has_its_official_formula():
    written_by_hand = {"AccumulateGrad", "CopyBackwards", "UndefinedGradBackward", "SendRpcBackward"}
    kinds = dict(inspect.getmembers(torch._C._functions, inspect.isclass))
    generated = {name for name in kinds if "Backward" in name} - written_by_hand
    assert len(generated) > 600
    assert [name for name in generated if official_formula(name) is None] == []
    # The number behind a name is right where what the node saves stands in its formula.
    for name in generated:
        official = official_formula(name)
        assert official is not None
        words = set(re.findall(r"\w+", " ".join(formula for _, formula in official.inputs)))
        saved = [entry.removeprefix("_saved_") for entry in dir(kinds[name]) if entry.startswith("_saved_")]
        assert [entry for entry in saved if not words & prefixes(entry)] == [], name


def prefixes(name: str) -> set[str]:
    """``self_sym_sizes`` may stand for ``self.sym_sizes()``."""
    parts = name.split("_")
    return {"_".join(parts[:end]) for end in range(1, len(parts) + 1)}
