package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudart.cuMemcpyDtoDAsync;
import static org.bytedeco.cuda.global.cudart.cuMemsetD8Async;

import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.ReduceKernels;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.UnavailableException;
import dev.thaw.cuda.CudnnConv.Direction;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import org.jspecify.annotations.Nullable;

/**
 * Convolution by cuDNN. What it has no plan for, or does not take (addresses that are no multiple
 * of 16, empty pictures), our own kernels compute; all, where it is not installed, which is said
 * once. It is loaded at the first convolution.
 */
final class CudnnConvKernels implements ConvKernels {
  private static final System.Logger LOG = System.getLogger(CudnnConvKernels.class.getName());

  /** Output channels for which there is a bias of zeros; cuDNN's chains have none without. */
  private static final int ZEROS = 1 << 12;

  /** Where they lie among a convolution's addresses. */
  private static final int X_AT = 0;

  private static final int W_AT = 1;
  private static final int Y_AT = 2;
  private static final int RESIDUAL_AT = 3;
  private static final int SUMS_AT = 3;

  private static final long ALIGNMENT = 256;

  private final Card card;
  private final Pool pool;
  private final Workspace workspace;
  private final ConvKernels own;
  private final ReduceKernels reduce;
  private final CudaNorm norm;
  private final Tf32 tf32;
  private final Kernel epilogue;
  private final Kernel widen;
  private final Kernels.ByType add;
  private final boolean compiling = CudnnRules.fromProperties(false).compiling();
  private volatile boolean lookedFor;
  private volatile @Nullable Loaded loaded;
  private volatile String refused = "";

  /**
   * cuDNN, where it is.
   *
   * @param exact plans that multiply float32 as it is
   * @param tf32 plans for threads that allow TF32
   * @param zeros the address of {@link #ZEROS} of them
   */
  private record Loaded(CudnnLibrary cudnn, CudnnPlans exact, CudnnPlans tf32, long zeros) {}

  /**
   * Convolution on {@code card}.
   *
   * @param own our own kernels
   * @param reduce adds up the gradient of the bias
   * @param norm has the statistics
   */
  private CudnnConvKernels(
      Card card,
      Kernels kernels,
      Pool pool,
      Workspace workspace,
      ConvKernels own,
      ReduceKernels reduce,
      CudaNorm norm,
      Tf32 tf32) {
    this.card = card;
    this.pool = pool;
    this.workspace = workspace;
    this.own = own;
    this.reduce = reduce;
    this.norm = norm;
    this.tf32 = tf32;
    epilogue = kernels.get("conv_epilogue_f32");
    widen = kernels.get("cast_bf16_f32");
    add = kernels.byType("add_same");
  }

  /** Convolution by cuDNN; {@code own} with {@code -Dthaw.cuda.own=true}. */
  static ConvKernels of(
      Card card,
      Kernels kernels,
      Pool pool,
      Workspace workspace,
      ConvKernels own,
      ReduceKernels reduce,
      CudaNorm norm,
      Tf32 tf32) {
    return Boolean.getBoolean(LtGemmKernels.OWN)
        ? own
        : new CudnnConvKernels(card, kernels, pool, workspace, own, reduce, norm, tf32);
  }

  /** Which cuDNN computes, or why none does; loads it. */
  String finding() {
    Loaded library = loaded();
    return library == null
        ? "our own, slower kernels: " + refused
        : "cuDNN " + library.cudnn.version();
  }

  @Override
  public void forward(
      Buffer y,
      Buffer x,
      Buffer w,
      @Nullable Buffer bias,
      @Nullable Buffer residual,
      boolean relu,
      ConvShape s) {
    if (y.elements() == 0) {
      return;
    }
    if (!taken(y.dtype(), y, x, w, bias, residual) || !computed(y, x, w, bias, residual, relu, s)) {
      own.forward(y, x, w, bias, residual, relu, s);
    }
  }

