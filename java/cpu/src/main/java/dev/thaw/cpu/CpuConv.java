package dev.thaw.cpu;

import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Pool;
import org.bytedeco.dnnl.global.dnnl;
import org.jspecify.annotations.Nullable;

/**
 * Convolutions by oneDNN: look up the call that is prepared for this shape, pass addresses. Results
 * are the same bits on every thread, and may differ in the last bits between thread counts, as
 * {@link ConvBackwardWeights} cuts its sums by threads.
 */
final class CpuConv implements ConvKernels {
  /** Prepared calls a lane keeps: a deep net at two batch sizes, forward and backward. */
  private static final int PREPARED = 512;

  /**
   * Whether oneDNN can add to what the result's buffer holds. Its depthwise kernels for SSE4.1 read
   * that as if every pixel were aligned, and crash; there the residual is copied first.
   */
  private static final boolean ADDS_IN_PLACE =
      dnnl.dnnl_get_effective_cpu_isa() >= dnnl.dnnl_cpu_isa_avx;

  private final Lanes lanes;

  /** Kernels whose workspaces come from {@code pool}. */
  CpuConv(Pool pool) {
    this(pool, PREPARED);
  }

  /**
   * Kernels with lanes of their own.
   *
   * @param prepared how many calls a lane keeps
   */
  CpuConv(Pool pool, int prepared) {
    lanes = new Lanes(pool, prepared);
  }

  @Override
  public void forward(
      @Writes Buffer y,
      Buffer x,
      Buffer w,
      @Nullable Buffer bias,
      @Nullable Buffer residual,
      boolean relu,
      ConvShape shape) {
    if (y.bytes() == 0) {
      return;
    }
    long result = y.address();
    long add = residual == null ? 0 : residual.address();
    boolean copies = add == result && !ADDS_IN_PLACE;
    Epilogue.Residual kind =
        residual == null
            ? Epilogue.Residual.NONE
            : add == result && !copies ? Epilogue.Residual.IN_PLACE : Epilogue.Residual.SEPARATE;
    Epilogue epilogue = new Epilogue(bias != null, kind, relu);
    ConvForward.Key key = new ConvForward.Key(shape, epilogue, threads(shape));
    try (Lane lane = lanes.take()) {
      ConvForward call = (ConvForward) lane.get(key);
      if (call == null) {
        call = lane.keep(key, new ConvForward(key));
      }
      long copied = copies ? Prepared.align(y.bytes()) : 0;
      long workspace = lane.workspace(copied + call.workspaceBytes());
      if (copies) {
        Native.thaw_copy(workspace, add, y.bytes(), CpuThreads.forBytes(2 * y.bytes()));
        add = workspace;
      }
      call.execute(
          result,
          x.address(),
          w.address(),
          bias == null ? 0 : bias.address(),
          add,
          workspace + copied);
    }
  }

  @Override
  public void backwardData(@Writes Buffer dx, Buffer dy, Buffer w, ConvShape shape) {
    if (dx.bytes() == 0) {
      return;
    }
    if (dy.bytes() == 0) {
      Rows.zero(dx.address(), dx.bytes());
      return;
    }
    ConvBackwardData.Key key = new ConvBackwardData.Key(shape, threads(shape));
    try (Lane lane = lanes.take()) {
      ConvBackwardData call = (ConvBackwardData) lane.get(key);
      if (call == null) {
        call = lane.keep(key, new ConvBackwardData(key));
      }
      call.execute(dx.address(), dy.address(), w.address(), lane.workspace(call.workspaceBytes()));
    }
  }

  @Override
  public void backwardWeights(
      @Writes Buffer dw, @Writes @Nullable Buffer db, Buffer dy, Buffer x, ConvShape shape) {
    if (dy.bytes() == 0) {
      Rows.zero(dw.address(), dw.bytes());
      if (db != null) {
        Rows.zero(db.address(), db.bytes());
      }
      return;
    }
    ConvBackwardWeights.Key key = new ConvBackwardWeights.Key(shape, db != null, threads(shape));
    try (Lane lane = lanes.take()) {
      ConvBackwardWeights call = (ConvBackwardWeights) lane.get(key);
      if (call == null) {
        call = lane.keep(key, new ConvBackwardWeights(key));
      }
      call.execute(
          dw.address(),
          db == null ? 0 : db.address(),
          dy.address(),
          x.address(),
          lane.workspace(call.workspaceBytes()));
    }
  }

  /** The same for all three, so that what one of them learns of a shape the others can use. */
  private static int threads(ConvShape s) {
    return CpuThreads.forFlops(
        2.0 * s.n() * s.outH() * s.outW() * s.k() / s.groups() * s.c() * s.kh() * s.kw());
  }
}
