package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;

/**
 * A model's forward pass for one input shape as a list of prepared calls: norms folded into
 * convolutions, ReLU and residual sums as epilogues, memory planned. It computes with the weights
 * the model had when it was made; make another when they change.
 *
 * <p>One plan serves one thread. {@link #fork} gives another thread its own, over the same weights.
 */
public final class InferencePlan implements AutoCloseable {
  /** A forward pass that cannot be replayed; run the model itself. */
  public static final class NotPlannable extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    NotPlannable(String message) {
      super(message);
    }
  }

  private final Backend backend;
  private final Precision precision;
  private final Program program;
  private final boolean ownsProgram;
  private final Plan plan;
  private final Buffer recordedInput;
  private final Buffer recordedOutput;
  private final Shape inputShape;
  private final Shape outputShape;

  private InferencePlan(
      Backend backend,
      Precision precision,
      Program program,
      boolean ownsProgram,
      Buffer recordedInput,
      Buffer recordedOutput,
      Shape inputShape,
      Shape outputShape) {
    this.backend = backend;
    this.precision = precision;
    this.program = program;
    this.ownsProgram = ownsProgram;
    this.recordedInput = recordedInput;
    this.recordedOutput = recordedOutput;
    this.inputShape = inputShape;
    this.outputShape = outputShape;
    this.plan = program.instance();
  }

  /**
   * Records {@code model} in inference mode on an input of {@code shape}; its mode is restored.
   *
   * @throws IllegalStateException when forward reads values into Java, so that it cannot be
   *     replayed; says where
   */
  public static InferencePlan of(Module model, Shape shape) {
    return of(model, shape, Precision.FP32);
  }

  /**
   * As {@link #of(Module, Shape)}, computing in {@code precision}. Input and output are of the
   * parameters' dtype in any case.
   *
   * @throws IllegalArgumentException when the model's device cannot compute so
   */
  public static InferencePlan of(Module model, Shape shape, Precision precision) {
    Check.that(!model.parameters().isEmpty(), "plan: a model without parameters has no device");
    Device device = model.parameters().values().iterator().next().value().device();
    return of(model, shape, precision, Devices.get(device).cacheBytes());
  }

  /** The same, sliced where it moves much more than {@code cacheBytes}. */
  static InferencePlan of(Module model, Shape shape, Precision precision, long cacheBytes) {
    Tensor any = model.parameters().values().iterator().next().value();
    Device device = any.device();
    Backend backend = Devices.get(device);
    precision.check(backend);
    boolean training = model.isTraining();
    Buffer input = backend.pool().allocate(any.dtype(), shape.elements(), Purpose.ACTIVATIONS);
    Recording recording;
    Buffer output;
    Shape outputShape;
    try (var on = device.use();
        var none = Tensor.noGrad();
        Scope scope = Scope.open()) {
      model.eval();
      Tensor x = Tensor.over(input, shape);
      recording = Recording.of(backend);
      try (recording) {
        Tensor y = precision.call(model, x);
        output = y.buffer();
        outputShape = y.shape();
      }
    } finally {
      model.train(training);
    }
    if (recording.obstacle() != null) {
      throw new NotPlannable("plan: " + recording.obstacle());
    }
    Program program =
        Program.of(backend, recording.calls(), List.of(input, output), buffer -> false, cacheBytes);
    return new InferencePlan(backend, precision, program, true, input, output, shape, outputShape);
  }

  /** The same plan with memory of its own, for another thread; close it before this one. */
  public InferencePlan fork() {
    return new InferencePlan(
        backend, precision, program, false, recordedInput, recordedOutput, inputShape, outputShape);
  }

  /** Shape of the input, the batch included. */
  public Shape inputShape() {
    return inputShape;
  }

  /** Shape of the output. */
  public Shape outputShape() {
    return outputShape;
  }

  /**
   * Runs on the remaining bytes of {@code x} and fills those of {@code y}, both in native order and
   * direct for speed.
   */
  public void run(ByteBuffer x, ByteBuffer y) {
    backend.upload(plan.place(recordedInput), x);
    run();
    backend.download(y, plan.place(recordedOutput));
  }

  /**
   * Runs on {@code x}, whose shape is {@link #inputShape}; the result joins the innermost scope.
   */
  public Tensor run(Tensor x) {
    Check.that(x.shape().equals(inputShape), "plan: made for %s, got %s", inputShape, x.shape());
    copy(plan.place(recordedInput), x.buffer());
    run();
    DType dtype = x.dtype();
    Buffer y = backend.pool().allocate(dtype, outputShape.elements(), Purpose.ACTIVATIONS);
    copy(y, plan.place(recordedOutput));
    return Tensor.over(y, outputShape);
  }

  private void run() {
    try (var math = precision.on(backend)) {
      plan.run();
    }
  }

  private void copy(Buffer to, Buffer from) {
    dev.thaw.backend.Strided walk = new dev.thaw.backend.Strided(0, new int[] {1});
    backend.index().copy(to, walk, from, walk, new int[] {(int) from.elements()});
  }

  /** Bytes of memory that this plan uses beside the weights. */
  public long arenaBytes() {
    return plan.arenaBytes();
  }

  /** How often each kernel is called in a run. */
  public Map<String, Integer> kernels() {
    return plan.kernels();
  }

  /** The kernel calls of a run in order, each with its sizes and the least it has to do. */
  public List<KernelCall> calls() {
    return plan.explain();
  }

  /**
   * Seconds that each of {@link #calls} takes the device, the median of {@code runs}. Calls are
   * repeated for it one by one, so what lies in the plan's memory is of no use behind it.
   */
  public double[] seconds(int runs) {
    try (var math = precision.on(backend)) {
      return new Timing(backend, plan, runs).seconds();
    }
  }

  /** Frees the plan's memory; the model keeps its own. */
  @Override
  public void close() {
    plan.close();
    if (ownsProgram) {
      program.close();
    }
  }
}
