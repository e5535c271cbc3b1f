"""The nets whose speed is compared, as PyTorch's users write them: torchvision's ResNet with ReLU in place."""

from torch import nn
from torch.nn import functional as F


class SeedCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.fc1 = nn.Linear(3136, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


class Block(nn.Module):
    """Two 3 x 3 convolutions, or a bottleneck whose stride is on its 3 x 3."""

    def __init__(self, inner, planes, stride, bottleneck):
        super().__init__()
        out = 4 * planes if bottleneck else planes
        sizes = (1, 3, 1) if bottleneck else (3, 3)
        widths = (planes, planes, out) if bottleneck else (planes, planes)
        strides = (1, stride, 1) if bottleneck else (stride, 1)
        layers, c = [], inner
        for size, width, step in zip(sizes, widths, strides):
            layers += [nn.Conv2d(c, width, size, step, size // 2, bias=False), nn.BatchNorm2d(width), nn.ReLU(True)]
            c = width
        self.residual = nn.Sequential(*layers[:-1])
        self.downsample = None
        if stride != 1 or inner != out:
            self.downsample = nn.Sequential(nn.Conv2d(inner, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.residual(x)
        y += x if self.downsample is None else self.downsample(x)
        return F.relu_(y)


class ResNet(nn.Module):
    def __init__(self, blocks, bottleneck, classes, small):
        super().__init__()
        stem = nn.Conv2d(3, 64, 3, 1, 1, bias=False) if small else nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        pool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        layers, inner = [stem, nn.BatchNorm2d(64), nn.ReLU(True), pool], 64
        for stage, count in enumerate(blocks):
            for i in range(count):
                planes = 64 << stage
                layers.append(Block(inner, planes, 2 if stage > 0 and i == 0 else 1, bottleneck))
                inner = 4 * planes if bottleneck else planes
        self.base = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(inner, classes)

    def forward(self, x):
        return self.fc(self.base(x))


NETS = {
    "seed-cnn": (SeedCnn, (1, 28, 28), 10),
    "mlp": (mlp, (1, 28, 28), 10),
    "resnet18-small": (lambda: ResNet((2, 2, 2, 2), False, 10, True), (3, 32, 32), 10),
    "resnet50": (lambda: ResNet((3, 4, 6, 3), True, 1000, False), (3, 224, 224), 1000),
    "head": (lambda: nn.Linear(2048, 1000), (2048,), 1000),
}
