"""Whole programs of every kind: recorded, they print and end as ``python FILE`` does, and every node is linked."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from core.engine import Options, record
from core.records import Trace
from tests.oracle.consistency import check_trace
from tests.oracle.plain import Outcome, run_plainly

PROGRAMS: dict[str, str] = {}
"""Name → source. Each makes at least one backward call, and prints the numbers that matter."""

SEED = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\ntorch.manual_seed(0)\n"


def program(name: str, source: str) -> None:
    PROGRAMS[name] = SEED + source


program(
    "weight tying",
    """
class LM(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(7, 4)
        self.out = nn.Linear(4, 7, bias=False)
        self.out.weight = self.emb.weight

    def forward(self, i):
        return self.out(torch.tanh(self.emb(i)))

net = LM()
opt = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(3):
    opt.zero_grad()
    loss = F.cross_entropy(net(torch.tensor([1, 2, 3])), torch.tensor([2, 3, 4]))
    loss.backward()
    opt.step()
    print(loss.item(), net.emb.weight.grad.norm().item())
""",
)
program(
    "GAN",
    """
G = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
D = nn.Sequential(nn.Linear(1, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
og, od = torch.optim.Adam(G.parameters(), 0.01), torch.optim.SGD(D.parameters(), 0.01, momentum=0.9)
bce = nn.BCEWithLogitsLoss()
for _ in range(2):
    fake, real = G(torch.randn(4, 2)), torch.randn(4, 1) + 3
    od.zero_grad()
    (bce(D(real), torch.ones(4, 1)) + bce(D(fake.detach()), torch.zeros(4, 1))).backward()
    od.step()
    og.zero_grad()
    bce(D(fake), torch.ones(4, 1)).backward()
    og.step()
print(torch.cat([p.flatten() for p in G.parameters()]).sum().item())
""",
)
program(
    "gradient penalty",
    """
D = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1))
x = torch.randn(5, 2, requires_grad=True)
out = D(x)
g, = torch.autograd.grad(out, x, torch.ones_like(out), create_graph=True)
((g.norm(2, dim=1) - 1) ** 2).mean().backward()
print([p.grad for p in D.parameters()])
""",
)
program(
    "meta-learning",
    """
w = torch.tensor([0.5, -0.5], requires_grad=True)
opt = torch.optim.SGD([w], 0.1)
for task in range(2):
    fast = w
    for _ in range(3):
        g, = torch.autograd.grad(((fast - task) ** 2).sum() * (fast ** 2).sum(), fast, create_graph=True)
        fast = fast - 0.01 * g
    opt.zero_grad()
    ((fast - 1) ** 4).sum().backward()
    opt.step()
    print(w, w.grad)
""",
)
program(
    "truncated BPTT",
    """
cell = nn.RNNCell(2, 3)
h = torch.zeros(1, 3)
for t, x in enumerate(torch.randn(6, 1, 2)):
    h = cell(x, h)
    if t % 2:
        h.pow(2).sum().backward()
        h = h.detach()
print(cell.weight_hh.grad)
""",
)
program(
    "straight-through",
    """
class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g * (x.abs() < 1)

x = torch.tensor([-2., -0.5, 0.5, 2.], requires_grad=True)
y = x + (x.round() - x).detach()
(Sign.apply(x) * y).sum().backward()
print(x.grad)
""",
)
program(
    "gradient reversal",
    """
class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, k):
        ctx.k = k
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return -ctx.k * g, None

net, label, domain = nn.Linear(3, 4), nn.Linear(4, 2), nn.Linear(4, 2)
f = net(torch.randn(5, 3)).relu()
target = torch.tensor([0, 1, 0, 1, 1])
(F.cross_entropy(label(f), target) + F.cross_entropy(domain(Reverse.apply(f, 0.3)), target)).backward()
print(net.weight.grad)
""",
)
program(
    "guided backprop",
    """
