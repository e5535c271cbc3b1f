package dev.thaw.tensor;

import dev.thaw.backend.Devices;
import dev.thaw.backend.Philox;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import org.jspecify.annotations.Nullable;

/**
 * Where random ops take their numbers from: a seed and a count of calls. The same seed and the same
 * order of calls give the same numbers on every device ({@link Philox}).
 */
public final class Generator {
  /** Stream of dropout masks. */
  static final int DROPOUT = 1;

  /** Stream of initial weights and random tensors. */
  static final int VALUES = 2;

  private static final ThreadLocal<Generator> CURRENT =
      ThreadLocal.withInitial(() -> new Generator(0));

  private final long seed;
  private int call;
  private @Nullable Buffer state;

  /** Numbers of {@code seed}, from the first call on. */
  public Generator(long seed) {
    this.seed = seed;
  }

  /**
   * The thread's generator: initial weights and dropout draw from it; seed 0 until {@link #use}.
   */
  public static Generator current() {
    return CURRENT.get();
  }

  /** Makes this the calling thread's generator until the result is closed. */
  public Device.Use use() {
    Generator before = CURRENT.get();
    CURRENT.set(this);
    return () -> CURRENT.set(before);
  }

  /** The seed. */
  public long seed() {
    return seed;
  }

  /** Number of the next call. */
  public int call() {
    return call;
  }

  /** Goes on from call number {@code next}: what a checkpoint restores. */
  public void seek(int next) {
    call = next;
  }

  /**
   * From now on call numbers count from 0 within a step and {@code state}, a {@link
   * dev.thaw.backend.StepState} on the device, holds the base; null goes back to plain counting.
   */
  public void countFrom(@Nullable Buffer state) {
    this.state = state;
  }

  @Nullable Buffer state() {
    return state;
  }

  int next() {
    return call++;
  }

  /** {@code count} uniform numbers in [low, high) in a Java array. */
  public float[] uniforms(double low, double high, int count) {
    Philox numbers = new Philox(seed, VALUES, next());
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (low + (high - low) * numbers.uniform(i));
    }
    return values;
  }

  /** {@code count} normal numbers in a Java array. */
  public float[] normals(double mean, double deviation, int count) {
    Philox numbers = new Philox(seed, VALUES, next());
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (mean + deviation * numbers.normal(i));
    }
    return values;
  }

  /**
   * A float32 tensor of uniform numbers in [low, high) on the current device, drawn on the host.
   */
  public Tensor uniform(double low, double high, int... dims) {
    return Tensor.of(uniforms(low, high, (int) Shape.of(dims).elements()), dims);
  }

  /** A float32 tensor of normal numbers on the current device, drawn on the host. */
  public Tensor normal(double mean, double deviation, int... dims) {
    return Tensor.of(normals(mean, deviation, (int) Shape.of(dims).elements()), dims);
  }

  /** {@code count} integers in [0, bound), int64, on the current device. */
  public Tensor integers(int bound, int count) {
    Philox numbers = new Philox(seed, VALUES, next());
    long[] values = new long[count];
    for (int i = 0; i < count; i++) {
      values[i] = numbers.below(i, bound);
    }
    return Tensor.of(values, count);
  }

  /** A float32 tensor of uniform numbers in [0, 1), drawn on the current device. */
  public Tensor uniformOnDevice(int... dims) {
    Tensor y = Tensor.empty(Shape.of(dims), DType.FLOAT32, Devices.current());
    y.backend().random().uniform(y.buffer(), seed, VALUES, next());
    return y;
  }
}
