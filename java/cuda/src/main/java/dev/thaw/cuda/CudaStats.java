package dev.thaw.cuda;

import dev.thaw.backend.StatsKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;

/** {@code kernels/stats.cu}: each block measures or hashes a share, one block adds these up. */
final class CudaStats implements StatsKernels {
  private final Card card;
  private final Workspace workspace;
  private final Kernels.ByType measure;
  private final Kernel measureTotal;
  private final Kernel hash;
  private final Kernel hashTotal;

  CudaStats(Card card, Kernels kernels, Workspace workspace) {
    this.card = card;
    this.workspace = workspace;
    measure = kernels.byType("measure");
    measureTotal = kernels.get("measure_total");
    hash = kernels.get("hash");
    hashTotal = kernels.get("hash_total");
  }

  @Override
  public void measure(Buffer y, Buffer x) {
    checkResult("measure", y, DType.FLOAT64);
    int blocks = card.blocksFor(CudaUnary.packs(x));
    long partial = workspace.take((long) COUNT * blocks * Double.BYTES);
    try {
      card.launch(
          measure.of(x.dtype()),
          blocks,
          Arguments.empty().address(partial).pointer(x).int64(x.elements()));
      card.launch(measureTotal, 1, Arguments.empty().pointer(y).address(partial).int32(blocks));
    } finally {
      workspace.give();
    }
  }

  @Override
  public void hash(Buffer y, Buffer x) {
    checkResult("hash", y, DType.INT64);
    int blocks = card.blocksFor(x.bytes() / Long.BYTES);
    long partial = workspace.take((long) blocks * Long.BYTES);
    try {
      card.launch(hash, blocks, Arguments.empty().address(partial).pointer(x).int64(x.bytes()));
      card.launch(
          hashTotal,
          1,
          Arguments.empty().pointer(y).address(partial).int64(x.bytes()).int32(blocks));
    } finally {
      workspace.give();
    }
  }

  private static void checkResult(String call, Buffer y, DType dtype) {
    Check.that(y.dtype() == dtype, "%s: the result is %s, needed is %s", call, y.dtype(), dtype);
  }
}