net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
seen = []
def guide(module, grad_in, grad_out):
    seen.append(type(module).__name__)
    return (grad_in[0].clamp(min=0),)
for m in net:
    if isinstance(m, nn.ReLU):
        m.register_full_backward_hook(guide)
x = torch.randn(2, 3, requires_grad=True)
net(x)[:, 0].sum().backward()
print(seen, x.grad)
""",
)
program(
    "checkpoint, non-reentrant",
    """
from torch.utils.checkpoint import checkpoint
block = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.Tanh())
x = torch.randn(2, 3, requires_grad=True)
checkpoint(block, checkpoint(block, x, use_reentrant=False), use_reentrant=False).sum().backward()
print(x.grad, block[0].weight.grad, torch.rand(2))
""",
)
program(
    "checkpoint, reentrant",
    """
from torch.utils.checkpoint import checkpoint, checkpoint_sequential
block = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.Tanh())
x = torch.randn(2, 3, requires_grad=True)
checkpoint(block, checkpoint(block, x, use_reentrant=True), use_reentrant=True).sum().backward()
checkpoint_sequential(block, 2, x, use_reentrant=False).sum().backward()
print(x.grad, block[0].weight.grad, torch.rand(2))
""",
)
program(
    "optimizer in backward",
    """
net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
opts = {p: torch.optim.SGD([p], 0.1, momentum=0.9) for p in net.parameters()}
def step(p):
    opts[p].step()
    opts[p].zero_grad()
for p in net.parameters():
    p.register_post_accumulate_grad_hook(step)
for _ in range(2):
    net(torch.ones(1, 3)).sum().backward()
    print([p.grad for p in net.parameters()], sum(p.sum() for p in net.parameters()).item())
""",
)
program(
    "parametrizations",
    """
from torch.nn.utils.parametrizations import orthogonal, spectral_norm, weight_norm
import torch.nn.utils.parametrize as P
class Symmetric(nn.Module):
    def forward(self, w):
        return w.triu() + w.triu(1).T
net = nn.Sequential(weight_norm(nn.Linear(3, 3)), spectral_norm(nn.Linear(3, 3)), orthogonal(nn.Linear(3, 3)))
P.register_parametrization(last := nn.Linear(3, 3), "weight", Symmetric())
last(net(torch.randn(2, 3))).pow(2).sum().backward()
for name, p in [*net.named_parameters(), *last.named_parameters()]:
    print(name, p.grad)
""",
)
program(
    "LBFGS",
    """
x = torch.tensor([-1.2, 1.0], requires_grad=True)
opt = torch.optim.LBFGS([x], max_iter=4, line_search_fn="strong_wolfe")
calls = 0
def closure():
    global calls
    calls += 1
    opt.zero_grad()
    loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    loss.backward()
    return loss
for _ in range(2):
    print(opt.step(closure).item())
print(calls, x)
""",
)
program(
    "VAE",
    """
from torch.distributions import Normal, kl_divergence
enc, dec = nn.Linear(4, 4), nn.Linear(2, 4)
x = torch.randn(3, 4)
mu, s = enc(x).chunk(2, -1)
q = Normal(mu, F.softplus(s))
z = q.rsample()
loss = F.mse_loss(dec(z), x) + kl_divergence(q, Normal(0., 1.)).mean()
loss.backward()
print(loss, enc.weight.grad, dec.bias.grad)
""",
)
program(
    "policy gradient",
    """
from torch.distributions import Categorical
policy = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
opt = torch.optim.RMSprop(policy.parameters())
for _ in range(3):
    dist = Categorical(logits=policy(torch.randn(4, 2)))
    a = dist.sample()
    loss = -(dist.log_prob(a) * (a == 1).float()).mean() - 0.01 * dist.entropy().mean()
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
    opt.step()
    print(loss.item(), a.tolist())
""",
)
program(
    "conv and batch norm",
    """
