package dev.thaw.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Binary;
import dev.thaw.backend.BinaryKernels;
import dev.thaw.backend.Broadcast;
import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.Devices;
import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.IndexKernels;
import dev.thaw.backend.NormKernels;
import dev.thaw.backend.PoolKernels;
import dev.thaw.backend.PoolShape;
import dev.thaw.backend.RandomKernels;
import dev.thaw.backend.ReduceKernels;
import dev.thaw.backend.Segment;
import dev.thaw.backend.SegmentTable;
import dev.thaw.backend.SoftmaxKernels;
import dev.thaw.backend.StatsKernels;
import dev.thaw.backend.StepState;
import dev.thaw.backend.Strided;
import dev.thaw.backend.Unary;
import dev.thaw.backend.UnaryKernels;
import dev.thaw.backend.UpdateKernels;
import dev.thaw.backend.UpdateRule;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Shape;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a call has to do at least, against numbers worked out by hand. */
class KernelCallTest {
  private final Backend plain = Devices.get("plain");
  private final List<Buffer> held = new ArrayList<>();

  @AfterEach
  void release() {
    held.forEach(Buffer::release);
  }

  private Buffer floats(long elements) {
    return buffer(DType.FLOAT32, elements);
  }

  private Buffer buffer(DType dtype, long elements) {
    Buffer buffer = plain.pool().allocate(dtype, elements, Purpose.ACTIVATIONS);
    held.add(buffer);
    return buffer;
  }

  private static KernelCall of(Class<?> family, String name, @Nullable Object... arguments) {
    return KernelCall.of(new Call(Call.method(family, name), arguments));
  }

  private static void assertWork(long bytes, long flops, KernelCall call) {
    assertEquals(bytes, call.bytes(), call + ": bytes");
    assertEquals(flops, call.flops(), call + ": flops");
  }

  @Test
  void convolution() {
    // x [2, 5, 5, 4], w [6, 3, 3, 2] in two groups, stride 2, padding 1: y [2, 3, 3, 6].
    ConvShape s = new ConvShape(2, 5, 5, 4, 6, 3, 3, 2, 2, 1, 1, 1, 1, 2);
    Buffer x = floats(200);
    Buffer w = floats(108);
    Buffer y = floats(108);
    Buffer bias = floats(6);
    // Each of the 108 numbers of y is a sum of 3 · 3 · 2 products: 108 · 18 · 2 = 3888.
    KernelCall bare = of(ConvKernels.class, "forward", y, x, w, null, null, false, s);
    assertEquals("conv.forward", bare.name());
    assertEquals("x 2x5x5x4, w 6x3x3x2, stride 2", bare.sizes());
    assertWork(4 * (200 + 108 + 108), 3888, bare);
    // Bias, residual and ReLU: an operation each for 108 numbers; the residual is read.
    assertWork(
        4 * (200 + 108 + 108 + 6 + 108),
        3888 + 3 * 108,
        of(ConvKernels.class, "forward", y, x, w, bias, floats(108), true, s));
    // y += x * w in place: y is read and written.
    assertWork(
        4 * (200 + 108 + 2 * 108),
        3888 + 108,
        of(ConvKernels.class, "forward", y, x, w, null, y, false, s));
    Class<?> family = ConvKernels.class;
    // Its statistics: four operations for each of the 108 numbers, six means and six variances.
    assertWork(
        4 * (200 + 108 + 108 + 6 + 6),
        3888 + 4 * 108,
        of(family, "forwardWithStatistics", y, bias, floats(6), x, w, s));
    assertWork(4 * (200 + 108 + 108), 3888, of(family, "backwardData", x, y, w, null, s));
    // dx += .. in place.
    assertWork(4 * (2 * 200 + 108 + 108), 3888 + 200, of(family, "backwardData", x, y, w, x, s));
    // The gradient of the bias adds up the 108 numbers of dy.
    assertWork(
        4 * (108 + 6 + 108 + 200),
        3888 + 108,
        of(ConvKernels.class, "backwardWeights", w, bias, y, x, s));
  }

  @Test
  void bfloat16MovesHalf() {
    ConvShape s = new ConvShape(1, 4, 4, 8, 8, 1, 1, 1, 1, 0, 0, 1, 1, 1);
    Buffer x = buffer(DType.BFLOAT16, 128);
    Buffer dy = buffer(DType.BFLOAT16, 128);
    // dw is a sum that stays float: 16 · 8 · 8 · 2 operations.
    assertWork(
        2 * 128 + 2 * 128 + 4 * 64,
        2048,
        of(ConvKernels.class, "backwardWeights", floats(64), null, dy, x, s));
  }

