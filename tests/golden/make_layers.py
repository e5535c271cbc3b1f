"""Writes layers.safetensors: every layer and loss, forward and backward.

    python tests/golden/make_layers.py          (PyTorch 2.x, CPU; the same numbers on every run)

A case has x (or index), y, dy and what follows from them: dx, grad/NAME of each parameter param/NAME, and for norms
the running statistics before (buffer/NAME) and after (after/NAME). A frozen parameter has no grad. Inputs are exact in
float32, everything is computed in float64. Layouts are PyTorch's: pictures [n, c, h, w], weights [out, in, kh, kw].
"""

import torch
from torch import nn
from torch.nn import functional as F

from golden_files import golden, normals

FILE = {}


def case(name, module, x, frozen=(), train=True):
    """Runs a module, or a function, on x."""
    out = {}
    if isinstance(module, nn.Module):
        module = module.double().train(train)
        with torch.no_grad():
            for k, p in module.named_parameters():
                p.copy_(normals(*p.shape))
                p.requires_grad_(k not in frozen)
                out[f"param/{k}"] = p.detach().clone()
            for k, b in module.named_buffers():
                if b.is_floating_point():
                    b.copy_((normals(*b.shape).abs() + 0.25).float() if k == "running_var" else normals(*b.shape))
                    out[f"buffer/{k}"] = b.clone()
    floating = x.is_floating_point()
    x = x.clone().requires_grad_(floating)
    y = module(x)
    dy = normals(*y.shape)
    y.backward(dy)
    out |= {"x": x, "y": y, "dy": dy}
    if floating:
        out["dx"] = x.grad
    if isinstance(module, nn.Module):
        out |= {f"grad/{k}": p.grad for k, p in module.named_parameters() if p.requires_grad}
        out |= {f"after/{k}": b for k, b in module.named_buffers() if b.is_floating_point()}
    keep(name, out)


def keep(name, values):
    for k, v in values.items():
        # What float32 holds is stored as float32: half the bytes, nothing lost.
        v = v.detach()
        small = v.dtype == torch.float64 and torch.equal(v.float().double(), v)
        FILE[f"{name}/{k}"] = v.float() if small else v


def layers():
    picture = normals(2, 4, 7, 6)
    case("linear", nn.Linear(7, 3), normals(5, 7))
    case("linear-no-bias", nn.Linear(7, 3, bias=False), normals(5, 7))
    case("linear-of-sequences", nn.Linear(5, 4), normals(2, 3, 5))
    case("linear-frozen-weight", nn.Linear(7, 3), normals(5, 7), frozen=("weight",))
    case("conv2d", nn.Conv2d(4, 5, 3), picture)
    case("conv2d-padded", nn.Conv2d(4, 5, 3, padding=1), picture)
    case("conv2d-no-bias", nn.Conv2d(4, 5, 3, padding=1, bias=False), picture)
    case("conv2d-strided", nn.Conv2d(4, 3, 7, stride=2, padding=3), picture)
    case("conv2d-pointwise", nn.Conv2d(4, 6, 1, stride=2), picture)
    case("conv2d-dilated", nn.Conv2d(4, 3, 3, padding=2, dilation=2), picture)
    case("conv2d-groups", nn.Conv2d(4, 6, 3, padding=1, groups=2), picture)
    case("conv2d-depthwise", nn.Conv2d(4, 4, 3, padding=1, groups=4), picture)
    case("conv2d-rectangle", nn.Conv2d(4, 3, (1, 3), stride=(2, 1), padding=(0, 1)), picture)
    case("conv2d-frozen-weight", nn.Conv2d(4, 5, 3, padding=1), picture, frozen=("weight",))
    case("conv2d-frozen", nn.Conv2d(4, 5, 3, padding=1), picture, frozen=("weight", "bias"))
    case("batchnorm-train-all", nn.BatchNorm2d(4), picture)
    case("batchnorm-rows", nn.BatchNorm1d(5), normals(6, 5))
    case("batchnorm-eps-momentum", nn.BatchNorm2d(4, eps=1e-3, momentum=0.25), picture)
    case("batchnorm-eval", nn.BatchNorm2d(4), picture, train=False)
    case("batchnorm-eval-frozen", nn.BatchNorm2d(4), picture, ("weight", "bias"), train=False)
    # Statistics of the batch that leave no trace: PyTorch says it with momentum 0.
    case("batchnorm-batch-stats", nn.BatchNorm2d(4, momentum=0.0), picture)
    case("batchnorm-batch-stats-frozen", nn.BatchNorm2d(4, momentum=0.0), picture, ("weight", "bias"))
    case("layernorm", nn.LayerNorm(9), normals(4, 9))
    case("layernorm-of-sequences", nn.LayerNorm(8, eps=1e-6), normals(2, 3, 8))
    case("embedding", nn.Embedding(6, 4), torch.tensor([[1, 4, 1], [0, 1, 5]]))
    case("prelu", nn.PReLU(4), picture)
    case("prelu-one-slope", nn.PReLU(1), normals(3, 5))


