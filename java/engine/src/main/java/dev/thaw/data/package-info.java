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
