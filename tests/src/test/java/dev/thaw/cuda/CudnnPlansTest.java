package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudnn.CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
import static org.bytedeco.cuda.global.cudnn.CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
import static org.bytedeco.cuda.global.cudnn.CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION;
import static org.bytedeco.cuda.global.cudnn.CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP;
import static org.bytedeco.cuda.global.cudnn.CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend.Replay;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.TestBuffers;
import dev.thaw.backend.UnavailableException;
import dev.thaw.cuda.CudnnConv.Direction;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/** Which engine serves, and that it stays the same. */
@DisabledIfEnvironmentVariable(
    named = "THAW_WITNESS",
    matches = ".+",
    disabledReason = "the engines are the stand-in's own")
final class CudnnPlansTest {
  private static final CudnnRules STRICT = new CudnnRules(false, false, false);
  private static final int[] NONE = {};

  private static final ConvShape SHAPE = new ConvShape(2, 6, 6, 8, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1);

  private final CudaBackend backend = OnACard.backend();

  private static boolean allowed(CudnnRules rules, DType type, int... numerics) {
    return rules.allow(type, numerics, NONE);
  }

  @Test
  void rules() {
    DType single = DType.FLOAT32;
    DType half = DType.BFLOAT16;
    int cores = CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
    assertTrue(allowed(STRICT, single));
    assertTrue(allowed(STRICT, single, CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP));
    assertFalse(allowed(STRICT, single, cores));
    assertFalse(allowed(STRICT, single, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS));
    assertTrue(allowed(new CudnnRules(true, false, false), single, cores));
    assertTrue(allowed(STRICT, half, cores));
    int random = CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
    assertFalse(allowed(STRICT, half, cores, random));
    assertTrue(allowed(new CudnnRules(false, true, false), half, cores, random));
    assertFalse(
        allowed(
            new CudnnRules(true, true, true),
            half,
            CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION));
    int[] compiled = {CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION};
    assertFalse(STRICT.allow(half, NONE, compiled));
    assertTrue(new CudnnRules(false, false, true).allow(half, NONE, compiled));
  }

  private CudnnPlans plans(CudnnRules rules, @Nullable Path file) throws UnavailableException {
    CudnnLibrary cudnn = CudnnLibrary.open(backend.card());
    return new CudnnPlans(backend.card(), backend.workspace(), cudnn, rules, file);
  }

  private @Nullable CudnnPlan find(CudnnPlans plans, CudnnConv conv) {
    try (TestBuffers buffers = new TestBuffers(backend, conv.type())) {
      return plans.of(
          conv,
          new long[] {
            buffers.changing(new double[2 * 6 * 6 * 8]).address(),
            buffers.of(new double[4 * 3 * 3 * 8]).address(),
            buffers.output(2 * 6 * 6 * 4).address()
          });
    }
  }

  /** Of the stand-in's engines, those without notes, that fit, are planned and run. */
  @Test
  void onlyWhatServes() throws UnavailableException {
    CudnnConv conv = CudnnConv.plain(Direction.FORWARD, SHAPE, DType.FLOAT32);
    CudnnPlans plans = plans(STRICT, null);
    CudnnPlan plan = find(plans, conv);
    assertNotNull(plan);
    assertSame(plan, find(plans, conv));
    if (backend.device().kind().equals("cuda-sim")) {
      assertTrue(Set.of("A 4", "fallback 0").contains(plan.toString()), plan.toString());
    }
  }

  @Test
  void aChoiceIsKept(@TempDir Path folder) throws UnavailableException, IOException {
    CudnnConv conv = CudnnConv.plain(Direction.WEIGHTS, SHAPE, DType.BFLOAT16);
    Path file = folder.resolve("new/plans");
    CudnnPlan plan = assertNotNullPlan(find(plans(STRICT, file), conv));
    List<String> lines = Files.readAllLines(file);
    assertEquals(1, lines.size());
    assertTrue(lines.get(0).endsWith("\t" + conv + "\t" + plan), lines.get(0));
    // The last way of the fallback would not be chosen by chance; nor is it measured again.
    String other = plan.toString().equals("fallback 0") ? "A 0" : "fallback 0";
    Files.writeString(file, lines.get(0).replace("\t" + plan, "\t" + other) + "\n");
    assertEquals(other, String.valueOf(find(plans(STRICT, file), conv)));
    // A way that is not there any more, and another machine's.
    Files.writeString(
        file, lines.get(0).replace("\t" + plan, "\tA 1000") + "\nelsewhere\t" + conv + "\tA 0\n");
    assertNotNull(find(plans(STRICT, file), conv));
    assertEquals(3, Files.readAllLines(file).size());
  }