net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
net.append(nn.Linear(8, 2))
x = torch.randn(3, 1, 4, 4)
F.cross_entropy(net(x), torch.tensor([0, 1, 1])).backward()
net.eval()
net(x).sum().backward()
print(net[0].weight.grad.norm(), net[1].weight.grad, net[1].running_mean)
""",
)
program(
    "FFT and complex",
    """
x = torch.randn(8, requires_grad=True)
c = torch.randn(5, dtype=torch.cfloat, requires_grad=True)
y = torch.fft.irfft(torch.fft.rfft(x) * c, n=8)
(y.pow(2).sum() + c.abs().sum() + (c * c.conj()).real.sum() + torch.view_as_real(c)[:, 1].sum()).backward()
print(x.grad, c.grad)
""",
)
program(
    "in-place and views",
    """
x = torch.randn(4, 3, requires_grad=True)
y = x * 2
y[1:3] += 1
y[:, 0].mul_(3)
v = y.view(-1)[::2]
v.copy_(x.flatten()[::2] ** 2)
y.t()[1].zero_()
z = torch.zeros(4, 3)
z[x > 0] = x[x > 0]
z.index_add_(0, torch.tensor([0, 2]), y[:2])
(y * z).sum().backward()
print(y._version, z._version, v._version, x.grad)
""",
)
program(
    "generators and comprehensions",
    """
def batches(n):
    '''Yields tensors.'''
    for i in range(n):
        x = torch.randn(2)
        got = yield x * w
        if got is not None:
            print(got)
w = torch.randn(2, requires_grad=True)
sum(b.sum() for b in batches(3)).backward()
it = batches(1)
[(lambda t: t.exp())(b).sum().backward() for b in [next(it)]]
d = {k: (w * k).sum() for k in range(3) if k}
d[2].backward()
first, *rest = [w * i for i in range(3)]
(a, b), c = (first, rest[0]), rest[1]
if (m := (a + b + c).max()) > -100:
    m.backward()
print(w.grad)
""",
)
program(
    "autocast",
    """
net = nn.Linear(4, 4)
x = torch.randn(2, 4)
with torch.autocast("cpu", dtype=torch.bfloat16):
    y = net(net(x))
    loss = F.mse_loss(y, x)
loss.backward()
print(y.dtype, loss, net.weight.grad)
scaler = torch.amp.GradScaler("cpu")
opt = torch.optim.SGD(net.parameters(), 0.1)
scaler.scale(net(x).sum()).backward()
scaler.step(opt)
scaler.update()
print(net.weight)
""",
)
program(
    "non-ASCII names",
    """
α = torch.tensor([1., 2.], requires_grad=True); 学习率 = 0.1; ß = "é😀"
損失 = (α ** 2 * 学习率).sum(); 損失.backward()
print("é😀", f"梯度 {α.grad}", ß)
""",
)
program(
    "star imports",
    """
from torch import *
from torch.nn.functional import *
x = randn(3, requires_grad=True)
y = relu(x) + sigmoid(x) * softmax(x, 0)
y.sum().backward()
print(x.grad)
""",
)
program(
    "GPT-2",
    """
class Attention(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.qkv, self.proj, self.h = nn.Linear(d, 3 * d), nn.Linear(d, d), h

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (t.view(B, T, self.h, -1).transpose(1, 2) for t in self.qkv(x).split(C, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(B, T, C))

class Block(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.ln1, self.attn, self.ln2 = nn.LayerNorm(d), Attention(d, h), nn.LayerNorm(d)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))

class GPT(nn.Module):
    def __init__(self, vocab=11, d=8, layers=2, T=6):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, d), nn.Embedding(T, d)
        self.drop = nn.Dropout(0.1)
        self.blocks = nn.ModuleList(Block(d, 2) for _ in range(layers))
        self.ln = nn.LayerNorm(d)
        self.head = nn.Linear(d, vocab, bias=False)
        self.head.weight = self.wte.weight

    def forward(self, i, targets):
        x = self.drop(self.wte(i) + self.wpe(torch.arange(i.shape[1])))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.ln(x))
        return logits, F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.flatten())