  @Test
  void product() {
    GemmShape s = GemmShape.of(3, 5, 7, false, true);
    KernelCall call =
        of(GemmKernels.class, "gemm", floats(15), floats(21), floats(35), floats(5), true, s);
    assertEquals("gemm.gemm", call.name());
    assertEquals("3x7 by 5x7 transposed", call.sizes());
    assertWork(4 * (15 + 21 + 35 + 5), 2 * 3 * 5 * 7 + 15 + 15, call);
    GemmShape shared = new GemmShape(4, 3, 5, 7, false, false, false, true);
    assertWork(
        4 * (60 + 84 + 35),
        2 * 4 * 3 * 5 * 7,
        of(GemmKernels.class, "gemm", floats(60), floats(84), floats(35), null, false, shared));
  }

  @Test
  void gradientsOfADenseLayer() {
    // dw [5, 3] of dy [2, 5] and x [2, 3]: 15 sums of 2 products; db: 5 sums of 2 numbers.
    Class<?> family = GemmKernels.class;
    Buffer dy = floats(10);
    Buffer x = floats(6);
    Buffer dw = floats(15);
    KernelCall both = of(family, "backwardWeights", dw, floats(5), dy, x, 2, 5, 3);
    assertEquals("gemm.backwardWeights", both.name());
    assertEquals("2x5 transposed by 2x3", both.sizes());
    assertWork(4 * (15 + 5 + 10 + 6), 60 + 10, both);
    assertWork(4 * (15 + 10 + 6), 60, of(family, "backwardWeights", dw, null, dy, x, 2, 5, 3));
  }

  @Test
  void elementwise() {
    Buffer x = floats(1000);
    KernelCall relu = of(UnaryKernels.class, "forward", Unary.RELU, floats(1000), x, 0.0, 0.0);
    assertEquals("unary.forward relu", relu.name());
    assertEquals("1000 float32", relu.sizes());
    assertWork(8000, 1000, relu);
    assertWork(8000, 1000, of(UnaryKernels.class, "forward", Unary.RELU, x, x, 0.0, 0.0));
    assertWork(
        12000,
        2000,
        of(UnaryKernels.class, "backward", Unary.RELU, floats(1000), x, floats(1000), 0.0, 0.0));
    // The slope of a x + b is no function of x, which so is not read.
    assertWork(
        8000,
        2000,
        of(UnaryKernels.class, "backward", Unary.AFFINE, floats(1000), x, floats(1000), 2.0, 0.0));
    // A row of 10 is added to 100 rows.
    Broadcast rows = Broadcast.of("add", new int[] {100, 10}, new int[] {10});
    assertWork(
        4 * (1000 + 1000 + 10),
        1000,
        of(BinaryKernels.class, "forward", Binary.ADD, floats(1000), x, floats(10), rows));
    Broadcast same = Broadcast.of("mul", new int[] {1000}, new int[] {1000});
    // x · x reads x once.
    assertWork(
        8000, 1000, of(BinaryKernels.class, "forward", Binary.MUL, floats(1000), x, x, same));
  }

  @Test
  void poolingAndNorm() {
    // Windows of 2 x 2 over 6 x 6, four places each, 9 windows, 4 channels, 2 pictures.
    PoolShape s = new PoolShape(2, 6, 6, 4, 3, 3, 2, 2, 2, 2, 0, 0, true, false);
    assertWork(
        4 * (72 + 72 + 288),
        288,
        of(PoolKernels.class, "maxForward", floats(72), buffer(DType.INT32, 72), floats(288), s));
    // Padding is not looked at: windows of 3 by 3 in steps of 2 see 2 + 3 of 5 rows.
    PoolShape padded = new PoolShape(1, 4, 4, 1, 2, 2, 3, 3, 2, 2, 1, 1, true, false);
    assertEquals(
        25, of(PoolKernels.class, "maxForward", floats(4), null, floats(16), padded).flops());
    Buffer x = floats(600);
    // Scale and shift of 600 numbers, 100 rows of 6 channels, by four numbers a channel.
    assertWork(
        4 * (600 + 600 + 4 * 6),
        1200,
        of(
            NormKernels.class,
            "batchForward",
            floats(600),
            x,
            floats(6),
            floats(6),
            floats(6),
            floats(6),
            null,
            false,
            100,
            6,
            1e-5));
    // With a residual and a ReLU: an addition and a comparison each.
    assertWork(
        4 * (600 + 600 + 600 + 4 * 6),
        2400,
        of(
            NormKernels.class,
            "batchForward",
            floats(600),
            x,
            floats(6),
            floats(6),
            floats(6),
            floats(6),
            floats(600),
            true,
            100,
            6,
            1e-5));
    // Two sums of two operations and a difference, four for dx, and the slope times dy: eleven of
    // 600 numbers. Reads dy, x and y, writes dx and dresidual, and five numbers a channel.
    assertWork(
        4 * (5 * 600 + 5 * 6),
        11 * 600,
        of(
            NormKernels.class,
            "batchBackward",
            floats(600),
            floats(6),
            floats(6),
            floats(600),
            floats(600),
            x,
            floats(6),
            null,
            floats(6),
            floats(6),
            floats(600),
            100,
            6,
            1e-5));
  }

