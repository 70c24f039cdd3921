"""A program that fails: two shapes do not fit."""

import torch

x = torch.ones(4, 3, requires_grad=True)
w = torch.ones(4, 2, requires_grad=True)
h = torch.relu(x)
y = h @ w
y.sum().backward()
