package dev.thaw.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.thaw.Needs;
import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.GuardedBackend;
import dev.thaw.memory.DType;
import dev.thaw.ops.OpRun.Outcome;
import dev.thaw.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * THE TABLE on every backend and dtype that it computes in.
 *
 * <p>{@code -Dthaw.case=NAME} runs the cases whose name starts so, {@code -Dthaw.device=cpu} one
 * backend, {@code -Dthaw.seed=N} draws other numbers.
 */
final class OpTableTest {
  /** Larger cases are not worth copies around every kernel call and every set of operands. */
  private static final long SMALL = 40_000;

  /** Cases with fewer elements are drawn several times. */
  private static final long FEW = 2000;

  private static final int DRAWS = 5;

  /** Cases with more work than this are compared, not differentiated numerically. */
  private static final double CHEAP = 2e7;

  private static final @Nullable String CASE = System.getProperty("thaw.case");
  private static final @Nullable String DEVICE = System.getProperty("thaw.device");
  private static final long SEED = Long.getLong("thaw.seed", 1);

  private static final Backend PLAIN = Devices.get("plain");

  /** What the plain backend in double makes of the case at hand; cases come one after the other. */
  private @Nullable Exact exact;

  /**
   * The oracle's answer.
   *
   * @param draws answers to other numbers too, where one answer has too few elements to show how
   *     large they usually are
   */
  private record Exact(
      OpCase line, DType drawnFor, OpRun run, Outcome outcome, List<Outcome> draws) {

    static Exact of(OpCase line, DType drawnFor) {
      OpRun run = new OpRun(line, seed(line), drawnFor);
      Outcome outcome = run.direct(PLAIN, DType.FLOAT64);
      List<Outcome> draws = new ArrayList<>(List.of(outcome));
      for (int i = 1; i < DRAWS && line.elements() < FEW; i++) {
        draws.add(new OpRun(line, seed(line) + i, drawnFor).direct(PLAIN, DType.FLOAT64));
      }
      return new Exact(line, drawnFor, run, outcome, draws);
    }

    double typicalValue() {
      return Tolerance.typical(draws.stream().map(Outcome::y).toList());
    }

    double typicalGradient(int operand) {
      return Tolerance.typical(
          draws.stream()
              .filter(draw -> draw.gradients().containsKey(operand))
              .map(draw -> draw.gradients().get(operand))
              .toList());
    }
  }

  private Exact exact(OpCase line, DType drawnFor) {
    Exact known = exact;
    if (known == null || !known.line.equals(line) || known.drawnFor != drawnFor) {
      known = Exact.of(line, drawnFor);
      exact = known;
    }
    return known;
  }

  private static long seed(OpCase line) {
    return SEED * 1_000_003 + line.name().hashCode();
  }

  @TestFactory
  Stream<DynamicNode> everyCaseOnEveryBackend() {
    List<Backend> backends = new ArrayList<>();
    List<DynamicNode> missing = new ArrayList<>();
    for (String kind : Devices.kinds()) {
      if (DEVICE == null || DEVICE.equals(kind)) {
        try {
          backends.add(Devices.get(kind));
        } catch (IllegalStateException e) {
          missing.add(dynamicTest("no case on " + kind, () -> Needs.device(kind)));
        }
      }
    }
    Stream<DynamicNode> cases =
        OpCases.all().stream()
            .filter(line -> CASE == null || line.name().startsWith(CASE))
            .flatMap(line -> tests(line, backends));
    return Stream.concat(missing.stream(), cases);
  }

  private Stream<DynamicTest> tests(OpCase line, List<Backend> backends) {
    List<DynamicTest> tests = new ArrayList<>();
    for (DType dtype : List.of(DType.FLOAT64, DType.FLOAT32, DType.BFLOAT16)) {
      for (Backend backend : backends) {
        if (backend.computes(dtype) && (dtype != DType.BFLOAT16 || line.elements() < SMALL)) {
          tests.add(
              dynamicTest(
                  line.name() + " on " + backend.device() + " " + dtype,
                  () -> hold(line, backend, dtype)));
        }
      }
    }
    return tests.stream();
  }

