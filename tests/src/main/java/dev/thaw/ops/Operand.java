package dev.thaw.ops;

import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import org.jspecify.annotations.Nullable;

/**
 * One argument of an op.
 *
 * @param shape its sizes
 * @param domain where its numbers come from
 * @param integer its dtype where it holds integers; null where it has the dtype of the run
 * @param differentiable whether a gradient by it is computed and checked
 */
public record Operand(Shape shape, Domain domain, @Nullable DType integer, boolean differentiable) {

  /** A differentiable operand of normal numbers. */
  public static Operand of(int... dims) {
    return new Operand(Shape.of(dims), Domain.NORMAL, null, true);
  }

  /** Class numbers or positions from 0 to {@code bound} − 1, int64. */
  public static Operand index(int bound, int... dims) {
    Domain below = Domain.each((random, i) -> random.below(i, bound));
    return new Operand(Shape.of(dims), below, DType.INT64, false);
  }

  /** The same with numbers from {@code other}. */
  public Operand in(Domain other) {
    return new Operand(shape, other, integer, differentiable);
  }

  /** The same without a gradient: targets, statistics. */
  public Operand constant() {
    return new Operand(shape, domain, integer, false);
  }

  /** The same as int32. */
  public Operand int32() {
    return new Operand(shape, domain, DType.INT32, false);
  }

  /** Its dtype when the op computes in {@code floating}. */
  public DType dtype(DType floating) {
    return integer == null ? floating : integer;
  }
}