  /** The first of the stand-in's engines forgets to; that it was chosen before is no excuse. */
  @Test
  void whatDoesNotAddIsPassedOver(@TempDir Path folder) throws UnavailableException, IOException {
    for (DType type : List.of(DType.FLOAT32, DType.BFLOAT16)) {
      isMadeAnew("A 0", CudnnConv.adding(SHAPE, type), folder.resolve("plans-" + type));
    }
  }

  /** The stand-in's seventh way is planned and never runs, which is seen before it is used. */
  @Test
  void aChoiceThatDoesNotRunAnyMoreIsMadeAnew(@TempDir Path folder)
      throws UnavailableException, IOException {
    isMadeAnew(
        "A 6", CudnnConv.plain(Direction.FORWARD, SHAPE, DType.FLOAT32), folder.resolve("plans"));
  }

  /** Where {@code file} says that {@code way} was chosen, another is found. */
  private void isMadeAnew(String way, CudnnConv conv, Path file)
      throws UnavailableException, IOException {
    CudnnPlan plan = assertNotNullPlan(find(plans(STRICT, file), conv));
    String line = Files.readAllLines(file).get(0);
    Files.writeString(file, line.replace("\t" + plan, "\t" + way) + "\n");
    plan = assertNotNullPlan(find(plans(STRICT, file), conv));
    if (backend.device().kind().equals("cuda-sim")) {
      assertNotEquals(way, plan.toString());
    }
  }

  private static CudnnPlan assertNotNullPlan(@Nullable CudnnPlan plan) {
    assertNotNull(plan);
    return plan;
  }

  @Test
  void choicesOfOneMachine(@TempDir Path folder) {
    Path file = folder.resolve("plans");
    CudnnChoices here = new CudnnChoices("here", file);
    here.put("conv", "A 0");
    here.put("conv", "A 2");
    new CudnnChoices("there", file).put("conv", "A 1");
    assertEquals("A 2", here.get("conv"));
    assertEquals("A 2", new CudnnChoices("here", file).get("conv"));
    assertNull(new CudnnChoices("here", file).get("other"));
    assertNull(new CudnnChoices("here", null).get("conv"));
  }

  /** The backend's convolutions go there. */
  @Test
  void serves() {
    CudnnPlans plans = ((CudnnConvKernels) backend.conv()).plans();
    assertNotNull(plans);
    ConvShape odd = new ConvShape(2, 3, 3, 2, 7, 2, 2, 1, 1, 0, 0, 1, 1, 1);
    try (TestBuffers buffers = new TestBuffers(backend, DType.FLOAT32)) {
      Buffer x = buffers.of(Agreement.numbers(2 * 3 * 3 * 2, 6));
      Buffer w = buffers.of(Agreement.numbers(7 * 2 * 2 * 2, 7));
      Buffer y = buffers.output(2 * 2 * 2 * 7);
      backend.conv().forward(y, x, w, null, null, true, odd);
      CudnnConv chain = new CudnnConv(Direction.FORWARD, odd, DType.FLOAT32, true, false, true);
      assertTrue(plans.know(chain));
      if (backend.device().kind().equals("cuda-sim")) {
        // Which has no chain for odd channels: alone, and then the epilogue.
        assertNull(plans.of(chain, new long[0]));
        CudnnConv alone = CudnnConv.plain(Direction.FORWARD, odd, DType.FLOAT32);
        assertTrue(plans.know(alone));
        assertNotNull(plans.of(alone, new long[0]));
      }
      // Off by an element, so by our own kernels.
      ConvShape other = new ConvShape(1, 3, 3, 2, 7, 2, 2, 1, 1, 0, 0, 1, 1, 1);
      Buffer shifted = x.slice(1, 3 * 3 * 2);
      Buffer part = y.slice(0, 2 * 2 * 7);
      backend.conv().forward(part, shifted, w, null, null, false, other);
      assertFalse(plans.know(CudnnConv.plain(Direction.FORWARD, other, DType.FLOAT32)));
      shifted.release();
      part.release();
    }
  }

