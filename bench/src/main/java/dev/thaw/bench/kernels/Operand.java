package dev.thaw.bench.kernels;

/**
 * A buffer of floats that a subject's kernels work on.
 *
 * @param name as the kernels call it
 * @param elements of it
 * @param role what is done with it
 * @param low the least of the numbers it holds before
 * @param high above the largest of them
 * @param slack how far a result may be off, as a share of itself or of {@code unit}, whichever is
 *     larger
 * @param unit a usual size of the results
 */
record Operand(
    String name, long elements, Role role, double low, double high, double slack, double unit) {

  /** What kernels do with a buffer. */
  enum Role {
    /** Reads it. */
    INPUT,
    /** Writes all of it; what it held before is of no use. */
    OUTPUT,
    /** Reads and writes it. */
    UPDATED,
    /** As they like: it is no result. */
    SCRATCH
  }

  /** Numbers of [-1, 1). */
  static Operand input(String name, long elements) {
    return new Operand(name, elements, Role.INPUT, -1, 1, 0, 1);
  }

  /** Results, exact unless {@link #within} says more. */
  static Operand output(String name, long elements) {
    return new Operand(name, elements, Role.OUTPUT, 0, 0, 0, 1);
  }

  /** Numbers of [-1, 1) in whose place results come. */
  static Operand updated(String name, long elements) {
    return new Operand(name, elements, Role.UPDATED, -1, 1, 0, 1);
  }

  /** Room for what one launch leaves to the next. */
  static Operand scratch(String name, long elements) {
    return new Operand(name, elements, Role.SCRATCH, 0, 0, 0, 1);
  }

  /** With numbers of [low, high). */
  Operand between(double least, double above) {
    return new Operand(name, elements, role, least, above, slack, unit);
  }

  /** With results that may be off by {@code share} of themselves, or of {@code usual} if larger. */
  Operand within(double share, double usual) {
    return new Operand(name, elements, role, low, high, share, usual);
  }

  /** Whether kernels find numbers in it. */
  boolean isRead() {
    return role == Role.INPUT || role == Role.UPDATED;
  }
}
