package dev.thaw.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What an optimizer's kernel must leave alone, and what it decides: a backend's test extends this.
 * The formulas themselves are held to PyTorch.
 */
public abstract class UpdatesByHand {
  private final Backend backend;
  private final DType dtype;
  private final double tolerance;

  /**
   * The device and the type to compute with.
   *
   * @param tolerance of each number that is rounded, relative to 1 + |expected|
   */
  protected UpdatesByHand(Backend backend, DType dtype, double tolerance) {
    this.backend = backend;
    this.dtype = dtype;
    this.tolerance = tolerance;
  }

  private TestBuffers buffers() {
    return new TestBuffers(backend, dtype);
  }

  /** Plain SGD with rate 1 in group 0 and momentum ½ in group 1; scales are 1. */
  private static double[] state() {
    double[] state = new double[StepState.SLOTS];
    state[StepState.CLIP_SCALE] = 1;
    state[StepState.GRADIENT_SCALE] = 1;
    state[StepState.GROUPS + StepState.RATE] = 1;
    int second = StepState.GROUPS + StepState.GROUP_SLOTS;
    state[second + StepState.RATE] = 0.25;
    state[second + StepState.BETA1] = 0.5;
    return state;
  }

  private static double[] with(int slot, double value) {
    double[] state = state();
    state[slot] = value;
    return state;
  }

  @Test
  void aSkippedStepMovesNothingAndCountsNothing() {
    try (TestBuffers buffers = buffers()) {
      Buffer value = buffers.of(1, 2);
      Segment segment = new Segment(value, buffers.of(5, Double.NaN), List.of(buffers.of(7, 8)), 1);
      Buffer state = buffers.of(DType.FLOAT64, with(StepState.SKIP, 1));
      try (SegmentTable table = backend.update().table(List.of(segment))) {
        backend.update().step(UpdateRule.SGD, table, state);
        assertArrayEquals(new double[] {0}, buffers.read(table.steps()));
      }
    }
  }

  @Test
  void whatIsNotActiveIsLeftAlone() {
    try (TestBuffers buffers = buffers()) {
      Buffer moving = buffers.changing(10, 20);
      Buffer momentum = buffers.changing(0, 0);
      Segment active = new Segment(moving, buffers.of(1, 2), List.of(momentum), 1);
      // An input: the test fails when one byte of it changes.
      Segment frozen =
          new Segment(buffers.of(3, 4, 5), buffers.of(6, 6, 6), List.of(buffers.of(1, 1, 1)), 0);
      Buffer state = buffers.of(DType.FLOAT64, state());
      try (SegmentTable table = backend.update().table(List.of(active, frozen))) {
        table.setActive(1, false);
        backend.update().step(UpdateRule.SGD, table, state);
        buffers.assertClose("θ − ¼ g", new double[] {9.75, 19.5}, moving, 0);
        backend.update().step(UpdateRule.SGD, table, state);
        buffers.assertClose("θ − ¼ (½ g + g)", new double[] {9.375, 18.75}, moving, 0);
        assertArrayEquals(new double[] {2, 0}, buffers.read(table.steps()));
      }
    }
  }

  @Test
  void aSegmentThatComesBackHasItsOwnStepCount() {
    try (TestBuffers buffers = buffers()) {
      Buffer early = buffers.changing(0);
      Buffer late = buffers.changing(0);
      List<Segment> segments =
          List.of(
              new Segment(
                  early, buffers.of(1), List.of(buffers.changing(0), buffers.changing(0)), 0),
              new Segment(
                  late, buffers.of(1), List.of(buffers.changing(0), buffers.changing(0)), 0));
      double[] s = state();
      s[StepState.GROUPS + StepState.BETA1] = 0.5;
      s[StepState.GROUPS + StepState.BETA2] = 0.5;
      Buffer state = buffers.of(DType.FLOAT64, s);
      try (SegmentTable table = backend.update().table(segments)) {
        table.setActive(1, false);
        for (int i = 0; i < 5; i++) {
          backend.update().step(UpdateRule.ADAM, table, state);
        }
        table.setActive(1, true);
        backend.update().step(UpdateRule.ADAM, table, state);
        assertArrayEquals(new double[] {6, 1}, buffers.read(table.steps()));
        // With its own count the bias correction is exact: a constant gradient gives steps of η.
        buffers.assertClose("six steps", new double[] {-6}, early, tolerance);
        buffers.assertClose("one step", new double[] {-1}, late, tolerance);
      }
    }
  }

  @Test
  void momentumStartsAsTheGradient() {
    try (TestBuffers buffers = buffers()) {
      Buffer momentum = buffers.changing(99);
      Segment segment = new Segment(buffers.changing(1), buffers.of(4), List.of(momentum), 1);
      try (SegmentTable table = backend.update().table(List.of(segment))) {
        backend.update().step(UpdateRule.SGD, table, buffers.of(DType.FLOAT64, state()));
        assertArrayEquals(new double[] {4}, buffers.read(momentum));
      }
    }
  }

