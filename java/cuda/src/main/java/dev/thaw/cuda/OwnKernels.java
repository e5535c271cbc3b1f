package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudart.CU_EVENT_DEFAULT;
import static org.bytedeco.cuda.global.cudart.cuEventCreate;
import static org.bytedeco.cuda.global.cudart.cuEventDestroy;
import static org.bytedeco.cuda.global.cudart.cuEventElapsedTime;
import static org.bytedeco.cuda.global.cudart.cuEventRecord;
import static org.bytedeco.cuda.global.cudart.cuEventSynchronize;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.UnavailableException;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.jspecify.annotations.Nullable;

/**
 * Kernels of one's own: a {@code .cu} file, compiled by NVRTC for the card at hand, whose kernels
 * are launched on the buffers of tensors, by themselves or inside an op written outside Thaw.
 *
 * <pre>{@code
 * // double.cu:  #include "common.cuh"
 * //             KERNEL(twice, float* y, const float* x, long long n) {
 * //               for (long long i = first(); i < n; i += step()) y[i] = 2 * x[i];
 * //             }
 * try (OwnKernels own = OwnKernels.compile(Device.of("cuda"), Path.of("double.cu"))) {
 *   own.launch("twice", n, y.buffer(), x.buffer(), n);
 * }
 * }</pre>
 *
 * <p>The file may include {@code common.cuh} and our other files (see {@code kernels/}), and files
 * beside it, which stand in for ours of the same name: an edited copy of one of ours is compiled as
 * a file of one's own. Kernels are launched as they are: 256 threads a block, in one dimension,
 * over the card's one stream, so in the order of the calls. A step that launches such kernels is
 * not replayed from a recording.
 */
public final class OwnKernels implements AutoCloseable {
  private final Backend backend;
  private final Card card;
  private final Kernels kernels;
  private final String file;
  private final Map<String, Own> known = new TreeMap<>();
  private boolean closed;

  /** A kernel, and how it takes its arguments. */
  private record Own(Kernel kernel, Signature signature) {}

  private OwnKernels(CudaBackend backend, String file, byte[] image) {
    this.backend = backend;
    this.file = file;
    this.card = backend.card();
    this.kernels = new Kernels(card, file, image);
  }

