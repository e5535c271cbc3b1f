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
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
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
  private static final int HOST_CALLS = 200;

  /** All that are measured, what matters most first. */
  static List<Steps> all() {
    List<Steps> all = new ArrayList<>();
    for (boolean graph : new boolean[] {true, false}) {
      all.add(new Steps("seed-cnn", 64, Precision.FP32, false, graph));
      all.add(new Steps("mlp", 32, Precision.FP32, false, graph));
    }
    all.add(new Steps("resnet50", 256, Precision.BF16, false, true));
    all.add(new Steps("resnet50", 256, Precision.BF16, true, true));
    for (String model : List.of("resnet50", "resnet18")) {
      for (int batch : new int[] {64, 256}) {
        for (Precision precision : List.of(Precision.BF16, Precision.TF32, Precision.FP32)) {
          Steps steps = new Steps(model, batch, precision, false, true);
          if (!all.contains(steps)) {
            all.add(steps);
          }
        }
      }
    }
    return all;
  }

  /**
   * Those that are measured once more in a process with {@code -Dthaw.cuda.compiling=true}, where
   * convolutions may bring the statistics of the norms behind them.
   */
  static List<Steps> compiled() {
    return List.of(new Steps("resnet50", 256, Precision.BF16, false, true));
  }

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

  /** Milliseconds of a step, images a second, microseconds of Java a step, peak MiB of the pool. */
  Map<String, Object> measure() {
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
        try (TrainingPlan plan = plan(backend, net, optimizer, x, y)) {
          return figures(backend, optimizer, graph ? plan : plan.callByCall());
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

  private Map<String, Object> figures(Backend backend, Optimizer optimizer, TrainingPlan plan) {
    Runnable step =
        () -> {
          optimizer.prepare();
          plan.run();
        };
    double ms = Rate.milliseconds(backend, step);
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("ms", ms);
    json.put("images_per_s", batch / ms * 1e3);
    json.put("java_us", javaMicroseconds(backend, step));
    json.put("peak_MiB", backend.pool().peakBytes() / 1048576.0);
    json.put("captured", plan.isCaptured());
    return json;
  }

  /** What the calling thread spends on a step, while the card has room in its queue. */
  private static double javaMicroseconds(Backend backend, Runnable step) {
    double[] times = new double[HOST_CALLS];
    for (int i = 0; i < times.length; i++) {
      if (i % 20 == 0) {
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
