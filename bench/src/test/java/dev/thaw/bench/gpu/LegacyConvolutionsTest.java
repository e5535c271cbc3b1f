package dev.thaw.bench.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConvShape;
import dev.thaw.bench.OnACard;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Purpose;
import dev.thaw.plan.Precision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** cuDNN's older functions compute what Thaw computes through its graphs. */
final class LegacyConvolutionsTest {
  private final Backend backend = OnACard.backend();
  private final Device.Use use = backend.device().use();
  private final long before = backend.pool().liveBytes();
  private final List<Buffer> held = new ArrayList<>();

  /** Loads cuDNN, as the first convolution does. */
  @BeforeEach
  void aConvolution() {
    ConvShape s = new ConvShape(1, 2, 2, 8, 8, 1, 1, 1, 1, 0, 0, 1, 1, 1);
    backend
        .conv()
        .forward(
            buffer(DType.FLOAT32, 32),
            buffer(DType.FLOAT32, 32),
            buffer(DType.FLOAT32, 64),
            null,
            null,
            false,
            s);
  }

  @AfterEach
  void nothingLeft() {
    held.forEach(Buffer::release);
    use.close();
    assertEquals(before, backend.pool().liveBytes());
  }

  private Buffer buffer(DType type, long elements) {
    Buffer buffer = backend.pool().allocate(type, elements, Purpose.WORKSPACE);
    held.add(buffer);
    backend.random().uniform(buffer, held.size(), 0, 0);
    return buffer;
  }

  private double[] read(Buffer x) {
    ByteBuffer bytes = ByteBuffer.allocateDirect((int) x.bytes()).order(ByteOrder.nativeOrder());
    backend.download(bytes.duplicate().order(ByteOrder.nativeOrder()), x);
    double[] values = new double[(int) x.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          x.dtype() == DType.FLOAT32
              ? bytes.getFloat(4 * i)
              : Float.intBitsToFloat(bytes.getShort(2 * i) << 16);
    }
    return values;
  }

  private void assertAgree(String what, Buffer expected, Buffer found, double tolerance) {
    double[] e = read(expected);
    double[] f = read(found);
    assertEquals(e.length, f.length, what);
    for (int i = 0; i < e.length; i++) {
      assertEquals(e[i], f[i], tolerance * (1 + Math.abs(e[i])), what + ", element " + i);
    }
  }

  private static Stream<ConvShape> shapes() {
    return Stream.of(
        new ConvShape(2, 5, 7, 8, 16, 1, 1, 1, 1, 0, 0, 1, 1, 1),
        new ConvShape(2, 9, 6, 8, 8, 3, 3, 2, 2, 1, 1, 1, 1, 1),
        new ConvShape(1, 8, 9, 16, 8, 3, 2, 2, 1, 2, 0, 2, 1, 1),
        new ConvShape(1, 6, 6, 16, 32, 3, 3, 1, 1, 1, 1, 1, 1, 2));
  }

  @ParameterizedTest
  @EnumSource
  void asThroughGraphs(Precision precision) {
    DType type = precision == Precision.BF16 ? DType.BFLOAT16 : DType.FLOAT32;
    boolean tf32 = precision == Precision.TF32;
    double tolerance = precision == Precision.FP32 ? 1e-5 : 8e-3;
    boolean allowed = backend.allowTf32(tf32);
    try (LegacyConvolutions legacy = new LegacyConvolutions(backend, 1 << 20)) {
      shapes().forEach(s -> agree(legacy, s, type, tf32, tolerance));
    } finally {
      backend.allowTf32(allowed);
    }
  }

  private void agree(
      LegacyConvolutions legacy, ConvShape s, DType type, boolean tf32, double tolerance) {
    String name = s + " of " + type;
    long outputs = (long) s.n() * s.outH() * s.outW() * s.k();
    long inputs = (long) s.n() * s.h() * s.w() * s.c();
    long weights = (long) s.k() * s.kh() * s.kw() * (s.c() / s.groups());
    Buffer x = buffer(type, inputs);
    Buffer w = buffer(type, weights);
    Buffer dy = buffer(type, outputs);
    Buffer y = buffer(type, outputs);
    Buffer dx = buffer(type, inputs);
    Buffer dw = buffer(DType.FLOAT32, weights);
    backend.conv().forward(y, x, w, null, null, false, s);
    backend.conv().backwardData(dx, dy, w, null, s);
    backend.conv().backwardWeights(dw, null, dy, x, s);
    Buffer theirY = buffer(type, outputs);
    Buffer theirDx = buffer(type, inputs);
    Buffer theirDw = buffer(type, weights);
    backend.synchronize();
    legacy.describe(s, type, tf32);
    legacy.forward(theirY, x, w).run();
    legacy.backwardData(theirDx, dy, w).run();
    legacy.backwardWeights(theirDw, dy, x).run();
    legacy.synchronize();
    assertAgree("y of " + name, y, theirY, tolerance);
    assertAgree("dx of " + name, dx, theirDx, tolerance);
    assertAgree("dw of " + name, dw, theirDw, tolerance);
  }

  /** float32 is multiplied as it is, unless TF32 is asked for. */
  @Test
  void float32IsNotCut() {
    ConvShape s = new ConvShape(1, 4, 4, 8, 8, 1, 1, 1, 1, 0, 0, 1, 1, 1);
    Buffer x = buffer(DType.FLOAT32, 4 * 4 * 8);
    Buffer w = buffer(DType.FLOAT32, 64);
    Buffer exact = buffer(DType.FLOAT32, 4 * 4 * 8);
    Buffer cut = buffer(DType.FLOAT32, 4 * 4 * 8);
    backend.synchronize();
    try (LegacyConvolutions legacy = new LegacyConvolutions(backend, 1 << 20)) {
      legacy.describe(s, DType.FLOAT32, false);
      legacy.forward(exact, x, w).run();
      legacy.describe(s, DType.FLOAT32, true);
      legacy.forward(cut, x, w).run();
    }
    double[] e = read(exact);
    double[] c = read(cut);
    double most = 0;
    for (int i = 0; i < e.length; i++) {
      most = Math.max(most, Math.abs(e[i] - c[i]));
    }
    assertTrue(most > 1e-5, "TF32 differs by " + most);
    assertAgree("TF32", exact, cut, 1e-2);
  }

  @Test
  void aFunctionThatIsMissingIsNotCalled() {
    assertNull(LegacyConvolutions.missing());
    assertEquals(
        "not there: this cuDNN has no cudnnConvolutionSideways",
        LegacyConvolutions.missing(List.of("cudnnConvolutionForward", "cudnnConvolutionSideways")));
  }

  /** The part of the check that measures, over shapes that are small enough for a stand-in. */
  @Test
  void everyShapeAndDirectionIsTold() {
    Map<String, Object> all = new LinkedHashMap<>();
    int[][] shapes = {{8, 16, 7, 2, 3, 9}, {16, 8, 1, 2, 0, 4}};
    CardConvolutions.measure(shapes, 2, 0, all::put);
    assertEquals(2 * 3 * 3, all.size(), all.toString());
    String first = "8-16 7x7/2 at 9, forward, bf16";
    assertEquals(first, all.keySet().iterator().next());
    all.forEach(
        (name, figures) -> {
          Map<?, ?> found = (Map<?, ?>) figures;
          for (String figure : List.of("ms", "TFLOPs", "legacy_ms", "legacy_TFLOPs")) {
            assertTrue(
                found.get(figure) instanceof Number n && n.doubleValue() > 0,
                name + ", " + figure + ": " + found);
          }
        });
  }
}
