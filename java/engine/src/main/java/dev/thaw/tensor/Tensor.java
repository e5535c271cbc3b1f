package dev.thaw.tensor;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Binary;
import dev.thaw.backend.Devices;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.Unary;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A dense, row-major block of numbers on a device, and, while gradients are recorded, how it came
 * about. Pictures are {@code [n, h, w, c]}. A tensor belongs to the innermost {@link Scope} and
 * ends with it.
 *
 * <p>Arithmetic, products, shapes and reductions are methods here; everything else is in {@link
 * Functional}. Operands of one op share device and dtype; nothing is converted unseen. One mixture
 * has a meaning: beside an activation in bfloat16 a float32 operand is a weight. The op computes in
 * bfloat16 on a copy of it, and its gradient is float32.
 */
public final class Tensor extends Taped {
  private final Shape shape;
  private final Backend home;

  /** The pictures [n, h, w, c] whose values these rows are, or null; for messages. */
  @Nullable Shape pictures;

  /** Takes over one hold on {@code buffer}. */
  Tensor(Buffer buffer, Shape shape, Backend home) {
    super(buffer);
    this.shape = shape;
    this.home = home;
  }

  private Tensor(Buffer buffer, Shape shape, Backend home, boolean owned) {
    super(buffer, owned);
    this.shape = shape;
    this.home = home;
  }

  // ---- making ----

  /** A tensor with undefined contents. */
  static Tensor empty(Shape shape, DType dtype, Backend home) {
    return new Tensor(
        home.pool().allocate(dtype, shape.elements(), Mode.current().purpose), shape, home);
  }

  /**
   * A tensor over {@code buffer}, of which it takes over one hold; it joins the innermost scope.
   */
  public static Tensor over(Buffer buffer, Shape shape) {
    Check.that(buffer.elements() == shape.elements(), "tensor: %s does not fill %s", buffer, shape);
    return new Tensor(buffer, shape, Devices.get(buffer.device()));
  }

  /**
   * A tensor outside every scope, which its owner closes: the value of a parameter. It takes over
   * one hold on {@code buffer}.
   */
  public static Tensor owned(Buffer buffer, Shape shape) {
    Check.that(buffer.elements() == shape.elements(), "tensor: %s does not fill %s", buffer, shape);
    return new Tensor(buffer, shape, Devices.get(buffer.device()), true);
  }

  /**
   * A float32 tensor of {@code values}, row by row, on the current device; a vector without {@code
   * dims}.
   *
   * @throws IllegalArgumentException when the sizes do not multiply to the number of values
   */
  public static Tensor of(float[] values, int... dims) {
    return HostValues.tensor(values, dims);
  }

  /** A float64 tensor of {@code values} on the current device; see {@link #of(float[], int...)}. */
  public static Tensor of(double[] values, int... dims) {
    return HostValues.tensor(values, dims);
  }

  /** An int64 tensor of {@code values}, labels say; see {@link #of(float[], int...)}. */
  public static Tensor of(long[] values, int... dims) {
    return HostValues.tensor(values, dims);
  }

  /** An int32 tensor of {@code values}; see {@link #of(float[], int...)}. */
  public static Tensor of(int[] values, int... dims) {
    return HostValues.tensor(values, dims);
  }

  /** A uint8 tensor of {@code values}; see {@link #of(float[], int...)}. */
  public static Tensor of(byte[] values, int... dims) {
    return HostValues.tensor(values, dims);
  }

  /** A float32 scalar on the current device. */
  public static Tensor scalar(double value) {
    return of(new float[] {(float) value}, new int[0]);
  }

  /** A float32 tensor on the current device whose elements are all {@code value}. */
  public static Tensor full(double value, int... dims) {
    return full(value, Shape.of(dims), DType.FLOAT32, Devices.current());
  }

  static Tensor full(double value, Shape shape, DType dtype, Backend home) {
    Tensor y = empty(shape, dtype, home);
    y.backend().index().fill(y.buffer(), value);
    return y;
  }

  /** A float32 tensor of zeros on the current device. */
  public static Tensor zeros(int... dims) {
    return full(0, dims);
  }

  /** A float32 tensor of ones on the current device. */
  public static Tensor ones(int... dims) {
    return full(1, dims);
  }

