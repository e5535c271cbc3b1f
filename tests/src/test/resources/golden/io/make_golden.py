"""Writes the files beside it with the libraries that own the formats.

pip install torch numpy safetensors; python make_golden.py
"""
import numpy as np
import torch
from safetensors.torch import save_file

g = torch.Generator().manual_seed(7)
save_file(
    {
        "conv.weight": torch.randn(4, 3, 3, 3, generator=g),
        "conv.bias": torch.tensor([0.5, -1.25, 3.0, -0.0]),
        "brain": torch.tensor([[1.0, -2.5], [3.0e38, 1.0e-40]]).bfloat16(),
        "double": torch.tensor([1.0 / 3.0], dtype=torch.float64),
        "num_batches_tracked": torch.tensor(1234567890123),
        "index": torch.tensor([-1, 2147483647], dtype=torch.int32),
        "pixels": torch.tensor([0, 127, 255], dtype=torch.uint8),
        "empty": torch.zeros(0, 5),
    },
    "python.safetensors",
    metadata={"format": "pt"},
)
save_file(
    {"half": torch.tensor([1.0, -2.5, 65504.0, 6.0e-8, float("inf"), float("nan")]).half()},
    "half.safetensors",
)
np.save("f4.npy", np.arange(12, dtype="<f4").reshape(3, 4) / 4)
np.save("f8.npy", np.array(1.0 / 3.0))
np.save("fortran.npy", np.asfortranarray(np.arange(12, dtype="<f4").reshape(3, 4)))
np.save("big.npy", np.arange(3, dtype=">f4"))
np.save("object.npy", np.array([{}, []], dtype=object))
np.save("record.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))
with open("v3.npy", "wb") as f:
    np.lib.format.write_array(f, np.arange(5, dtype="<i8"), version=(3, 0))
arrays = {
    "x": (np.arange(2 * 3 * 3, dtype=np.uint8) * 14).reshape(2, 3, 3, 1),
    "y": np.array([3, 1], dtype="<i8"),
    "f2": np.array([1.0, -2.5, 65504.0, 6.0e-8], dtype="<f2"),
    "i1": np.array([-128, 127], dtype="i1"),
    "i2": np.array([-32768, 32767], dtype="<i2"),
    "u2": np.array([0, 65535], dtype="<u2"),
    "bool": np.array([True, False]),
}
np.savez("stored.npz", **arrays)
np.savez_compressed("deflated.npz", **arrays)
