"""What PyTorch computes, for `./thaw bench parity` to repeat.

    python bench/peers/parity.py --data FOLDER --out FOLDER

FOLDER of data holds mnist/ (IDX, .gz) and cifar10-lossless/ (sheets of 1000 pictures a PNG, labels.txt). Written:

  MODEL-batches.safetensors   x [batches, n, h, w, c], y [batches, n]: what both sides learn from
  MODEL-start.safetensors     the weights and running statistics that everything starts from, by name
  MODEL-step-S.safetensors    step S of one training: before/NAME, moment0/NAME, moment1/NAME; x, y: what the step sees;
                              then loss, grad/NAME, after/NAME; the same under last/ with channels last. A net with
                              norms sees few pictures, see calm(); under all/ and all/last/ is what the whole batch gives
  MODEL-run.safetensors       a run from the start: losses, end/NAME; last/losses, last/end/NAME: with channels last
"""

import argparse
import copy
import gzip
import pathlib
import struct
import sys
import zlib

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden"))
from golden_files import write  # noqa: E402
from models import CifarResNet, SeedCnn  # noqa: E402

BATCH = 64
SAVED_STEPS = (0, 50, 100, 200)
TOTAL = 300  # of the cosine that steps 0 to 200 are part of


def idx(path):
    """The array in an IDX file."""
    data = gzip.open(path).read()
    sizes = struct.unpack(f">{data[3]}I", data[4 : 4 + 4 * data[3]])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(sizes)


def png(path):
    """The pixels [h, w, 3] of a PNG of 8 bits, RGB, not interlaced: filters as RFC 2083 chapter 6 has them."""
    data, at, packed = pathlib.Path(path).read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            w, h, *rest = struct.unpack(">IIBBBBB", body)
            assert rest == [8, 2, 0, 0, 0], f"{path}: not 8-bit RGB"
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(h, 1 + 3 * w)
    out, above = np.zeros((h, 3 * w), np.uint8), np.zeros(3 * w, np.uint8)
    for y in range(h):
        kind, line = lines[y, 0], lines[y, 1:]
        if kind == 0:
            row = line
        elif kind == 1:  # the sum of all to the left, each colour by itself
            row = line.reshape(w, 3).cumsum(0, dtype=np.uint8).reshape(-1)
        elif kind == 2:
            row = line + above
        else:
            row = neighbours(kind, line.tolist(), above.tolist())
        above = out[y] = row
    return out.reshape(h, w, 3)


def neighbours(kind, line, above):
    """A line filtered by average (3) or Paeth (4)."""
    row = [0] * len(line)
    for i, value in enumerate(line):
        left, up, corner = (row[i - 3], above[i], above[i - 3]) if i >= 3 else (0, above[i], 0)
        if kind == 3:
            guess = (left + up) // 2
        else:
            p = left + up - corner
            a, b, c = abs(p - left), abs(p - up), abs(p - corner)
            guess = left if a <= b and a <= c else up if b <= c else corner
        row[i] = (value + guess) & 255
    return np.array(row, np.uint8)


def mnist(folder, batches):
    """The first pictures in the file's order, on the scale 0..1."""
    n = BATCH * batches
    x = idx(folder / "mnist" / "train-images-idx3-ubyte.gz")[:n].astype(np.float32) / 255
    y = idx(folder / "mnist" / "train-labels-idx1-ubyte.gz")[:n].astype(np.int64)
    return x.reshape(batches, BATCH, 28, 28, 1), y.reshape(batches, BATCH)


def cifar(folder, batches):
    """The first pictures of CIFAR-10's first batch, minus the usual means, over the usual deviations."""
    n = BATCH * batches
    at = folder / "cifar10-lossless"
    x = np.concatenate([png(at / f"cifar10_batch_{i}.png").reshape(1000, 32, 32, 3) for i in (0, 1)])[:n]
    x = x.astype(np.float32) / 255
    x = (x - np.float32([0.4914, 0.4822, 0.4465])) / np.float32([0.2470, 0.2435, 0.2616])
    y = np.loadtxt(at / "labels.txt", dtype=np.int64)[:n]
    return x.reshape(batches, BATCH, 32, 32, 3), y.reshape(batches, BATCH)