  /** A residual is added by an engine, or, where none does, by a kernel behind it. */
  @Test
  void addsGradients() {
    CudnnPlans plans = ((CudnnConvKernels) backend.conv()).plans();
    assertNotNull(plans);
    for (int c : new int[] {6, 5}) {
      ConvShape shape = new ConvShape(1, 4, 4, c, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1);
      try (TestBuffers buffers = new TestBuffers(backend, DType.FLOAT32)) {
        Buffer dx = buffers.changing(Agreement.numbers(4 * 4 * c, 1));
        Buffer dy = buffers.of(Agreement.numbers(4 * 4 * 4, 2));
        Buffer w = buffers.of(Agreement.numbers(4 * 3 * 3 * c, 3));
        backend.conv().backwardData(dx, dy, w, dx, shape);
      }
      CudnnConv adding = CudnnConv.adding(shape, DType.FLOAT32);
      CudnnConv alone = CudnnConv.plain(Direction.DATA, shape, DType.FLOAT32);
      assertTrue(plans.know(adding));
      if (backend.device().kind().equals("cuda-sim")) {
        // Which adds to no odd channels.
        boolean odd = c % 2 == 1;
        assertEquals(odd, plans.of(adding, new long[0]) == null);
        assertEquals(odd, plans.know(alone));
      }
    }
    assertEquals(
        "conv.data+residual float32 x=2x6x6x8 w=4x3x3 stride=1x1 pad=1x1 dilation=1x1 groups=1",
        CudnnConv.adding(SHAPE, DType.FLOAT32).toString());
  }

  /** Gradients of float32 weights from pictures in bfloat16, by way of bfloat16. */
  @Test
  void gradientsOfMasters() {
    double[] x = Agreement.numbers(2 * 6 * 6 * 8, 1);
    double[] dy = Agreement.numbers(2 * 6 * 6 * 4, 2);
    double[] expected;
    try (TestBuffers buffers = new TestBuffers(backend, DType.FLOAT32)) {
      Buffer dw = buffers.output(4 * 3 * 3 * 8);
      backend.conv().backwardWeights(dw, null, buffers.of(dy), buffers.of(x), SHAPE);
      expected = buffers.read(dw);
    }
    try (TestBuffers buffers = new TestBuffers(backend, DType.BFLOAT16)) {
      Buffer dw = buffers.output(DType.FLOAT32, 4 * 3 * 3 * 8);
      backend.conv().backwardWeights(dw, null, buffers.of(dy), buffers.of(x), SHAPE);
      buffers.assertClose("dw", expected, dw, 0x1p-8);
    }
  }

  /** Noted in a step and replayed; what was not planned before is planned without running. */
  @Test
  void noted() {
    for (int k : new int[] {4, 6}) {
      ConvShape shape = new ConvShape(1, 5, 5, 3, k, 3, 3, 1, 1, 1, 1, 1, 1, 1);
      double[] x = Agreement.numbers(5 * 5 * 3, 3);
      try (TestBuffers buffers = new TestBuffers(backend, DType.FLOAT32)) {
        Buffer y = buffers.output(5L * 5 * k);
        Buffer input = buffers.changing(x);
        Buffer w = buffers.of(Agreement.numbers(k * 3 * 3 * 3, 4));
        Buffer bias = buffers.of(Agreement.numbers(k, 5));
        Runnable step = () -> backend.conv().forward(y, input, w, bias, null, true, shape);
        if (k == 4) {
          step.run();
        }
        try (Replay replay = Objects.requireNonNull(backend.capture(step))) {
          replay.run();
          double[] once = buffers.read(y);
          backend.conv().forward(y, input, w, bias, null, true, shape);
          assertArrayEquals(buffers.read(y), once);
        }
      }
    }
  }

  /** The stream that a step was noted on is gone when the next plans are made. */
  @Test
  void plannedBehindAStepThatWasNoted() {
    CudnnPlans plans = ((CudnnConvKernels) backend.conv()).plans();
    assertNotNull(plans);
    try (TestBuffers buffers = new TestBuffers(backend, DType.FLOAT32)) {
      for (int k : new int[] {3, 9}) {
        ConvShape shape = new ConvShape(1, 4, 5, 2, k, 3, 3, 1, 1, 1, 1, 1, 1, 1);
        Buffer y = buffers.output(4L * 5 * k);
        Buffer x = buffers.of(Agreement.numbers(4 * 5 * 2, 3));
        Buffer w = buffers.of(Agreement.numbers(k * 3 * 3 * 2, 4));
        Runnable step = () -> backend.conv().forward(y, x, w, null, null, false, shape);
        step.run();
        CudnnConv conv = CudnnConv.plain(Direction.FORWARD, shape, DType.FLOAT32);
        assertNotNull(plans.of(conv, new long[0]));
        double[] once = buffers.read(y);
        try (Replay replay = Objects.requireNonNull(backend.capture(step))) {
          replay.run();
          assertArrayEquals(once, buffers.read(y));
        }
      }
    }
  }
}
