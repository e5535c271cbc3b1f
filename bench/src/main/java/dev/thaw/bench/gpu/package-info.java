/**
 * What {@code bench/gpu/check} measures of Thaw on an NVIDIA card, and the page it makes of that
 * and of PyTorch's figures ({@code bench/gpu/peer.py}).
 *
 * <p>Read {@link dev.thaw.bench.gpu.CardCheck} (the parts, each a process of its own), {@code
 * Extent} (how much each does), {@code Rate} (how a call is timed), then one part, {@code Steps}
 * say, {@code Page}, and {@code Bars}, what is asked. {@code LegacyConvolutions} calls functions of
 * cuDNN that Thaw itself does not.
 */
@NullMarked
package dev.thaw.bench.gpu;

import org.jspecify.annotations.NullMarked;