  /**
   * Compiles a file for a card.
   *
   * @throws IOException when the file, or one that it includes, cannot be read
   * @throws IllegalStateException with the compiler's first error when the text is wrong (the cause
   *     has all of them), and with cause and remedy when there is no such card or no NVRTC
   */
  public static OwnKernels compile(Device device, Path file) throws IOException {
    Backend backend = Devices.get(device);
    Check.that(
        backend instanceof CudaBackend,
        "own kernels: %s is no CUDA card, but %s",
        device,
        backend.describe());
    CudaBackend cuda = (CudaBackend) backend;
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException("own kernels: " + file + " is no file; name a .cu file");
    }
    String name = String.valueOf(file.getFileName());
    Map<String, String> files = KernelSources.read(file.toAbsolutePath().getParent(), name).files();
    try {
      return new OwnKernels(cuda, name, cuda.compiler().compile(name, files));
    } catch (UnavailableException e) {
      throw new IllegalStateException("own kernels: " + e.getMessage(), e);
    }
  }

  /**
   * Queues a kernel.
   *
   * @param name as KERNEL or {@code extern "C" __global__} calls it
   * @param elements of work, one a thread; there are as many blocks as that takes, and no more than
   *     fill the card, so a kernel walks by {@code first()} and {@code step()}
   * @param arguments in the kernel's order: a {@link Buffer} or null for a pointer, an Integer for
   *     int, a Long for long long, a Float for float, a Double for double; a struct is its fields
   * @throws IllegalArgumentException when the arguments are more or fewer than the kernel's, or one
   *     is of another size or type, or on another device
   * @throws IllegalStateException when there is no such kernel, these are closed, or the launch
   *     fails
   */
  public void launch(String name, long elements, @Nullable Object... arguments) {
    Check.that(elements >= 0, "own kernels: %d elements", elements);
    queue(name, elements == 0 ? 0 : card.blocksFor(elements), arguments);
  }

  /**
   * Queues a kernel over as many blocks of 256 threads as are asked for: for one that gives each
   * block a piece of the work, or that is told their number.
   *
   * @param blocks 0 launches nothing
   * @param arguments as for {@link #launch}
   * @throws IllegalArgumentException as {@link #launch}
   * @throws IllegalStateException as {@link #launch}
   */
  public void launchBlocks(String name, int blocks, @Nullable Object... arguments) {
    Check.that(blocks >= 0, "own kernels: %d blocks", blocks);
    queue(name, blocks, arguments);
  }

  private void queue(String name, int blocks, @Nullable Object[] arguments) {
    Devices.routed(backend).bypass("the kernel " + name);
    for (int i = 0; i < arguments.length; i++) {
      if (arguments[i] instanceof Buffer buffer) {
        Check.that(
            buffer.device().equals(card.device()),
            "%s: argument %d is on %s, the kernel on %s",
            name,
            i + 1,
            buffer.device(),
            card.device());
      }
    }
    Own own = kernel(name);
    Arguments packed = Arguments.empty();
    List<Signature.Slot> given = new ArrayList<>();
    for (int i = 0; i < arguments.length; i++) {
      int bytes = pack(packed, name, i, arguments[i]);
      given.add(new Signature.Slot(packed.length() - bytes, bytes));
    }
    Check.that(
        own.signature.takes(given),
        "%s: the kernel takes %s of arguments, found %s: %s; Integer is int, Long is long long,"
            + " Float is float, Double is double",
        name,
        Signature.sizes(own.signature.slots()),
        Signature.sizes(given),
        Stream.of(arguments).map(OwnKernels::type).toList());
    if (blocks > 0) {
      card.launch(own.kernel, blocks, packed);
    }
  }

  private static String type(@Nullable Object argument) {
    return argument == null ? "null" : argument.getClass().getSimpleName();
  }

  /** Blocks of 256 threads that fill the card: more wait until some of these have ended. */
  public int blocksThatFill() {
    return card.mostBlocks();
  }

  /**
   * How long the card takes for what is queued meanwhile, by its own clock: from the end of what
   * was queued before to the end of these. Waits for them.
   *
   * @param launches kernels of these, or calls of the card's backend
   * @return milliseconds
   */
  public double milliseconds(Runnable launches) {
    card.enter();
    CUevent_st begin = event();
    CUevent_st end = event();
    try {
      check("cuEventRecord", cuEventRecord(begin, card.stream()));
      launches.run();
      check("cuEventRecord", cuEventRecord(end, card.stream()));
      check("cuEventSynchronize on " + card.device(), cuEventSynchronize(end));
      float[] time = new float[1];
      check("cuEventElapsedTime", cuEventElapsedTime(time, begin, end));
      return time[0];
    } finally {
      check("cuEventDestroy", cuEventDestroy(begin));
      check("cuEventDestroy", cuEventDestroy(end));
    }
  }

  private static CUevent_st event() {
    CUevent_st event = new CUevent_st();
    check("cuEventCreate", cuEventCreate(event, CU_EVENT_DEFAULT));
    return event;
  }

  private static void check(String call, int code) {
    CudaException.check(call, code);
  }

  /**
   * What {@link #launch} hands to the driver, to look at: the arguments in their order, each
   * aligned to its own size. Takes no card.
   *
   * @throws UnsupportedOperationException when a buffer has no address
   */
  public static byte[] block(@Nullable Object... arguments) {
    return pack("own kernels", arguments).bytes();
  }

  private static Arguments pack(String name, @Nullable Object[] arguments) {
    Arguments packed = Arguments.empty();
    for (int i = 0; i < arguments.length; i++) {
      pack(packed, name, i, arguments[i]);
    }
    return packed;
  }

  /** Returns how many bytes it takes. */
  private static int pack(Arguments packed, String name, int i, @Nullable Object argument) {
    if (argument == null) {
      packed.pointer(null);
    } else if (argument instanceof Buffer buffer) {
      packed.pointer(buffer);
    } else if (argument instanceof Integer value) {
      packed.int32(value);
      return Integer.BYTES;
    } else if (argument instanceof Long value) {
      packed.int64(value);
    } else if (argument instanceof Float value) {
      packed.float32(value);
      return Float.BYTES;
    } else if (argument instanceof Double value) {
      packed.float64(value);
    } else {
      Check.that(
          false,
          "%s: argument %d is a %s; Buffer, null, Integer, Long, Float and Double can be passed",
          name,
          i + 1,
          argument.getClass().getSimpleName());
    }
    return Long.BYTES;
  }

  private synchronized Own kernel(String name) {
    if (closed) {
      throw new IllegalStateException("own kernels: those of " + file + " are closed");
    }
    Own own = known.get(name);
    if (own == null) {
      Kernel kernel = kernels.get(name);
      own = new Own(kernel, kernels.signature(kernel));
      known.put(name, own);
    }
    return own;
  }

  /** Waits for what was queued and unloads the kernels; once is enough. */
  @Override
  public synchronized void close() {
    if (!closed) {
      card.synchronize();
      kernels.unload();
      closed = true;
    }
  }
}
