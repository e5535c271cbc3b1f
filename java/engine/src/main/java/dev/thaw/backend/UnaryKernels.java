package dev.thaw.backend;

import dev.thaw.memory.Buffer;

/** Elementwise functions of one argument; see {@link Unary} for the list. */
public interface UnaryKernels {
  /** y = f(x; a, b), element by element; y may be x. */
  void forward(Unary f, @Writes Buffer y, Buffer x, double a, double b);

  /**
   * dx = dy · f'(saved; a, b), element by element; dx may be dy.
   *
   * @param saved x or y of forward, as {@link Unary#reads()} says; not read where it says nothing
   */
  void backward(Unary f, @Writes Buffer dx, Buffer dy, Buffer saved, double a, double b);
}