net = GPT()
opt = torch.optim.AdamW(net.parameters(), 1e-2)
for step in range(2):
    i = torch.randint(0, 11, (2, 6))
    logits, loss = net(i[:, :-1], i[:, 1:])
    opt.zero_grad(set_to_none=True)
    loss.backward()
    print(nn.utils.clip_grad_norm_(net.parameters(), 1.0).item(), loss.item())
    opt.step()
""",
)
program(
    "saved-tensor hooks",
    """
from torch.autograd.graph import saved_tensors_hooks, save_on_cpu
log = []
def pack(t):
    log.append(("pack", tuple(t.shape)))
    return t.clone()
def unpack(t):
    log.append(("unpack", tuple(t.shape)))
    return t
x = torch.randn(3, requires_grad=True)
with saved_tensors_hooks(pack, unpack):
    y = (x * x.sin()).sum()
with save_on_cpu():
    z = x.exp()
(y + z.sum()).backward()
print(log, x.grad)
""",
)
program(
    "torch.func",
    """
from torch.func import grad, vmap, jacrev, jacfwd, hessian, functional_call, vjp, jvp
f = lambda x: (x.sin() * x).sum()
x = torch.randn(3, requires_grad=True)
print(grad(f)(x), hessian(f)(x))
print(jacrev(torch.tanh)(x), jacfwd(torch.tanh)(x))
net = nn.Linear(3, 1)
p = dict(net.named_parameters())
loss = lambda p, x: functional_call(net, p, x).sum() ** 2
g = vmap(grad(loss), (None, 0))(p, torch.randn(4, 3))
print(g["weight"].shape, vjp(torch.exp, x)[1](torch.ones(3)), jvp(torch.exp, (x,), (torch.ones(3),)))
(grad(f)(x) * 2).sum().backward()
print(x.grad)
""",
)
program(
    "sparse",
    """
emb = nn.Embedding(10, 3, sparse=True)
opt = torch.optim.SparseAdam(emb.parameters())
emb(torch.tensor([1, 1, 4])).pow(2).sum().backward()
print(emb.weight.grad)
opt.step()
s = torch.tensor([[0., 2.], [3., 0.]]).to_sparse().requires_grad_()
d = torch.randn(2, 2, requires_grad=True)
torch.sparse.mm(s, d).sum().backward()
print(s.grad, d.grad, emb.weight.sum())
""",
)
program(
    "threads",
    """
import threading
from concurrent.futures import ThreadPoolExecutor
w = torch.ones(3, requires_grad=True)
out = {}
def work(k):
    out[k] = (w * k).sin().sum()
ts = [threading.Thread(target=work, args=(k,)) for k in range(3)]
for t in ts:
    t.start()
    t.join()
sum(out[k] for k in range(3)).backward()
with ThreadPoolExecutor(1) as pool:
    print(pool.submit(lambda: (w ** 2).sum()).result())
    pool.submit(lambda: (w ** 2).sum().backward()).result()
print(w.grad, threading.current_thread() is threading.main_thread() or "main differs")
""".replace(', threading.current_thread() is threading.main_thread() or "main differs"', ""),
)
program(
    "dataclasses and pickling",
    """
import copy, dataclasses, enum, io, pickle
@dataclasses.dataclass
class Config:
    size: int = 3
    lr: float = 0.5
class Kind(enum.Enum):
    A = 1
