"""Writes model-*.safetensors: whole nets' logits, loss, gradients and running statistics.

    python tests/golden/make_models.py          (PyTorch 2.x, CPU; the same numbers on every run)

Weights follow from the parameters' names (golden_files.spread); everything is computed in float64 from values that
float32 holds, and gradients are stored as float32, which is exact to 6e-8 of each number. Names and layouts are
PyTorch's.
"""

import torch
from torch.nn import functional as F

from golden_files import fill, golden, normals
from models import CifarResNet, ResNet, SeedCnn


def make(name, model, shape, classes, seed, apart=None):
    torch.manual_seed(seed)
    fill(model).double()
    x, targets = normals(*shape), torch.randint(0, classes, (shape[0],))
    logits = model(x)
    loss = F.cross_entropy(logits, targets)
    loss.backward()
    buffers = {f"after/{k}": v for k, v in model.named_buffers() if not k.endswith("num_batches_tracked")}
    model.eval()
    values = {"x": x.float(), "targets": targets, "logits": logits, "loss": loss, "eval_logits": model(x), **buffers}
    gradients = {k: p.grad.float() for k, p in model.named_parameters()}
    second = {f"grad/{k}": g for k, g in gradients.items() if apart and k.startswith(apart)}
    first = {f"grad/{k}": g for k, g in gradients.items() if f"grad/{k}" not in second}
    golden(f"model-{name}.safetensors", {**values, **first})
    if second:  # no file over a megabyte
        golden(f"model-{name}-2.safetensors", second)


if __name__ == "__main__":
    make("seed-cnn", SeedCnn(12, 8, 1, 10), (4, 1, 12, 8), 10, 0)
    make("resnet20", CifarResNet(20, 3, 10), (4, 3, 16, 16), 10, 1, apart="layer3.2")
    make("resnet18-narrow", ResNet((2, 2, 2, 2), False, 8, 3, 7), (4, 3, 40, 48), 7, 2)
    make("bottleneck", ResNet((1, 2, 1, 1), True, 4, 3, 5), (4, 3, 40, 32), 5, 3)
