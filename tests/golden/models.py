"""Thaw's reference models as PyTorch writes them: the same names, the same arithmetic."""

import torch
from torch import nn
from torch.nn import functional as F


class SeedCnn(nn.Module):
    def __init__(self, height, width, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.fc1 = nn.Linear(64 * (height // 4) * (width // 4), 128)
        self.fc2 = nn.Linear(128, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class CifarBlock(nn.Module):
    def __init__(self, inner, planes):
        super().__init__()
        self.inner, self.planes = inner, planes
        self.conv1 = nn.Conv2d(inner, planes, 3, 1 if inner == planes else 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.inner != self.planes:  # option A: every second pixel, zero channels on both sides
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.planes // 4, self.planes // 4))
        return F.relu(y + x)


class CifarResNet(nn.Module):
    def __init__(self, depth, channels, classes):
        super().__init__()
        n = (depth - 2) // 6
        self.conv1 = nn.Conv2d(channels, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        for i, (inner, planes) in enumerate(((16, 16), (16, 32), (32, 64)), 1):
            blocks = [CifarBlock(inner if j == 0 else planes, planes) for j in range(n)]
            setattr(self, f"layer{i}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


class Block(nn.Module):
    """Two 3 x 3 convolutions, or a bottleneck with the stride on its 3 x 3 (version 1.5); torchvision's names."""

    def __init__(self, inner, planes, stride, bottleneck):
        super().__init__()
        out = 4 * planes if bottleneck else planes
        sizes = (1, 3, 1) if bottleneck else (3, 3)
        widths = (planes, planes, out) if bottleneck else (planes, planes)
        strides = (1, stride, 1) if bottleneck else (stride, 1)
        self.count, c = len(sizes), inner
        for i, (size, width, step) in enumerate(zip(sizes, widths, strides), 1):
            setattr(self, f"conv{i}", nn.Conv2d(c, width, size, step, size // 2, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(width))
            c = width
        self.downsample = None
        if stride != 1 or inner != out:
            self.downsample = nn.Sequential(nn.Conv2d(inner, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = x
        for i in range(1, self.count + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            y = F.relu(y) if i < self.count else y
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, blocks, bottleneck, width, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        inner = width
        for stage, count in enumerate(blocks):
            layer = []
            for i in range(count):
                planes = width << stage
                layer.append(Block(inner, planes, 2 if stage > 0 and i == 0 else 1, bottleneck))
                inner = 4 * planes if bottleneck else planes
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layer))
        self.fc = nn.Linear(inner, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Mlp(nn.Module):
    """fc1, fc2, .. with tanh between."""

    def __init__(self, sizes):
        super().__init__()
        self.depth = len(sizes) - 1
        for i in range(self.depth):
            setattr(self, f"fc{i + 1}", nn.Linear(sizes[i], sizes[i + 1]))

    def forward(self, x):
        for i in range(1, self.depth + 1):
            x = getattr(self, f"fc{i}")(x)
            x = torch.tanh(x) if i < self.depth else x
        return x
