"""What the scripts share that write golden files of tensors: the container, and numbers both sides can make."""

import json
import math
import pathlib
import struct
import zlib

import numpy as np
import torch

OUT = pathlib.Path(__file__).parent.parent / "src/test/resources/golden"
FORMATS = {"float32": "F32", "float64": "F64", "int64": "I64"}


def write(path, tensors, **notes):
    """Writes name -> tensor as safetensors; notes are its metadata."""
    arrays = {name: np.ascontiguousarray(torch.as_tensor(t).detach().numpy()) for name, t in tensors.items()}
    # Widest element first: the format allows no gaps, so this keeps every tensor aligned.
    order = sorted(arrays, key=lambda name: -arrays[name].itemsize)
    header, at = {"__metadata__": {k: str(v) for k, v in notes.items()}}, 0
    for name in order:
        a = arrays[name]
        header[name] = {"dtype": FORMATS[a.dtype.name], "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            f.write(arrays[name].astype(arrays[name].dtype.newbyteorder("<"), copy=False).tobytes())


def golden(name, tensors):
    """Writes a file among the tests' resources."""
    write(OUT / name, tensors, torch=torch.__version__.split("+")[0])
    print(f"{name}: {len(tensors)} tensors, {(OUT / name).stat().st_size} bytes")


def normals(*shape):
    """Normal numbers in double that are exact in float32."""
    return torch.randn(*shape).float().double()


def spread(name, count):
    """`count` float32 numbers in [-1, 1) that follow from a name alone; dev.thaw.golden.Spread makes the same.

    Element i is a hash of i + crc32(name) (two rounds of xor-shift and multiply): so the weights of the golden
    models need no file.
    """
    h = (np.arange(count, dtype=np.uint32) + np.uint32(zlib.crc32(name.encode()))).astype(np.uint32)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        h ^= h >> np.uint32(shift)
        h *= np.uint32(factor)
    h ^= h >> np.uint32(16)
    return (h >> np.uint32(8)).astype(np.float32) * np.float32(2**-23) - np.float32(1)


def fill(model):
    """Gives every parameter of a model its spread numbers, in float32's range of values, in the file's order."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            u = spread(name, p.numel())
            if p.dim() > 1:  # He et al.: the variance of uniform numbers in +-sqrt(6 / fan in) is 2 / fan in.
                values = u * np.float32(math.sqrt(6.0 / (p.numel() // p.shape[0])))
            elif name.endswith("weight"):  # the scale of a norm
                values = np.float32(1) + u * np.float32(0.25)
            else:
                values = u * np.float32(0.125)
            p.copy_(torch.from_numpy(values.reshape(p.shape)).to(p.dtype))
    return model
