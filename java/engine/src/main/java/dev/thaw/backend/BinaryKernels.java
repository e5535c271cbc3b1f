package dev.thaw.backend;

import dev.thaw.memory.Buffer;

/** Elementwise functions of two arguments. */
public interface BinaryKernels {
  /**
   * y = f(a, b) with a and b repeated as {@code shape} says; y may be an operand that is not
   * repeated.
   */
  void forward(Binary f, @Writes Buffer y, Buffer a, Buffer b, Broadcast shape);
}
