package dev.thaw.bench.roofline;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.plan.InferencePlan;
import dev.thaw.plan.KernelCall;
import dev.thaw.plan.Precision;
import dev.thaw.plan.TrainingPlan;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * The calls of a plan on the current device, with their times.
 *
 * @param calls in order
 * @param seconds of each
 * @param whole seconds of all as they usually run: on CUDA as one graph
 */
record StepTimes(List<KernelCall> calls, double[] seconds, double whole) {
  private static final int WARM = 3;

  /** Forward, backward and an update by SGD with momentum, the batch on the device. */
  static StepTimes training(Module net, Shape input, int classes, Precision precision, int runs) {
    Backend backend = Devices.current();
    net.train();
    try (Scope scope = Scope.open();
        Optimizer optimizer = new Sgd(net, 1e-3, 0.9)) {
      Tensor x = Generator.current().normal(0, 1, input.dims());
      Tensor y = Tensor.of(new Random(2).ints(input.dim(0), 0, classes).toArray(), input.dim(0));
      optimizer.zeroGrad();
      TrainingPlan.Outcome outcome =
          TrainingPlan.record(
              backend,
              net,
              () -> {
                Functional.crossEntropy(precision.call(net, x), y).backward();
                optimizer.step();
              });
      try (TrainingPlan plan = outcome.plan()) {
        if (plan == null) {
          throw new IllegalStateException("the step cannot be recorded: " + outcome.obstacle());
        }
        double whole =
            median(
                backend,
                runs,
                () -> {
                  optimizer.prepare();
                  plan.run();
                });
        return new StepTimes(plan.calls(), plan.seconds(runs), whole);
      }
    }
  }

  /** A forward pass; the whole copies its input in and its result out. */
  static StepTimes inference(Module net, Shape input, Precision precision, int runs) {
    Backend backend = Devices.current();
    try (Scope scope = Scope.open();
        InferencePlan plan = InferencePlan.of(net, input, precision)) {
      Tensor x = Generator.current().normal(0, 1, input.dims());
      double whole = median(backend, runs, () -> plan.run(x).close());
      return new StepTimes(plan.calls(), plan.seconds(runs), whole);
    }
  }

  private static double median(Backend backend, int runs, Runnable step) {
    for (int i = 0; i < WARM; i++) {
      step.run();
    }
    double[] seconds = new double[runs];
    for (int i = 0; i < runs; i++) {
      backend.synchronize();
      long start = System.nanoTime();
      step.run();
      backend.synchronize();
      seconds[i] = (System.nanoTime() - start) * 1e-9;
    }
    Arrays.sort(seconds);
    return seconds[runs / 2];
  }
}
