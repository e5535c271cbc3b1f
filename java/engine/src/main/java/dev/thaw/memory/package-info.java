/**
 * Who owns memory, and until when.
 *
 * <p>Read {@link dev.thaw.memory.DType} and {@link dev.thaw.memory.Device}, then {@link
 * dev.thaw.memory.Buffer} (a range of a backend's storage, with holders), {@link
 * dev.thaw.memory.Pool} (where its bytes come from and go back to) and {@link
 * dev.thaw.memory.Scope} (who lets go, and when). Nothing here depends on the garbage collector.
 *
 * <p>Imports nothing of Thaw.
 */
@NullMarked
package dev.thaw.memory;

import org.jspecify.annotations.NullMarked;
