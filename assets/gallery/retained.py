"""One graph, three backward passes with different vectors."""

import torch

x = torch.tensor([2.0, 3.0], requires_grad=True)
y = torch.stack([x[0] ** 2, x[1] ** 3])
for v in ([1.0, 1.0], [2.0, 0.0], [0.0, 0.5]):
    x.grad = None
    y.backward(gradient=torch.tensor(v), retain_graph=True)
