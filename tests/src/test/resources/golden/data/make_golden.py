"""Writes a picture and its antialiased bilinear resizes, float32 before rounding.

pip install torch numpy; python make_golden.py
"""
import numpy as np
import torch

g = torch.Generator().manual_seed(3)
x = torch.randint(0, 256, (1, 3, 40, 30), generator=g, dtype=torch.uint8)
np.save("picture.npy", x[0].permute(1, 2, 0).contiguous().numpy())
for h, w in [(20, 15), (12, 9), (8, 6), (4, 3), (60, 45), (56, 42)]:
    y = torch.nn.functional.interpolate(
        x.float(), (h, w), mode="bilinear", align_corners=False, antialias=True
    )
    np.save(f"resized_{h}x{w}.npy", y[0].permute(1, 2, 0).contiguous().numpy())
