/**
 * Bytes, names and shapes: the containers in which weights and arrays travel. No models here, and
 * no tensors: an {@link dev.thaw.io.NdArray} is what a file holds, and whoever reads it decides
 * where it goes.
 *
 * <p>Read {@link dev.thaw.io.NdArray}, then {@link dev.thaw.io.Safetensors} (models), {@link
 * dev.thaw.io.Npy} and {@link dev.thaw.io.Npz} (arrays from and to Python), {@link
 * dev.thaw.io.Json} (metadata, histories, results), and {@link dev.thaw.io.AtomicFile}, through
 * which all of them write.
 *
 * <p>What a file claims is never believed before it is checked against the file's own length, and
 * memory is spent only on bytes that exist. A damaged or foreign file is refused with a {@link
 * dev.thaw.memory.BadFileException}, an {@link java.io.IOException} of one line: file, offset,
 * expected, found, what to do.
 *
 * <p>May import memory, backend, tensor and nn; not data, which stands beside it.
 */
@NullMarked
package dev.thaw.io;

import org.jspecify.annotations.NullMarked;
