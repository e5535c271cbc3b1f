"""Writes ops.safetensors: arithmetic, products, reductions and layouts with all gradients.

    python tests/golden/make_ops.py          (PyTorch 2.x, CPU; the same numbers on every run)

A case has its operands x0, x1, .., the result y, the gradient dy that backward starts from, and dx0, dx1, .. of the
floating operands. Inputs are exact in float32, everything is computed in float64. No tensor has four dimensions, so that
layouts are the same on both sides.
"""

import torch
from torch.nn import functional as F

from golden_files import golden, normals

FILE = {}


def case(name, f, *operands):
    x = [t.clone().requires_grad_(t.is_floating_point()) for t in operands]
    y = f(*x)
    out = {f"x{i}": t for i, t in enumerate(x)} | {"y": y}
    if y.is_floating_point():
        dy = torch.randn(y.shape).double()
        y.backward(dy)
        out["dy"] = dy
        out |= {f"dx{i}": t.grad for i, t in enumerate(x) if t.grad is not None}
    for k, v in out.items():
        v = v.detach()
        small = v.dtype == torch.float64 and torch.equal(v.float().double(), v)
        FILE[f"{name}/{k}"] = v.float() if small else v


def positive(*shape):
    return (normals(*shape).abs() + 0.25).float().double()


def main():
    torch.manual_seed(20)
    a, b = normals(3, 1, 4), normals(2, 1)
    case("add", torch.add, a, b)
    case("sub", torch.sub, a, b)
    case("mul", torch.mul, a, b)
    case("div", torch.div, a, positive(2, 1))
    case("pow", torch.pow, positive(3, 1, 4), b)
    whole = torch.randint(-2, 3, (4, 5)).double()
    case("max", torch.maximum, whole, torch.randint(-2, 3, (5,)).double())
    case("min", torch.minimum, whole, torch.randint(-2, 3, (5,)).double())
    case("add-number", lambda x: x + 0.75, a)
    case("div-number", lambda x: x / 3, a)
    case("pow-number", lambda x: x**3, a)
    for name, f in {"exp": torch.exp, "abs": torch.abs, "square": torch.square, "neg": torch.neg}.items():
        case(name, f, normals(7))
    for name, f in {
        "log": torch.log, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal
    }.items():
        case(name, f, positive(7))
    case("clip", lambda x: x.clamp(-0.5, 0.75), normals(9))

    x = normals(3, 4, 5)
    case("sum-all", torch.sum, x)
    case("sum-0-2", lambda x: x.sum((0, 2)), x)
    case("mean-all", torch.mean, x)
    case("mean-1", lambda x: x.mean(1), x)
    case("max-0-2", lambda x: x.amax((0, 2)), torch.randint(-2, 3, (3, 4, 5)).double())
    case("min-1", lambda x: x.amin(1), torch.randint(-2, 3, (3, 4, 5)).double())
    case("variance-all", torch.var, x)
    case("variance-1-2", lambda x: x.var((1, 2)), x)
    case("norm-all", torch.linalg.vector_norm, x)
    case("norm-0", lambda x: torch.linalg.vector_norm(x, dim=0), x)
    case("argmax-1", lambda x: x.argmax(1), x)

    case("matmul", torch.matmul, normals(3, 4), normals(4, 5))
    case("matmul-batches", torch.matmul, normals(2, 3, 4), normals(2, 4, 5))
    case("matmul-shared", torch.matmul, normals(2, 3, 4), normals(4, 5))
    case("matmul-first-shared", torch.matmul, normals(3, 4), normals(2, 4, 5))
    case("matmul-one-against-many", torch.matmul, normals(1, 3, 4), normals(6, 4, 5))
    case("matmul-transposed", lambda a, b: a.T @ b.T, normals(4, 3), normals(5, 4))

    case("reshape", lambda x: x.reshape(6, 10), x)
    case("permute", lambda x: x.permute(2, 0, 1), x)
    case("transpose", lambda x: x.transpose(0, 2), x)
    case("slice", lambda x: x[:, 1:3], x)
    case("split", lambda x: torch.cat(x.split([1, 4], 2)[::-1], 2), x)
    case("concat", lambda a, b: torch.cat((a, b), 1), x, normals(3, 2, 5))
    case("pad", lambda x: F.pad(x, (1, 2, 0, 3), value=1.5), x)
    case("expand", lambda x: x.expand(2, 3, 4), normals(3, 1))
    case("take", lambda x, i: x.index_select(1, i), x, torch.tensor([3, 0, 3]))
    case("gather", lambda x, i: x.gather(1, i), x, torch.randint(0, 4, (3, 6, 5)))

    logits, targets = normals(6, 4), torch.tensor([1, 3, 0, 2, 2, 1])
    weights = positive(4)
    case("entropy-smoothed", lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1), logits, targets)
    case("entropy-ignored", lambda x, t: F.cross_entropy(x, t, ignore_index=2), logits, targets)
    case(
        "entropy-weighted",
        lambda x, t, w: F.cross_entropy(x, t, weight=w.detach(), label_smoothing=0.2, ignore_index=1),
        logits,
        targets,
        weights,
    )
    golden("ops.safetensors", FILE)


main()
