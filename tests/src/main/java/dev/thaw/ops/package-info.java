/**
 * THE TABLE of op cases: every op of {@link dev.thaw.tensor.Tensor} and {@link
 * dev.thaw.tensor.Functional}, with the shapes, the numbers and the amount of work that matter for
 * it. One line serves as correctness test, gradient test and benchmark, on every backend.
 *
 * <p>Read {@link dev.thaw.ops.OpCase} (what a line says), {@link dev.thaw.ops.Domain} (where its
 * numbers come from), then {@link dev.thaw.ops.OpCases} and the families it lists. A new op gets
 * its line in the family it belongs to; a test fails until it has one.
 *
 * <p>Imports {@code memory}, {@code backend} and {@code tensor}, and no test library, so that the
 * benchmarks can read it too.
 */
@NullMarked
package dev.thaw.ops;

import org.jspecify.annotations.NullMarked;
