package dev.thaw.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.GuardedBackend;
import dev.thaw.memory.DType;
import dev.thaw.ops.OpRun.Outcome;
import dev.thaw.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * The table's ops that meet weights, with activations in bfloat16 and all else in float32, on every
 * backend that computes so: values and gradients against the plain backend in double; what is
 * float32 has a gradient in float32, and where one kernel makes that of bfloat16 activations, it is
 * exact to float32, too.
 *
 * <p>{@code -Dthaw.case=NAME} runs the cases whose name starts so, {@code -Dthaw.device=cuda-sim}
 * one backend.
 */
final class MixedTableTest {
  private static final int FEWEST = 60;
  private static final int MOST = 40_000;
  private static final Backend PLAIN = Devices.get("plain");
  private static final @Nullable String CASE = System.getProperty("thaw.case");
  private static final @Nullable String DEVICE = System.getProperty("thaw.device");

  /** Ops by name, and whether the weights' gradients are sums that nothing was rounded for. */
  private static final Map<String, Boolean> OPS =
      Map.ofEntries(
          Map.entry("matmul", true),
          Map.entry("linear", true),
          Map.entry("conv2d", true),
          Map.entry("batchNorm", true),
          Map.entry("layerNorm", true),
          Map.entry("add", true),
          Map.entry("sub", true),
          Map.entry("mul", false),
          Map.entry("div", false),
          Map.entry("prelu", false),
          Map.entry("crossEntropy", false),
          Map.entry("mseLoss", false));

  private static DType mixed(int operand) {
    return operand == 0 ? DType.BFLOAT16 : DType.FLOAT32;
  }

  @TestFactory
  Stream<DynamicTest> activationsInBfloat16BesideFloat32() {
    List<DynamicTest> tests = new ArrayList<>();
    for (String kind : Devices.available()) {
      Backend backend = Devices.get(kind);
      if (backend.computes(DType.BFLOAT16) && (DEVICE == null || DEVICE.equals(kind))) {
        OpCases.all().stream()
            .filter(line -> CASE == null || line.name().startsWith(CASE))
            .filter(MixedTableTest::isTaken)
            .forEach(
                line -> tests.add(dynamicTest(line + " on " + kind, () -> hold(line, backend))));
      }
    }
    assertFalse(tests.isEmpty(), "the plain device computes in bfloat16");
    return tests.stream();
  }

  /** Those large enough that their own numbers tell how large numbers are there. */
  private static boolean isTaken(OpCase line) {
    List<Operand> operands = line.operands();
    return OPS.containsKey(line.op())
        && operands.size() > 1
        && operands.get(0).shape().elements() >= FEWEST
        && line.elements() < MOST
        && line.terms() < MOST
        && !line.detail().startsWith("running");
  }

  private static void hold(OpCase line, Backend backend) {
    OpRun run = new OpRun(line, line.name().hashCode(), DType.BFLOAT16);
    Outcome exact = run.direct(PLAIN, DType.FLOAT64);
    IntFunction<DType> dtypes = MixedTableTest::mixed;
    compare(
        backend,
        line,
        exact,
        run.direct(GuardedBackend.around(backend), dtypes),
        run.differentiable());
    boolean[] all = run.differentiable();
    for (int i = -1; i < all.length; i++) {
      boolean[] wants = all.clone();
      if (i >= 0) {
        wants[i] = false;
      }
      compare(backend, line, exact, run.closed(backend, dtypes, wants), wants);
    }
  }

  private static void compare(
      Backend backend, OpCase line, Outcome exact, Outcome found, boolean[] wants) {
    boolean loss = line.op().equals("crossEntropy") || line.op().equals("mseLoss");
    assertEquals(loss ? DType.FLOAT32 : DType.BFLOAT16, found.dtype(), "dtype of the result");
    report("value", line, found.dtype(), exact.y(), found.y(), found.shape(), 1);
    for (int i = 0; i < wants.length; i++) {
      double @Nullable [] expected = exact.gradients().get(i);
      double @Nullable [] gradient = found.gradients().get(i);
      if (!wants[i] || expected == null || gradient == null) {
        assertEquals(wants[i] && expected != null, gradient != null, "gradient of operand " + i);
        continue;
      }
      assertEquals(mixed(i), found.gradientDtypes().get(i), "dtype of gradient " + i);
      // cuDNN makes gradients of weights in bfloat16 alone, which are converted.
      boolean rounded = line.op().equals("conv2d") && backend.device().kind().startsWith("cuda");
      boolean sums = i > 0 && !rounded && Boolean.TRUE.equals(OPS.get(line.op()));
      double n = Math.max(1, expected.length);
      report(
          "gradient of operand " + i,
          line,
          sums ? DType.FLOAT32 : DType.BFLOAT16,
          expected,
          gradient,
          line.operands().get(i).shape(),
          Math.max(1, exact.y().length / n));
    }
  }

  private static void report(
      String what,
      OpCase line,
      DType dtype,
      double[] expected,
      double[] found,
      Shape shape,
      double times) {
    Tolerance close = Tolerance.of(dtype, line.terms() * times, 2 * line.slack());
    double typical = Tolerance.typical(List.of(expected));
    String differences = close.differences(expected, found, typical, shape, dtype);
    if (!differences.isEmpty()) {
      fail(what + ": " + differences);
    }
  }
}
