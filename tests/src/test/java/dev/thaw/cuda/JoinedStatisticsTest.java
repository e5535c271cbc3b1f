package dev.thaw.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Backend.Replay;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.Devices;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Scope;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.plan.TrainingPlan;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Statistics that come with the convolution, in a JVM that lets cuDNN compile. */
final class JoinedStatisticsTest {
  private static final int PIXELS = 4 * 16 * 16;
  private static final int CHANNELS = 6;

  @TempDir Path home;

  /** Prints how it was computed, and what came of it. */
  public static void main(String[] args) {
    Backend sim = Devices.get("cuda-sim");
    if (args.length > 0) {
      step(sim);
    } else {
      convolution(sim);
    }
  }

  /**
   * Each channel as it is, 30 standard deviations and more away from 0. All are numbers of
   * bfloat16, so that nothing is rounded on the way.
   */
  private static void convolution(Backend sim) {
    ConvShape s = new ConvShape(4, 16, 16, CHANNELS, CHANNELS, 1, 1, 1, 1, 0, 0, 1, 1, 1);
    double[] identity = new double[CHANNELS * CHANNELS];
    for (int c = 0; c < CHANNELS; c++) {
      identity[c * CHANNELS + c] = 1;
    }
    double[] x = Agreement.numbers(PIXELS * CHANNELS, 1);
    double[] mean = new double[CHANNELS];
    double[] squares = new double[CHANNELS];
    for (int i = 0; i < x.length; i++) {
      // Multiples of 1/8 with a spread of 0.58 about 17.5 and more.
      x[i] = Math.rint(x[i]) / 8 + 17.5 + i % CHANNELS;
      mean[i % CHANNELS] += x[i] / PIXELS;
      squares[i % CHANNELS] += x[i] * x[i] / PIXELS;
    }
    try (TestBuffers buffers = new TestBuffers(sim, DType.BFLOAT16)) {
      Buffer y = buffers.output(x.length);
      Buffer means = buffers.output(DType.FLOAT32, CHANNELS);
      Buffer variances = buffers.output(DType.FLOAT32, CHANNELS);
      for (int i = 0; i < 2; i++) {
        sim.conv()
            .forwardWithStatistics(y, means, variances, buffers.of(x), buffers.of(identity), s);
      }
      buffers.assertClose("y", x, y, 0);
      buffers.assertClose("mean", mean, means, 1e-6);
      double[] found = buffers.read(variances);
      for (int c = 0; c < CHANNELS; c++) {
        double expected = squares[c] - mean[c] * mean[c];
        assertTrue(mean[c] * mean[c] > 900 * expected, "far from 0");
        // What the sums' rounding to float leaves, see CudaNormTest.
        assertEquals(expected, found[c], 0x1.8p-23 * squares[c], "variance of channel " + c);
      }
    }
    CudnnPlans plans = Objects.requireNonNull(((CudnnConvKernels) sim.conv()).plans());
    CudnnConv conv = CudnnConv.withStatistics(s, DType.BFLOAT16);
    assertTrue(plans.know(conv));
    whileNoting(sim, plans);
    System.out.println(conv + (plans.of(conv, new long[0]) == null ? " apart" : " joined"));
  }

  /**
   * Nothing can be measured while a step is noted: that one gets two kernels, the next one may not.
   */
  private static void whileNoting(Backend sim, CudnnPlans plans) {
    ConvShape s = new ConvShape(2, 4, 4, 2, 2, 1, 1, 1, 1, 0, 0, 1, 1, 1);
    try (TestBuffers buffers = new TestBuffers(sim, DType.BFLOAT16)) {
      Buffer y = buffers.output(64);
      Buffer mean = buffers.output(DType.FLOAT32, 2);
      Buffer variance = buffers.output(DType.FLOAT32, 2);
      Buffer x = buffers.of(Agreement.numbers(64, 2));
      Buffer w = buffers.of(1, 0, 0, 1);
      Runnable call = () -> sim.conv().forwardWithStatistics(y, mean, variance, x, w, s);
      try (Replay replay = Objects.requireNonNull(((CudaBackend) sim).capture(call))) {
        assertFalse(plans.know(CudnnConv.withStatistics(s, DType.BFLOAT16)));
        replay.run();
        double[] once = buffers.read(variance);
        call.run();
        assertTrue(plans.know(CudnnConv.withStatistics(s, DType.BFLOAT16)));
        buffers.assertClose("variance", once, variance, 1e-6);
      }
    }
  }

