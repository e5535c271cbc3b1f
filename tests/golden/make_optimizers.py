"""Writes optimizers.safetensors: ten steps of a small net under every optimizer.

    python tests/golden/make_optimizers.py          (PyTorch 2.x, CPU; the same numbers on every run)

The net is fc1, fc2, fc3 with tanh between, from the start weights start/NAME. Step i has the pictures x[i] and the
classes targets[i]. A case holds losses, ten of them, and NAME of shape [10, ..]: the values after each step. Everything
is computed in float64.
"""

import math

import torch
from torch.nn import functional as F

from golden_files import fill, golden, normals
from models import Mlp

STEPS = 10
SIZES = (6, 7, 7, 4)
FILE = {}


def net():
    return fill(Mlp(SIZES)).double()


def case(name, optimizer, before=None, gradients=None, after=None, batches=1, rate=None):
    """Ten steps; the hooks get the net, the optimizer and the step's number.

    before: ahead of forward; gradients: between backward and the step; after: after it; batches: how many a step adds
    up; rate: the factor of each step on every group's rate.
    """
    model = net()
    o = optimizer(model)
    bases = [g["lr"] for g in o.param_groups]
    losses, values = [], {k: [] for k, _ in model.named_parameters()}
    for i in range(STEPS):
        if before:
            before(model, o, i)
        if rate:
            for g, base in zip(o.param_groups, bases):
                g["lr"] = base * rate(i)
        o.zero_grad(set_to_none=True)
        step_losses = []
        for x, t in zip(FILE["x"][i].double().chunk(batches), FILE["targets"][i].chunk(batches)):
            loss = F.cross_entropy(model(x), t)
            (loss / batches).backward()
            step_losses.append(loss.detach())
        if gradients:
            gradients(model, o, i)
        o.step()
        if after:
            after(model, o, i)
        losses.append(torch.stack(step_losses).mean())
        for k, p in model.named_parameters():
            values[k].append(p.detach().clone())
    FILE[f"{name}/losses"] = torch.stack(losses)
    FILE.update({f"{name}/{k}": torch.stack(v) for k, v in values.items()})


def groups(model, weights, others):
    """Biases apart: they are not decayed."""
    named = list(model.named_parameters())
    return [
        {"params": [p for _, p in named if p.dim() > 1], **weights},
        {"params": [p for _, p in named if p.dim() == 1], **others},
    ]


def head_apart(model):
    """The head faster and without decay; below it, weights are decayed and biases are not."""
    rest = [(k, p) for k, p in model.named_parameters() if not k.startswith("fc3")]
    return [
        {"params": list(model.fc3.parameters()), "lr": 0.05, "weight_decay": 0},
        {"params": [p for _, p in rest if p.dim() > 1], "lr": 0.01, "weight_decay": 0.25},
        {"params": [p for _, p in rest if p.dim() == 1], "lr": 0.01, "weight_decay": 0},
    ]


def frozen_meanwhile(model, o, i):
    """fc1 is frozen for steps 3 to 5. Thaw keeps no state of what is frozen; PyTorch would, so it is dropped."""
    model.fc1.requires_grad_(not 3 <= i < 6)
    if i == 3:
        for p in model.fc1.parameters():
            o.state.pop(p, None)


def unreached(model, o, i):
    """No gradient came to fc2's bias in steps 2, 3 and 7: no step is counted for it, its state stays."""
    if i in (2, 3, 7):
        model.fc2.bias.grad = None


def max_norm(model, o, i):
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() > 1:
                p.mul_((1 / p.norm(dim=1, keepdim=True)).clamp(max=1))


def optimizers():
    sgd, adam, adamw, rmsprop = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop
    case("sgd", lambda m: sgd(m.parameters(), lr=0.5))
    case("sgd-momentum", lambda m: sgd(m.parameters(), lr=0.1, momentum=0.9))
    case("sgd-momentum-decay", lambda m: sgd(m.parameters(), lr=0.1, momentum=0.9, weight_decay=0.05))
    case(
        "sgd-nesterov-decaying-weights",
        lambda m: sgd(groups(m, dict(weight_decay=0.05), {}), lr=0.1, momentum=0.9, nesterov=True),
    )
    case("adam", lambda m: adam(m.parameters(), lr=0.05))
    case("adam-decay", lambda m: adam(m.parameters(), lr=0.05, weight_decay=0.1))
    case("adamw", lambda m: adamw(groups(m, dict(weight_decay=0.25), dict(weight_decay=0)), lr=0.05))
    case("adamw-head-apart", lambda m: adamw(head_apart(m)))
    case("rmsprop", lambda m: rmsprop(m.parameters(), lr=0.02))
    case("rmsprop-momentum-decay", lambda m: rmsprop(m.parameters(), lr=0.02, momentum=0.5, weight_decay=0.05))
    case(
        "clip-by-norm",
        lambda m: sgd(m.parameters(), lr=0.5, momentum=0.9),
        # Without the 1e-6 that clip_grad_norm_ adds to the norm.
        gradients=lambda m, o, i: scale(m, min(1.0, 0.125 / norm(m))),
    )
    case(
        "clip-by-value",
        lambda m: sgd(m.parameters(), lr=0.5, momentum=0.9),
        gradients=lambda m, o, i: torch.nn.utils.clip_grad_value_(m.parameters(), 0.03125),
    )
    case("max-norm", lambda m: sgd(m.parameters(), lr=0.5, momentum=0.9), after=max_norm)
    case("accumulated", lambda m: adam(m.parameters(), lr=0.05), batches=2)
    case("cosine", lambda m: adamw(head_apart(m)), rate=lambda i: 0.5 * (1 + math.cos(math.pi * i / STEPS)))
    case("unreached", lambda m: adam(m.parameters(), lr=0.05), gradients=unreached)
    case("frozen-meanwhile-adam", lambda m: adam(m.parameters(), lr=0.05), before=frozen_meanwhile)
    case("frozen-meanwhile-sgd", lambda m: sgd(m.parameters(), lr=0.1, momentum=0.9), before=frozen_meanwhile)


def norm(model):
    return torch.sqrt(sum((p.grad**2).sum() for p in model.parameters())).item()


def scale(model, factor):
    for p in model.parameters():
        p.grad *= factor


if __name__ == "__main__":
    torch.manual_seed(0)
    FILE["x"] = normals(STEPS, 8, SIZES[0]).float()
    FILE["targets"] = torch.randint(0, SIZES[-1], (STEPS, 8))
    FILE.update({f"start/{k}": p.detach().float() for k, p in net().named_parameters()})
    optimizers()
    golden("optimizers.safetensors", FILE)
