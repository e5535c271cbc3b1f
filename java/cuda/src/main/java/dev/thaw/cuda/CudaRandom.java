package dev.thaw.cuda;

import dev.thaw.backend.RandomKernels;
import dev.thaw.backend.StepState;
import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** {@code kernels/random.cu}: Philox, four numbers a counter. */
final class CudaRandom implements RandomKernels {
  private final Card card;
  private final Kernels.ByType uniform;
  private final Kernels.ByType dropout;

  CudaRandom(Card card, Kernels kernels) {
    this.card = card;
    uniform = kernels.byType("uniform");
    dropout = kernels.byType("dropout");
  }

  @Override
  public void uniform(Buffer y, long seed, int stream, int call) {
    card.launch(
        uniform.of(y.dtype()),
        card.blocksFor(CudaUnary.packs(y)),
        Arguments.empty().pointer(y).int64(y.elements()).int64(seed).int32(stream).int32(call));
  }

  @Override
  public void dropout(
      Buffer y, Buffer x, @Nullable Buffer state, double p, long seed, int stream, int call) {
    long callBase = state == null ? 0 : state.address() + StepState.CALL_BASE * (long) Double.BYTES;
    // u >= p in double, where u is a whole number of 2^-24: the same as that whole number against
    // the first one that is not below p 2^24.
    int limit = (int) Math.ceil(p * 0x1p24);
    card.launch(
        dropout.of(y.dtype()),
        card.blocksFor(CudaUnary.packs(y)),
        Arguments.empty()
            .pointer(y)
            .pointer(x)
            .address(callBase)
            .int64(y.elements())
            .int64(seed)
            .int32(stream)
            .int32(call)
            .int32(limit)
            .float64(1 / (1 - p)));
  }
}