  /** Gradients in bfloat16 are noisy: those of the plan are to be no farther off than eager's. */
  private static void step(Backend sim) {
    Generator generator = new Generator(4);
    try (var on = sim.device().use();
        var seeded = generator.use();
        Module model = Zoo.create("resnet20", Shape.of(1, 16, 16, 3), 4);
        Optimizer optimizer = new Sgd(model, 1e-3, 0.9);
        Scope scope = Scope.open()) {
      Tensor exact = generator.normal(0, 1, 8, 16, 16, 3);
      Tensor x = exact.to(DType.BFLOAT16);
      Tensor y = Tensor.of(new int[] {1, 3, 0, 2, 2, 1, 0, 3}, 8);
      model.train();
      optimizer.zeroGrad();
      Functional.crossEntropy(model.call(exact), y).backward();
      Map<String, double[]> expected = gradients(model);
      Runnable step = () -> Functional.crossEntropy(model.call(x), y).backward();
      optimizer.zeroGrad();
      step.run();
      Map<String, double[]> eager = gradients(model);
      optimizer.zeroGrad();
      TrainingPlan.Outcome outcome = TrainingPlan.record(sim, model, step);
      try (TrainingPlan plan = Objects.requireNonNull(outcome.plan(), outcome::obstacle)) {
        plan.run();
        plan.run();
        assertTrue(plan.isCaptured());
        System.out.println(plan.kernels());
      }
      Map<String, double[]> planned = gradients(model);
      expected.forEach(
          (name, of) -> {
            double ofEager = distance(of, Objects.requireNonNull(eager.get(name)));
            double ofPlan = distance(of, Objects.requireNonNull(planned.get(name)));
            assertTrue(ofPlan < 2 * ofEager + 0.01, name + " is off by " + ofPlan);
          });
    }
  }

  private static Map<String, double[]> gradients(Module model) {
    Map<String, double[]> all = new TreeMap<>();
    model
        .parameters()
        .forEach(
            (name, p) -> all.put(name, Objects.requireNonNull(p.value().grad(), name).toDoubles()));
    return all;
  }

  /** |a - b| / |a|. */
  private static double distance(double[] a, double[] b) {
    double gap = 0;
    double length = 0;
    for (int i = 0; i < a.length; i++) {
      gap += (a[i] - b[i]) * (a[i] - b[i]);
      length += a[i] * a[i];
    }
    return Math.sqrt(gap / length);
  }

  private String printed(Path folder, Path plans, String... words) throws Exception {
    List<String> all = new java.util.ArrayList<>(List.of(JoinedStatisticsTest.class.getName()));
    all.addAll(List.of(words));
    return OwnJvm.printed(
        Files.createDirectories(home.resolve(folder)),
        0,
        all,
        OwnJvm.LIBRARIES,
        Map.of(),
        "-Dthaw.cuda.compiling=true",
        "-Dthaw.cuda.plans=" + plans);
  }

  /** Measured in the first process, and as the file says in all others. */
  @Test
  void whatIsFasterIsKept() throws Exception {
    Path plans = home.resolve("plans");
    String printed = printed(Path.of("measured"), plans);
    String name =
        printed.substring(printed.indexOf("conv.forward+statistics bfloat16 x=4x16x16x6"));
    name = name.substring(0, name.indexOf("groups=1") + "groups=1".length());
    String kept = line(plans, name);
    boolean apart = kept.endsWith("\tapart");
    assertTrue(apart || kept.endsWith("\tA 0"), kept);
    assertTrue(printed.contains(name + (apart ? " apart" : " joined")), printed);
    String machine = kept.substring(0, kept.indexOf('\t') + 1);
    for (String way : List.of("A 0", "apart")) {
      Files.writeString(plans, machine + name + "\t" + way + "\n");
      printed = printed(Path.of(way.replace(' ', '-')), plans);
      assertTrue(printed.contains(name + (way.equals("apart") ? " apart" : " joined")), printed);
      assertEquals(machine + name + "\t" + way, line(plans, name));
    }
  }

  private static String line(Path plans, String name) throws IOException {
    List<String> lines = Files.readAllLines(plans, UTF_8);
    lines.removeIf(line -> !line.contains("\t" + name + "\t"));
    assertEquals(1, lines.size(), lines.toString());
    return lines.get(0);
  }

  /** All norms of a residual net get their statistics with the convolution before them. */
  @Test
  void aPlannedStepHasNoStatisticsOfItsOwn() throws Exception {
    String printed = printed(Path.of("step"), home.resolve("plans"), "step");
    assertTrue(printed.contains("ConvKernels.forwardWithStatistics=19"), printed);
    assertTrue(!printed.contains("NormKernels.statistics"), printed);
    assertTrue(!printed.contains("ConvKernels.forward="), printed);
  }
}
