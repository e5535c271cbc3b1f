package dev.thaw.bench.gpu;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Scope;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.plan.Precision;
import dev.thaw.plan.TrainingPlan;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import dev.thaw.transfer.Freeze;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * Training steps, data on the card: forward, backward and update as a planned step, as one CUDA
 * graph or call by call. Named as bench/gpu/peer.py names PyTorch's.
 *
 * @param model in the zoo
 * @param batch examples
 * @param precision computed in
 * @param frozen whether all but the last layer is
 * @param graph whether the step is queued as one
 */
record Steps(String model, int batch, Precision precision, boolean frozen, boolean graph) {
  /** Steps whose time on the calling thread is taken, at most, and about how long that may last. */
  private static final int HOST_CALLS = 200;

  private static final double HOST_MS = 400;

  /** {@code resnet50 batch 256 bf16 train graph}. */
  String name() {
    return String.join(
        " ",
        model,
        "batch",
        Integer.toString(batch),
        precision.toString(),
        frozen ? "frozen" : "train",
        graph ? "graph" : "calls");
  }

  /**
   * Milliseconds of a step, images a second, microseconds of Java a step, peak MiB of the pool.
   *
   * @param seconds of a round
   */
  Map<String, Object> measure(double seconds) {
    return ready((backend, plan, step) -> figures(backend, plan, step, seconds));
  }

  /** Does the first step and waits for it. */
  void first() {
    ready(
        (backend, plan, step) -> {
          step.run();
          backend.synchronize();
          return Map.of();
        });
  }

  /** What is done with a step that is ready to run. */
  private interface Use {
    Map<String, Object> of(Backend backend, TrainingPlan plan, Runnable step);
  }

  private Map<String, Object> ready(Use use) {
    Backend backend = Devices.current();
    backend.pool().trim();
    backend.pool().resetPeak();
    Shape one = Zoo.standardExample(model);
    Shape input = Shape.of(batch, one.dim(1), one.dim(2), one.dim(3));
    try (var on = precision.on(backend);
        Scope scope = Scope.open();
        Module net = Zoo.create(model, one, Zoo.standardClasses(model))) {
      if (frozen) {
        new Freeze(net).allButLast(1);
      }
      net.train();
      try (Optimizer optimizer = new Sgd(net, 1e-3, 0.9)) {
        Tensor x = noise(input);
        int[] classes = new Random(2).ints(batch, 0, Zoo.standardClasses(model)).toArray();
        Tensor y = Tensor.of(classes, batch);
        try (TrainingPlan whole = plan(backend, net, optimizer, x, y)) {
          TrainingPlan plan = graph ? whole : whole.callByCall();
          Runnable step =
              () -> {
                optimizer.prepare();
                plan.run();
              };
          return use.of(backend, plan, step);
        }
      }
    }
  }

  private TrainingPlan plan(Backend backend, Module net, Optimizer optimizer, Tensor x, Tensor y) {
    optimizer.zeroGrad();
    TrainingPlan.Outcome outcome =
        TrainingPlan.record(
            backend,
            net,
            () -> {
              Functional.crossEntropy(precision.call(net, x), y).backward();
              optimizer.step();
            });
    return java.util.Objects.requireNonNull(
        outcome.plan(), () -> name() + ": cannot be recorded: " + outcome.obstacle());
  }

  private Map<String, Object> figures(
      Backend backend, TrainingPlan plan, Runnable step, double seconds) {
    double ms = Rate.milliseconds(backend::synchronize, seconds, step);
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("ms", ms);
    json.put("images_per_s", batch / ms * 1e3);
    json.put("java_us", javaMicroseconds(backend, step, ms));
    json.put("peak_MiB", backend.pool().peakBytes() / 1048576.0);
    json.put("captured", plan.isCaptured());
    return json;
  }

  /** What the calling thread spends on a step, while the card is not more than one behind. */
  private static double javaMicroseconds(Backend backend, Runnable step, double ms) {
    double[] times = new double[(int) Math.max(5, Math.min(HOST_CALLS, HOST_MS / ms))];
    for (int i = 0; i < times.length; i++) {
      if (i % 2 == 0) {
        backend.synchronize();
      }
      long start = System.nanoTime();
      step.run();
      times[i] = (System.nanoTime() - start) * 1e-3;
    }
    backend.synchronize();
    java.util.Arrays.sort(times);
    return times[times.length / 2];
  }

  private static Tensor noise(Shape shape) {
    float[] values = new float[Math.toIntExact(shape.elements())];
    Random random = new Random(1);
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return Tensor.of(values, shape.dims());
  }
}
