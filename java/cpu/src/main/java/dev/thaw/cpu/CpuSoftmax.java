package dev.thaw.cpu;

import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.backend.SoftmaxKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import org.jspecify.annotations.Nullable;

/** Softmax and cross-entropy; short rows share their exponentials' vectors. */
final class CpuSoftmax implements SoftmaxKernels {

  CpuSoftmax() {}

  @Override
  public void forward(Buffer y, Buffer x, boolean log, int rows, int columns) {
    Native.thaw_softmax_forward(
        Address.floats(y),
        Address.floats(x),
        log ? 1 : 0,
        rows,
        columns,
        CpuThreads.forBytes(2 * x.bytes()));
  }

  @Override
  public void backward(Buffer dx, Buffer dy, Buffer y, boolean log, int rows, int columns) {
    Native.thaw_softmax_backward(
        Address.floats(dx),
        Address.floats(dy),
        Address.floats(y),
        log ? 1 : 0,
        rows,
        columns,
        CpuThreads.forBytes(3 * dx.bytes()));
  }

  @Override
  public void crossEntropy(
      Buffer loss,
      Buffer total,
      Buffer logProbabilities,
      Buffer logits,
      Buffer targets,
      @Nullable Buffer weights,
      CrossEntropyOptions options,
      int rows,
      int columns) {
    long bad =
        Native.thaw_cross_entropy(
            Address.floats(loss),
            Address.floats(total),
            Address.floats(logProbabilities),
            Address.floats(logits),
            targets.address(),
            Address.wide(targets),
            Address.floatsOrNull(weights),
            options.smoothing(),
            options.ignored(),
            rows,
            columns,
            CpuThreads.forBytes(2 * logits.bytes()));
    checkTargets(bad, targets, options, columns);
  }

  @Override
  public void crossEntropyBackward(
      Buffer dlogits,
      Buffer dloss,
      Buffer total,
      Buffer logProbabilities,
      Buffer targets,
      @Nullable Buffer weights,
      CrossEntropyOptions options,
      int rows,
      int columns) {
    long bad =
        Native.thaw_cross_entropy_backward(
            Address.floats(dlogits),
            Address.floats(dloss),
            Address.floats(total),
            Address.floats(logProbabilities),
            targets.address(),
            Address.wide(targets),
            Address.floatsOrNull(weights),
            options.smoothing(),
            options.ignored(),
            rows,
            columns,
            CpuThreads.forBytes(2 * dlogits.bytes()));
    checkTargets(bad, targets, options, columns);
  }

  private static void checkTargets(
      long bad, Buffer targets, CrossEntropyOptions options, int columns) {
    Check.that(
        bad < 0,
        "crossEntropy: target %d of row %d is not in [0, %d) and not the ignored %d",
        bad < 0 ? 0 : CpuStorage.integer(targets, bad),
        bad,
        columns,
        options.ignored());
  }
}
