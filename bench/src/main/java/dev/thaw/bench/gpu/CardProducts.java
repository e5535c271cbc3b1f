package dev.thaw.bench.gpu;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.GemmShape;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.plan.Precision;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Matrix products: a large one, which a card does at its full rate, and those of a dense layer. */
final class CardProducts {
  /** ResNet-50's last layer at batch 256. */
  private static final int EXAMPLES = 256;

  private static final int IN = 2048;
  private static final int OUT = 1000;

  private final Backend backend = Devices.current();
  private final Map<String, Object> json = new LinkedHashMap<>();
  private final double seconds;
  private final int large;
  private final int in;
  private final int out;

  private CardProducts(Extent extent) {
    seconds = extent.kernelSeconds();
    large = extent.product();
    in = Math.min(IN, large);
    out = Math.min(OUT, large);
  }

  /** Milliseconds and TFLOP/s by product and precision. */
  static Map<String, Object> measure(Extent extent) {
    CardProducts products = new CardProducts(extent);
    for (Precision precision : Precision.values()) {
      DType type = precision == Precision.BF16 ? DType.BFLOAT16 : DType.FLOAT32;
      boolean tf32 = precision == Precision.TF32;
      if (!products.backend.computes(type) || (tf32 && !products.backend.hasTf32())) {
        continue;
      }
      boolean before = products.backend.allowTf32(tf32);
      try {
        products.measure(precision, type);
      } finally {
        products.backend.allowTf32(before);
      }
    }
    return products.json;
  }

  private void measure(Precision precision, DType type) {
    product("square", precision, type, large, large, large);
    product("dense forward", precision, type, EXAMPLES, out, in);
    try (Held held = new Held()) {
      Buffer dw = held.buffer(DType.FLOAT32, (long) out * in);
      Buffer db = held.buffer(DType.FLOAT32, out);
      Buffer dy = held.buffer(type, (long) EXAMPLES * out);
      Buffer x = held.buffer(type, (long) EXAMPLES * in);
      put(
          "dense backward weights",
          precision,
          2.0 * EXAMPLES * out * in,
          () -> backend.gemm().backwardWeights(dw, db, dy, x, EXAMPLES, out, in));
    }
  }

  private void product(String name, Precision precision, DType type, int m, int n, int k) {
    try (Held held = new Held()) {
      Buffer c = held.buffer(type, (long) m * n);
      Buffer a = held.buffer(type, (long) m * k);
      Buffer b = held.buffer(type, (long) n * k);
      GemmShape shape = GemmShape.of(m, n, k, false, true);
      put(name, precision, 2.0 * m * n * k, () -> backend.gemm().gemm(c, a, b, null, false, shape));
    }
  }

  private void put(String name, Precision precision, double flops, Runnable call) {
    double ms = Rate.milliseconds(backend::synchronize, seconds, call);
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("ms", ms);
    figures.put("TFLOPs", flops / ms * 1e-9);
    json.put(name + ", " + precision, figures);
  }

  /** Buffers of random numbers. */
  private final class Held implements AutoCloseable {
    private final List<Buffer> all = new ArrayList<>();

    Buffer buffer(DType dtype, long elements) {
      Buffer buffer = backend.pool().allocate(dtype, elements, Purpose.WORKSPACE);
      all.add(buffer);
      backend.random().uniform(buffer, 1, 0, all.size());
      return buffer;
    }

    @Override
    public void close() {
      all.forEach(Buffer::release);
    }
  }
}
