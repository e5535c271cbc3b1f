package dev.thaw.bench;

import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.models.SeedCnn;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** SeedCnn on 28 x 28 grey pictures, eager: a whole training step, and a forward pass alone. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 10, time = 1)
@State(org.openjdk.jmh.annotations.Scope.Thread)
public class SeedCnnBench {
  @Param({"plain", "cpu"})
  public String device;

  @Param({"1", "64"})
  public int batch;

  private Device.Use use;
  private Scope scope;
  private Module model;
  private Optimizer optimizer;
  private Tensor pictures;
  private Tensor labels;

  /** A net and one batch of noise, which stay for the whole trial. */
  @Setup
  public void open() {
    use = Device.of(device).use();
    scope = Scope.open();
    model = new SeedCnn(28, 28, 1, 10);
    optimizer = new Sgd(model, 0.01, 0.9);
    Random random = new Random(1);
    float[] pixels = new float[batch * 28 * 28];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = random.nextFloat();
    }
    int[] classes = random.ints(batch, 0, 10).toArray();
    pictures = Tensor.of(pixels, batch, 28, 28, 1);
    labels = Tensor.of(classes, batch);
  }

  /** Gives everything back. */
  @TearDown
  public void close() {
    optimizer.close();
    model.close();
    scope.close();
    use.close();
  }

  /** Forward, backward and update; reads the loss, as a training loop's log does. */
  @Benchmark
  public double trainingStep() {
    try (Scope step = Scope.open()) {
      optimizer.zeroGrad();
      Tensor loss = Functional.crossEntropy(model.call(pictures), labels);
      loss.backward();
      optimizer.step();
      return loss.item();
    }
  }

  /** Logits of the batch, read into Java. */
  @Benchmark
  public float[] inference() {
    try (Scope step = Scope.open();
        Tensor.Gradients off = Tensor.noGrad()) {
      return model.call(pictures).toFloats();
    }
  }
}
