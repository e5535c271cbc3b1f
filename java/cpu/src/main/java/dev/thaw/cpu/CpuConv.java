package dev.thaw.cpu;

import dev.thaw.backend.Binary;
import dev.thaw.backend.Broadcast;
import dev.thaw.backend.ConstantWeights;
import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import org.bytedeco.dnnl.global.dnnl;
import org.jspecify.annotations.Nullable;

/**
 * Convolutions by oneDNN: look up the call that is prepared for this shape, pass addresses; or by
 * our own loops where they are faster ({@link FewChannels}, {@link CookToom}, {@link PointwiseSum},
 * {@link Winograd}, {@link Winograd4}). Results are the same bits on every thread, and may differ
 * in the last bits between thread counts, as {@link ConvBackwardWeights} cuts its sums by threads.
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

  /** Whether the processor has what our own convolutions are written for. */
  private final boolean wide = Isa.current() == Isa.AVX512;

  private final Pool pool;
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
    this.pool = pool;
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
    if (Wide.isNeeded(x)) {
      try (Wide wide = new Wide(pool)) {
        forward(
            wide.writes(y),
            wide.reads(x),
            wide.reads(w),
            wide.readsIfAny(bias),
            wide.readsIfAny(residual),
            relu,
            shape);
      }
      return;
    }
    if (y.bytes() == 0) {
      return;
    }
    long result = Address.floats(y);
    if (wide && residual == null && FewChannels.fits(shape)) {
      long offset = Address.floatsOrNull(bias);
      FewChannels.forward(
          result, Address.floats(x), Address.floats(w), offset, relu, shape, threads(shape));
      return;
    }
    long add = Address.floatsOrNull(residual);
    if (wide && Winograd.fitsChanging(shape)) {
      try (Lane lane = lanes.take()) {
        Winograd.forward(
            lane,
            result,
            Address.floats(x),
            Address.floats(w),
            Address.floatsOrNull(bias),
            add,
            relu,
            shape,
            threads(shape));
      }
      return;
    }
    boolean copies = add == result && !ADDS_IN_PLACE;
    Epilogue.Residual kind =
        residual == null
            ? Epilogue.Residual.NONE
            : add == result && !copies ? Epilogue.Residual.IN_PLACE : Epilogue.Residual.SEPARATE;
    Epilogue epilogue = new Epilogue(bias != null, kind, relu);
    try (Lane lane = lanes.take()) {
      Product call = lane.prepared(ConvForward.of(shape, epilogue, threads(shape)));
      long copied = copies ? Prepared.align(y.bytes()) : 0;
      long workspace = lane.workspace(copied + call.workspaceBytes());
      if (copies) {
        Native.thaw_copy(workspace, add, y.bytes(), CpuThreads.forBytes(2 * y.bytes()));
        add = workspace;
      }
      call.execute(
          result,
          Address.floats(x),
          Address.floats(w),
          Address.floatsOrNull(bias),
          add,
          workspace + copied);
    }
  }

  @Override
  public @Nullable ConstantWeights constant(
      Buffer w, boolean bias, boolean residual, boolean relu, ConvShape shape) {
    if (Wide.isNeeded(w)
        || w.bytes() == 0
        || shape.n() == 0
        || (wide && !residual && FewChannels.fits(shape))) {
      return null;
    }
    int threads = threads(shape);
    if (wide && CookToom.fits(shape)) {
      return CookToom.of(pool, w, shape);
    }
    if (wide && residual && PointwiseSum.fits(shape, threads)) {
      return PointwiseSum.of(pool, w, shape, threads);
    }
    if (wide && Winograd4.fits(shape)) {
      return Winograd4.of(pool, w, shape, threads);
    }
    if (wide && Winograd.fits(shape)) {
      return Winograd.of(pool, w, shape, threads);
    }
    ConvForward recipe = new ConvForward(shape, epilogue(bias, residual, relu), threads);
    try (Lane lane = lanes.take()) {
      Product call = lane.prepared(recipe);
      return CpuConstantWeights.of(pool, call, recipe, Address.floats(w), threads, lane);
    }
  }

  private static Epilogue epilogue(boolean bias, boolean residual, boolean relu) {
    return new Epilogue(bias, residual ? Epilogue.Residual.SEPARATE : Epilogue.Residual.NONE, relu);
  }

  @Override
  public void forwardConstant(
      @Writes Buffer y,
      Buffer x,
      ConstantWeights w,
      @Nullable Buffer bias,
      @Nullable Buffer residual,
      boolean relu,
      ConvShape shape) {
    int threads = threads(shape);
    long offset = Address.floatsOrNull(bias);
    long add = Address.floatsOrNull(residual);
    if (w instanceof TurnedWeights turned) {
      turned.forward(Address.floats(y), Address.floats(x), offset, add, relu, shape, threads);
      return;
    }
    Epilogue epilogue = epilogue(bias != null, residual != null, relu);
    try (Lane lane = lanes.take()) {
      Product call = lane.prepared(new ConvForward(shape, epilogue, threads));
      long packed = ((CpuConstantWeights) w).address(call, threads, lane);
      call.executePacked(
          Address.floats(y),
          Address.floats(x),
          packed,
          offset,
          add,
          lane.workspace(call.scratchBytes()));
    }
  }

  @Override
  public void forwardWithStatistics(
      @Writes Buffer y,
      @Writes Buffer mean,
      @Writes Buffer variance,
      Buffer x,
      Buffer w,
      ConvShape shape) {
    forward(y, x, w, null, null, false, shape);
    int rows = shape.n() * shape.outH() * shape.outW();
    new CpuNorm(pool).statistics(mean, variance, y, rows, shape.k());
  }

  /** oneDNN's gradient of data adds nothing, so a residual costs memory and a pass of its own. */
  @Override
  public void backwardData(
      @Writes Buffer dx, Buffer dy, Buffer w, @Nullable Buffer residual, ConvShape shape) {
    if (Wide.isNeeded(dx)) {
      try (Wide wide = new Wide(pool)) {
        backwardData(
            wide.writes(dx), wide.reads(dy), wide.reads(w), wide.readsIfAny(residual), shape);
      }
      return;
    }
    if (dx.bytes() == 0) {
      return;
    }
    if (residual == null) {
      backwardData(dx, dy, w, shape);
      return;
    }
    Buffer alone = pool.allocate(dx.dtype(), dx.elements(), Purpose.WORKSPACE);
    try {
      backwardData(alone, dy, w, shape);
      int[] dims = {shape.n(), shape.h(), shape.w(), shape.c()};
      new CpuBinary(pool)
          .forward(Binary.ADD, dx, alone, residual, Broadcast.of("backwardData", dims, dims));
    } finally {
      alone.release();
    }
  }

  private void backwardData(Buffer dx, Buffer dy, Buffer w, ConvShape shape) {
    if (dy.bytes() == 0) {
      Rows.zero(dx.address(), dx.bytes());
      return;
    }
    try (Lane lane = lanes.take()) {
      if (wide && Winograd.fitsChanging(shape)) {
        Winograd.backwardData(
            lane, Address.floats(dx), Address.floats(dy), Address.floats(w), shape, threads(shape));
        return;
      }
      Product call = lane.prepared(ConvBackwardData.of(shape, threads(shape)));
      call.execute(
          Address.floats(dx),
          Address.floats(dy),
          Address.floats(w),
          0,
          0,
          lane.workspace(call.workspaceBytes()));
    }
  }

  @Override
  public void backwardWeights(
      @Writes Buffer dw, @Writes @Nullable Buffer db, Buffer dy, Buffer x, ConvShape shape) {
    if (Wide.isNeeded(x)) {
      try (Wide wide = new Wide(pool)) {
        backwardWeights(
            wide.writes(dw), wide.writesIfAny(db), wide.reads(dy), wide.reads(x), shape);
      }
      return;
    }
    if (dy.bytes() == 0) {
      Rows.zero(dw.address(), dw.bytes());
      if (db != null) {
        Rows.zero(db.address(), db.bytes());
      }
      return;
    }
    if (wide && FewChannels.fits(shape)) {
      FewChannels.backwardWeights(
          Address.floats(dw),
          Address.floatsOrNull(db),
          Address.floats(dy),
          Address.floats(x),
          shape,
          threads(shape));
      return;
    }
    try (Lane lane = lanes.take()) {
      if (wide && Winograd.fitsChanging(shape)) {
        Winograd.backwardWeights(
            lane, Address.floats(dw), Address.floats(dy), Address.floats(x), shape, threads(shape));
        sumOverPixels(db, dy, shape);
      } else if (Pointwise.is(shape)) {
        pointwiseBackwardWeights(lane, dw, db, dy, x, shape);
      } else {
        ConvBackwardWeights.Call call =
            lane.prepared(new ConvBackwardWeights(shape, db != null, threads(shape)));
        call.execute(
            Address.floats(dw),
            Address.floatsOrNull(db),
            Address.floats(dy),
            Address.floats(x),
            lane.workspace(call.workspaceBytes()));
      }
    }
  }

  private static void pointwiseBackwardWeights(
      Lane lane, Buffer dw, @Nullable Buffer db, Buffer dy, Buffer x, ConvShape shape) {
    GemmShape s = Pointwise.backwardWeights(shape);
    Product call = lane.prepared(new Matmul(s, Epilogue.NONE, false, threads(shape)));
    call.execute(
        Address.floats(dw),
        Address.floats(dy),
        Address.floats(x),
        0,
        0,
        lane.workspace(call.workspaceBytes()));
    sumOverPixels(db, dy, shape);
  }

  private static void sumOverPixels(@Nullable Buffer db, Buffer dy, ConvShape s) {
    if (db != null) {
      Native.thaw_reduce(
          Reduction.SUM.ordinal(),
          Address.floats(db),
          Address.floats(dy),
          1,
          (long) s.n() * s.outH() * s.outW(),
          s.k(),
          1,
          CpuThreads.forBytes(dy.bytes()));
    }
  }

  /** The same for all three: each multiplies and adds as often, and reads or writes all three. */
  private static int threads(ConvShape s) {
    double pixels = (double) s.n() * s.outH() * s.outW();
    double weights = (double) s.k() / s.groups() * s.c() * s.kh() * s.kw();
    double numbers = (double) s.n() * s.h() * s.w() * s.c() + pixels * s.k() + weights;
    return CpuThreads.forWork(2 * pixels * weights, Float.BYTES * numbers);
  }
}
