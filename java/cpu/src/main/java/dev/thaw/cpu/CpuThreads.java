package dev.thaw.cpu;

import dev.thaw.memory.Check;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How many threads an op takes. A team of threads costs microseconds when all are awake, and tens
 * of milliseconds when a busy neighbour holds one of the processors; so small ops run on the
 * calling thread, and only ops whose work outweighs the team run on all.
 *
 * <p>The most is {@code -Dthaw.threads}, else {@code OMP_NUM_THREADS}, else the number of physical
 * processors that this process may use: two hyperthreads share the units that our loops fill. A
 * thread may lower its own share with {@link #limit}: with many clients, one thread inside an op
 * and one client per processor is faster than any team.
 *
 * <p>No result of our own loops depends on the number of threads. oneDNN's sums over many pictures
 * or rows may, in their last bits: they are cut by threads.
 */
public final class CpuThreads {
  /** A loop that moves fewer bytes than this runs on the calling thread. */
  private static final long BYTES_WORTH_A_TEAM = 256 << 10;

  /** A product or convolution with fewer operations and bytes than this does so too. */
  private static final double FLOPS_WORTH_A_TEAM = 4e6;

  private static final double OPERAND_BYTES_WORTH_A_TEAM = 1 << 20;

  private static final int CONFIGURED = configure();

  /** Per thread: its limit, and what OpenMP was told last. */
  private static final ThreadLocal<int[]> MINE =
      ThreadLocal.withInitial(() -> new int[] {Integer.MAX_VALUE, 0});

  private CpuThreads() {}

  /** The most threads an op takes. */
  public static int configured() {
    return CONFIGURED;
  }

  /** The most threads an op takes that the calling thread starts. */
  public static int current() {
    return Math.min(CONFIGURED, MINE.get()[0]);
  }

  /**
   * Lets ops of the calling thread take at most {@code threads} threads until the result is closed.
   *
   * @throws IllegalArgumentException when {@code threads} is not positive
   */
  public static Limit limit(int threads) {
    Check.that(threads > 0, "threads: a limit of %d leaves none to work", threads);
    int[] mine = MINE.get();
    int before = mine[0];
    mine[0] = threads;
    return () -> mine[0] = before;
  }

  /** Ends a {@link #limit}, on the thread that set it; throws nothing. */
  @FunctionalInterface
  public interface Limit extends AutoCloseable {
    @Override
    void close();
  }

  /** Threads for a loop that reads and writes {@code bytes} bytes and computes little. */
  static int forBytes(long bytes) {
    return bytes < BYTES_WORTH_A_TEAM ? 1 : current();
  }

  /**
   * Threads for an op of oneDNN: a product of a vector is all bytes, most others all arithmetic.
   */
  static int forWork(double flops, double bytes) {
    return flops < FLOPS_WORTH_A_TEAM && bytes < OPERAND_BYTES_WORTH_A_TEAM ? 1 : current();
  }

  /**
   * Tells OpenMP how many threads the next call of oneDNN from this thread is to take, if that
   * changed: oneDNN asks OpenMP where our own loops get an argument.
   */
  static void enter(int threads) {
    int[] mine = MINE.get();
    if (mine[1] != threads) {
      Native.thaw_set_threads(threads);
      mine[1] = threads;
    }
  }

  private static int configure() {
    @Nullable String property = System.getProperty("thaw.threads");
    if (property != null) {
      Check.that(
          property.matches("[1-9]\\d{0,3}"), "thaw.threads: '%s' is no thread count", property);
      return Integer.parseInt(property);
    }
    @Nullable String environment = System.getenv("OMP_NUM_THREADS");
    // OpenMP allows a list, one count per nesting level; the first is ours.
    if (environment != null && environment.trim().matches("[1-9]\\d{0,3}(,.*)?")) {
      return Integer.parseInt(environment.trim().split(",", 2)[0]);
    }
    return Math.min(Runtime.getRuntime().availableProcessors(), physicalProcessors());
  }

  /** Cores among the processors that this process may run on; hyperthreads of a core count once. */
  private static int physicalProcessors() {
    Set<String> cores = new HashSet<>();
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("Cpus_allowed_list:")) {
          for (String range : line.substring(line.indexOf(':') + 1).trim().split(",")) {
            String[] ends = range.split("-", 2);
            int last = Integer.parseInt(ends[ends.length - 1]);
            for (int cpu = Integer.parseInt(ends[0]); cpu <= last; cpu++) {
              Path topology = Path.of("/sys/devices/system/cpu/cpu" + cpu + "/topology");
              cores.add(
                  Files.readString(topology.resolve("physical_package_id")).trim()
                      + ":"
                      + Files.readString(topology.resolve("core_id")).trim());
            }
          }
        }
      }
    } catch (IOException | NumberFormatException e) {
      // A container may hide the topology; then every processor counts.
      return Runtime.getRuntime().availableProcessors();
    }
    return cores.isEmpty() ? Runtime.getRuntime().availableProcessors() : cores.size();
  }
}
