package dev.thaw.nn;

import dev.thaw.tensor.Tensor;

/** Sees what flows through a module, and may replace it. */
public interface Observer {
  /**
   * Called with a module's output, before anybody else sees it.
   *
   * @param name of the module below the observed one
   * @return {@code y}, or what is to go on in its place
   */
  default Tensor activation(String name, Tensor y) {
    return y;
  }

  /**
   * Called in backward with the gradient of the module's output.
   *
   * @return {@code dy}, or what is to go on in its place, of the same shape
   */
  default Tensor gradient(String name, Tensor dy) {
    return dy;
  }
}
