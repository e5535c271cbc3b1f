package dev.thaw.ops;

import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.List;
import java.util.stream.Collectors;

/**
 * One line of the table: an op, what it is called with, and what a call costs.
 *
 * @param op the name of the method of {@link Tensor} or {@link dev.thaw.tensor.Functional}
 * @param detail what else tells this case from others of the op: {@code stride 2}
 * @param call the op; makes the same of the same operands each time
 * @param operands its arguments
 * @param terms how many numbers are added up in one element of the result
 * @param flopsPerTerm floating-point operations for each of them
 * @param slack how many times more than its terms let expect the result may be off, where the op
 *     multiplies rounding errors
 * @param kinked whether the numbers lie on kinks or are not finite, so that no difference quotient
 *     exists; values and gradients are held to the plain backend alone
 * @param anyDtype whether the op takes integers too: it moves values and computes nothing
 */
public record OpCase(
    String op,
    String detail,
    Call call,
    List<Operand> operands,
    long terms,
    double flopsPerTerm,
    double slack,
    boolean kinked,
    boolean anyDtype) {

  /** The op as a function of its operands. */
  @FunctionalInterface
  public interface Call {
    /** The result; {@code x} is in the order of the case's operands. */
    Tensor of(Tensor... x);
  }

  /** A case in which each element of the result takes one operation. */
  public static OpCase of(String op, Call call, Operand... operands) {
    return new OpCase(op, "", call, List.of(operands), 1, 1, 1, false, false);
  }

  /** The same, told apart from others of the op by {@code text}. */
  public OpCase with(String text) {
    return new OpCase(op, text, call, operands, terms, flopsPerTerm, slack, kinked, anyDtype);
  }

  /** The same, with {@code count} numbers added up in each element of the result. */
  public OpCase terms(long count) {
    return new OpCase(
        op, detail, call, operands, Math.max(1, count), flopsPerTerm, slack, kinked, anyDtype);
  }

  /** The same, with {@code each} operations for each number that is added up. */
  public OpCase flops(double each) {
    return new OpCase(op, detail, call, operands, terms, each, slack, kinked, anyDtype);
  }

  /** The same, allowed to be off {@code times} as far. */
  public OpCase slack(double times) {
    return new OpCase(op, detail, call, operands, terms, flopsPerTerm, times, kinked, anyDtype);
  }

  /** The same, without difference quotients. */
  public OpCase onKinks() {
    return new OpCase(op, detail, call, operands, terms, flopsPerTerm, slack, true, anyDtype);
  }

  /** The same, for an op that takes integers too. */
  public OpCase takesIntegers() {
    return new OpCase(op, detail, call, operands, terms, flopsPerTerm, slack, kinked, true);
  }

  /** What the case is called by in reports, and named with to run it alone; unique. */
  public String name() {
    String shapes =
        operands.stream().map(o -> o.shape().toString()).collect(Collectors.joining(" x "));
    return op + " " + shapes + (detail.isEmpty() ? "" : ", " + detail);
  }

  /** Floating-point operations of a forward call with this result. */
  public double flops(Shape result) {
    return flopsPerTerm * terms * result.elements();
  }

  /** Bytes that a forward call with this result must read and write at least. */
  public double bytes(Shape result, DType dtype) {
    double bytes = (double) result.elements() * dtype.bytes();
    for (Operand operand : operands) {
      bytes += (double) operand.shape().elements() * operand.dtype(dtype).bytes();
    }
    return bytes;
  }

  /** Elements of all operands. */
  public long elements() {
    return operands.stream().mapToLong(o -> o.shape().elements()).sum();
  }

  @Override
  public String toString() {
    return name();
  }
}
