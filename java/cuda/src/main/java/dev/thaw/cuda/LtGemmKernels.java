package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudart.cuMemcpyDtoDAsync;

import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.ReduceKernels;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.UnavailableException;
import dev.thaw.cuda.LtProduct.Bias;
import dev.thaw.memory.Buffer;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** C = op(A) op(B) + bias, then max(0, ·), by cuBLASLt; a bias's gradient beside the weights'. */
final class LtGemmKernels implements GemmKernels {
  private static final System.Logger LOG = System.getLogger(LtGemmKernels.class.getName());

  /** Asks for our own kernels in place of NVIDIA's libraries. */
  static final String OWN = "thaw.cuda.own";

  /** Products that are kept prepared: data of ever new sizes must not fill the memory. */
  private static final int PREPARED = 512;

  /** What {@link Workspace} aligns to. */
  private static final long ALIGNMENT = 256;

  private final Card card;
  private final Workspace workspace;
  private final CublasLt library;
  private final GemmKernels own;
  private final ReduceKernels reduce;
  private final BooleanSupplier tf32;

  /** The one used longest ago first. */
  private final Map<LtProduct, LtGemm> prepared = new LinkedHashMap<>(16, 0.75f, true);

  /**
   * Kernels over an open library.
   *
   * @param own for what the library does not compute
   * @param reduce adds up the gradient of a bias where the library does not
   * @param tf32 whether float32 operands of the product at hand may be cut to 10 bits of fraction
   */
  LtGemmKernels(
      Card card,
      Workspace workspace,
      CublasLt library,
      GemmKernels own,
      ReduceKernels reduce,
      BooleanSupplier tf32) {
    this.card = card;
    this.workspace = workspace;
    this.library = library;
    this.own = own;
    this.reduce = reduce;
    this.tf32 = tf32;
  }

  /**
   * Kernels over the library; {@code own} where it is missing, which a warning says, and with
   * {@code -Dthaw.cuda.own=true}.
   */
  static GemmKernels of(
      Card card, Workspace workspace, GemmKernels own, ReduceKernels reduce, Tf32 tf32) {
    if (Boolean.getBoolean(OWN)) {
      return own;
    }
    try {
      CublasLt library = CublasLt.open(card);
      return new LtGemmKernels(card, workspace, library, own, reduce, tf32::isAllowed);
    } catch (UnavailableException e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "{0}: matrix products run on our own, slower kernels: {1}",
          card.device(),
          e.getMessage());
      return own;
    }
  }

  /** The library's version, {@code 13.0.2}. */
  String version() {
    return library.version();
  }

  @Override
  public void gemm(
      Buffer c, Buffer a, Buffer b, @Nullable Buffer bias, boolean relu, GemmShape shape) {
    if (c.bytes() == 0) {
      return;
    }
    Bias use = bias == null ? Bias.NONE : Bias.ADDED;
    if (shape.k() == 0 || !multiply(c, a, b, use, bias, relu, shape)) {
      own.gemm(c, a, b, bias, relu, shape);
    }
  }

  /**
   * In one launch where the library makes both, which takes a place for db that is aligned as an
   * optimizer's are; else in two.
   */
  @Override
  public void backwardWeights(
      Buffer dw, @Nullable Buffer db, Buffer dy, Buffer x, int rows, int out, int in) {
    GemmShape shape = GemmShape.of(out, in, rows, true, false);
    if (db != null
        && dw.bytes() > 0
        && rows > 0
        && db.address() % LtProduct.ALIGNED == 0
        && multiply(dw, dy, x, Bias.GRADIENT, db, false, shape)) {
      return;
    }
    gemm(dw, dy, x, null, false, shape);
    if (db != null) {
      reduce.reduce(Reduction.SUM, db, dy, 1, rows, out, 1);
    }
  }

  /** One thread at a time, as they have one stream; false where the library has no algorithm. */
  private synchronized boolean multiply(
      Buffer c,
      Buffer a,
      Buffer b,
      Bias use,
      @Nullable Buffer bias,
      boolean relu,
      GemmShape shape) {
    card.enter();
    LtProduct product = LtProduct.of(c, a, b, use, bias, relu, shape, tf32.getAsBoolean());
    LtGemm call = prepared.get(product);
    if (call == null) {
      call = prepare(product);
    }
    if (!call.isServed()) {
      return false;
    }
    long biasAt = bias == null ? 0 : bias.address();
    // Algorithms are chosen by how the operands are aligned, and not all of them by how the bias
    // is: one that lies askew is copied. A gradient's place does not come here askew.
    long copied = bias != null && biasAt % LtProduct.ALIGNED != 0 ? bias.bytes() : 0;
    long before = (copied + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (before + call.workspaceBytes() == 0) {
      return served(
          product, call, call.run(c.address(), a.address(), b.address(), biasAt, 0, card.stream()));
    }
    long at = workspace.take(before + call.workspaceBytes());
    try {
      if (copied > 0) {
        CudaException.check(
            "cuMemcpyDtoDAsync of a bias on " + card.device(),
            cuMemcpyDtoDAsync(at, biasAt, copied, card.stream()));
        biasAt = at;
      }
      return served(
          product,
          call,
          call.run(c.address(), a.address(), b.address(), biasAt, at + before, card.stream()));
    } finally {
      workspace.give();
    }
  }

  private LtGemm prepare(LtProduct product) {
    LtGemm call = new LtGemm(library, product);
    if (prepared.size() == PREPARED) {
      Iterator<LtGemm> all = prepared.values().iterator();
      all.next().close();
      all.remove();
    }
    prepared.put(product, call);
    served(product, call, call.isServed());
    return call;
  }

  /** Says so, once for each product, where the library does not serve it. */
  private boolean served(LtProduct product, LtGemm call, boolean served) {
    if (!served) {
      boolean half = product.bias() == Bias.GRADIENT;
      LOG.log(
          half ? System.Logger.Level.DEBUG : System.Logger.Level.WARNING,
          "cuBLASLt {0} has no algorithm for {1} on {2} ({3}); our own kernel "
              + (half ? "adds up the gradient" : "computes it"),
          library.version(),
          product,
          card.device(),
          call.refusal());
    }
    return served;
  }
}