  // ---- looking ----

  /** Sizes, outermost first. */
  public Shape shape() {
    return shape;
  }

  /** Size of dimension {@code i}; negative counts from the end. */
  public int dim(int i) {
    return shape.dim(i);
  }

  /** Number of dimensions. */
  public int rank() {
    return shape.rank();
  }

  /** Type of the elements. */
  public DType dtype() {
    return buffer().dtype();
  }

  /** Where the elements lie. */
  public Device device() {
    return home.device();
  }

  /** The backend this tensor lives on: what new tensors beside it are made with. */
  Backend home() {
    return home;
  }

  /** The kernels to compute with: the backend's own, or a recording's around them. */
  Backend backend() {
    return Devices.routed(home);
  }

  /**
   * The single element as a double.
   *
   * @throws IllegalArgumentException when there is more than one
   */
  public double item() {
    Check.that(shape.elements() == 1, "item: %s has %d elements", shape, shape.elements());
    return toDoubles()[0];
  }

  /** A copy of the elements as floats, row by row; other dtypes are rounded. */
  public float[] toFloats() {
    return HostValues.floats(this);
  }

  /** A copy of the elements as doubles. */
  public double[] toDoubles() {
    return HostValues.doubles(this);
  }

  /** A copy of the elements as longs; floating values are truncated. */
  public long[] toLongs() {
    return HostValues.longs(this);
  }

  /** Shape, dtype, device, range of the finite values and how many are not. */
  @Override
  public String toString() {
    return HostValues.describe(this);
  }

  /** The same buffer under another handle and shape, without a past. */
  Tensor alias(Shape other) {
    return new Tensor(buffer().hold(), other, home);
  }

  /**
   * Until the result is closed, ops of this thread note no rules: {@code try (var g = noGrad())}.
   */
  public static Gradients noGrad() {
    Mode mode = Mode.current();
    boolean before = mode.recording;
    mode.recording = false;
    return () -> mode.recording = before;
  }

  /** Ends a {@link #noGrad}. */
  @FunctionalInterface
  public interface Gradients extends AutoCloseable {
    @Override
    void close();
  }

  // ---- arithmetic ----

  /** this + other, with broadcasting. */
  public Tensor add(Tensor other) {
    return Arithmetic.apply(Binary.ADD, this, other);
  }

  /** this − other, with broadcasting. */
  public Tensor sub(Tensor other) {
    return Arithmetic.apply(Binary.SUB, this, other);
  }

  /** this · other, element by element, with broadcasting. */
  public Tensor mul(Tensor other) {
    return Arithmetic.apply(Binary.MUL, this, other);
  }

  /** this / other, with broadcasting. */
  public Tensor div(Tensor other) {
    return Arithmetic.apply(Binary.DIV, this, other);
  }

  /** The smaller of both, with broadcasting; equal elements share the gradient. */
  public Tensor min(Tensor other) {
    return Arithmetic.apply(Binary.MIN, this, other);
  }

  /** The larger of both, with broadcasting; equal elements share the gradient. */
  public Tensor max(Tensor other) {
    return Arithmetic.apply(Binary.MAX, this, other);
  }

  /** this to the power other, with broadcasting. */
  public Tensor pow(Tensor other) {
    return Arithmetic.apply(Binary.POW, this, other);
  }

  /** this + value. */
  public Tensor add(double value) {
    return Elementwise.apply(Unary.AFFINE, this, 1, value);
  }

  /** this − value. */
  public Tensor sub(double value) {
    return Elementwise.apply(Unary.AFFINE, this, 1, -value);
  }

  /** this · value. */
  public Tensor mul(double value) {
    return Elementwise.apply(Unary.AFFINE, this, value, 0);
  }

  /** this / value. */
  public Tensor div(double value) {
    return Elementwise.apply(Unary.AFFINE, this, 1 / value, 0);
  }

  /** this to the power value. */
  public Tensor pow(double value) {
    return Elementwise.apply(Unary.POWER, this, value, 0);
  }

  /** −this. */
  public Tensor neg() {
    return Elementwise.apply(Unary.NEG, this);
  }

  /** eˣ. */
  public Tensor exp() {
    return Elementwise.apply(Unary.EXP, this);
  }

