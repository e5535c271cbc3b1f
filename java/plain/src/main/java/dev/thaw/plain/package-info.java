/**
 * The backend in plain Java loops: the oracle of the op table, the device one steps through in a
 * debugger, the one that runs wherever a JDK does.
 *
 * <p>A kernel reads its floating inputs into {@code double[]}, is mathematics there, and rounds
 * once when it writes; so one page serves float32, float64 and bfloat16, an output may be an input,
 * and the result is as exact as its type allows. That costs a copy in and out of every call, a few
 * percent beside the arithmetic of a convolution.
 *
 * <p>Read {@link dev.thaw.plain.Reals} and {@link dev.thaw.plain.PlainUnary}; then {@link
 * dev.thaw.plain.RowTimesMatrix}, the one loop that matrix products and convolutions spend their
 * time in, and {@link dev.thaw.plain.PlainConv}. {@link dev.thaw.plain.Workers} spreads independent
 * outputs over threads; no number depends on how many there are.
 *
 * <p>Imports {@code memory} and {@code backend}.
 */
@NullMarked
package dev.thaw.plain;

import org.jspecify.annotations.NullMarked;
