"""PyTorch's half of bench/gpu/check: the same steps on the same card, and what the card itself can do.

    python3 bench/gpu/peer.py OUT.json SECONDS [PART,PART,..] [--rehearse]
    python3 bench/gpu/peer.py --first SINCE [--rehearse]

Writes one JSON object, again after every part, so that a part that fails or runs out of time costs only itself. Times are
medians over CUDA events, after warming up. --rehearse runs everything small and on the processor, to see that it works.
"""

import json
import os
import statistics
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers"))

import torch  # noqa: E402
from nets import NETS, ResNet  # noqa: E402
from torch.nn import functional as F  # noqa: E402

FIRST = sys.argv[1] == "--first"
OUT, SECONDS = sys.argv[1], float(sys.argv[2])
REHEARSE = "--rehearse" in sys.argv
ASKED = sys.argv[3].split(",") if len(sys.argv) > 3 and not sys.argv[3].startswith("--") else None
DEVICE = "cpu" if REHEARSE else "cuda"
START = time.time()
RESULT = {}

NETS["resnet18"] = (lambda: ResNet((2, 2, 2, 2), False, 1000, False), (3, 224, 224), 1000)
# The distinct convolutions of ResNet-50: channels in and out, kernel, stride, padding, side of the picture.
CONVOLUTIONS = [
    (3, 64, 7, 2, 3, 224), (64, 64, 1, 1, 0, 56), (64, 64, 3, 1, 1, 56), (64, 256, 1, 1, 0, 56), (256, 64, 1, 1, 0, 56),
    (256, 128, 1, 1, 0, 56), (128, 128, 3, 2, 1, 56), (256, 512, 1, 2, 0, 56), (128, 512, 1, 1, 0, 28),
    (512, 128, 1, 1, 0, 28), (128, 128, 3, 1, 1, 28), (512, 256, 1, 1, 0, 28), (256, 256, 3, 2, 1, 28),
    (512, 1024, 1, 2, 0, 28), (256, 1024, 1, 1, 0, 14), (1024, 256, 1, 1, 0, 14), (256, 256, 3, 1, 1, 14),
    (1024, 512, 1, 1, 0, 14), (512, 512, 3, 2, 1, 14), (1024, 2048, 1, 2, 0, 14), (512, 2048, 1, 1, 0, 7),
    (2048, 512, 1, 1, 0, 7), (512, 512, 3, 1, 1, 7)]  # fmt: skip


def timed(f, warm=5, runs=50, budget=4.0):
    """Median milliseconds of f, and how many runs that is of."""
    for _ in range(1 if REHEARSE else warm):
        f()
    times, begin = [], time.time()
    while len(times) < (2 if REHEARSE else runs) and time.time() - begin < budget:
        if REHEARSE:
            at = time.perf_counter()
            f()
            times.append((time.perf_counter() - at) * 1e3)
        else:
            a, b = torch.cuda.Event(True), torch.cuda.Event(True)
            a.record()
            f()
            b.record()
            b.synchronize()
            times.append(a.elapsed_time(b))
    return {"ms": statistics.median(times), "runs": len(times)}


def versions():
    answer = {"torch": torch.__version__, "python": sys.version.split()[0]}
    if not REHEARSE:
        card = torch.cuda.get_device_properties(0)
        answer |= {
            "card": card.name, "capability": f"{card.major}.{card.minor}", "multiprocessors": card.multi_processor_count,
            "memory_MiB": card.total_memory >> 20, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(),
        }  # fmt: skip
    return answer


def ceilings():
    """The card's own rates: a copy of 1 GiB, read and written, and square matrix products."""
    n = 1 << (18 if REHEARSE else 28)
    x = torch.randn(n, device=DEVICE)
    y = torch.empty_like(x)
    answer = {"copy_GBps": 8 * n / timed(lambda: y.copy_(x))["ms"] / 1e6}
    m = 64 if REHEARSE else 8192
    for name, dtype, tf32 in (("bf16", torch.bfloat16, True), ("tf32", torch.float32, True), ("fp32", torch.float32, False)):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = torch.randn(m, m, device=DEVICE, dtype=dtype), torch.randn(m, m, device=DEVICE, dtype=dtype)
        answer[f"matmul_{name}_TFLOPs"] = 2 * m**3 / timed(lambda: a @ b, runs=10)["ms"] / 1e9
    return answer


def prepared(model, batch, precision, kind, how):
    """A training step as a function, its batch and picture; how is eager, graph, or a mode of torch.compile."""
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
    make, shape, classes = NETS[model]
    batch = 2 if REHEARSE else batch
    if REHEARSE and shape[-1] > 64:
        shape = (3, 64, 64)
    net, x = make().to(DEVICE), torch.randn(batch, *shape, device=DEVICE)
    y = torch.randint(0, classes, (batch,), device=DEVICE)
    if len(shape) == 3:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    if kind == "frozen":
        net.eval()
        net.base.requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=1e-3, momentum=0.9)
    run = net
    if how.startswith("compile"):
        run = torch.compile(net, mode=how.partition("=")[2] or None)

    def one():
        optimizer.zero_grad(set_to_none=how != "graph")
        with torch.autocast(DEVICE, torch.bfloat16, enabled=precision == "bf16"):
            if kind == "frozen":
                with torch.no_grad():
                    features = net.base(x)
                loss = F.cross_entropy(net.fc(features), y)
            else:
                loss = F.cross_entropy(run(x), y)
        loss.backward()
        optimizer.step()

    return one, batch, shape