  private boolean computed(
      Buffer y,
      Buffer x,
      Buffer w,
      @Nullable Buffer bias,
      @Nullable Buffer residual,
      boolean relu,
      ConvShape s) {
    Loaded library = loaded();
    if (library == null) {
      return false;
    }
    long xAt = x.address();
    long wAt = w.address();
    long yAt = y.address();
    CudnnConv alone = CudnnConv.plain(Direction.FORWARD, s, y.dtype());
    if (bias == null && residual == null && !relu) {
      return run(alone, xAt, wAt, yAt);
    }
    boolean inPlace = residual != null && residual.address() == yAt;
    if (bias != null || s.k() <= ZEROS) {
      CudnnConv chain =
          new CudnnConv(Direction.FORWARD, s, y.dtype(), true, residual != null, relu);
      long added = bias != null ? bias.address() : library.zeros();
      boolean done =
          residual == null
              ? run(chain, xAt, wAt, yAt, added)
              : inPlace
                  ? runInPlace(chain, y, xAt, wAt, yAt, yAt, added)
                  : run(chain, xAt, wAt, yAt, residual.address(), added);
      if (done) {
        return true;
      }
    }
    // Alone it would overwrite what is still to be added, or round bfloat16 twice.
    if (inPlace || y.dtype() != DType.FLOAT32 || !run(alone, xAt, wAt, yAt)) {
      return false;
    }
    card.launch(
        epilogue,
        card.blocksFor(CudaUnary.packs(y)),
        Arguments.empty()
            .pointer(y)
            .pointer(bias)
            .pointer(residual)
            .int64(y.elements())
            .int32(s.k())
            .flag(relu));
    return true;
  }

  @Override
  public void forwardWithStatistics(
      Buffer y, Buffer mean, Buffer variance, Buffer x, Buffer w, ConvShape s) {
    if (!gathersStatistics(y.dtype())
        || !taken(y.dtype(), y, x, w)
        || !runWithStatistics(y, mean, variance, x, w, s)) {
      forwardThenStatistics(y, mean, variance, x, w, s);
    }
  }

  private void forwardThenStatistics(
      Buffer y, Buffer mean, Buffer variance, Buffer x, Buffer w, ConvShape s) {
    forward(y, x, w, null, null, false, s);
    norm.statistics(mean, variance, y, pixels(s), s.k());
  }

  private static int pixels(ConvShape s) {
    return s.n() * s.outH() * s.outW();
  }

  /** Only bfloat16 is worth a try, and only of engines that are compiled when first needed. */
  @Override
  public boolean gathersStatistics(DType dtype) {
    return compiling && dtype == DType.BFLOAT16;
  }

  @Override
  public void backwardData(Buffer dx, Buffer dy, Buffer w, @Nullable Buffer residual, ConvShape s) {
    if (dx.elements() == 0) {
      return;
    }
    long[] addresses = {dx.address(), w.address(), dy.address()};
    if (!taken(dx.dtype(), dx, dy, w, residual)
        || !(residual == null
            ? run(CudnnConv.plain(Direction.DATA, s, dx.dtype()), addresses)
            : runAdding(dx, residual, s, addresses) || runAndAdd(dx, residual, s, addresses))) {
      own.backwardData(dx, dy, w, residual, s);
    }
  }

  @Override
  public boolean addsGradients() {
    return true;
  }

  @Override
  public void backwardWeights(Buffer dw, @Nullable Buffer db, Buffer dy, Buffer x, ConvShape s) {
    if (dw.elements() == 0 && db == null) {
      return;
    }
    CudnnConv conv = CudnnConv.plain(Direction.WEIGHTS, s, x.dtype());
    boolean widened = x.dtype() == DType.BFLOAT16 && dw.dtype() == DType.FLOAT32;
    if (!taken(x.dtype(), x, dy, widened ? x : dw, null, null)
        || !(widened
            ? runWidened(conv, dw, x.address(), 0, dy.address())
            : run(conv, x.address(), dw.address(), dy.address()))) {
      own.backwardWeights(dw, db, dy, x, s);
    } else if (db != null) {
      reduce.reduce(Reduction.SUM, db, dy, 1, pixels(s), s.k(), 1);
    }
  }

  /** Whether cuDNN takes such buffers: of one type, not empty, at addresses as we declare them. */
  private static boolean taken(DType type, @Nullable Buffer... buffers) {
    for (Buffer buffer : buffers) {
      if (buffer != null
          && (buffer.dtype() != type
              || buffer.elements() == 0
              || buffer.address() % CudnnTensor.ALIGNMENT != 0)) {
        return false;
      }
    }
    return true;
  }

