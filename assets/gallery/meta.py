"""Meta-learning: the outer loss is differentiated through the inner step (double backward)."""

import torch

torch.manual_seed(0)
w = torch.tensor([0.5, -1.0], requires_grad=True)
rate = torch.tensor(0.1, requires_grad=True)
x, y = torch.randn(3, 2), torch.randn(3)

inner = ((x @ w - y) ** 2).mean()
(g,) = torch.autograd.grad(inner, w, create_graph=True)
adapted = w - rate * g
outer = ((x @ adapted - y) ** 2).mean()
outer.backward()