  @Test
  void walks() {
    // 20 numbers written, of a row of 5 that is repeated.
    Strided to = new Strided(0, new int[] {5, 1});
    Strided from = new Strided(0, new int[] {0, 1});
    assertWork(
        4 * (20 + 5),
        0,
        of(IndexKernels.class, "copy", floats(1000), to, floats(5), from, new int[] {4, 5}));
    // Three rows of ten are looked up among a thousand.
    assertWork(
        4 * (30 + 30) + 8 * 3,
        0,
        of(
            IndexKernels.class,
            "take",
            floats(30),
            floats(10000),
            buffer(DType.INT64, 3),
            1,
            1000,
            3,
            10));
  }

  @Test
  void update() {
    List<Segment> segments = new ArrayList<>();
    for (int n : new int[] {30, 70}) {
      segments.add(new Segment(floats(n), floats(n), List.of(floats(n), floats(n)), 0));
    }
    Buffer state = buffer(DType.FLOAT64, StepState.SLOTS);
    try (SegmentTable table = plain.update().table(segments)) {
      KernelCall adam = of(UpdateKernels.class, "step", UpdateRule.ADAMW, table, state);
      assertEquals("100 parameters", adam.sizes());
      // Reads value, gradient, m, v; writes value, m, v.
      assertWork(4 * 100 * 7, 1800, adam);
      assertWork(
          400 + 16, 200, of(UpdateKernels.class, "norm", buffer(DType.FLOAT64, 2), state, table));
      table.setActive(0, false);
      assertWork(4 * 70 * 5, 560, of(UpdateKernels.class, "step", UpdateRule.SGD, table, state));
    }
  }

  @Test
  void everyKernelIsCounted() {
    Set<String> kernels = new TreeSet<>();
    for (Class<?> family :
        List.of(
            UnaryKernels.class,
            BinaryKernels.class,
            ReduceKernels.class,
            GemmKernels.class,
            ConvKernels.class,
            PoolKernels.class,
            NormKernels.class,
            SoftmaxKernels.class,
            IndexKernels.class,
            RandomKernels.class,
            UpdateKernels.class,
            StatsKernels.class)) {
      Stream.of(family.getMethods())
          .filter(method -> method.getReturnType() == void.class)
          .map((Method method) -> family.getSimpleName() + "." + method.getName())
          .forEach(kernels::add);
    }
    assertEquals(kernels, new TreeSet<>(Flops.BY_KERNEL.keySet()));
  }

  static List<String> devices() {
    return Devices.available();
  }

  @ParameterizedTest
  @MethodSource("devices")
  void aPlanExplainsAndTimesItsCalls(String device) {
    Backend backend = Devices.get(device);
    long live = backend.pool().liveBytes();
    try (var on = backend.device().use();
        Scope scope = Scope.open();
        Module model = Zoo.create("mlp:depth=2,width=8", Shape.of(1, 6), 3);
        InferencePlan plan = InferencePlan.of(model, Shape.of(4, 6))) {
      List<KernelCall> calls = plan.calls();
      long flops = calls.stream().mapToLong(KernelCall::flops).sum();
      // Two products, biases, and a ReLU between them.
      assertEquals(2 * 4 * 8 * 6 + 2 * 4 * 8 + 2 * 4 * 3 * 8 + 4 * 3, flops, calls.toString());
      double[] seconds = plan.seconds(3);
      assertEquals(calls.size(), seconds.length);
      for (double s : seconds) {
        assertTrue(s > 0, calls.toString());
      }
    }
    assertEquals(live, backend.pool().liveBytes());
  }
}
