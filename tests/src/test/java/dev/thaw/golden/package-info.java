/**
 * What PyTorch computed, and what every device is held to. The files lie in {@code
 * tests/src/test/resources/golden}, the scripts that write them in {@code tests/golden}.
 *
 * <p>{@link dev.thaw.golden.Golden} reads a file; {@link dev.thaw.golden.KernelsAgainstPyTorch}
 * runs each kernel of a backend over it, and a backend's tests extend it.
 */
@org.jspecify.annotations.NullMarked
package dev.thaw.golden;