  private void hold(OpCase line, Backend backend, DType dtype) {
    DType drawnFor = dtype == DType.BFLOAT16 ? dtype : DType.FLOAT32;
    try {
      Exact exact = exact(line, drawnFor);
      long live = backend.pool().liveBytes();
      check(exact, backend, dtype);
      assertEquals(live, backend.pool().liveBytes(), "bytes that are still held");
    } catch (UnsupportedOperationException e) {
      Needs.kernels(line.op() + " on " + backend.device() + ": " + e.getMessage());
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError(
          String.format(
              "%s on %s %s, seed %d: %s%n  to run it alone: mvn test -pl tests -am"
                  + " -Dtest=OpTableTest -Dthaw.device=%s -Dthaw.case='%s'%s",
              line.name(),
              backend.device(),
              dtype,
              SEED,
              e instanceof AssertionError ? e.getMessage() : e,
              backend.device().kind(),
              line.name(),
              SEED == 1 ? "" : " -Dthaw.seed=" + SEED),
          e);
    }
  }

  private static void check(Exact exact, Backend backend, DType dtype) {
    OpRun run = exact.run;
    boolean small = exact.line.elements() + exact.outcome.y().length < SMALL;
    boolean oracle = backend == PLAIN && dtype == DType.FLOAT64;
    if (small) {
      compare("between guards", exact, run.direct(GuardedBackend.around(backend), dtype), dtype);
    } else if (!oracle) {
      compare("", exact, run.direct(backend, dtype), dtype);
    }
    if (oracle && !exact.line.kinked() && cheap(exact)) {
      differentiate(exact);
    }
    boolean[] all = run.differentiable();
    for (boolean[] wants : small ? subsets(all) : List.of(all)) {
      compare("everything else closed", exact, run.closed(backend, dtype, wants), dtype, wants);
    }
  }

  private static boolean cheap(Exact exact) {
    return exact.line.flops(exact.outcome.shape()) < CHEAP;
  }

  private static void differentiate(Exact exact) {
    boolean[] differentiable = exact.run.differentiable();
    for (int i = 0; i < differentiable.length; i++) {
      if (differentiable[i]) {
        String wrong = Differences.of(exact.run, PLAIN, exact.outcome, i, seed(exact.line));
        if (!wrong.isEmpty()) {
          fail(wrong);
        }
      }
    }
  }

  /** Every set of differentiable operands, the empty one included: the others are frozen. */
  private static List<boolean[]> subsets(boolean[] all) {
    List<boolean[]> subsets = new ArrayList<>();
    for (int bits = 0; bits < 1 << all.length; bits++) {
      boolean[] wants = new boolean[all.length];
      boolean possible = true;
      for (int i = 0; i < all.length; i++) {
        wants[i] = (bits >> i & 1) == 1;
        possible &= all[i] || !wants[i];
      }
      if (possible) {
        subsets.add(wants);
      }
    }
    return subsets;
  }

  private static void compare(String how, Exact exact, Outcome found, DType dtype) {
    compare(how, exact, found, dtype, exact.run.differentiable());
  }

  private static void compare(
      String how, Exact exact, Outcome found, DType dtype, boolean[] wants) {
    OpCase line = exact.line;
    String when = how.isEmpty() ? "" : how + ", ";
    assertEquals(exact.outcome.shape(), found.shape(), when + "shape");
    double slack = line.slack();
    Tolerance close = Tolerance.of(found.dtype(), (double) line.terms(), slack);
    double size = exact.typicalValue();
    report(when + "value", close, exact.outcome.y(), found.y(), size, found.shape(), found.dtype());
    for (int i = 0; i < wants.length; i++) {
      double @Nullable [] expected = exact.outcome.gradients().get(i);
      double @Nullable [] gradient = found.gradients().get(i);
      if (!wants[i] || expected == null) {
        assertTrue(gradient == null, when + "operand " + i + " wants no gradient and got one");
        continue;
      }
      if (gradient == null) {
        fail(when + "operand " + i + " got no gradient");
        return;
      }
      // Each term of each result sends one term back.
      int n = Math.max(1, expected.length);
      double back = (double) line.terms() * Math.max(1, exact.outcome.y().length / (double) n);
      report(
          when + "gradient of operand " + i,
          Tolerance.of(dtype, back, 2 * slack),
          expected,
          gradient,
          exact.typicalGradient(i),
          line.operands().get(i).shape(),
          dtype);
    }
  }

  private static void report(
      String what,
      Tolerance close,
      double[] expected,
      double[] found,
      double typical,
      Shape shape,
      DType dtype) {
    String differences = close.differences(expected, found, typical, shape, dtype);
    if (!differences.isEmpty()) {
      fail(what + ": " + differences);
    }
  }
}
