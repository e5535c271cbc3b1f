package dev.thaw.bench.roofline;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Sequential;
import dev.thaw.plan.KernelCall;
import dev.thaw.plan.Precision;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a step has to do, and how it is held to the machine's limits. */
final class RooflineTest {
  private static Module net() {
    return new Sequential(new Linear(3, 5));
  }

  /** By name and sizes of a call: the bytes that it must move, and its operations. */
  private static Map<String, List<Long>> works(StepTimes times) {
    assertEquals(times.calls().size(), times.seconds().length);
    Map<String, List<Long>> works = new TreeMap<>();
    for (KernelCall call : times.calls()) {
      String name = call.name() + " of " + call.sizes();
      assertEquals(null, works.put(name, List.of(call.bytes(), call.flops())), name);
    }
    return works;
  }

  /**
   * Two examples of three numbers, five classes: x [2, 3], w [5, 3], b [5]. A float is 4 bytes, a
   * target too.
   */
  @ParameterizedTest
  @ValueSource(strings = {"plain", "cpu"})
  void aTrainingStep(String device) {
    Backend backend = Devices.get(device);
    long before = backend.pool().liveBytes();
    try (var on = backend.device().use();
        var seeded = new Generator(1).use();
        Module net = net()) {
      StepTimes times = StepTimes.training(net, Shape.of(2, 3), 5, Precision.FP32, 1);
      Map<String, List<Long>> expected = new TreeMap<>();
      // 10 sums of 3 products, and the bias: x, w, b and y.
      expected.put("gemm.gemm of 2x3 by 5x3 transposed", List.of(4L * (6 + 15 + 5 + 10), 70L));
      // 15 sums of 2 products and 5 of 2 numbers: dy, x, dw and db.
      expected.put(
          "gemm.backwardWeights of 2x5 transposed by 2x3", List.of(4L * (10 + 6 + 15 + 5), 70L));
      // Logits, their log-probabilities, targets, the loss and its divisor.
      expected.put(
          "softmax.crossEntropy of 10 float32", List.of(4L * (10 + 10 + 2 + 1 + 1), 5 * 10L));
      expected.put(
          "softmax.crossEntropyBackward of 10 float32",
          List.of(4L * (10 + 10 + 2 + 1 + 1), 3 * 10L));
      // 20 gradients; then values and momenta, read and written, and gradients.
      expected.put("update.norm of 20 parameters", List.of(4L * 20 + 16, 2 * 20L));
      expected.put("update.step sgd of 20 parameters", List.of(4L * 5 * 20, 8 * 20L));
      assertEquals(expected, works(times));
    }
    assertEquals(before, backend.pool().liveBytes());
  }

  @Test
  void aForwardPass() {
    try (var on = Devices.get("plain").device().use();
        Module net = net()) {
      Map<String, List<Long>> works =
          works(StepTimes.inference(net, Shape.of(2, 3), Precision.FP32, 1));
      assertEquals(
          Map.of("gemm.gemm of 2x3 by 5x3 transposed", List.of(4L * (6 + 15 + 5 + 10), 70L)),
          works);
    }
  }

  /** A machine of 10 GB/s and 100 GFLOP/s. */
  private static Measured measured(String name, long bytes, long flops, double seconds) {
    Limits limits = new Limits(1e10, 1e11);
    return Measured.of(new KernelCall(name, "sizes", bytes, flops), seconds, limits);
  }

  @Test
  void theLowerLimitHolds() {
    Measured moving = measured("a", 1_000_000, 1_000_000, 200e-6);
    assertEquals("copy", moving.limit());
    assertEquals(0.5, moving.share(), 1e-12);
    Measured computing = measured("b", 1_000, 10_000_000, 400e-6);
    assertEquals("matmul", computing.limit());
    assertEquals(0.25, computing.share(), 1e-12);
    Measured cached = measured("c", 1_000_000, 0, 50e-6);
    assertEquals(2, cached.share(), 1e-12);
    assertEquals(0L, cached.json().get("flops"));
  }

