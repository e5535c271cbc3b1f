/**
 * Numbers, and how they came about.
 *
 * <p>Read {@link dev.thaw.tensor.Tensor} (what a user holds) and {@code Taped} (its past), {@link
 * dev.thaw.tensor.Op} (how an op states its derivative: one rule per input, beside the forward),
 * then a family - {@code Matmul}, {@code Convolution} - as mathematics, and {@code Backward}, which
 * walks the tape. A new op goes into the family it belongs to, gets one public name in {@link
 * dev.thaw.tensor.Tensor} (arithmetic, products, shapes, reductions) or {@link
 * dev.thaw.tensor.Functional} (all else), and one line in the table of op cases.
 *
 * <p>Imports {@code memory} and {@code backend}.
 */
@NullMarked
package dev.thaw.tensor;

import org.jspecify.annotations.NullMarked;
