"""Writes src/test/resources/golden/*.txt: what PyTorch computes, for dev.thaw.golden.Golden to read.

    python tests/golden/make_kernels.py          (PyTorch 2.x, CPU; the same numbers on every run)

A file is a list of cases. A line is `case NAME` or `name sizes : numbers`; a single number has no
sizes. Layouts are Thaw's: pictures [n, h, w, c], convolution weights [out, kh, kw, in / groups].
Everything is computed in float64. Inputs are multiples of 1/32 below 2, exact in every floating type
of Thaw, so that one file serves them all.
"""

import math
import pathlib

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
OUT = pathlib.Path(__file__).parent.parent / "src/test/resources/golden"


class File:
    """One text file of cases."""

    def __init__(self, name):
        self.path = OUT / name
        self.lines = [
            f"# Written by tests/golden/make_kernels.py with PyTorch {torch.__version__.split('+')[0]}."
        ]

    def case(self, name, **values):
        self.lines.append(f"case {name}")
        for key, value in values.items():
            if value is None:
                continue
            t = torch.as_tensor(value).detach().to(torch.float64)
            sizes = "".join(f" {d}" for d in t.shape)
            numbers = " ".join(text(v) for v in t.contiguous().flatten().tolist())
            self.lines.append(f"{key}{sizes} : {numbers}")

    def close(self):
        OUT.mkdir(parents=True, exist_ok=True)
        self.path.write_text("\n".join(self.lines) + "\n")


def text(v):
    if math.isnan(v):
        return "NaN"
    if math.isinf(v):
        return "Infinity" if v > 0 else "-Infinity"
    return f"{v:.13g}"


def inputs(*shape, grad=False):
    t = torch.randint(-63, 64, shape).to(torch.float64) / 32
    return t.requires_grad_(grad)