  /** Queues it; false where cuDNN has no plan for it. */
  private boolean run(CudnnConv conv, long... addresses) {
    Loaded library = loaded();
    if (library == null) {
      return false;
    }
    CudnnPlan plan = plans(library, conv).of(conv, addresses);
    if (plan == null) {
      return false;
    }
    long scratch = workspace.take(Math.max(1, plan.workspace()));
    try {
      plan.execute(library.cudnn(), addresses, scratch);
    } finally {
      workspace.give();
    }
    return true;
  }

  /**
   * With a residual that y replaces: it is set aside first, for nothing is said of engines that
   * read what they write.
   */
  private boolean runInPlace(CudnnConv chain, Buffer y, long... addresses) {
    Loaded library = loaded();
    if (library == null) {
      return false;
    }
    CudnnPlan plan = planBeside(library, chain, Y_AT, y.bytes(), addresses);
    if (plan == null) {
      return false;
    }
    long aside = aligned(y.bytes());
    long scratch = workspace.take(aside + plan.workspace());
    try {
      copy(scratch, y);
      addresses[RESIDUAL_AT] = scratch;
      plan.execute(library.cudnn(), addresses, scratch + aside);
    } finally {
      workspace.give();
    }
    return true;
  }

  /**
   * By way of sums, where one plan for all is faster than two steps; false where it is not, and
   * where nothing can be measured, since the step is being noted.
   */
  private boolean runWithStatistics(
      Buffer y, Buffer mean, Buffer variance, Buffer x, Buffer w, ConvShape s) {
    Loaded library = loaded();
    if (library == null) {
      return false;
    }
    CudnnConv conv = CudnnConv.withStatistics(s, y.dtype());
    CudnnPlans plans = plans(library, conv);
    long[] addresses = {x.address(), w.address(), y.address(), 0, 0};
    long each = aligned(s.k() * (long) Float.BYTES);
    if (!plans.know(conv)) {
      if (card.isNoting()) {
        return false;
      }
      Buffer beside = pool.allocate(DType.UINT8, 2 * each, Purpose.WORKSPACE);
      try {
        addresses[SUMS_AT] = beside.address();
        addresses[SUMS_AT + 1] = beside.address() + each;
        CudnnPlans.Rival rival =
            new CudnnPlans.Rival(
                () -> finishStatistics(mean, variance, addresses, s),
                () -> forwardThenStatistics(y, mean, variance, x, w, s));
        plans.of(conv, addresses, rival);
      } finally {
        beside.release();
      }
    }
    CudnnPlan plan = plans.of(conv, addresses);
    if (plan == null) {
      return false;
    }
    long scratch = workspace.take(2 * each + plan.workspace());
    try {
      addresses[SUMS_AT] = scratch;
      addresses[SUMS_AT + 1] = scratch + each;
      plan.execute(library.cudnn(), addresses, scratch + 2 * each);
      finishStatistics(mean, variance, addresses, s);
    } finally {
      workspace.give();
    }
    return true;
  }

  private void finishStatistics(Buffer mean, Buffer variance, long[] addresses, ConvShape s) {
    norm.statisticsOfSums(
        mean, variance, addresses[SUMS_AT], addresses[SUMS_AT + 1], pixels(s), s.k());
  }

  /** To what lies in dx; another residual is brought there first. */
  private boolean runAdding(Buffer dx, Buffer residual, ConvShape s, long[] addresses) {
    Loaded library = loaded();
    if (library == null) {
      return false;
    }
    CudnnConv conv = CudnnConv.adding(s, dx.dtype());
    CudnnPlan plan = planBeside(library, conv, X_AT, dx.bytes(), addresses);
    if (plan == null) {
      return false;
    }
    long scratch = workspace.take(Math.max(1, plan.workspace()));
    try {
      if (residual.address() != dx.address()) {
        copy(dx.address(), residual);
      }
      plan.execute(library.cudnn(), addresses, scratch);
    } finally {
      workspace.give();
    }
    return true;
  }

