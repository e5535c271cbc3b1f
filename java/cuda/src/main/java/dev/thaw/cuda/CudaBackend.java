package dev.thaw.cuda;

import dev.thaw.backend.Backend;
import dev.thaw.backend.BinaryKernels;
import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.IndexKernels;
import dev.thaw.backend.NormKernels;
import dev.thaw.backend.PoolKernels;
import dev.thaw.backend.RandomKernels;
import dev.thaw.backend.ReduceKernels;
import dev.thaw.backend.SoftmaxKernels;
import dev.thaw.backend.StatsKernels;
import dev.thaw.backend.UnaryKernels;
import dev.thaw.backend.UnavailableException;
import dev.thaw.backend.UpdateKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Pool;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One card. Calls return when their work is queued; {@link #download} and {@link #synchronize}
 * wait. All threads share one stream, so work happens in the order of the calls.
 */
final class CudaBackend implements Backend {
  /** The first compute capability whose matrix units know bfloat16 and TF32: 8.0. */
  private static final int WITH_BFLOAT16 = 80;

  private static final String OWN = "our own kernels, as -D" + LtGemmKernels.OWN + "=true asks";

  private final Card card;
  private final Compiler compiler;
  private final Kernels kernels;
  private final Pool pool;
  private final Workspace workspace;
  private final Transfers transfers;
  private final Refusals refusals;
  private final Tf32 tf32 = new Tf32();
  private final UnaryKernels unary;
  private final BinaryKernels binary;
  private final ReduceKernels reduce;
  private final GemmKernels gemm;
  private final ConvKernels conv;
  private final PoolKernels pooling;
  private final NormKernels norm;
  private final SoftmaxKernels softmax;
  private final IndexKernels index;
  private final RandomKernels random;
  private final UpdateKernels update;
  private final StatsKernels stats;

  /**
   * A backend on an open card.
   *
   * @param image our kernels
   * @param compiler for kernels of users
   * @throws UnavailableException when the driver refuses the kernels, or others fill the card
   */
  static CudaBackend on(Card card, byte[] image, Compiler compiler) throws UnavailableException {
    try {
      return new CudaBackend(card, image, compiler);
    } catch (CudaException e) {
      throw new UnavailableException(String.valueOf(e.getMessage()), e);
    } catch (OutOfMemoryError e) {
      long[] memory = card.memory();
      throw new UnavailableException(
          String.format(
              Locale.ROOT,
              "%.1f MiB of %.1f MiB are free on the card, too little to begin with; nvidia-smi names"
                  + " the programs that hold the rest",
              memory[0] / 1048576.0,
              memory[1] / 1048576.0),
          e);
    }
  }

  private CudaBackend(Card card, byte[] image, Compiler compiler) {
    this.card = card;
    this.compiler = compiler;
    kernels = new Kernels(card, "our kernels", image);
    pool = new Pool(card.device(), (bytes, dtype) -> CudaStorage.allocate(card, bytes), false);
    workspace = new Workspace(pool);
    transfers = new Transfers(card, kernels, pool);
    refusals = new Refusals(card, transfers);
    unary = new CudaUnary(card, kernels);
    binary = new CudaBinary(card, kernels);
    reduce = new CudaReduce(card, kernels, workspace);
    gemm = LtGemmKernels.of(card, workspace, new CudaGemm(card, kernels, reduce), reduce, tf32);
    CudaNorm ownNorm = new CudaNorm(card, kernels, workspace);
    norm = ownNorm;
    ConvKernels ownConv = new CudaConv(card, kernels, workspace, reduce, norm);
    conv = CudnnConvKernels.of(card, kernels, pool, workspace, ownConv, reduce, ownNorm, tf32);
    pooling = new CudaPool(card, kernels);
    softmax = new CudaSoftmax(card, kernels, workspace, refusals);
    index = new CudaIndex(card, kernels, workspace, refusals);
    random = new CudaRandom(card, kernels);
    update = new CudaUpdate(card, kernels, pool, transfers);
    stats = new CudaStats(card, kernels, workspace);
  }

  /** What turns text into kernels for this card. */
  Compiler compiler() {
    return compiler;
  }

  /** The card. */
  Card card() {
    return card;
  }

  /** What the ops of this card hand on between their kernels. */
  Workspace workspace() {
    return workspace;
  }

  /** Our kernels on this card. */
  Kernels kernels() {
    return kernels;
  }

  /** Bytes that went to the card so far. */
  long uploadedBytes() {
    return transfers.uploadedBytes();
  }

  @Override
  public Device device() {
    return card.device();
  }

  @Override
  public Pool pool() {
    return pool;
  }

  @Override
  public String describe() {
    return card.describe();
  }

  @Override
  public List<String> findings() {
    return List.of("matrix products: " + products(), "convolutions: " + convolutions());
  }

  private String products() {
    if (gemm instanceof LtGemmKernels lt) {
      return "cuBLASLt " + lt.version();
    }
    if (Boolean.getBoolean(LtGemmKernels.OWN)) {
      return OWN;
    }
    try {
      return "our own kernels; cuBLASLt "
          + CublasLt.open(card).version()
          + " was not there at first";
    } catch (UnavailableException e) {
      return "our own, slower kernels: " + e.getMessage();
    }
  }

  private String convolutions() {
    return conv instanceof CudnnConvKernels cudnn ? cudnn.finding() : OWN;
  }

  @Override
  public boolean computes(DType dtype) {
    return dtype == DType.FLOAT32
        || (dtype == DType.BFLOAT16 && card.capability() >= WITH_BFLOAT16);
  }

  /** Our own kernels multiply float32 as it is. */
  @Override
  public boolean hasTf32() {
    return card.capability() >= WITH_BFLOAT16 && gemm instanceof LtGemmKernels;
  }

  @Override
  public boolean allowTf32(boolean allowed) {
    return hasTf32() && tf32.allow(allowed);
  }

  @Override
  public boolean isBehindBus() {
    return true;
  }

  @Override
  public void upload(Buffer y, ByteBuffer x) {
    checkBytes("upload", y, x);
    if (y.bytes() > 0) {
      transfers.upload(y, x);
    }
  }

  @Override
  public void download(ByteBuffer y, Buffer x) {
    checkBytes("download", x, y);
    if (x.bytes() > 0) {
      read(x).to(y);
    }
  }

  @Override
  public Reading read(Buffer x) {
    return refusals.read(x);
  }

  @Override
  public @Nullable Replay capture(Runnable calls) {
    return CapturedStep.of(card, workspace, calls);
  }

  private static void checkBytes(String call, Buffer device, ByteBuffer host) {
    Check.that(
        device.bytes() == host.remaining(),
        "%s: %d bytes on the device, %d remaining on the host",
        call,
        device.bytes(),
        host.remaining());
  }

  @Override
  public void synchronize() {
    card.synchronize();
    refusals.check();
  }

  @Override
  public UnaryKernels unary() {
    return unary;
  }

  @Override
  public BinaryKernels binary() {
    return binary;
  }

  @Override
  public ReduceKernels reduce() {
    return reduce;
  }

  @Override
  public GemmKernels gemm() {
    return gemm;
  }

  @Override
  public ConvKernels conv() {
    return conv;
  }

  @Override
  public PoolKernels pooling() {
    return pooling;
  }

  @Override
  public NormKernels norm() {
    return norm;
  }

  @Override
  public SoftmaxKernels softmax() {
    return softmax;
  }

  @Override
  public IndexKernels index() {
    return index;
  }

  @Override
  public RandomKernels random() {
    return random;
  }

  @Override
  public UpdateKernels update() {
    return update;
  }

  @Override
  public StatsKernels stats() {
    return stats;
  }
}