class Net(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.c, self.l = c, nn.Linear(c.size, 1)
    def forward(self, x):
        return self.l(x)
c = pickle.loads(pickle.dumps(Config()))
assert pickle.loads(pickle.dumps(Kind.A)) is Kind.A
net = Net(c)
twin = copy.deepcopy(net)
f = io.BytesIO()
torch.save(net, f)
f.seek(0)
third = torch.load(f, weights_only=False)
third.load_state_dict(twin.state_dict())
for n in (net, twin, third):
    n(torch.ones(2, 3)).sum().backward()
    print(n.c, n.l.weight.grad, dataclasses.replace(c, size=1))
x = pickle.loads(pickle.dumps(torch.ones(2, requires_grad=True)))
(x * 3).sum().backward()
print(x.grad, Net.__module__, Config)
""",
)
program(
    "classes",
    """
from abc import ABC, abstractmethod
from contextlib import contextmanager
from functools import cached_property, partial, wraps
def traced(f):
    @wraps(f)
    def inner(*args, **kwargs):
        print("->", f.__qualname__)
        return f(*args, **kwargs)
    return inner
class Base(ABC):
    __slots__ = ("x", "__secret")
    count = 0
    def __init__(self, x):
        self.x = x
        self.__secret = x * 2
        type(self).count += 1
    @abstractmethod
    def f(self): ...
    @property
    def secret(self):
        return self.__secret
    @classmethod
    def make(cls, *xs, **kw):
        return cls(torch.tensor(xs, **kw))
    def __mul__(self, other):
        return self.x * other.x
class Child(Base):
    @traced
    def f(self):
        return self.secret.sum()
    def __enter__(self):
        return self
    def __exit__(self, *e):
        return False
@contextmanager
def scaled(t):
    yield t * 2
a = Child.make(1., 2., requires_grad=True)
with a as b, scaled(b.x) as doubled:
    (b.f() + (b * b).sum() + doubled.sum()).backward()
match [a.x, 1]:
    case [t, int(k)] if t.is_leaf:
        print("leaf", k)
print(a.x.grad, Base.count, Child.count, partial(torch.add, a.x)(1))
def f(a, /, b, *c, d=1, **e):
    global G
    G = a * b
    def g():
        nonlocal a
        a = a * 2
        return a
    return g() + sum(c) + d + sum(e.values())
f(a.x, 2, a.x, d=a.x, k=a.x).sum().backward()
print(G, a.x.grad)
""",
)
program(
    "__main__",
    """
import sys, __main__
def main():
    x = torch.ones(2, requires_grad=True)
    (x * __main__.SCALE).sum().backward()
    print(x.grad, __name__, len(sys.argv), __doc__, [k for k in globals() if not k.startswith("_")])
    print(sorted(k for k in dir() + dir(__main__) if "pullback" in k))
SCALE = 3
if __name__ == "__main__":
    main()
""",
)
program(
    "a neighbouring module",
    """
import neighbour
from neighbour import Net
net = Net()
loss = neighbour.loss(net(torch.ones(2)))
loss.backward()
print(net.w.grad, neighbour.__name__)
""",
)
program(
    "warnings",
    """
import warnings
x = torch.ones(2, 3, requires_grad=True)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("default")
    for _ in range(2):
        F.mse_loss(x, torch.ones(2, 1)).backward()
    F.mse_loss(x, torch.ones(2, 1)).backward()
    F.softmax(x).sum().backward()
    (x * 2).grad
    warnings.warn("mine")
print([(w.category.__name__, w.lineno, str(w.message)[:40]) for w in caught])
with warnings.catch_warnings():
    warnings.simplefilter("error")
    try:
        F.mse_loss(x, torch.ones(2, 1))
    except UserWarning as e:
        print("raised", str(e)[:40])
""",
)
program(
    "sys.exit",
    """
import sys, atexit
x = torch.ones(2, requires_grad=True)
(x * 2).sum().backward()
print(x.grad)
sys.exit(0)
print("never")
""",
)
program(
    "caught exceptions",
    """
x = torch.ones(3, requires_grad=True)
for bad in (
    lambda: (x * 2).backward(),
    lambda: x @ torch.ones(4),
    lambda: x.add_(1),
    lambda: torch.tensor([1, 2], requires_grad=True),
    lambda: (x * 2).backward(torch.ones(2)),
    lambda: torch.autograd.grad(x.sum(), torch.ones(1, requires_grad=True)),
    lambda: x.sum().item().backward(),
    lambda: x.detach().sum().backward(),
    lambda: x.nothing,
    lambda: torch.ones(2, device="nowhere"),
    lambda: x.sum().backward(wrong=1),
    lambda: torch.autograd.backward([]),
    lambda: torch.autograd.backward(3),
):
    try:
        bad()
    except Exception as e:
        print(type(e).__name__, e)
y = x.exp()
s = y.sum()
y.add_(1)
try:
    s.backward(); y.sum().backward()
except RuntimeError as e:
    print(e)
z = (x * x).sum()
z.backward()
try:
    z.backward()
except RuntimeError as e:
    print(e)
finally:
    print(x.grad)
""",
)
program(
    "inspect",
    """
import inspect, sys, traceback
def f(x, k=2):
    \"\"\"Doc.\"\"\"
    y = x * k  # a comment
    return y
print(inspect.getsource(f), inspect.signature(f), f.__doc__, f.__code__.co_varnames, f.__code__.co_firstlineno)
x = torch.ones(2, requires_grad=True)
f(x).sum().backward()
print(x.grad, sys._getframe().f_lineno, traceback.extract_stack()[-1].line)
""",
)
program(
    "hooks",
    """
log = []
x = torch.ones(2, requires_grad=True)
x.register_hook(lambda g: log.append("leaf"))
y = x * 3
y.register_hook(lambda g: g * 2)
y.retain_grad()
y.grad_fn.register_hook(lambda i, o: log.append("post"))
y.grad_fn.register_prehook(lambda o: log.append("pre"))
z = (y ** 2).sum()
torch.autograd.graph.register_multi_grad_hook([x, y], lambda gs: log.append(len(gs)))
h = nn.modules.module.register_module_forward_hook(lambda m, i, o: log.append(type(m).__name__))
nn.Linear(2, 1)(y).sum().backward(retain_graph=True)
h.remove()
z.backward()
print(log, x.grad, y.grad)
""",
)
program(
    "nested and several",
    """
a, b = torch.tensor(2., requires_grad=True), torch.tensor(3., requires_grad=True)
def nested(g):
    c = torch.tensor(5., requires_grad=True)
    with torch.enable_grad():
        (c * c).backward()
    log.append(c.grad.item())
log = []
y = a * b
y.register_hook(nested)
torch.autograd.backward([y, a ** 2], [torch.tensor(1.), torch.tensor(2.)], inputs=[a])
print(a.grad, b.grad, log)
g = torch.autograd.grad([a * b, b.exp()], [a, b], create_graph=True, allow_unused=True)
h = torch.autograd.grad(g[1], [a, b], retain_graph=True, allow_unused=True)
(g[0] * g[1]).backward()
print(g, h, a.grad, b.grad)
print(torch.autograd.functional.hessian(lambda t: (t ** 3).sum(), torch.ones(2)))
print(torch.autograd.functional.jacobian(torch.exp, torch.ones(2), vectorize=True))
print(torch.autograd.gradcheck(torch.sin, torch.ones(2, dtype=torch.double, requires_grad=True)))
""",
)
program(
    "LSTM, einsum, attention",
    """
lstm = nn.LSTM(3, 4, num_layers=2, batch_first=True, dropout=0.2, bidirectional=True)
out, (h, c) = lstm(torch.randn(2, 5, 3))
mha = nn.MultiheadAttention(8, 2, batch_first=True)
out, weights = mha(out, out, out)
layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
out = layer(out)
loss = torch.einsum("btc,bsc->bts", out, out).logsumexp(-1).mean() + F.ctc_loss(
    torch.randn(5, 2, 6, requires_grad=True).log_softmax(-1), torch.ones(2, 2, dtype=torch.long), [5, 5], [2, 2]
)
loss.backward()
print(loss, lstm.weight_ih_l0.grad.norm(), mha.in_proj_weight.grad.norm(), layer.linear1.weight.grad.norm())
""",
)
program(
    "numpy and data loading",
    """
import random
import numpy as np
from torch.utils.data import DataLoader, TensorDataset
random.seed(1); np.random.seed(2)
data = TensorDataset(torch.randn(8, 2), torch.from_numpy(np.random.rand(8, 1)).float())
w = torch.tensor(np.ones((2, 1), dtype=np.float32), requires_grad=True)
for x, y in DataLoader(data, batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(3)):
    ((x @ w - y) ** 2).mean().backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
print(w.detach().numpy().round(5), random.random(), np.random.rand(), float(w[0]), w.tolist())
""",
)
program(
    "schedulers and averaging",
    """
net = nn.Sequential(nn.Linear(2, 2), nn.PReLU())
groups = [{"params": net[0].parameters(), "lr": 0.1}, {"params": net[1].parameters()}]
opt = torch.optim.SGD(groups, lr=0.01, weight_decay=0.1)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 4)
ema = torch.optim.swa_utils.AveragedModel(net)
for _ in range(3):
    opt.zero_grad()
    net(torch.randn(3, 2)).square().mean().backward()
    opt.step(); sched.step(); ema.update_parameters(net)
    print(sched.get_last_lr(), [p.detach().sum().item() for p in ema.parameters()])
