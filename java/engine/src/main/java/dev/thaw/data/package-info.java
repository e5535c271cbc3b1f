/**
 * Where examples come from.
 *
 * <p>Read {@link dev.thaw.data.Dataset} (labelled examples by number), one source of them, {@link
 * dev.thaw.data.Batch}, and the loader that fills it. Order is a function of (seed, epoch),
 * augmentation of (seed, epoch, example, transform): loader threads cannot influence a bit.
 *
 * <p>Imports {@code memory}, {@code backend}, {@code tensor}.
 */
@NullMarked
package dev.thaw.data;

import org.jspecify.annotations.NullMarked;
