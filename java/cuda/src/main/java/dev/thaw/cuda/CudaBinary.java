package dev.thaw.cuda;

import dev.thaw.backend.Binary;
import dev.thaw.backend.BinaryKernels;
import dev.thaw.backend.Broadcast;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import java.util.Locale;

/** y = f(a, b): 16 bytes a turn where neither operand is repeated, else element by element. */
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
    int[] dims = shape.dims();
    Arguments arguments = Arguments.empty().pointer(y).pointer(a).pointer(b).int64(y.elements());
    if (dims.length == 1 && shape.aStrides()[0] == 1 && shape.bStrides()[0] == 1) {
      card.launch(same[f.ordinal()].of(y.dtype()), card.blocksFor(CudaUnary.packs(y)), arguments);
      return;
    }
    Check.that(
        dims.length <= MAX_RANK,
        "cuda: a broadcast over %d dimensions, at most %d can be walked",
        dims.length,
        MAX_RANK);
    arguments.int32(dims.length);
    for (int i = 0; i < MAX_RANK; i++) {
      arguments.int32(i < dims.length ? dims[i] : 1);
    }
    steps(arguments, shape.aStrides());
    steps(arguments, shape.bStrides());
    card.launch(repeated[f.ordinal()].of(y.dtype()), card.blocksFor(y.elements()), arguments);
  }

  private static void steps(Arguments arguments, int[] strides) {
    for (int i = 0; i < MAX_RANK; i++) {
      arguments.int64(i < strides.length ? strides[i] : 0);
    }
  }
}
