"""A transformer of 6 layers, 256 wide, 8 heads, on 8 sequences of 64 tokens."""

import torch
from torch import nn

torch.manual_seed(0)
layer = nn.TransformerEncoderLayer(256, 8, dim_feedforward=1024, dropout=0.0, batch_first=True)
model = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
x = torch.randn(8, 64, 256)
parameters = list(model.parameters())


def forward():
    return model(x).square().mean()


forward().backward()
