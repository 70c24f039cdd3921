"""A loop of 2,000 turns."""

import torch

a = torch.tensor(1.0, requires_grad=True)
x = torch.tensor(1.0, requires_grad=True)
for _ in range(2000):
    x = x * a + 0.001
x.backward()
