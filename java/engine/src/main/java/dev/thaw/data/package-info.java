/**
 * Where examples come from.
 *
 * <p>Read {@link dev.thaw.data.Dataset} (labelled examples by number), then the sources: {@link
 * dev.thaw.data.Idx}, {@link dev.thaw.data.CifarBinary}, {@link dev.thaw.data.NpzDataset} (in
 * memory as {@link dev.thaw.data.ArrayDataset}), {@link dev.thaw.data.ImageFolder} (decoded when
 * read, {@link dev.thaw.data.Picture}) and {@link dev.thaw.data.EmbeddedCharacters} (drawn); {@link
 * dev.thaw.data.Data} finds out which one a folder is. Then what is done to examples ({@link
 * dev.thaw.data.Augment}, {@link dev.thaw.data.Normalisation}), and {@link
 * dev.thaw.data.DataLoader}, which makes each {@link dev.thaw.data.Batch} on threads of its own.
 *
 * <p>Where pictures are normalised: by the loader's threads, off the thread that trains; or, on a
 * device behind a bus, by its kernel, from bytes, a quarter of what float32 would take to cross.
 * Trainings and evaluations ask for the latter ({@link dev.thaw.data.BatchSource#allowBytes}), and
 * a loader goes along where pixels are still whole bytes: with a flip and a crop at most, for
 * rotated, scaled and recoloured pictures lie between the bytes. The values are the same to the
 * bit.
 *
 * <p>Order is a function of (seed, epoch), augmentation of (seed, epoch, example, transform):
 * loader threads cannot influence a bit.
 *
 * <p>A damaged file is refused with a {@link dev.thaw.memory.BadFileException}: one line with file,
 * offset, what was expected, what was found and what to do.
 *
 * <p>Imports {@code memory}, {@code backend}, {@code tensor}.
 */
@NullMarked
package dev.thaw.data;

import org.jspecify.annotations.NullMarked;