def state(prefix, model):
    """Weights and running statistics; how many batches a norm has seen tells nothing."""
    return {
        prefix + name: t.detach().clone(memory_format=torch.contiguous_format)
        for name, t in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def step(model, optimizer, x, y):
    """Forward, backward, update; the loss before it."""
    optimizer.zero_grad(set_to_none=True)
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


def last(x):
    """The batches with channels last. Not by contiguous(): with one channel that leaves the strides as they are."""
    return x.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)


def twin(model, make, optimizer=None, form=torch.contiguous_format):
    """A copy of a model in a memory format, with an optimizer that knows what the other knew."""
    other = copy.deepcopy(model).to(memory_format=form)
    mine = make(other)
    if optimizer is not None:
        mine.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    return other, mine


def moments(model, optimizer, keys):
    """The optimizer's state by parameter, zeros where it has none yet."""
    out = {}
    for name, p in model.named_parameters():
        for m, key in enumerate(keys):
            value = optimizer.state.get(p, {}).get(key)
            out[f"moment{m}/{name}"] = torch.zeros_like(p) if value is None else value.clone()
    return out


def kink(model, x):
    """How near to zero the input of a ReLU comes, by the scale of its layer."""
    nearest, relu = [], F.relu

    def watched(z):
        nearest.append((z.abs().min() / z.square().mean().sqrt()).item())
        return relu(z)

    F.relu = watched
    try:
        with torch.no_grad():
            copy.deepcopy(model)(x)
    finally:
        F.relu = relu
    return min(nearest)


def calm(model, x, y, size):
    """`size` pictures that bring no ReLU's input nearer to zero than float32 rounds.

    There the gradient jumps: behind norms, whose gradients are sums that nearly cancel, one input on the other side of
    zero moves a gradient by 1e-3 to 1e-2 - PyTorch's own, too, from one memory format to the other, or when its norms
    are computed exactly - and without one it moves by 2e-6. A batch of 64 has a few, 8 pictures have none or one.
    """
    for px, py in zip(x.flatten(0, 1).split(size), y.flatten(0, 1).split(size)):
        if kink(model, px) > 2e-6:
            return px, py
    raise RuntimeError(f"no {size} pictures keep away from the kinks")


def one(prefix, model, make, optimizer, x, y):
    """One step of a copy, and of a copy with channels last."""
    tensors = {}
    for path, form, pictures in (
        (prefix, torch.contiguous_format, x),
        (prefix + "last/", torch.channels_last, last(x[None])[0]),
    ):
        other, others = twin(model, make, optimizer, form)
        tensors[path + "loss"] = step(other, others, pictures, y)
        tensors |= {f"{path}grad/{n}": p.grad.contiguous() for n, p in other.named_parameters()}
        tensors |= state(path + "after/", other)
    return tensors


def steps(out, name, model, make, schedule, keys, x, y, few):
    """Trains, and saves some of the steps whole."""
    optimizer = make(model)
    rates = schedule(optimizer)
    for s in range(max(SAVED_STEPS) + 1):
        bx, by = x[s % len(x)], y[s % len(y)]
        if s in SAVED_STEPS:
            tensors = {**state("before/", model), **moments(model, optimizer, keys)}
            if few:
                tensors |= one("all/", model, make, optimizer, bx, by)
            sx, sy = calm(model, x, y, few) if few else (bx, by)
            tensors |= one("", model, make, optimizer, sx, sy)
            tensors |= {"x": sx.permute(0, 2, 3, 1)[None], "y": sy[None]}
            write(out / f"{name}-step-{s}.safetensors", tensors, total=TOTAL, batch=s % len(x))
        step(model, optimizer, bx, by)
        rates.step()


