package dev.thaw.bench.gpu;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.plan.Precision;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The distinct convolutions of ResNet-50 in three directions, by Thaw, which goes through cuDNN's
 * graphs, and by the functions of cuDNN that these have replaced.
 */
final class CardConvolutions {
  /** What algorithms of cuDNN's older functions may use. */
  private static final long WORKSPACE = 512L << 20;

  private final Backend backend = Devices.current();
  private final BiConsumer<String, Map<String, Object>> told;

  private final int[][] shapes;
  private final int batch;
  private final double seconds;

  private CardConvolutions(
      int[][] shapes, int batch, double seconds, BiConsumer<String, Map<String, Object>> told) {
    this.shapes = shapes;
    this.batch = batch;
    this.seconds = seconds;
    this.told = told;
  }

  private CardConvolutions(Extent extent, int batch, BiConsumer<String, Map<String, Object>> told) {
    this(extent.convolutions(), batch, extent.convolutionSeconds(), told);
  }

  /**
   * Milliseconds and TFLOP/s by shape, direction and precision, named as bench/gpu/peer.py names
   * them and then the precision.
   *
   * @param told is told each as soon as it is measured
   */
  static void measure(Extent extent, BiConsumer<String, Map<String, Object>> told) {
    new CardConvolutions(extent, extent.convolutionBatch(), told).measure();
  }

  /** The same of other shapes, in rounds of so many seconds. */
  static void measure(
      int[][] shapes, int batch, double seconds, BiConsumer<String, Map<String, Object>> told) {
    new CardConvolutions(shapes, batch, seconds, told).measure();
  }

  private void measure() {
    one();
    String missing = LegacyConvolutions.missing();
    if (missing == null) {
      try (LegacyConvolutions legacy = new LegacyConvolutions(backend, WORKSPACE)) {
        measureAll(legacy, "");
      }
    } else {
      measureAll(null, missing);
    }
  }

  /** With the first one, Thaw loads cuDNN from where it finds it. */
  private void one() {
    Buffer y = filled(DType.FLOAT32, 1);
    Buffer x = filled(DType.FLOAT32, 1);
    Buffer w = filled(DType.FLOAT32, 1);
    ConvShape s = new ConvShape(1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1);
    backend.conv().forward(y, x, w, null, null, false, s);
    List.of(y, x, w).forEach(Buffer::release);
  }

  /** Our own kernels alone, in bf16. */
  static void measureOwn(Extent extent, BiConsumer<String, Map<String, Object>> told) {
    new CardConvolutions(extent, extent.ownConvolutionBatch(), told)
        .measure(Precision.BF16, null, "not measured");
  }

  private void measureAll(@Nullable LegacyConvolutions legacy, String missing) {
    for (Precision precision : List.of(Precision.BF16, Precision.TF32, Precision.FP32)) {
      measure(precision, legacy, missing);
    }
  }

  private void measure(Precision precision, @Nullable LegacyConvolutions legacy, String missing) {
    DType type = precision == Precision.BF16 ? DType.BFLOAT16 : DType.FLOAT32;
    boolean tf32 = precision == Precision.TF32;
    if (!backend.computes(type) || (tf32 && !backend.hasTf32())) {
      return;
    }
    boolean before = backend.allowTf32(tf32);
    try {
      for (int[] s : shapes) {
        ConvShape shape =
            new ConvShape(
                batch, s[5], s[5], s[0], s[1], s[2], s[2], s[3], s[3], s[4], s[4], 1, 1, 1);
        String name = String.format("%d-%d %dx%d/%d at %d", s[0], s[1], s[2], s[2], s[3], s[5]);
        Sides sides = new Sides(name, ", " + precision, shape);
        if (legacy != null) {
          legacy.describe(shape, type, tf32);
        }
        sides.measure(type, legacy, missing);
      }
    } finally {
      backend.allowTf32(before);
    }
  }

  /** A shape, by Thaw and by cuDNN's older functions. */
  private final class Sides {
    private final String name;
    private final String precision;
    private final ConvShape s;
    private final double flops;

    Sides(String name, String precision, ConvShape s) {
      this.name = name;
      this.precision = precision;
      this.s = s;
      flops = 2.0 * outputs() * weights();
    }

    private long outputs() {
      return (long) s.n() * s.outH() * s.outW() * s.k();
    }

    private long weights() {
      return (long) s.kh() * s.kw() * s.c();
    }

    void measure(DType type, @Nullable LegacyConvolutions legacy, String missing) {
      Buffer x = filled(type, (long) s.n() * s.h() * s.w() * s.c());
      Buffer w = filled(type, weights() * s.k());
      Buffer y = filled(type, outputs());
      Buffer dw = filled(DType.FLOAT32, weights() * s.k());
      ConvKernels conv = backend.conv();
      tell(
          "forward",
          () -> conv.forward(y, x, w, null, null, false, s),
          legacy,
          missing,
          l -> l.forward(y, x, w));
      tell(
          "data",
          () -> conv.backwardData(x, y, w, null, s),
          legacy,
          missing,
          l -> l.backwardData(x, y, w));
      tell(
          "filter",
          () -> conv.backwardWeights(dw, null, y, x, s),
          legacy,
          missing,
          l -> l.backwardWeights(w, y, x));
      for (Buffer buffer : new Buffer[] {x, w, y, dw}) {
        buffer.release();
      }
    }

    private void tell(
        String direction,
        Runnable call,
        @Nullable LegacyConvolutions legacy,
        String missing,
        Function<LegacyConvolutions, Runnable> theirs) {
      Map<String, Object> json = new LinkedHashMap<>();
      double ms = Rate.milliseconds(backend::synchronize, seconds, call);
      json.put("ms", ms);
      json.put("TFLOPs", flops / ms * 1e-9);
      if (legacy == null) {
        json.put("legacy", missing);
      } else {
        try {
          double legacyMs = Rate.milliseconds(legacy::synchronize, seconds, theirs.apply(legacy));
          json.put("legacy_ms", legacyMs);
          json.put("legacy_TFLOPs", flops / legacyMs * 1e-9);
        } catch (IllegalStateException e) {
          json.put("legacy", String.valueOf(e.getMessage()));
        }
      }
      told.accept(name + ", " + direction + precision, json);
    }
  }

  private Buffer filled(DType dtype, long elements) {
    Buffer buffer = backend.pool().allocate(dtype, elements, Purpose.WORKSPACE);
    backend.random().uniform(buffer, 1, 0, 0);
    return buffer;
  }
}