def functions():
    picture = normals(2, 3, 7, 6)
    rows = normals(4, 9) * 2
    case("maxpool-2", lambda x: F.max_pool2d(x, 2), picture)
    case("maxpool-3-2-1", lambda x: F.max_pool2d(x, 3, 2, 1), picture)
    case("avgpool-2", lambda x: F.avg_pool2d(x, 2), picture)
    case("avgpool-3-2-1", lambda x: F.avg_pool2d(x, 3, 2, 1), picture)
    case("avgpool-3-2-1-inside", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), picture)
    case("avgpool-adaptive", lambda x: F.adaptive_avg_pool2d(x, (3, 2)), picture)
    case("maxpool-adaptive", lambda x: F.adaptive_max_pool2d(x, (3, 2)), picture)
    case("avgpool-global", lambda x: x.mean((2, 3)), picture)
    case("flatten", lambda x: x.flatten(1), picture)
    case("resize-bilinear", lambda x: F.interpolate(x, (10, 9), mode="bilinear", align_corners=False), picture)
    case("resize-nearest", lambda x: F.interpolate(x, (14, 12), mode="nearest"), picture)
    case("normalize", lambda x: F.normalize(x, dim=1, eps=1e-12), rows)
    case("softmax", lambda x: F.softmax(x, 1), rows)
    case("softmax-of-channels", lambda x: F.softmax(x, 1), picture)
    case("log-softmax", lambda x: F.log_softmax(x, 1), rows)
    for name, f in {
        "relu": F.relu,
        "leaky-relu": F.leaky_relu,
        "elu": F.elu,
        "gelu": F.gelu,
        "gelu-tanh": lambda x: F.gelu(x, approximate="tanh"),
        "silu": F.silu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        # F.softplus turns linear above 20, where the formula still differs by 2e-9.
        "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
    }.items():
        case(f"activation-{name}", f, rows)


def losses():
    targets = torch.tensor([2, 0, 4, 4, 1, 3])
    ignoring = torch.tensor([2, -100, 4, 4, -100, 3])
    weights = torch.tensor([0.5, 1, 2, 0.25, 1.5], dtype=torch.float64)
    for name, t, options in (
        ("cross-entropy", targets, {}),
        ("cross-entropy-smoothing", targets, dict(label_smoothing=0.125)),
        ("cross-entropy-weights", targets, dict(weight=weights)),
        ("cross-entropy-ignoring", ignoring, {}),
        ("cross-entropy-all", ignoring, dict(label_smoothing=0.125, weight=weights)),
    ):
        loss(name, lambda x, t: F.cross_entropy(x, t, **options), normals(6, 5) * 2, t)
        if "weight" in options:
            keep(name, {"weights": weights})
    shape = (4, 3)
    loss("bce-with-logits", F.binary_cross_entropy_with_logits, normals(*shape) * 4, torch.rand(shape).double())
    loss("mse", F.mse_loss, normals(*shape), normals(*shape))
    loss("huber", lambda x, t: F.huber_loss(x, t, delta=0.75), normals(*shape), normals(*shape))


def loss(name, function, x, targets):
    x = x.clone().requires_grad_()
    y = function(x, targets)
    (y * 1.5).backward()
    keep(name, {"x": x, "targets": targets, "y": y, "dx": x.grad})


if __name__ == "__main__":
    torch.manual_seed(0)
    layers()
    functions()
    losses()
    golden("layers.safetensors", FILE)
