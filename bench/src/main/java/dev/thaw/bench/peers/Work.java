package dev.thaw.bench.peers;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.plan.InferencePlan;
import dev.thaw.plan.TrainingPlan;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Thaw's half of a {@link Workload}, ready to be done again and again on one thread. */
final class Work implements AutoCloseable {
  private final Runnable step;
  private final List<AutoCloseable> parts = new ArrayList<>();

  private Work(Runnable step) {
    this.step = step;
  }

  /** A work on the current device, with the input and the labels in its memory, as PyTorch's. */
  static Work of(Workload load, boolean planned) {
    Module net = load.net();
    if (load.kind == Workload.Kind.INFER) {
      InferencePlan plan = InferencePlan.of(net, load.input());
      return inference(plan).owning(plan).owning(net);
    }
    Optimizer optimizer = new Sgd(net, 1e-3, 0.9);
    Scope scope = Scope.open();
    Tensor x = noise(load.input());
    Tensor y = Tensor.of(new Random(2).ints(load.batch, 0, load.classes()).toArray(), load.batch);
    net.train();
    Work work = planned ? replayed(net, optimizer, x, y) : eager(net, optimizer, x, y);
    return work.owning(optimizer).owning(scope).owning(net);
  }

  /** A forward pass through a plan, from and to Java's memory. */
  static Work inference(InferencePlan plan) {
    Random random = new Random(1);
    ByteBuffer x = direct(plan.inputShape());
    for (int i = 0; i < x.capacity(); i += 4) {
      x.putFloat(i, (float) random.nextGaussian());
    }
    ByteBuffer y = direct(plan.outputShape());
    return new Work(
        () -> {
          x.clear();
          y.clear();
          plan.run(x, y);
        });
  }

  private static Work eager(Module net, Optimizer optimizer, Tensor x, Tensor y) {
    return new Work(
        () -> {
          try (Scope step = Scope.open()) {
            optimizer.zeroGrad();
            Tensor loss = Functional.crossEntropy(net.call(x), y);
            loss.backward();
            optimizer.step();
            loss.item();
          }
        });
  }

  private static Work replayed(Module net, Optimizer optimizer, Tensor x, Tensor y) {
    Backend backend = Devices.current();
    Buffer[] loss = new Buffer[1];
    optimizer.zeroGrad();
    TrainingPlan.Outcome outcome =
        TrainingPlan.record(
            backend,
            net,
            () -> {
              Tensor result = Functional.crossEntropy(net.call(x), y);
              loss[0] = result.buffer().hold();
              result.backward();
              optimizer.step();
            });
    TrainingPlan plan =
        java.util.Objects.requireNonNull(
            outcome.plan(), () -> "bench: the step cannot be recorded: " + outcome.obstacle());
    ByteBuffer value = direct(Shape.of(1));
    Work work =
        new Work(
            () -> {
              optimizer.prepare();
              plan.run();
              backend.download(value.clear(), loss[0]);
            });
    return work.owning(plan).owning(loss[0]::release);
  }

  private static Tensor noise(Shape shape) {
    float[] values = new float[(int) shape.elements()];
    Random random = new Random(1);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.of(values, shape.dims());
  }

  private static ByteBuffer direct(Shape shape) {
    int bytes = (int) (4 * shape.elements());
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  private Work owning(AutoCloseable part) {
    parts.add(part);
    return this;
  }

  /** Nanoseconds of each of {@code calls} calls. */
  long[] run(int calls) {
    long[] times = new long[calls];
    for (int i = 0; i < calls; i++) {
      long start = System.nanoTime();
      step.run();
      times[i] = System.nanoTime() - start;
    }
    return times;
  }

  @Override
  public void close() {
    for (AutoCloseable part : parts) {
      try {
        part.close();
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