def first():
    """Milliseconds from the start of a process to the end of SeedCnn's first step."""
    command = [sys.executable, os.path.abspath(__file__), "--first", repr(time.time())]
    done = subprocess.run(command + ["--rehearse"] * REHEARSE, check=True, capture_output=True, text=True)
    return {"ms": float(done.stdout)}


def first_of_this_process():
    one, _, _ = prepared("seed-cnn", 64, "fp32", "train", "eager")
    torch.backends.cudnn.benchmark = False  # as it is in a new process
    one()
    if not REHEARSE:
        torch.cuda.synchronize()
    print((time.time() - SECONDS) * 1e3)


def step(model, batch, precision, kind, how):
    """Milliseconds of a training step, with its peak memory."""
    if not REHEARSE:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    one, batch, shape = prepared(model, batch, precision, kind, how)
    call = one
    if how == "graph" and not REHEARSE:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(4):
                one()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            one()
        call = graph.replay
    answer = timed(call, runs=500 if batch <= 64 and shape[-1] <= 32 else 30)
    answer["images_per_s"] = batch / answer["ms"] * 1e3
    if not REHEARSE:
        answer["peak_MiB"] = torch.cuda.max_memory_allocated() / 2**20
    return answer


def convolutions():
    """Forward, data and filter gradients in bf16, batch 256, channels last."""
    torch.backends.cudnn.benchmark = True
    answer = {}
    for c, k, size, stride, padding, side in CONVOLUTIONS[-2:] if REHEARSE else CONVOLUTIONS:
        dtype = torch.float32 if REHEARSE else torch.bfloat16
        x = torch.randn(2 if REHEARSE else 256, c, side, side, device=DEVICE, dtype=dtype)
        x = x.to(memory_format=torch.channels_last)
        w = torch.randn(k, c, size, size, device=DEVICE, dtype=dtype).to(memory_format=torch.channels_last)
        y = F.conv2d(x, w, None, stride, padding)
        dy = torch.randn_like(y)

        def back(mask):
            return torch.ops.aten.convolution_backward(
                dy, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, mask)  # fmt: skip

        calls = {
            "forward": lambda: F.conv2d(x, w, None, stride, padding),
            "data": lambda: back([True, False, False]),
            "filter": lambda: back([False, True, False]),
        }
        flops = 2.0 * y.numel() * c * size * size
        for name, call in calls.items():
            ms = timed(call, 3, 10, 0.5)["ms"]
            answer[f"{c}-{k} {size}x{size}/{stride} at {side}, {name}"] = {"ms": ms, "TFLOPs": flops / ms / 1e9}
    return answer


PARTS = {"versions": versions, "ceilings": ceilings, "first": first}


def declare(model, batch, precision, kind, how):
    name = f"{model} batch {batch} {precision} {kind} {how}"
    PARTS[name] = lambda: step(model, batch, precision, kind, how)


for how in ("eager", "graph"):
    declare("seed-cnn", 64, "fp32", "train", how)
    declare("mlp", 32, "fp32", "train", how)
declare("resnet50", 256, "bf16", "train", "eager")
declare("resnet50", 256, "bf16", "frozen", "eager")
PARTS["convolutions"] = convolutions
for model in ("resnet50", "resnet18"):
    for batch in (64, 256):
        for precision in ("bf16", "tf32", "fp32"):
            if (model, batch, precision) != ("resnet50", 256, "bf16"):
                declare(model, batch, precision, "train", "eager")
# Last, since compiling takes a minute.
declare("resnet50", 256, "bf16", "train", "compile")
declare("resnet50", 256, "bf16", "train", "compile=max-autotune-no-cudagraphs")
declare("resnet50", 256, "bf16", "train", "compile=reduce-overhead")
declare("resnet50", 256, "bf16", "train", "compile=max-autotune")
for model, batch, precision in (("resnet18", 256, "bf16"), ("resnet50", 64, "bf16"), ("resnet18", 64, "bf16")):
    declare(model, batch, precision, "train", "compile")
for model in ("resnet50", "resnet18"):
    for batch in (256, 64):
        for precision in ("tf32", "fp32"):
            declare(model, batch, precision, "train", "compile")


def main():
    for name, part in PARTS.items():
        if ASKED is not None and name not in ASKED:
            continue
        if time.time() - START > SECONDS:
            RESULT[name] = {"error": "no time was left"}
            continue
        if REHEARSE and "compile" in name:
            continue
        begin = time.time()
        try:
            RESULT[name] = part()
        except Exception as e:
            RESULT[name] = {"error": f"{type(e).__name__}: {e}".splitlines()[0][:300]}
            traceback.print_exc()
        if not REHEARSE:
            torch.cuda.empty_cache()
        print(f"{name}: {json.dumps(RESULT[name])[:160]} ({time.time() - begin:.0f} s)", flush=True)
        with open(OUT + ".part", "w") as file:
            json.dump(RESULT, file, indent=1)
        os.replace(OUT + ".part", OUT)


first_of_this_process() if FIRST else main()
