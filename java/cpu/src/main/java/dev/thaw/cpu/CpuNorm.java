package dev.thaw.cpu;

import dev.thaw.backend.NormKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import org.jspecify.annotations.Nullable;

/** Batch normalisation by channel and layer normalisation by row. */
final class CpuNorm implements NormKernels {

  private final Pool pool;

  /** Scratch comes from {@code pool}. */
  CpuNorm(Pool pool) {
    this.pool = pool;
  }

  @Override
  public void statistics(Buffer mean, Buffer variance, Buffer x, int rows, int channels) {
    if (Wide.isNeeded(x)) {
      try (Wide wide = new Wide(pool)) {
        statistics(mean, variance, wide.reads(x), rows, channels);
      }
      return;
    }
    Native.thaw_norm_statistics(
        Address.floats(mean),
        Address.floats(variance),
        Address.floats(x),
        rows,
        channels,
        CpuThreads.forBytes(x.bytes()));
  }

  @Override
  public void track(
      Buffer runningMean,
      Buffer runningVariance,
      Buffer mean,
      Buffer variance,
      int rows,
      int channels,
      double momentum) {
    Native.thaw_norm_track(
        Address.floats(runningMean),
        Address.floats(runningVariance),
        Address.floats(mean),
        Address.floats(variance),
        rows,
        channels,
        momentum);
  }

  @Override
  public void batchForward(
      Buffer y,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer mean,
      Buffer variance,
      @Nullable Buffer residual,
      boolean relu,
      int rows,
      int channels,
      double eps) {
    if (Wide.isNeeded(x)) {
      try (Wide wide = new Wide(pool)) {
        batchForward(
            wide.writes(y),
            wide.reads(x),
            gamma,
            beta,
            mean,
            variance,
            wide.readsIfAny(residual),
            relu,
            rows,
            channels,
            eps);
      }
      return;
    }
    Native.thaw_norm_batch_forward(
        Address.floats(y),
        Address.floats(x),
        Address.floats(gamma),
        Address.floats(beta),
        Address.floats(mean),
        Address.floats(variance),
        Address.floatsOrNull(residual),
        relu ? 1 : 0,
        rows,
        channels,
        eps,
        CpuThreads.forBytes((residual == null ? 2 : 3) * x.bytes()));
  }

  @Override
  public void batchBackward(
      @Nullable Buffer dx,
      @Nullable Buffer dgamma,
      @Nullable Buffer dbeta,
      @Nullable Buffer dresidual,
      Buffer dy,
      Buffer x,
      Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer variance,
      @Nullable Buffer y,
      int rows,
      int channels,
      double eps) {
    if (Wide.isNeeded(x)) {
      try (Wide wide = new Wide(pool)) {
        batchBackward(
            wide.writesIfAny(dx),
            dgamma,
            dbeta,
            wide.writesIfAny(dresidual),
            wide.reads(dy),
            wide.reads(x),
            gamma,
            beta,
            mean,
            variance,
            wide.readsIfAny(y),
            rows,
            channels,
            eps);
      }
      return;
    }
    Native.thaw_norm_batch_backward(
        Address.floatsOrNull(dx),
        Address.floatsOrNull(dgamma),
        Address.floatsOrNull(dbeta),
        Address.floatsOrNull(dresidual),
        Address.floats(dy),
        Address.floats(x),
        Address.floats(gamma),
        Address.floatsOrNull(beta),
        Address.floats(mean),
        Address.floats(variance),
        Address.floatsOrNull(y),
        rows,
        channels,
        eps,
        CpuThreads.forBytes((y == null ? 3 : 5) * x.bytes()));
  }

  @Override
  public void constantBackward(
      Buffer dx, Buffer dy, Buffer gamma, Buffer variance, int rows, int channels, double eps) {
    if (Wide.isNeeded(dx)) {
      try (Wide wide = new Wide(pool)) {
        constantBackward(wide.writes(dx), wide.reads(dy), gamma, variance, rows, channels, eps);
      }
      return;
    }
    Native.thaw_norm_constant_backward(
        Address.floats(dx),
        Address.floats(dy),
        Address.floats(gamma),
        Address.floats(variance),
        rows,
        channels,
        eps,
        CpuThreads.forBytes(2 * dx.bytes()));
  }

  @Override
  public void layerForward(
      Buffer y,
      Buffer mean,
      Buffer rstd,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      int rows,
      int columns,
      double eps) {
    if (Wide.isNeeded(x)) {
      try (Wide wide = new Wide(pool)) {
        layerForward(wide.writes(y), mean, rstd, wide.reads(x), gamma, beta, rows, columns, eps);
      }
      return;
    }
    Native.thaw_norm_layer_forward(
        Address.floats(y),
        Address.floats(mean),
        Address.floats(rstd),
        Address.floats(x),
        Address.floats(gamma),
        Address.floats(beta),
        rows,
        columns,
        eps,
        CpuThreads.forBytes(2 * x.bytes()));
  }

  @Override
  public void layerBackward(
      @Nullable Buffer dx,
      @Nullable Buffer dgamma,
      @Nullable Buffer dbeta,
      Buffer dy,
      Buffer x,
      Buffer gamma,
      Buffer mean,
      Buffer rstd,
      int rows,
      int columns) {
    if (Wide.isNeeded(x)) {
      try (Wide wide = new Wide(pool)) {
        layerBackward(
            wide.writesIfAny(dx),
            dgamma,
            dbeta,
            wide.reads(dy),
            wide.reads(x),
            gamma,
            mean,
            rstd,
            rows,
            columns);
      }
      return;
    }
    Native.thaw_norm_layer_backward(
        Address.floatsOrNull(dx),
        Address.floatsOrNull(dgamma),
        Address.floatsOrNull(dbeta),
        Address.floats(dy),
        Address.floats(x),
        Address.floats(gamma),
        Address.floats(mean),
        Address.floats(rstd),
        rows,
        columns,
        CpuThreads.forBytes(3 * x.bytes()));
  }

  @Override
  public void pixels(Buffer y, Buffer x, Buffer mean, Buffer std, int rows, int channels) {
    if (Wide.isNeeded(y)) {
      try (Wide wide = new Wide(pool)) {
        pixels(wide.writes(y), x, mean, std, rows, channels);
      }
      return;
    }
    Native.thaw_norm_pixels(
        Address.floats(y),
        Address.typed(x, DType.UINT8),
        Address.floats(mean),
        Address.floats(std),
        rows,
        channels,
        CpuThreads.forBytes(y.bytes() + x.bytes()));
  }
}