  /** ln x. */
  public Tensor log() {
    return Elementwise.apply(Unary.LOG, this);
  }

  /** √x. */
  public Tensor sqrt() {
    return Elementwise.apply(Unary.SQRT, this);
  }

  /** 1 / √x. */
  public Tensor rsqrt() {
    return Elementwise.apply(Unary.RSQRT, this);
  }

  /** |x|. */
  public Tensor abs() {
    return Elementwise.apply(Unary.ABS, this);
  }

  /** x². */
  public Tensor square() {
    return Elementwise.apply(Unary.SQUARE, this);
  }

  /** 1 / x. */
  public Tensor reciprocal() {
    return Elementwise.apply(Unary.RECIPROCAL, this);
  }

  /**
   * x limited to [low, high].
   *
   * @throws IllegalArgumentException when low is above high
   */
  public Tensor clip(double low, double high) {
    Check.that(low <= high, "clip: the lower limit %s is above the upper %s", low, high);
    return Elementwise.apply(Unary.CLIP, this, low, high);
  }

  // ---- products ----

  /**
   * C = A B over the last two dimensions: [.., m, k] · [.., k, n] → [.., m, n]. A second operand of
   * rank 2 serves every product; other leading dimensions broadcast.
   */
  public Tensor matmul(Tensor other) {
    return Matmul.product(this, false, other, false);
  }

  // ---- reductions ----

  /** The sum over {@code axes}, all where none are given; the axes disappear. */
  public Tensor sum(int... axes) {
    return Reductions.sum(this, axes, false, 1);
  }

  /** The mean over {@code axes}, all where none are given. */
  public Tensor mean(int... axes) {
    return Reductions.mean(this, axes, false);
  }

  /** The largest over {@code axes}; equal elements share the gradient. */
  public Tensor max(int... axes) {
    return Reductions.extreme(Reduction.MAX, this, axes, false);
  }

  /** The smallest over {@code axes}; equal elements share the gradient. */
  public Tensor min(int... axes) {
    return Reductions.extreme(Reduction.MIN, this, axes, false);
  }

  /** The unbiased variance over {@code axes}: Σ (x − mean)² / (count − 1). */
  public Tensor variance(int... axes) {
    return Reductions.variance(this, axes, 1);
  }

  /** The Euclidean norm over {@code axes}: √Σx². Its slope at 0 is taken as 0. */
  public Tensor norm(int... axes) {
    return Reductions.norm(this, axes, false);
  }

  /** The position of the largest element along {@code axis}, the first of several; int64. */
  public Tensor argmax(int axis) {
    return Reductions.argmax(this, axis);
  }

  // ---- shapes ----

  /**
   * The same elements in another shape; one size may be -1. Shares memory.
   *
   * @throws IllegalArgumentException when the sizes do not multiply to the number of elements
   */
  public Tensor reshape(int... dims) {
    return Layout.reshape(this, dims);
  }

  /** The dimensions in another order: dimension i of the result is dimension {@code order[i]}. */
  public Tensor permute(int... order) {
    return Layout.permute(this, order);
  }

  /** Two dimensions exchanged. */
  public Tensor transpose(int first, int second) {
    return Layout.transpose(this, first, second);
  }

  /** Elements {@code from} (included) to {@code to} (excluded) along {@code axis}. */
  public Tensor slice(int axis, int from, int to) {
    return Layout.slice(this, axis, from, to);
  }

  /** Pieces of the given sizes along {@code axis}, in order. */
  public List<Tensor> split(int axis, int... sizes) {
    return Layout.split(this, axis, sizes);
  }

  /** Sizes of 1 repeated to {@code dims}. */
  public Tensor expand(int... dims) {
    return Layout.expand(this, Shape.of(dims));
  }

  /**
   * The same values as {@code dtype}; gradients come back in this tensor's. A batch in bfloat16
   * makes a model compute in bfloat16, its float32 parameters staying what they are.
   */
  public Tensor to(DType dtype) {
    return Layout.cast(this, dtype);
  }

  /** A copy on {@code device}, without a past; this tensor where it already is there. */
  public Tensor to(Device device) {
    return HostValues.move(this, device);
  }
}
