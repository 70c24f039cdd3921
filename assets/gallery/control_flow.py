"""A loop and a branch that depend on the values."""

import torch

a = torch.tensor(1.5410, requires_grad=True)


def f(a):
    b = a * 2
    while b.norm() < 1000:
        b = b * 2
    if b.sum() > 0:
        c = b
    else:
        c = 100 * b
    return c


d = f(a)
d.backward()
