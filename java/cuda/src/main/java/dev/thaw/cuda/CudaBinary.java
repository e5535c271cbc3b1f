package dev.thaw.cuda;

import dev.thaw.backend.Binary;
import dev.thaw.backend.BinaryKernels;
import dev.thaw.backend.Broadcast;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import java.util.Locale;

/**
 * y = f(a, b): 16 bytes a turn where neither operand is repeated, or where what is repeated allows
 * it, else element by element.
 */
final class CudaBinary implements BinaryKernels {
  /** MAX_RANK of kernels/elementwise.cu. */
  private static final int MAX_RANK = 8;

  private final Card card;

  /** By {@link Binary#ordinal()}. */
  private final Kernels.ByType[] same;

  private final Kernels.ByType[] repeated;

  CudaBinary(Card card, Kernels kernels) {
    this.card = card;
    Binary[] all = Binary.values();
    same = new Kernels.ByType[all.length];
    repeated = new Kernels.ByType[all.length];
    for (Binary f : all) {
      String name = f.name().toLowerCase(Locale.ROOT);
      same[f.ordinal()] = kernels.byType(name + "_same");
      repeated[f.ordinal()] = kernels.byType(name + "_repeated");
    }
  }

  @Override
  public void forward(Binary f, Buffer y, Buffer a, Buffer b, Broadcast shape) {
    if (y.elements() == 0) {
      return;
    }
    int[] dims = shape.dims();
    if (dims.length == 1 && shape.aStrides()[0] == 1 && shape.bStrides()[0] == 1) {
      card.launch(
          same[f.ordinal()].of(y.dtype()),
          card.blocksFor(CudaUnary.packs(y)),
          Arguments.empty().pointer(y).pointer(a).pointer(b).int64(y.elements()));
      return;
    }
    Check.that(
        dims.length <= MAX_RANK,
        "cuda: a broadcast over %d dimensions, at most %d can be walked",
        dims.length,
        MAX_RANK);
    int last = dims.length - 1;
    int width = 16 / y.dtype().bytes();
    boolean packed =
        dims[last] % width == 0
            && y.address() % 16 == 0
            && isPacked(a, shape.aStrides(), width)
            && isPacked(b, shape.bStrides(), width)
            && y.elements() / width <= Integer.MAX_VALUE;
    int unit = packed ? width : 1;
    long n = y.elements() / unit;
    Arguments arguments = Arguments.empty().pointer(y).pointer(a).pointer(b).int64(n);
    arguments.flag(packed).int32(dims.length);
    for (int i = 0; i < MAX_RANK; i++) {
      arguments.divisor(i < last ? dims[i] : i == last ? dims[i] / unit : 1);
    }
    steps(arguments, shape.aStrides(), unit);
    steps(arguments, shape.bStrides(), unit);
    card.launch(repeated[f.ordinal()].of(y.dtype()), card.blocksFor(n), arguments);
  }

  /** Whether an operand has a pack, or one number, wherever the result has a pack. */
  private static boolean isPacked(Buffer x, int[] strides, int width) {
    int last = strides.length - 1;
    if (strides[last] == 0) {
      return true;
    }
    boolean whole = strides[last] == 1 && x.address() % 16 == 0;
    for (int i = 0; i < last; i++) {
      whole &= strides[i] % width == 0;
    }
    return whole;
  }

  private static void steps(Arguments arguments, int[] strides, int unit) {
    int last = strides.length - 1;
    for (int i = 0; i < MAX_RANK; i++) {
      arguments.int64(i > last ? 0 : i == last ? (long) strides[i] * unit : strides[i]);
    }
  }
}