  /** In two kernels, where no engine adds. */
  private boolean runAndAdd(Buffer dx, Buffer residual, ConvShape s, long[] addresses) {
    Loaded library = loaded();
    if (library == null) {
      return false;
    }
    CudnnConv conv = CudnnConv.plain(Direction.DATA, s, dx.dtype());
    CudnnPlan plan = planBeside(library, conv, X_AT, dx.bytes(), addresses);
    if (plan == null) {
      return false;
    }
    long alone = aligned(dx.bytes());
    long scratch = workspace.take(alone + plan.workspace());
    try {
      addresses[X_AT] = scratch;
      plan.execute(library.cudnn(), addresses, scratch + alone);
      card.launch(
          add.of(dx.dtype()),
          card.blocksFor(CudaUnary.packs(dx)),
          Arguments.empty().pointer(dx).address(scratch).pointer(residual).int64(dx.elements()));
    } finally {
      workspace.give();
    }
    return true;
  }

  private void copy(long to, Buffer from) {
    card.enter();
    CudaException.check(
        "cuMemcpyDtoDAsync of " + from.bytes() + " bytes on " + card.device(),
        cuMemcpyDtoDAsync(to, from.address(), from.bytes(), card.stream()));
  }

  /** dw in bf16, which is all that cuDNN makes of pictures in bf16, then in float. */
  private boolean runWidened(CudnnConv conv, Buffer dw, long... addresses) {
    Loaded library = loaded();
    if (library == null) {
      return false;
    }
    long narrow = aligned(dw.elements() * DType.BFLOAT16.bytes());
    CudnnPlan plan = planBeside(library, conv, W_AT, narrow, addresses);
    if (plan == null) {
      return false;
    }
    long scratch = workspace.take(narrow + plan.workspace());
    try {
      addresses[W_AT] = scratch;
      plan.execute(library.cudnn(), addresses, scratch + narrow);
      card.launch(
          widen,
          card.blocksFor(CudaUnary.packs(dw)),
          Arguments.empty().pointer(dw).address(scratch).int64(dw.elements()));
    } finally {
      workspace.give();
    }
    return true;
  }

  /** The plan for {@code conv}, whose search must not write the output's own place. */
  private @Nullable CudnnPlan planBeside(
      Loaded library, CudnnConv conv, int output, long bytes, long[] addresses) {
    CudnnPlans plans = plans(library, conv);
    if (plans.know(conv)) {
      return plans.of(conv, addresses);
    }
    Buffer beside = pool.allocate(DType.UINT8, bytes, Purpose.WORKSPACE);
    try {
      long[] searched = addresses.clone();
      searched[output] = beside.address();
      return plans.of(conv, searched);
    } finally {
      beside.release();
    }
  }

  private CudnnPlans plans(Loaded library, CudnnConv conv) {
    return conv.type() == DType.FLOAT32 && tf32.isAllowed() ? library.tf32() : library.exact();
  }

  private static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
  }

  /** What cuDNN does, once it was looked for; null where it was not found. */
  @Nullable CudnnPlans plans() {
    Loaded library = loaded();
    return library == null ? null : library.exact();
  }

  private @Nullable Loaded loaded() {
    if (!lookedFor) {
      load();
    }
    return loaded;
  }

  private CudnnPlans plans(CudnnLibrary cudnn, boolean rounding) {
    return new CudnnPlans(
        card, workspace, cudnn, CudnnRules.fromProperties(rounding), CudnnChoices.file());
  }

  private synchronized void load() {
    if (lookedFor) {
      return;
    }
    try {
      CudnnLibrary cudnn = CudnnLibrary.open(card);
      CudnnPlans exact = plans(cudnn, false);
      CudnnPlans rounding = plans(cudnn, true);
      long zeros = pool.reserve(ZEROS * (long) Float.BYTES, Purpose.WORKSPACE).address();
      CudaException.check(
          "cuMemsetD8Async",
          cuMemsetD8Async(zeros, (byte) 0, ZEROS * (long) Float.BYTES, card.stream()));
      loaded = new Loaded(cudnn, exact, rounding, zeros);
    } catch (UnavailableException e) {
      refused = String.valueOf(e.getMessage());
      LOG.log(
          System.Logger.Level.WARNING,
          "{0}: convolutions run on our own, slower kernels: {1}",
          card.device(),
          e.getMessage());
    }
    lookedFor = true;
  }
}
