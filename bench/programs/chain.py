"""A chain of 10,000 operations on four numbers."""

import torch

x = torch.ones(4, requires_grad=True)
parameters = [x]


def forward():
    y = x
    for _ in range(10_000):
        y = y * 1.0001
    return y.sum()


forward().backward()
