package dev.thaw.cpu;

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
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Pool;
import java.nio.ByteBuffer;
import org.bytedeco.dnnl.dnnl_version_t;
import org.bytedeco.dnnl.global.dnnl;
import org.jspecify.annotations.Nullable;

/**
 * The processors of this machine. Every call has ended when it returns; several threads may call at
 * once. Computes in float32, also what is kept in bfloat16 ({@link Wide}); other types are stored,
 * copied and cast.
 */
final class CpuBackend implements Backend {
  private static final System.Logger LOG = System.getLogger(CpuBackend.class.getName());

  /** A quarter of a last-level cache of 32 MiB: weights and the neighbours need the rest. */
  private static final long CACHE_BYTES = 8 << 20;

  private final Device device;
  private final Pool pool;
  private final UnaryKernels unary;
  private final BinaryKernels binary;
  private final ReduceKernels reduce;
  private final PoolKernels pooling;
  private final NormKernels norm;
  private final SoftmaxKernels softmax = new CpuSoftmax();
  private final IndexKernels index;
  private final RandomKernels random;
  private final StatsKernels stats;
  private final UpdateKernels update;
  private final GemmKernels gemm;
  private final ConvKernels conv;

  /** Opened by {@link CpuProvider} once {@link NativeLibrary} is loaded. */
  CpuBackend(Device device) {
    this.device = device;
    this.pool = new Pool(device, CpuStorage::allocate, false);
    this.unary = new CpuUnary(pool);
    this.binary = new CpuBinary(pool);
    this.reduce = new CpuReduce(pool);
    this.pooling = new CpuPool(pool);
    this.norm = new CpuNorm(pool);
    this.index = new CpuIndex(pool);
    this.random = new CpuRandom(pool);
    this.stats = new CpuStats(pool);
    this.update = new CpuUpdate(pool);
    this.gemm = new CpuGemm(pool, reduce);
    this.conv = new CpuConv(pool);
    @Nullable String warning = JavaCppMemory.warning();
    if (warning != null) {
      LOG.log(System.Logger.Level.WARNING, warning);
    }
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
  public long cacheBytes() {
    return CACHE_BYTES;
  }

  @Override
  public String describe() {
    @Nullable String warning = JavaCppMemory.warning();
    dnnl_version_t version = dnnl.version();
    return "oneDNN "
        + version.major()
        + "."
        + version.minor()
        + "."
        + version.patch()
        + ", loops for "
        + Isa.current()
        + ", "
        + CpuThreads.configured()
        + (CpuThreads.configured() == 1 ? " thread" : " threads")
        + (warning == null ? "" : "; " + warning);
  }

  @Override
  public boolean computes(DType dtype) {
    return dtype == DType.FLOAT32 || dtype == DType.BFLOAT16;
  }

  @Override
  public void upload(Buffer y, ByteBuffer x) {
    checkBytes("upload", y, x);
    long address = y.address();
    if (x.isDirect()) {
      copy(address, CpuStorage.addressOf(x), y.bytes());
    } else {
      CpuStorage.view(address, x.remaining()).put(x.duplicate());
    }
  }

  @Override
  public void download(ByteBuffer y, Buffer x) {
    checkBytes("download", x, y);
    long address = x.address();
    if (y.isDirect() && !y.isReadOnly()) {
      copy(CpuStorage.addressOf(y), address, x.bytes());
    } else {
      y.duplicate().put(CpuStorage.view(address, y.remaining()));
    }
  }

  private static void checkBytes(String call, Buffer device, ByteBuffer host) {
    Check.that(
        device.bytes() == host.remaining(),
        "%s: %d bytes on the device, %d remaining on the host",
        call,
        device.bytes(),
        host.remaining());
  }

  private static void copy(long y, long x, long bytes) {
    Native.thaw_copy(y, x, bytes, CpuThreads.forBytes(2 * bytes));
  }

  /** Nothing is ever under way: calls return when they have ended. */
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
}