""",
)
program(
    "tensor subclass and modes",
    """
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
class Loud(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        log.append(getattr(func, "__name__", ""))
        return super().__torch_function__(func, types, args, kwargs or {})
class Mode(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        log.append("mode " + func.__name__)
        return func(*args, **(kwargs or {}))
class Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        log.append(str(func))
        return func(*args, **(kwargs or {}))
log = []
x = torch.ones(2, requires_grad=True)
t = x.as_subclass(Loud)
(t * 2).sum().backward()
with Mode():
    y = (x * 3).sum()
with Dispatch():
    (y + x.sum()).backward()
print(type(t * 1).__name__, log, x.grad)
""",
)
program(
    "inference and no_grad",
    """
x = torch.ones(2, requires_grad=True)
with torch.no_grad():
    y = x * 2
    with torch.enable_grad():
        z = x * 3
@torch.no_grad()
def f(t):
    return t * 4
with torch.inference_mode():
    i = x * 5
with torch.set_grad_enabled(False):
    s = x + 1
print(y.requires_grad, z.requires_grad, f(x).requires_grad, i.is_inference(), s.requires_grad)
(z * y * f(x)).sum().backward()
print(x.grad)
try:
    i * x
    (i * x).sum().backward()
except RuntimeError as e:
    print(e)
""",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs as files, with a module beside them to import."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "neighbour.py").write_text(
        "import torch\nclass Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.w = torch.nn.Parameter(torch.ones(2))\n    def forward(self, x):\n        return self.w * x\n"
        "def loss(y):\n    return (y ** 2).sum()\n"
    )
    for number, source in enumerate(PROGRAMS.values()):
        (folder / f"program_{number}.py").write_text(source, "utf-8")
    return folder


@pytest.fixture(scope="module")
def plain(folder: Path) -> dict[str, Outcome]:
    """What ``python FILE`` does with each."""
    outcomes = run_plainly([folder / f"program_{number}.py" for number in range(len(PROGRAMS))])
    return dict(zip(PROGRAMS, outcomes, strict=True))


def recorded(folder: Path, name: str) -> Trace:
    path = folder / f"program_{list(PROGRAMS).index(name)}.py"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return record(PROGRAMS[name], options=Options(path=str(path)))


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str, folder: Path, plain: dict[str, Outcome]) -> None:
    trace = recorded(folder, name)
    assert plain[name].status == 0, plain[name].stderr
    assert trace.error is None
    assert trace.stdout == plain[name].stdout
    assert trace.stdout
    assert trace.agrees is True
    assert any(one.steps for one in trace.passes)
    check_trace(trace)
