/**
 * Where examples come from.
 *
 * <p>Read {@link dev.thaw.data.Dataset} (labelled examples by number), one source of them ({@link
 * dev.thaw.data.Idx}), what is done to them ({@link dev.thaw.data.Augment}, {@link
 * dev.thaw.data.Normalisation}), and {@link dev.thaw.data.DataLoader}, which makes each {@link
 * dev.thaw.data.Batch} on threads of its own. Order is a function of (seed, epoch), augmentation of
 * (seed, epoch, example, transform): loader threads cannot influence a bit.
 *
 * <p>A damaged file is refused with a {@link dev.thaw.memory.BadFileException}: one line with file,
 * offset, what was expected, what was found and what to do.
 *
 * <p>Imports {@code memory}, {@code backend}, {@code tensor}.
 */
@NullMarked
package dev.thaw.data;

import org.jspecify.annotations.NullMarked;