  @Test
  void theNormIsThatOfTheActiveGradients() {
    try (TestBuffers buffers = buffers()) {
      Segment a = segment(buffers, 3, 0);
      Segment ignored = segment(buffers, Double.NaN, 100);
      Segment b = segment(buffers, 0, -4);
      Buffer squares = buffers.output(DType.FLOAT64, 3);
      try (SegmentTable table = backend.update().table(List.of(a, ignored, b))) {
        table.setActive(1, false);
        Buffer state = buffers.changing(DType.FLOAT64, with(StepState.MAX_NORM, 2.5));
        backend.update().norm(squares, state, table);
        assertArrayEquals(new double[] {9, 0, 16}, buffers.read(squares));
        measured(buffers, state, 5, 0, 0, 0.5);
        Buffer scaled = buffers.changing(DType.FLOAT64, with(StepState.GRADIENT_SCALE, 0.5));
        backend.update().norm(squares, scaled, table);
        assertArrayEquals(new double[] {2.25, 0, 4}, buffers.read(squares));
        measured(buffers, scaled, 2.5, 0, 0, 1);
        Buffer wide = buffers.changing(DType.FLOAT64, with(StepState.MAX_NORM, 50));
        backend.update().norm(squares, wide, table);
        measured(buffers, wide, 5, 0, 0, 1);
      }
    }
  }

  @Test
  void aGradientThatIsNotFiniteSkips() {
    try (TestBuffers buffers = buffers()) {
      Segment a = segment(buffers, Double.NaN, Double.POSITIVE_INFINITY);
      Segment b = segment(buffers, 3, Double.NEGATIVE_INFINITY);
      Segment c = segment(buffers, 1, 1);
      Buffer squares = buffers.output(DType.FLOAT64, 3);
      Buffer state = buffers.changing(DType.FLOAT64, state());
      try (SegmentTable table = backend.update().table(List.of(a, b, c))) {
        backend.update().norm(squares, state, table);
        double[] s = buffers.read(state);
        assertEquals(1, s[StepState.SKIP]);
        assertEquals(3, s[StepState.NON_FINITE]);
        assertArrayEquals(
            new double[] {Double.NaN, Double.POSITIVE_INFINITY, 2}, buffers.read(squares));
        table.setActive(0, false);
        table.setActive(1, false);
        backend.update().norm(squares, state, table);
        measured(buffers, state, Math.sqrt(2), 0, 0, 1);
      }
    }
  }

  private static Segment segment(TestBuffers buffers, double... gradient) {
    return new Segment(
        buffers.of(new double[gradient.length]),
        buffers.of(gradient),
        List.of(buffers.of(new double[gradient.length])),
        0);
  }

  private static void measured(
      TestBuffers buffers, Buffer state, double norm, double bad, double skip, double clip) {
    double[] s = buffers.read(state);
    assertEquals(norm, s[StepState.GRADIENT_NORM], 1e-12);
    assertEquals(bad, s[StepState.NON_FINITE]);
    assertEquals(skip, s[StepState.SKIP]);
    assertEquals(clip, s[StepState.CLIP_SCALE], 1e-12);
    // All else is as the host wrote it: the rates of the two groups.
    assertEquals(1, s[StepState.GROUPS + StepState.RATE]);
    assertEquals(0.25, s[StepState.GROUPS + StepState.GROUP_SLOTS + StepState.RATE]);
  }

  @Test
  void gradientsAreScaledThenClipped() {
    try (TestBuffers buffers = buffers()) {
      Buffer value = buffers.changing(0, 0, 0, 0);
      Buffer momentum = buffers.changing(0, 0, 0, 0);
      Segment segment = new Segment(value, buffers.of(8, -8, 2, -100), List.of(momentum), 0);
      double[] s = state();
      s[StepState.GRADIENT_SCALE] = 0.5;
      s[StepState.CLIP_SCALE] = 0.25;
      s[StepState.CLIP_VALUE] = 0.75;
      try (SegmentTable table = backend.update().table(List.of(segment))) {
        backend.update().step(UpdateRule.SGD, table, buffers.of(DType.FLOAT64, s));
        assertArrayEquals(new double[] {-0.75, 0.75, -0.25, 0.75}, buffers.read(value));
      }
    }
  }

  @Test
  void rowsAboveTheLimitAreScaledDownToIt() {
    try (TestBuffers buffers = buffers()) {
      Buffer value = buffers.changing(3, 4, 0.5, 0, 0, 0);
      backend.update().maxNorm(value, 3, 2, 2.5);
      buffers.assertClose("max-norm", new double[] {1.5, 2, 0.5, 0, 0, 0}, value, tolerance);
    }
  }
}
