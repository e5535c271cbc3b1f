package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
import static org.bytedeco.cuda.global.cudart.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;
import static org.bytedeco.cuda.global.cudart.CU_STREAM_NON_BLOCKING;
import static org.bytedeco.cuda.global.cudart.cuCtxSetCurrent;
import static org.bytedeco.cuda.global.cudart.cuDeviceGet;
import static org.bytedeco.cuda.global.cudart.cuDeviceGetAttribute;
import static org.bytedeco.cuda.global.cudart.cuDeviceGetCount;
import static org.bytedeco.cuda.global.cudart.cuDeviceGetName;
import static org.bytedeco.cuda.global.cudart.cuDevicePrimaryCtxRetain;
import static org.bytedeco.cuda.global.cudart.cuDriverGetVersion;
import static org.bytedeco.cuda.global.cudart.cuInit;
import static org.bytedeco.cuda.global.cudart.cuLaunchKernel;
import static org.bytedeco.cuda.global.cudart.cuMemGetInfo;
import static org.bytedeco.cuda.global.cudart.cuStreamCreate;
import static org.bytedeco.cuda.global.cudart.cuStreamSynchronize;

import dev.thaw.backend.UnavailableException;
import dev.thaw.memory.Device;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.cuda.cudart.CUctx_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.jspecify.annotations.Nullable;

/**
 * One NVIDIA card: its context and the stream that all threads of this process compute on, so that
 * memory given back by one thread may be taken by another without waiting.
 */
final class Card {
  /** CUDA 13.0, driver 580: the oldest that the presets' libraries run with. */
  static final int OLDEST_DRIVER = 13000;

  /** Compute capability 7.5: the oldest that CUDA 13 compiles for. */
  static final int OLDEST_CARD = 75;

  /** Threads of a block, in every kernel (kernels/common.cuh). */
  static final int THREADS = 256;

  /** Blocks of 256 threads that a multiprocessor holds at once. */
  private static final int BLOCKS_PER_MULTIPROCESSOR = 8;

  private static final ThreadLocal<@Nullable Card> CURRENT = new ThreadLocal<>();

  /** The stream a thread notes a step on, while it does. */
  private static final ThreadLocal<@Nullable Noting> NOTING = new ThreadLocal<>();

  private record Noting(Card card, CUstream_st stream) {}

  private final Device device;
  private final String name;
  private final int capability;
  private final int multiprocessors;
  private final int driver;
  private final CUctx_st context;
  private final CUstream_st stream = new CUstream_st();

  /** How many threads note a step just now. */
  private final AtomicInteger noting = new AtomicInteger();

