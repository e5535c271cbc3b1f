package dev.thaw.cuda;

import dev.thaw.backend.Unary;
import dev.thaw.backend.UnaryKernels;
import dev.thaw.memory.Buffer;

/** The lines of {@code kernels/unary_ops.def}, found by name. */
final class CudaUnary implements UnaryKernels {
  private final Card card;

  /** By {@link Unary#ordinal()}. */
  private final Kernels.ByType[] forward;

  private final Kernels.ByType[] backward;

  CudaUnary(Card card, Kernels kernels) {
    this.card = card;
    Unary[] all = Unary.values();
    forward = new Kernels.ByType[all.length];
    backward = new Kernels.ByType[all.length];
    for (Unary f : all) {
      forward[f.ordinal()] = kernels.byType(f.id() + "_forward");
      backward[f.ordinal()] = kernels.byType(f.id() + "_backward");
    }
  }

  @Override
  public void forward(Unary f, Buffer y, Buffer x, double a, double b) {
    card.launch(
        forward[f.ordinal()].of(y.dtype()),
        card.blocksFor(packs(y)),
        Arguments.empty().pointer(y).pointer(x).int64(y.elements()).float32(a).float32(b));
  }

  @Override
  public void backward(Unary f, Buffer dx, Buffer dy, Buffer saved, double a, double b) {
    card.launch(
        backward[f.ordinal()].of(dx.dtype()),
        card.blocksFor(packs(dx)),
        Arguments.empty()
            .pointer(dx)
            .pointer(dy)
            .pointer(f.reads() == Unary.Reads.NOTHING ? dy : saved)
            .int64(dx.elements())
            .float32(a)
            .float32(b));
  }

  /** Work of a kernel that takes 16 bytes a thread and turn. */
  static long packs(Buffer y) {
    return (y.bytes() + 15) / 16;
  }
}
