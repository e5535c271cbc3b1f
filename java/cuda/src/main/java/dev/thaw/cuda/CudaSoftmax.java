package dev.thaw.cuda;

import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.backend.SoftmaxKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import org.jspecify.annotations.Nullable;

/**
 * {@code kernels/softmax.cu}: some lanes of a warp a row, or a block. A target that is neither a
 * class nor ignored makes the loss NaN, and is refused by the next reading.
 */
final class CudaSoftmax implements SoftmaxKernels {
  /** Up to this length a row is short in any case. */
  private static final int SHORT = 128;

  /** Longer rows are, where there are enough to keep the card busy. */
  private static final int LONG = 1024;

  private final Card card;
  private final Workspace workspace;
  private final Refusals refusals;
  private final Rows forward;
  private final Rows backward;
  private final Rows crossEntropy;
  private final Rows crossEntropyBackward;
  private final Kernel crossEntropyTotal;
  private final int wrongTarget;

  /** Kernels for short rows and for long ones. */
  private record Rows(Kernel shorter, Kernel longer) {
    static Rows of(Kernels kernels, String name) {
      return new Rows(kernels.get(name + "_short_f32"), kernels.get(name + "_long_f32"));
    }
  }

  CudaSoftmax(Card card, Kernels kernels, Workspace workspace, Refusals refusals) {
    this.card = card;
    this.workspace = workspace;
    this.refusals = refusals;
    forward = Rows.of(kernels, "softmax_forward");
    backward = Rows.of(kernels, "softmax_backward");
    crossEntropy = Rows.of(kernels, "cross_entropy");
    crossEntropyBackward = Rows.of(kernels, "cross_entropy_backward");
    crossEntropyTotal = kernels.get("cross_entropy_total");
    wrongTarget =
        refusals.named(
            "crossEntropy: target %d of row %d is not in [0, %d) and not the ignored %d");
  }

  @Override
  public void forward(Buffer y, Buffer x, boolean log, int rows, int columns) {
    if (y.elements() == 0) {
      return;
    }
    Arguments a = Arguments.empty().pointer(y).pointer(x).int32(rows).int32(columns).flag(log);
    launch(forward, rows, columns, y.address() | x.address(), a);
  }

  @Override
  public void backward(Buffer dx, Buffer dy, Buffer y, boolean log, int rows, int columns) {
    if (dx.elements() == 0) {
      return;
    }
    Arguments a = Arguments.empty().pointer(dx).pointer(dy).pointer(y);
    a.int32(rows).int32(columns).flag(log);
    launch(backward, rows, columns, dx.address() | dy.address() | y.address(), a);
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
    long addresses = logProbabilities.address() | logits.address();
    int blocks = blocks(rows, columns, addresses);
    long partial = workspace.take(2L * blocks * Double.BYTES);
    try {
      Arguments a = Arguments.empty().address(partial).pointer(logProbabilities).pointer(logits);
      a.pointer(targets).pointer(weights).flag(isWide(targets));
      options(a, options, rows, columns);
      launch(crossEntropy, rows, columns, addresses, refusals.watch(a, wrongTarget));
      a = Arguments.empty().pointer(loss).pointer(total).address(partial).int32(blocks);
      card.launch(crossEntropyTotal, 1, a);
    } finally {
      workspace.give();
    }
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
    if (dlogits.elements() == 0) {
      return;
    }
    Arguments a = Arguments.empty().pointer(dlogits).pointer(dloss).pointer(total);
    a.pointer(logProbabilities).pointer(targets).pointer(weights).flag(isWide(targets));
    options(a, options, rows, columns);
    long addresses = dlogits.address() | logProbabilities.address();
    launch(crossEntropyBackward, rows, columns, addresses, a);
  }

  private static void options(Arguments a, CrossEntropyOptions options, int rows, int columns) {
    a.int64(options.ignored()).int32(rows).int32(columns);
    a.float32(1 - options.smoothing()).float32(options.smoothing() / columns);
  }

  private void launch(Rows kernels, int rows, int columns, long addresses, Arguments a) {
    boolean shorter = isShort(rows, columns);
    if (shorter) {
      a.int32(lanes(columns, addresses));
    }
    Kernel kernel = shorter ? kernels.shorter() : kernels.longer();
    card.launch(kernel, blocks(rows, columns, addresses), a);
  }

  private static int lanes(int columns, long addresses) {
    return Lanes.ofRow(columns, Float.BYTES, addresses);
  }

  private boolean isShort(int rows, int columns) {
    return columns <= SHORT
        || (columns <= LONG && rows >= card.mostBlocks() * (Card.THREADS / 32) / 2);
  }

  private int blocks(int rows, int columns, long addresses) {
    return isShort(rows, columns)
        ? card.blocksFor((long) rows * lanes(columns, addresses))
        : card.blocksForTasks(rows);
  }

  private static boolean isWide(Buffer targets) {
    Check.that(
        targets.dtype() == DType.INT32 || targets.dtype() == DType.INT64,
        "crossEntropy: targets are %s, expected int64 class numbers",
        targets.dtype());
    return targets.dtype() == DType.INT64;
  }
}
