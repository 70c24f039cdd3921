"""A recurrent network over 50 steps: one weight, used 50 times."""

import torch

torch.manual_seed(0)
W = (torch.randn(4, 4) * 0.5).requires_grad_()
U = (torch.randn(3, 4) * 0.5).requires_grad_()
xs = torch.randn(50, 2, 3)
h = torch.zeros(2, 4)
for x in xs:
    h = torch.tanh(x @ U + h @ W)
loss = h.square().mean()
loss.backward()
