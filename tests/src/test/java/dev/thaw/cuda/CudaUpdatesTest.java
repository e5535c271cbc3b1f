package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.Segment;
import dev.thaw.backend.SegmentTable;
import dev.thaw.backend.StepState;
import dev.thaw.backend.TestBuffers;
import dev.thaw.backend.UpdateRule;
import dev.thaw.backend.UpdatesByHand;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Optimizer steps in both types, and over segments that fill blocks, do not, and lie anywhere. */
final class CudaUpdatesTest {
  @Nested
  final class Updates extends UpdatesByHand {
    Updates() {
      super(OnACard.backend(), DType.FLOAT32, 5e-6);
    }
  }

  @Nested
  final class UpdatesOfBfloat16 extends UpdatesByHand {
    UpdatesOfBfloat16() {
      super(OnACard.backend(), DType.BFLOAT16, 0x1p-7);
    }
  }

  /** One number, chunks of 4096 that are full, nearly full and begun; none at all. */
  private static final int[] SIZES = {1, 4096, 7, 0, 4095, 12_289, 256, 33};

  /** Where each segment begins: some on 16 bytes, most not. */
  private static final int[] GAPS = {0, 3, 1, 2, 2, 1, 4, 5};

  @ParameterizedTest
  @EnumSource
  void asPlain(UpdateRule rule) {
    hold(rule, DType.FLOAT32, 2e-5);
  }

  /** Values, gradients and moments rounded to 8 bits, three times over. */
  @ParameterizedTest
  @EnumSource
  void asPlainInBfloat16(UpdateRule rule) {
    hold(rule, DType.BFLOAT16, 0x1p-4);
  }

  private static void hold(UpdateRule rule, DType dtype, double tolerance) {
    double[][] found = train(OnACard.backend(), rule, dtype);
    double[][] expected = train(Devices.get("plain"), rule, DType.FLOAT32);
    for (int i = 0; i < expected.length; i++) {
      for (int j = 0; j < expected[i].length; j++) {
        double allowed = tolerance * (1 + Math.abs(expected[i][j]));
        if (!(Math.abs(expected[i][j] - found[i][j]) <= allowed)) {
          throw new AssertionError(
              "result " + i + "[" + j + "]: " + expected[i][j] + ", found " + found[i][j]);
        }
      }
    }
  }

  /** Three steps, the second without two segments: values, moments, squares, state and counts. */
  private static double[][] train(Backend backend, UpdateRule rule, DType dtype) {
    try (TestBuffers buffers = new TestBuffers(backend, dtype)) {
      int total = Arrays.stream(SIZES).sum() + Arrays.stream(GAPS).sum();
      Buffer values = buffers.changing(random(total, 1));
      Buffer gradients = buffers.of(random(total, 2));
      Buffer first = buffers.changing(new double[total]);
      Buffer second = buffers.changing(new double[total]);
      Buffer squares = buffers.output(DType.FLOAT64, SIZES.length);
      Buffer state = buffers.changing(DType.FLOAT64, state());
      List<Buffer> slices = new ArrayList<>();
      List<Segment> segments = new ArrayList<>();
      int at = 0;
      for (int i = 0; i < SIZES.length; i++) {
        at += GAPS[i];
        List<Buffer> own = new ArrayList<>();
        for (Buffer whole : List.of(values, gradients, first, second)) {
          own.add(whole.slice(at, SIZES[i]));
        }
        slices.addAll(own);
        List<Buffer> moments = own.subList(2, 2 + rule.moments());
        segments.add(new Segment(own.get(0), own.get(1), moments, i % 2));
        at += SIZES[i];
      }
      double[][] results;
      try (SegmentTable table = backend.update().table(segments)) {
        for (int step = 0; step < 3; step++) {
          table.setActive(2, step != 1);
          table.setActive(5, step != 1);
          backend.update().norm(squares, state, table);
          backend.update().step(rule, table, state);
        }
        backend.update().maxNorm(values, 3, total / 3, 40);
        results =
            new double[][] {
              buffers.read(values),
              buffers.read(first),
              buffers.read(second),
              buffers.read(squares),
              buffers.read(state),
              buffers.read(table.steps())
            };
      }
      slices.forEach(Buffer::release);
      return results;
    }
  }

  /** What a captured step knows are addresses: flags that change between replays must be there. */
  @Test
  void aReplayLeavesOutWhatIsNotActive() {
    Backend backend = OnACard.backend();
    try (TestBuffers buffers = new TestBuffers(backend, DType.FLOAT32)) {
      Buffer first = buffers.changing(new double[] {1, 1});
      Buffer second = buffers.changing(new double[] {1, 1});
      Buffer gradient = buffers.of(new double[] {1, -1});
      Buffer squares = buffers.output(DType.FLOAT64, 2);
      double[] slots = state();
      slots[StepState.MAX_NORM] = 0;
      slots[StepState.GROUPS + StepState.WEIGHT_DECAY] = 0;
      Buffer state = buffers.changing(DType.FLOAT64, slots);
      Buffer[] moments = {buffers.changing(new double[2]), buffers.changing(new double[2])};
      List<Segment> segments =
          List.of(
              new Segment(first, gradient, List.of(moments[0]), 0),
              new Segment(second, gradient, List.of(moments[1]), 0));
      try (SegmentTable table = backend.update().table(segments)) {
        Runnable calls =
            () -> {
              backend.update().norm(squares, state, table);
              backend.update().step(UpdateRule.SGD, table, state);
            };
        calls.run();
        try (Backend.Replay replay = Objects.requireNonNull(backend.capture(calls))) {
          table.setActive(1, false);
          replay.run();
          table.setActive(1, true);
          table.setActive(0, false);
          replay.run();
          replay.run();
        }
        assertArrayEquals(new double[] {2, 3}, buffers.read(table.steps()));
      }
      assertTrue(buffers.read(second)[0] < buffers.read(first)[0], "the second moved once more");
    }
  }

  private static double[] state() {
    double[] state = new double[StepState.SLOTS];
    state[StepState.MAX_NORM] = 60;
    state[StepState.CLIP_VALUE] = 0.4;
    state[StepState.GRADIENT_SCALE] = 0.9;
    for (int group = 0; group < 2; group++) {
      int at = StepState.GROUPS + group * StepState.GROUP_SLOTS;
      state[at + StepState.RATE] = 0.05 + 0.1 * group;
      state[at + StepState.WEIGHT_DECAY] = 0.01;
      state[at + StepState.BETA1] = 0.9;
      state[at + StepState.BETA2] = group == 0 ? 0.99 : 0.5;
      state[at + StepState.EPS] = 1e-3;
      state[at + StepState.NESTEROV] = group;
    }
    return state;
  }

  private static double[] random(int n, int seed) {
    return new Random(seed).doubles(n, -1, 1).map(v -> (float) v).toArray();
  }
}