def run(out, name, model, make, x, y, count):
    """A run at a constant rate, and the same with channels last."""
    tensors = {}
    other, others = twin(model, make, form=torch.channels_last)
    for prefix, m, o in (("", model, make(model)), ("last/", other, others)):
        pictures = last(x) if prefix else x
        tensors[prefix + "losses"] = torch.stack([step(m, o, pictures[s], y[s]) for s in range(count)])
        tensors |= state(prefix + "end/", m)
    write(out / f"{name}-run.safetensors", tensors, steps=count)


def decided(model, make, x, y, count):
    """Whether a run hangs on no rounding: in double, and from weights moved by some 1e-7 of themselves, the losses are
    the same within 1e-4.

    Of SeedCnn's starts about every second one meets an input of a ReLU, or two of a pooling, within rounding of each
    other, after which PyTorch parts from itself by 1e-3 to 3e-2 in a hundred steps. Such a run compares nothing.
    """

    def losses(dtype, draw):
        other, optimizer = twin(model.to(dtype), make)
        noise = torch.Generator().manual_seed(draw)
        with torch.no_grad():
            for p in other.parameters() if draw else ():
                p.mul_(1 + 1.2e-7 * torch.randn(p.shape, generator=noise))
        return torch.stack([step(other, optimizer, x[s].to(dtype), y[s]) for s in range(count)]).double()

    same = losses(torch.float32, 0)
    others = [losses(torch.float32, draw) for draw in range(1, 7)] + [losses(torch.float64, 0)]
    model.float()
    return max((other - same).abs().max().item() for other in others) < 1e-4


def groups(model, decay):
    """Decay for weights, none for biases and norms."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]


def residual():
    """ResNet-20 with its convolutions started as He et al. did, arXiv 1502.01852."""
    model = CifarResNet(20, 3, 10)
    for part in model.modules():
        if isinstance(part, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
    return model


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--data", type=pathlib.Path, required=True)
    words.add_argument("--out", type=pathlib.Path, required=True)
    words.add_argument("--threads", type=int, default=1, help="one is hardly slower, and leaves others their core")
    words.add_argument("--seed", type=int, default=1, help="of the first start that is tried")
    words = words.parse_args()
    torch.set_num_threads(words.threads)
    words.out.mkdir(parents=True, exist_ok=True)

    def sgd(model):
        return torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def adamw(model):
        return torch.optim.AdamW(groups(model, 0.05), lr=1e-4)

    def constant(optimizer):
        return torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)

    def cosine(optimizer):
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=TOTAL)

    cases = (
        ("seed-cnn", lambda: SeedCnn(28, 28, 1, 10), mnist, 100, sgd, constant, ("momentum_buffer",), 100, 0),
        ("resnet20", residual, cifar, 31, adamw, cosine, ("exp_avg", "exp_avg_sq"), 20, 8),
    )
    for name, create, read, batches, make, schedule, keys, count, few in cases:
        pictures, labels = read(words.data, batches)
        x, y = torch.from_numpy(pictures).permute(0, 1, 4, 2, 3).contiguous(), torch.from_numpy(labels)
        for seed in range(words.seed, words.seed + 20):
            torch.manual_seed(seed)
            model = create()
            if few or decided(model, make, x, y, count):
                break
        else:
            raise RuntimeError(f"{name}: no start whose run hangs on no rounding")
        write(words.out / f"{name}-start.safetensors", state("", model), torch=torch.__version__.split("+")[0])
        write(words.out / f"{name}-batches.safetensors", {"x": pictures, "y": labels})
        run(words.out, name, copy.deepcopy(model), make, x, y, count)
        steps(words.out, name, model, make, schedule, keys, x, y, few)


if __name__ == "__main__":
    main()
