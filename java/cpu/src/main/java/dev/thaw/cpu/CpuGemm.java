package dev.thaw.cpu;

import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.GemmShape;
import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Matrix products by oneDNN. */
final class CpuGemm implements GemmKernels {
  CpuGemm(CpuBackend backend) {}

  @Override
  public void gemm(
      Buffer c, Buffer a, Buffer b, @Nullable Buffer bias, boolean relu, GemmShape shape) {
    throw new UnsupportedOperationException("gemm");
  }
}
