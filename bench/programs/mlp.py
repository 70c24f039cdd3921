"""50 linear layers of 512 units."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(*(layer for _ in range(50) for layer in (nn.Linear(512, 512), nn.ReLU())))
x = torch.randn(64, 512)
parameters = list(model.parameters())


def forward():
    return model(x).square().mean()


forward().backward()