def distinct(*shape):
    """Inputs without ties: a permutation of multiples of 1/32."""
    n = math.prod(shape)
    return (torch.randperm(n) - n // 2).to(torch.float64).reshape(shape) / 32


def nhwc(t):
    return None if t is None else t.permute(0, 2, 3, 1)


def unary():
    f = File("unary.txt")
    at = torch.tensor([-3.0, -1.5, -1, -0.25, 0, 0.125, 0.5, 1, 2.5, 6])
    above = torch.tensor([0.03125, 0.25, 0.5, 1, 1.5, 2.75, 6])
    large = torch.tensor([-80.0, -30, -12, 12, 30, 80])
    functions = {
        "relu": (lambda x, a, b: F.relu(x), at, 0, 0),
        "leaky_relu": (lambda x, a, b: F.leaky_relu(x, a), at, 0.25, 0),
        "elu": (lambda x, a, b: F.elu(x, a), at, 1.5, 0),
        "gelu": (lambda x, a, b: F.gelu(x), at, 0, 0),
        "gelu_tanh": (lambda x, a, b: F.gelu(x, approximate="tanh"), at, 0, 0),
        "silu": (lambda x, a, b: F.silu(x), at, 0, 0),
        "sigmoid": (lambda x, a, b: torch.sigmoid(x), at, 0, 0),
        "tanh": (lambda x, a, b: torch.tanh(x), at, 0, 0),
        "softplus": (lambda x, a, b: torch.logaddexp(x, torch.zeros_like(x)), at, 0, 0),
        "exp": (lambda x, a, b: torch.exp(x), at, 0, 0),
        "log": (lambda x, a, b: torch.log(x), above, 0, 0),
        "sqrt": (lambda x, a, b: torch.sqrt(x), above, 0, 0),
        "rsqrt": (lambda x, a, b: torch.rsqrt(x), above, 0, 0),
        "abs": (lambda x, a, b: torch.abs(x), at, 0, 0),
        "neg": (lambda x, a, b: -x, at, 0, 0),
        "square": (lambda x, a, b: x * x, at, 0, 0),
        "reciprocal": (lambda x, a, b: 1 / x, above, 0, 0),
        "clip": (lambda x, a, b: torch.clamp(x, a, b), at, -1, 2.5),
        "affine": (lambda x, a, b: a * x + b, at, 2.5, -0.5),
        "power": (lambda x, a, b: x**a, above, 2.5, 0),
        "huber": (lambda x, a, b: F.huber_loss(x, torch.zeros_like(x), "none", a), at, 1.5, 0),
    }
    for name, (function, points, a, b) in functions.items():
        sets = {"": points}
        if name in ("gelu", "gelu_tanh", "silu", "sigmoid", "tanh", "softplus", "elu"):
            sets["_large"] = large
        for suffix, xs in sets.items():
            x = xs.clone().requires_grad_()
            dy = inputs(len(xs))
            y = function(x, a, b)
            y.backward(dy)
            f.case(name + suffix, x=x, a=a, b=b, dy=dy, y=y, dx=x.grad)
    f.close()


def conv():
    f = File("conv.txt")
    cases = {
        # name: n, (h, w), c, k, kernel, stride, padding, dilation, groups
        "plain": (1, (4, 5), 2, 3, (3, 3), (1, 1), (0, 0), (1, 1), 1),
        "padded": (2, (3, 4), 3, 5, (3, 3), (1, 1), (1, 1), (1, 1), 1),
        "strided": (2, (6, 5), 2, 4, (3, 2), (2, 3), (1, 0), (1, 1), 1),
        "dilated": (1, (7, 6), 2, 3, (3, 2), (1, 2), (2, 1), (2, 3), 1),
        "pointwise_strided": (2, (5, 4), 5, 3, (1, 1), (2, 2), (0, 0), (1, 1), 1),
        "stride_beyond_kernel": (1, (7, 7), 1, 2, (2, 2), (3, 3), (0, 0), (1, 1), 1),
        "larger_than_picture": (1, (2, 3), 2, 2, (5, 5), (1, 1), (2, 2), (1, 1), 1),
        "groups": (2, (4, 3), 4, 6, (3, 3), (1, 1), (1, 1), (1, 1), 2),
        "depthwise": (1, (5, 5), 6, 6, (3, 3), (2, 2), (1, 1), (1, 1), 6),
        "depthwise_multiplied": (1, (4, 4), 3, 6, (3, 3), (1, 1), (1, 1), (2, 2), 3),
        "one_pixel": (1, (1, 1), 1, 1, (1, 1), (1, 1), (0, 0), (1, 1), 1),
    }
    for name, (n, (h, w), c, k, kernel, stride, pad, dilation, groups) in cases.items():
        x = inputs(n, c, h, w, grad=True)
        weight = inputs(k, c // groups, *kernel, grad=True)
        bias = inputs(k, grad=True)
        y = F.conv2d(x, weight, bias, stride, pad, dilation, groups)
        dy = inputs(*y.shape)
        y.backward(dy)
        f.case(
            name, stride=stride, padding=pad, dilation=dilation, groups=groups, x=nhwc(x), w=nhwc(weight),
            bias=bias, dy=nhwc(dy), y=nhwc(y), dx=nhwc(x.grad), dw=nhwc(weight.grad), db=bias.grad,
        )  # fmt: skip
    f.close()


def pool():
    f = File("pool.txt")
    cases = {
        # name: n, (h, w), c, kernel, stride, padding, ceil mode
        "halves": (2, (4, 6), 3, (2, 2), (2, 2), (0, 0), False),
        "overlapping": (1, (5, 4), 2, (3, 2), (1, 1), (0, 0), False),
        "padded": (2, (5, 6), 2, (3, 3), (2, 2), (1, 1), False),
        "rounded_up": (1, (6, 7), 2, (3, 3), (2, 2), (1, 1), True),
        "gaps": (1, (7, 5), 1, (2, 1), (3, 2), (0, 0), False),
    }
    for name, (n, (h, w), c, kernel, stride, pad, ceil) in cases.items():
        for kind in ("max", "max_ties", "average", "average_inside"):
            # Ties: the first place in row-major order wins.
            x = (inputs(n, c, h, w) * 2).round() if kind == "max_ties" else distinct(n, c, h, w)
            x.requires_grad_()
            where = None
            if kind.startswith("max"):
                y, where = F.max_pool2d(x, kernel, stride, pad, 1, ceil, return_indices=True)
            else:
                y = F.avg_pool2d(x, kernel, stride, pad, ceil, kind == "average")
            dy = inputs(*y.shape)
            y.backward(dy)
            f.case(
                f"{kind} {name}", kernel=kernel, stride=stride, padding=pad, x=nhwc(x), dy=nhwc(dy), y=nhwc(y),
                where=nhwc(where), dx=nhwc(x.grad),
            )  # fmt: skip
    for name, (h, w), out in (("to_one", (4, 3), (1, 1)), ("uneven", (7, 5), (3, 2)), ("larger", (2, 3), (3, 5))):
        for kind in ("max", "average"):
            x = distinct(2, 2, h, w).requires_grad_()
            where = None
            if kind == "max":
                y, where = F.adaptive_max_pool2d(x, out, return_indices=True)
            else:
                y = F.adaptive_avg_pool2d(x, out)
            dy = inputs(*y.shape)
            y.backward(dy)
            f.case(
                f"{kind} adaptive_{name}", x=nhwc(x), dy=nhwc(dy), y=nhwc(y), where=nhwc(where), dx=nhwc(x.grad)
            )
    f.close()


def norm():
    f = File("norm.txt")
    for name, rows, channels, relu, eps in (
        ("batch", 9, 5, False, 1e-5),
        ("batch_relu", 8, 3, True, 1e-3),
        ("batch_two_rows", 2, 4, False, 1e-5),
    ):
        x, gamma, beta = (inputs(*s, grad=True) for s in ((rows, channels), (channels,), (channels,)))
        running_mean, running_var = inputs(channels), inputs(channels).abs() + 0.25
        before = running_mean.clone(), running_var.clone()
        y = F.batch_norm(x, running_mean, running_var, gamma, beta, True, 0.125, eps)
        y = F.relu(y) if relu else y
        dy = inputs(rows, channels)
        y.backward(dy)
        f.case(
            name, eps=eps, relu=int(relu), momentum=0.125, x=x, gamma=gamma, beta=beta, dy=dy, y=y,
            mean=x.mean(0), variance=x.var(0, unbiased=False), running_mean=before[0],
            running_variance=before[1], new_mean=running_mean, new_variance=running_var, dx=x.grad,
            dgamma=gamma.grad, dbeta=beta.grad,
        )  # fmt: skip
    for name, relu in (("constant", False), ("constant_relu", True)):
        x, gamma, beta = (inputs(*s, grad=True) for s in ((6, 4), (4,), (4,)))
        mean, var = inputs(4), inputs(4).abs() + 0.25
        y = F.batch_norm(x, mean, var, gamma, beta, False, 0.1, 1e-5)
        y = F.relu(y) if relu else y
        dy = inputs(6, 4)
        y.backward(dy)
        f.case(
            name, eps=1e-5, relu=int(relu), x=x, gamma=gamma, beta=beta, dy=dy, y=y, mean=mean, variance=var,
            dx=x.grad, dgamma=gamma.grad, dbeta=beta.grad,
        )  # fmt: skip
    for name, rows, columns, eps in (("layer", 4, 7, 1e-5), ("layer_one_row", 1, 3, 1e-6), ("layer_wide", 2, 33, 1e-5)):
        x, gamma, beta = (inputs(*s, grad=True) for s in ((rows, columns), (columns,), (columns,)))
        y = F.layer_norm(x, (columns,), gamma, beta, eps)
        dy = inputs(rows, columns)
        y.backward(dy)
        f.case(
            name, eps=eps, x=x, gamma=gamma, beta=beta, dy=dy, y=y, mean=x.mean(1),
            rstd=(x.var(1, unbiased=False) + eps).rsqrt(), dx=x.grad, dgamma=gamma.grad, dbeta=beta.grad,
        )  # fmt: skip
    for name, rows, channels in (("residual", 7, 8), ("residual_few", 9, 3)):
        x, gamma, beta = (inputs(*s, grad=True) for s in ((rows, channels), (channels,), (channels,)))
        residual = inputs(rows, channels, grad=True)
        y = F.relu(F.batch_norm(x, None, None, gamma, beta, True, 0.1, 1e-5) + residual)
        dy = inputs(rows, channels)
        y.backward(dy)
        f.case(
            name, eps=1e-5, x=x, gamma=gamma, beta=beta, residual=residual, dy=dy, y=y, dx=x.grad,
            dgamma=gamma.grad, dbeta=beta.grad, dresidual=residual.grad,
        )  # fmt: skip
    f.close()


def softmax():
    f = File("softmax.txt")
    for name, rows, columns, scale in (("small", 3, 5, 1), ("steep", 2, 4, 400), ("one_class", 2, 1, 1)):
        for kind, function in (("softmax", F.softmax), ("log_softmax", F.log_softmax)):
            x = (inputs(rows, columns) * scale).requires_grad_()
            y = function(x, 1)
            dy = inputs(rows, columns)
            y.backward(dy)
            f.case(f"{kind} {name}", x=x, dy=dy, y=y, dx=x.grad)
    for name, smoothing, weighted, ignored in (
        ("plain", 0, False, False),
        ("smoothing", 0.125, False, False),
        ("weights", 0, True, False),
        ("ignored", 0, False, True),
        ("smoothing_weights", 0.25, True, False),
        ("smoothing_weights_ignored", 0.25, True, True),
    ):
        x = inputs(6, 4, grad=True)
        t = torch.randint(0, 4, (6,))
        if ignored:
            t[1] = t[4] = -100
        weights = torch.tensor([0.5, 1, 2, 0.25]) if weighted else None
        loss = F.cross_entropy(x, t, weights, ignore_index=-100, label_smoothing=smoothing)
        (loss * 1.5).backward()
        f.case(
            f"cross_entropy {name}", smoothing=smoothing, x=x, targets=t, weights=weights, dloss=1.5, y=loss,
            dx=x.grad,
        )  # fmt: skip
    f.close()


def resize():
    f = File("resize.txt")
    for size, out in (((3, 4), (6, 8)), ((5, 7), (3, 2)), ((4, 3), (4, 7)), ((1, 2), (3, 1))):
        for kind in ("bilinear", "bilinear_corners", "nearest"):
            x = inputs(2, 2, *size, grad=True)
            mode = "nearest" if kind == "nearest" else "bilinear"
            corners = None if kind == "nearest" else kind == "bilinear_corners"
            y = F.interpolate(x, out, mode=mode, align_corners=corners)
            dy = inputs(*y.shape)
            y.backward(dy)
            f.case(
                f"{kind} {size[0]}x{size[1]}_to_{out[0]}x{out[1]}", x=nhwc(x), dy=nhwc(dy), y=nhwc(y), dx=nhwc(x.grad)
            )
    f.close()


def update():
    """Ten steps; the rate is halved after the fifth, which tells momentum of gradients from momentum of steps."""
    f = File("update.txt")
    rules = {
        "sgd": (torch.optim.SGD, dict(), 0.5, 0, 0, 0),
        "sgd decay": (torch.optim.SGD, dict(weight_decay=0.125), 0.25, 0, 0, 0),
        "sgd momentum": (torch.optim.SGD, dict(momentum=0.875, weight_decay=0.0625), 0.125, 0.875, 0, 0),
        "sgd nesterov": (torch.optim.SGD, dict(momentum=0.875, nesterov=True), 0.125, 0.875, 0, 0),
        "adam": (torch.optim.Adam, dict(betas=(0.9, 0.99), eps=1e-8), 0.125, 0.9, 0.99, 1e-8),
        "adam decay": (torch.optim.Adam, dict(betas=(0.5, 0.75), eps=0.25, weight_decay=0.5), 0.125, 0.5, 0.75, 0.25),
        "adamw": (torch.optim.AdamW, dict(betas=(0.9, 0.99), eps=1e-8, weight_decay=0.25), 0.125, 0.9, 0.99, 1e-8),
        "rmsprop": (torch.optim.RMSprop, dict(alpha=0.9, eps=1e-4), 0.0625, 0.9, 0, 1e-4),
        "rmsprop momentum": (
            torch.optim.RMSprop,
            dict(alpha=0.9, eps=1e-4, momentum=0.5, weight_decay=0.25),
            0.0625,
            0.9,
            0.5,
            1e-4,
        ),
    }
    for name, (optimizer, options, rate, beta1, beta2, eps) in rules.items():
        value = inputs(5)
        start, gradients, values = value.clone(), [], []
        value.requires_grad_()
        o = optimizer([value], lr=rate, **options)
        for step in range(10):
            if step == 5:
                o.param_groups[0]["lr"] = rate / 2
            value.grad = inputs(5)
            gradients.append(value.grad.clone())
            o.step()
            values.append(value.detach().clone())
        f.case(
            name, rate=rate, decay=options.get("weight_decay", 0), beta1=beta1, beta2=beta2, eps=eps,
            nesterov=int(options.get("nesterov", False)), start=start, gradients=torch.stack(gradients),
            values=torch.stack(values),
        )  # fmt: skip
    f.close()


if __name__ == "__main__":
    for seed, make in enumerate((unary, conv, pool, norm, softmax, resize, update)):
        torch.manual_seed(seed)
        make()
