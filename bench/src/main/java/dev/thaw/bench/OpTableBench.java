package dev.thaw.bench;

import dev.thaw.backend.Philox;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.ops.OpCase;
import dev.thaw.ops.OpCases;
import dev.thaw.ops.Operand;
import dev.thaw.tensor.Tensor;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
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

/**
 * Lines of the table of op cases, float32: calls a second, with the bytes and the floating-point
 * operations that the line says a forward call takes at least.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@State(org.openjdk.jmh.annotations.Scope.Thread)
public class OpTableBench {
  @Param({"plain", "cpu"})
  public String device;

  /** A line's whole name, or an op's: then its line with the most work. */
  @Param({
    "relu",
    "gelu",
    "add",
    "sum",
    "matmul",
    "conv2d",
    "maxPool2d",
    "batchNorm",
    "softmax",
    "crossEntropy",
    "embedding",
    "permute"
  })
  public String op;

  /** What the calls of an iteration came to; JMH divides by its seconds. */
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  @State(org.openjdk.jmh.annotations.Scope.Thread)
  public static class Work {
    public double gigabytes;
    public double gigaflops;
  }

  private OpCase line;
  private Device.Use use;
  private Scope scope;
  private Tensor[] operands;
  private Tensor[] leaves;
  private Tensor seed;
  private double gigabytes;
  private double gigaflops;

  /** Draws the line's operands, and makes one call to learn the result's shape. */
  @Setup
  public void open() {
    line = find(op);
    use = Device.of(device).use();
    scope = Scope.open();
    int n = line.operands().size();
    operands = new Tensor[n];
    leaves = new Tensor[n];
    for (int i = 0; i < n; i++) {
      operands[i] = draw(line.operands().get(i), i);
      leaves[i] = draw(line.operands().get(i), i);
      if (line.operands().get(i).differentiable()) {
        leaves[i].requiresGrad(true);
      }
    }
    Tensor y = line.call().of(operands);
    gigabytes = line.bytes(y.shape(), DType.FLOAT32) * 1e-9;
    gigaflops = line.flops(y.shape()) * 1e-9;
    seed = Tensor.full(1, y.shape().dims());
  }

  /** Gives everything back. */
  @TearDown
  public void close() {
    scope.close();
    use.close();
  }

  /** The op alone. */
  @Benchmark
  public boolean forward(Work work) {
    try (Scope call = Scope.open();
        Tensor.Gradients off = Tensor.noGrad()) {
      work.gigabytes += gigabytes;
      work.gigaflops += gigaflops;
      return line.call().of(operands).isOpen();
    }
  }

  /** The op and its rules; the counters stand for the forward part alone. */
  @Benchmark
  public boolean forwardAndBackward(Work work) {
    try (Scope call = Scope.open()) {
      for (Tensor leaf : leaves) {
        if (leaf.requiresGrad()) {
          leaf.slot().clear();
        }
      }
      Tensor y = line.call().of(leaves);
      if (y.requiresGrad()) {
        y.backward(seed);
      }
      work.gigabytes += gigabytes;
      work.gigaflops += gigaflops;
      return y.isOpen();
    }
  }

  private static Tensor draw(Operand operand, int stream) {
    int[] dims = operand.shape().dims();
    double[] values =
        operand.domain().draw((int) operand.shape().elements(), new Philox(1, stream, 0));
    DType dtype = operand.dtype(DType.FLOAT32);
    if (dtype == DType.INT64) {
      return Tensor.of(Arrays.stream(values).mapToLong(v -> (long) v).toArray(), dims);
    }
    if (dtype == DType.INT32) {
      return Tensor.of(Arrays.stream(values).mapToInt(v -> (int) v).toArray(), dims);
    }
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return Tensor.of(floats, dims);
  }

  private static OpCase find(String name) {
    List<OpCase> all = OpCases.all();
    return all.stream()
        .filter(line -> line.name().equals(name))
        .findFirst()
        .or(
            () ->
                all.stream()
                    .filter(line -> line.op().equals(name) && !line.kinked())
                    .max(
                        Comparator.comparingDouble(
                            line -> (double) line.elements() * line.terms())))
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "op '"
                        + name
                        + "' is not in the table; it has "
                        + all.stream().map(OpCase::op).distinct().sorted().toList()));
  }
}
