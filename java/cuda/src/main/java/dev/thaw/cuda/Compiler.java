package dev.thaw.cuda;

import dev.thaw.backend.UnavailableException;
import java.util.Map;

/** Turns the text of kernels into what a card loads. */
@FunctionalInterface
interface Compiler {
  /**
   * Compiles.
   *
   * @param root the file to compile
   * @param files its text and that of all it may include, by name
   * @throws UnavailableException when there is no compiler
   * @throws IllegalStateException with the compiler's words when the text is wrong
   */
  byte[] compile(String root, Map<String, String> files) throws UnavailableException;
}
