"""The residual networks of He et al. (CVPR 2016) for CIFAR-10, whose short cuts have no weights.

A user's own module: classes of a file, so that an encoder can tell when their source changes.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate, pad, relu

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Block(nn.Module):
    def __init__(self, before, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride, self.extra = stride, (width - before) // 2

    def forward(self, x):
        found = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        past = x[:, :, :: self.stride, :: self.stride]
        return relu(found + pad(past, (0, 0, 0, 0, self.extra, self.extra)))


class ResidualNetwork(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        blocks = (depth - 2) // 6
        self.layer1 = _layer(16, 16, 1, blocks)
        self.layer2 = _layer(16, 32, 2, blocks)
        self.layer3 = _layer(32, 64, 2, blocks)
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = relu(self.bn1(self.conv1(x)))
        return self.linear(self.layer3(self.layer2(self.layer1(x))).mean(dim=(2, 3)))


def _layer(before, width, stride, blocks):
    first = Block(before, width, stride)
    return nn.Sequential(first, *(Block(width, width, 1) for _ in range(blocks - 1)))


def cifar_input(images):
    """Turn grey uint8 images of any size into what the networks take."""
    pixels = torch.from_numpy(np.ascontiguousarray(images)).float()[:, None] / 255.0
    small = interpolate(pixels, size=(32, 32), mode="bilinear", antialias=True)
    mean, spread = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (MEAN, SPREAD))
    return (small.expand(-1, 3, -1, -1) - mean) / spread