  private Card(Device device, int ordinal, int driver) {
    this.device = device;
    this.driver = driver;
    name = name(ordinal);
    capability = capability(ordinal);
    multiprocessors = attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, ordinal);
    context = new CUctx_st();
    check("cuDevicePrimaryCtxRetain", cuDevicePrimaryCtxRetain(context, ordinal));
    enter();
    check("cuStreamCreate", cuStreamCreate(stream, CU_STREAM_NON_BLOCKING));
  }

  /**
   * Opens the card that {@code device} numbers.
   *
   * @throws UnavailableException when the driver is too old or has no such card
   */
  static Card open(Device device) throws UnavailableException {
    try {
      check("cuInit", cuInit(0));
      int[] version = new int[1];
      check("cuDriverGetVersion", cuDriverGetVersion(version));
      if (version[0] < OLDEST_DRIVER) {
        throw new UnavailableException(
            String.format(
                Locale.ROOT,
                "the driver knows CUDA %s, needed is %s; install NVIDIA driver 580 or newer",
                dotted(version[0]),
                dotted(OLDEST_DRIVER)));
      }
      int[] count = new int[1];
      check("cuDeviceGetCount", cuDeviceGetCount(count));
      if (device.index() >= count[0]) {
        throw new UnavailableException(
            count[0] == 0
                ? "the driver sees no card; nvidia-smi shows them, CUDA_VISIBLE_DEVICES hides them"
                : count[0] == 1
                    ? "there is one card here, number 0"
                    : "cards here are numbered 0 to " + (count[0] - 1));
      }
      int[] ordinal = new int[1];
      check("cuDeviceGet", cuDeviceGet(ordinal, device.index()));
      checkCapability(ordinal[0]);
      return new Card(device, ordinal[0], version[0]);
    } catch (CudaException e) {
      throw new UnavailableException(String.valueOf(e.getMessage()), e);
    }
  }

  private static void checkCapability(int ordinal) throws UnavailableException {
    int capability = capability(ordinal);
    if (capability < OLDEST_CARD) {
      throw new UnavailableException(
          String.format(
              "%s has compute capability %s, needed is %s; compute on cpu",
              name(ordinal),
              capability / 10 + "." + capability % 10,
              OLDEST_CARD / 10 + "." + OLDEST_CARD % 10));
    }
  }

  private static int capability(int ordinal) {
    return 10 * attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, ordinal)
        + attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, ordinal);
  }

  private static void check(String call, int code) {
    CudaException.check(call, code);
  }

  private static int attribute(int which, int ordinal) {
    int[] value = new int[1];
    check("cuDeviceGetAttribute", cuDeviceGetAttribute(value, which, ordinal));
    return value[0];
  }

  private static String name(int ordinal) {
    byte[] text = new byte[256];
    check("cuDeviceGetName", cuDeviceGetName(text, text.length, ordinal));
    int end = 0;
    while (end < text.length && text[end] != 0) {
      end++;
    }
    return new String(text, 0, end, StandardCharsets.UTF_8);
  }

  /** {@code 13.0} for 13000. */
  static String dotted(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  /** Its name in Thaw. */
  Device device() {
    return device;
  }

  /** As the driver calls it: {@code NVIDIA H200}. */
  String name() {
    return name;
  }

  /** 90 for compute capability 9.0. */
  int capability() {
    return capability;
  }

  /** Where the calling thread's work goes: the stream that everything computes on. */
  CUstream_st stream() {
    if (noting.get() > 0) {
      Noting own = NOTING.get();
      return own != null && own.card == this ? own.stream : stream;
    }
    return stream;
  }

  /** Where work goes that is not noted, whatever the calling thread does. */
  CUstream_st lastingStream() {
    return stream;
  }

  /** Whether the calling thread's work is noted just now, and so does not run. */
  boolean isNoting() {
    return noting.get() > 0 && NOTING.get() != null;
  }

  /** Sends the calling thread's work to {@code own} until {@link #endNoting}. */
  void note(CUstream_st own) {
    NOTING.set(new Noting(this, own));
    noting.incrementAndGet();
  }

  /** Ends a {@link #note}. */
  void endNoting() {
    noting.decrementAndGet();
    NOTING.remove();
  }

  /** Name, compute capability, memory and driver. */
  String describe() {
    enter();
    long[] memory = memory();
    return String.format(
        Locale.ROOT,
        "%s, compute capability %d.%d, %.1f of %.1f GiB free, driver for CUDA %s",
        name,
        capability / 10,
        capability % 10,
        memory[0] / 1073741824.0,
        memory[1] / 1073741824.0,
        dotted(driver));
  }

  /** Free and total bytes. */
  long[] memory() {
    enter();
    try (SizeTPointer free = new SizeTPointer(1);
        SizeTPointer total = new SizeTPointer(1)) {
      check("cuMemGetInfo", cuMemGetInfo(free, total));
      return new long[] {free.get(), total.get()};
    }
  }

  /** Makes this card the calling thread's; every way to the driver begins here. */
  void enter() {
    if (CURRENT.get() != this) {
      check("cuCtxSetCurrent", cuCtxSetCurrent(context));
      CURRENT.set(this);
    }
  }

  /** As many blocks as {@code elements} give work, one a thread, and no more than fill the card. */
  int blocksFor(long elements) {
    long blocks = (elements + THREADS - 1) / THREADS;
    return blocksForTasks(blocks);
  }

  /** As many blocks as {@code tasks}, one a block, and no more than fill the card. */
  int blocksForTasks(long tasks) {
    return (int) Math.max(1, Math.min(tasks, mostBlocks()));
  }

  /** Blocks that fill the card. */
  int mostBlocks() {
    return multiprocessors * BLOCKS_PER_MULTIPROCESSOR;
  }

  /**
   * Queues a kernel; {@code arguments} were filled by this thread and may be used again at once.
   */
  void launch(Kernel kernel, int blocks, Arguments arguments) {
    enter();
    int code =
        cuLaunchKernel(
            kernel.function(),
            blocks,
            1,
            1,
            THREADS,
            1,
            1,
            0,
            stream(),
            (PointerPointer<Pointer>) null,
            arguments.block());
    if (code != 0) {
      CudaException.check("cuLaunchKernel " + kernel + " on " + device, code);
    }
  }

  /** Waits until everything queued has ended. */
  void synchronize() {
    enter();
    check("cuStreamSynchronize on " + device, cuStreamSynchronize(stream));
  }
}