  /** 450 µs near the copy rate, 200 near matmul's, 350 far from both. */
  @Test
  void sumsByKernel() {
    Account account =
        new Account(
            List.of(
                measured("copy", 2_000_000, 0, 300e-6),
                measured("gemm", 1_000, 15_000_000, 200e-6),
                measured("copy", 1_000_000, 0, 150e-6),
                measured("far", 1_000, 1_000, 350e-6)));
    assertEquals(1000e-6, account.seconds(), 1e-12);
    assertEquals(0.45, account.near(true), 1e-12);
    assertEquals(0.2, account.near(false), 1e-12);
    List<?> kernels = (List<?>) requireNonNull(account.json().get("kernels"));
    Map<?, ?> first = (Map<?, ?>) kernels.get(0);
    assertEquals(3, kernels.size());
    assertEquals("copy", first.get("kernel"));
    assertEquals("2 calls", first.get("sizes"));
    assertEquals(3_000_000L, first.get("bytes"));
    assertEquals(300e-6 / 450e-6, (Double) requireNonNull(first.get("share")), 1e-12);
    Map<?, ?> all = (Map<?, ?>) requireNonNull(account.json().get("sum"));
    assertEquals(3_002_000L, all.get("bytes"));
    assertEquals(15_001_000L, all.get("flops"));
    assertTrue(
        String.join("\n", account.lines())
            .contains(
                "45 % is spent in calls near the copy rate, 20 % near matmul's, 35 % far from"),
        () -> String.join("\n", account.lines()));
  }

  private record Ran(int code, String out, String err) {
    static Ran roofline(String... words) {
      PrintStream out = System.out;
      PrintStream err = System.err;
      ByteArrayOutputStream printed = new ByteArrayOutputStream();
      ByteArrayOutputStream said = new ByteArrayOutputStream();
      System.setOut(new PrintStream(printed, true, UTF_8));
      System.setErr(new PrintStream(said, true, UTF_8));
      try {
        return new Ran(Roofline.run(List.of(words)), printed.toString(UTF_8), said.toString(UTF_8));
      } finally {
        System.setOut(out);
        System.setErr(err);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void theCommand(boolean inference) {
    Ran ran =
        Ran.roofline(
            "--device",
            "cpu",
            "--model",
            "mlp:depth=2,width=8",
            "--batch",
            "3",
            "--runs",
            "1",
            inference ? "--inference" : "--precision=fp32");
    assertEquals(0, ran.code, ran.toString());
    String kind = inference ? "inference" : "training";
    assertTrue(
        ran.out.startsWith("mlp:depth=2,width=8, batch 3, fp32, " + kind + " on cpu: "), ran.out);
    assertTrue(ran.out.contains("\nThe machine's limits, measured now: copy "), ran.out);
    assertEquals(
        !inference, ran.out.contains("\nupdate.step sgd "), "an update, of " + kind + ran.out);
    assertTrue(ran.out.contains("\nall "), ran.out);
    assertTrue(ran.out.strip().endsWith(" ms."), ran.out);
  }

  @Test
  void wrongWords() {
    Ran batch = Ran.roofline("--batch", "0");
    assertEquals(new Ran(2, "", "bench: --batch: 0 is not above 0\n"), batch);
    Ran option = Ran.roofline("--modle", "mlp");
    assertEquals(2, option.code);
    assertEquals(
        "bench: Unknown options: '--modle', 'mlp'; see `thaw bench --roofline --help`\n",
        option.err);
    Ran precision = Ran.roofline("--device", "plain", "--precision", "fp8");
    assertEquals(2, precision.code);
    assertEquals(
        "bench: precision: 'fp8' is unknown, say one of [fp32, tf32, bf16]\n", precision.err);
  }
}
