package dev.thaw.plain;

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
import dev.thaw.backend.UpdateKernels;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Pool;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** One plain device. A call has ended when it returns, so there is never anything to wait for. */
final class PlainBackend implements Backend {
  private final Device device;
  private final Pool pool;
  private final Workers workers;
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

  PlainBackend(Device device, int threads) {
    this.device = device;
    pool = new Pool(device, PlainStorage::new, true);
    workers = new Workers(threads);
    unary = new PlainUnary(workers);
    binary = new PlainBinary(workers);
    reduce = new PlainReduce(workers);
    gemm = new PlainGemm(workers);
    conv = new PlainConv(workers);
    pooling = new PlainPool(workers);
    norm = new PlainNorm(workers);
    softmax = new PlainSoftmax(workers);
    index = new PlainIndex(workers);
    random = new PlainRandom(workers);
    update = new PlainUpdate(pool);
    stats = new PlainStats();
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public Pool pool() {
    return pool;
  }

  @Override
  public String describe() {
    return "Java "
        + Runtime.version().feature()
        + " loops, "
        + workers.threads()
        + (workers.threads() == 1 ? " thread" : " threads");
  }

  /** Every floating type: kernels compute in double and round when they write. */
  @Override
  public boolean computes(DType dtype) {
    return dtype.isFloating();
  }

  @Override
  public void upload(@Writes Buffer y, ByteBuffer x) {
    Check.that(x.remaining() == y.bytes(), "upload: %d bytes given for %s", x.remaining(), y);
    PlainStorage.fromBytes(y, x.duplicate().order(ByteOrder.nativeOrder()));
  }

  @Override
  public void download(ByteBuffer y, Buffer x) {
    Check.that(y.remaining() == x.bytes(), "download: room for %d bytes of %s", y.remaining(), x);
    PlainStorage.toBytes(y.duplicate().order(ByteOrder.nativeOrder()), x, 0, x.elements());
  }

  @Override
  public void synchronize() {}

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

  @Override
  public String toString() {
    return device + ": " + describe();
  }
}
