"""PyTorch's half of `./thaw bench speed`: does what it is asked to, and sleeps in between.

    python bench/peers/speed.py serve THREADS                    requests on standard input, an answer a line:
        make NAME MODEL BATCH KIND FORMAT                        builds a piece of work and runs it twice
        run NAME CALLS                                           nanoseconds of each call
        clients NAME CLIENTS CALLS                               each client its thread; nanoseconds of each call
    python bench/peers/speed.py once THREADS MODEL BATCH KIND FORMAT CALLS    median ns, peak KiB; a process of its own
    python bench/peers/speed.py cold                             builds SeedCnn, names one picture: peak KiB

KIND is train, frozen (the base in inference mode without gradients, the head trained) or infer; FORMAT is usual or last
(channels last).
"""

import os
import statistics
import sys
import threading
import time

if sys.argv[1] in ("serve", "once"):
    os.environ["OMP_NUM_THREADS"] = sys.argv[2]

import torch  # noqa: E402
from nets import NETS, SeedCnn  # noqa: E402
from torch.nn import functional as F  # noqa: E402


def peak():
    """KiB of memory that this process had at most."""
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1])


def work(model, batch, kind, form):
    """A function that does one piece of work."""
    torch.manual_seed(0)
    make, shape, classes = NETS[model]
    net, x, y = make(), torch.randn(batch, *shape), torch.randint(0, classes, (batch,))
    if form == "last":
        net = net.to(memory_format=torch.channels_last)
        x = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)  # one channel: contiguous() alone changes nothing
    if kind == "infer":
        net.eval()

        def infer():
            with torch.inference_mode():
                return net(x)

        return infer
    if kind == "frozen":
        net.eval()
        for p in net.base.parameters():
            p.requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=1e-3, momentum=0.9)

    def train():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return train


def timed(f, calls):
    times = []
    for _ in range(calls):
        start = time.perf_counter_ns()
        f()
        times.append(time.perf_counter_ns() - start)
    return times


def clients(f, count, calls):
    """Every client calls from its own thread, with one thread inside an op: the first line is the wall time."""
    times, gate = [[] for _ in range(count)], threading.Barrier(count + 1)

    def client(i):
        torch.set_num_threads(1)
        timed(f, 2)
        gate.wait()
        times[i] = timed(f, calls)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(count)]
    [t.start() for t in threads]
    gate.wait()
    start = time.perf_counter_ns()
    [t.join() for t in threads]
    return [time.perf_counter_ns() - start] + sum(times, [])


def serve(threads):
    torch.set_num_threads(threads)
    works = {}
    for line in sys.stdin:
        word, name, *rest = line.split()
        answer = []
        if word == "make":
            model, batch, kind, form = rest
            works[name] = work(model, int(batch), kind, form)
            timed(works[name], 2)
        elif word == "run":
            answer = timed(works[name], int(rest[0]))
        elif word == "clients":
            answer = clients(works[name], int(rest[0]), int(rest[1]))
            torch.set_num_threads(threads)
        else:
            sys.exit(f"speed.py: what is {word}?")
        print(*answer, flush=True)


def main():
    word, *rest = sys.argv[1:]
    if word == "serve":
        print(torch.__version__.split("+")[0], flush=True)
        serve(int(rest[0]))
    elif word == "once":
        torch.set_num_threads(int(rest[0]))
        times = timed(work(rest[1], int(rest[2]), rest[3], rest[4]), int(rest[5]))
        print(int(statistics.median(times)), peak())
    elif word == "cold":
        net = SeedCnn().eval()
        with torch.inference_mode():
            net(torch.zeros(1, 1, 28, 28)).argmax(1).item()
        print(peak())
    else:
        sys.exit(__doc__)


main()
