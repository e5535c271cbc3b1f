package dev.thaw.cpu;

import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvShape;
import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Convolutions by oneDNN. */
final class CpuConv implements ConvKernels {
  CpuConv(CpuBackend backend) {}

  @Override
  public void forward(
      Buffer y,
      Buffer x,
      Buffer w,
      @Nullable Buffer bias,
      @Nullable Buffer residual,
      boolean relu,
      ConvShape shape) {
    throw new UnsupportedOperationException("conv");
  }

  @Override
  public void backwardData(Buffer dx, Buffer dy, Buffer w, ConvShape shape) {
    throw new UnsupportedOperationException("conv");
  }

  @Override
  public void backwardWeights(
      Buffer dw, @Nullable Buffer db, Buffer dy, Buffer x, ConvShape shape) {
    throw new UnsupportedOperationException("conv");
  }
}
