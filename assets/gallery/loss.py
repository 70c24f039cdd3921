"""A parameter and a loss."""

import torch

p = torch.tensor([0.5, 2.0], requires_grad=True)
target = torch.tensor([1.0, 1.0])
loss = torch.nn.MSELoss()(p, target)
loss.backward()
