/**
 * What PyTorch computed, and what every device is held to. The files lie in {@code
 * tests/src/test/resources/golden}, the scripts that write them in {@code tests/golden}.
 *
 * <p>Kernels: {@link dev.thaw.golden.Golden} reads a file of text; {@link
 * dev.thaw.golden.KernelsAgainstPyTorch} runs each kernel of a backend over it, and a backend's
 * tests extend it.
 *
 * <p>Layers, optimizers and whole nets: {@link dev.thaw.golden.GoldenTensors} reads safetensors,
 * {@link dev.thaw.golden.Spread} makes the weights that both sides derive from names, {@link
 * dev.thaw.golden.Distance} says how far results may be apart.
 */
@org.jspecify.annotations.NullMarked
package dev.thaw.golden;
