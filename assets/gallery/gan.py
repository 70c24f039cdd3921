"""One round of training a generative adversarial network: two passes, and a detach between them."""

import torch
from torch import nn

torch.manual_seed(0)
generator = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
critic = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
best_g = torch.optim.SGD(generator.parameters(), 0.1)
best_c = torch.optim.SGD(critic.parameters(), 0.1)
real, noise = torch.randn(4, 2) + 3, torch.randn(4, 2)
bce = nn.functional.binary_cross_entropy_with_logits

fake = generator(noise)
loss_c = bce(critic(real), torch.ones(4, 1)) + bce(critic(fake.detach()), torch.zeros(4, 1))
best_c.zero_grad()
loss_c.backward()
best_c.step()

loss_g = bce(critic(fake), torch.ones(4, 1))
best_g.zero_grad()
loss_g.backward()
best_g.step()
