/**
 * The same computation, noted once and run many times.
 *
 * <p>Eager execution is the truth; a recording makes it fast. Read {@link dev.thaw.plan.Recording}
 * (kernel calls noted at the seam), {@link dev.thaw.plan.Precision} (what they compute in), {@code
 * GatheredCasts} (weights that every step rounds, all at once), {@code ConstantFills} (numbers that
 * are written once), {@code ConstantCasts} (weights that are rounded once), {@code Fusion} over
 * {@code CallOrder} (neighbours that one kernel can do: norm into convolution, ReLU and residual as
 * epilogues, and their derivatives), {@code Slices} (few pictures at a time where a batch exceeds
 * the cache), {@code Constants} (weights that no step changes, in the form that a backend likes
 * best), {@code Arena} (one block of memory for all that lives inside), {@code Plan} (the list,
 * ready to run), then {@link dev.thaw.plan.TrainingPlan}. What each call has to do, and how long it
 * takes: {@link dev.thaw.plan.KernelCall}, {@code Traffic}, {@code Flops}, {@code Timing}.
 *
 * <p>Imports {@code memory}, {@code backend}, {@code tensor}, {@code nn}.
 */
@NullMarked
package dev.thaw.plan;

import org.jspecify.annotations.NullMarked;
