/**
 * What is reused, and how: freezing, heads, strategies.
 *
 * <p>Read {@link dev.thaw.transfer.Layers} (the units that are frozen), {@link
 * dev.thaw.transfer.Freeze}, {@link dev.thaw.transfer.FreezeContract} (what is frozen stays what it
 * was, to the byte), {@link dev.thaw.transfer.HeadSwap} and {@link dev.thaw.transfer.Strategy};
 * then {@link dev.thaw.transfer.LayerwiseRates} and {@link dev.thaw.transfer.AdaptStats}, two ways
 * to be gentle with what was learned.
 *
 * <p>Imports {@code memory}, {@code backend}, {@code tensor}, {@code nn}, {@code optim}, {@code
 * data}, {@code io}, {@code models}.
 */
@NullMarked
package dev.thaw.transfer;

import org.jspecify.annotations.NullMarked;
