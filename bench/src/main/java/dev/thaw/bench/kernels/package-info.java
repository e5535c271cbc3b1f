/**
 * The workshop: {@code bench/kernels} holds, for each of a handful of subjects, one {@code .cu}
 * file with versions of a kernel from the plainest to the best, listed at its top. Here is what
 * each computes, in double, and how it is held to that and timed.
 *
 * <p>Read {@code Subject} and {@code Copy}, the shortest of them, then {@code Trial} (a version
 * against the reference, with guards around every buffer), {@code Timing} and {@link
 * dev.thaw.bench.kernels.Workshop}, which is {@code ./thaw bench --kernel NAME}.
 *
 * <p>May import everything.
 */
@NullMarked
package dev.thaw.bench.kernels;

import org.jspecify.annotations.NullMarked;
