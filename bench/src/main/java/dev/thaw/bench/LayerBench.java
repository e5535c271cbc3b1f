package dev.thaw.bench;

import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.Conv2d;
import dev.thaw.nn.LayerNorm;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Pool2d;
import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.PoolOptions;
import dev.thaw.tensor.Tensor;
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

/** A layer at a size that is common in ResNets and Transformers, eager: forward, and both ways. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@State(org.openjdk.jmh.annotations.Scope.Thread)
public class LayerBench {
  @Param({"plain", "cpu"})
  public String device;

  @Param({"linear", "conv3x3", "conv1x1", "batchNorm", "layerNorm", "maxPool"})
  public String layer;

  private Device.Use use;
  private Scope scope;
  private Module module;
  private Tensor x;
  private Tensor leaf;
  private Tensor dy;

  /** A layer and its operands, which stay for the whole trial. */
  @Setup
  public void open() {
    use = Device.of(device).use();
    scope = Scope.open();
    module =
        switch (layer) {
          case "linear" -> new Linear(768, 768);
          case "conv3x3" -> new Conv2d(64, 64, 3, Conv2dOptions.DEFAULT.padding(1));
          case "conv1x1" -> new Conv2d(64, 256, 1, Conv2dOptions.DEFAULT);
          case "batchNorm" -> new BatchNorm(64);
          case "layerNorm" -> new LayerNorm(768);
          case "maxPool" -> Pool2d.max(PoolOptions.of(2));
          default -> throw new IllegalArgumentException("layer: no " + layer);
        };
    boolean rows = layer.equals("linear") || layer.equals("layerNorm");
    int[] shape = rows ? new int[] {128, 768} : new int[] {4, 28, 28, 64};
    Generator generator = new Generator(1);
    x = generator.normal(0, 1, shape);
    leaf = generator.normal(0, 1, shape).requiresGrad(true);
    dy = Tensor.full(1, module.call(x).shape().dims());
  }

  /** Gives everything back. */
  @TearDown
  public void close() {
    module.close();
    scope.close();
    use.close();
  }

  /** The result alone: nothing is recorded. */
  @Benchmark
  public Tensor forward() {
    try (Scope call = Scope.open();
        Tensor.Gradients off = Tensor.noGrad()) {
      return module.call(x);
    }
  }

  /** The result, and the gradients of input and parameters. */
  @Benchmark
  public void forwardAndBackward() {
    try (Scope call = Scope.open()) {
      module.call(leaf).backward(dy);
    }
    leaf.slot().clear();
    module.parameters().values().forEach(p -> p.value().slot().clear());
  }
}
