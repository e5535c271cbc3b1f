/**
 * {@code ./thaw bench --roofline}: what each kernel call of a step moves and computes, how long it
 * takes, and how near that is to what the machine can do (Williams, Waterman and Patterson,
 * Roofline, CACM 2009).
 *
 * <p>Read {@link dev.thaw.bench.roofline.Roofline} (the words, the step that is recorded), {@code
 * Limits} (the machine's two rates, measured), {@code Measured} (a call beside them), {@code
 * Account} (the tables and sums).
 *
 * <p>May import everything.
 */
@NullMarked
package dev.thaw.bench.roofline;

import org.jspecify.annotations.NullMarked;
