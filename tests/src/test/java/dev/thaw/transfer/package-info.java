/** Freezing and head swaps: what stays stays, to the byte. */
@NullMarked
package dev.thaw.transfer;

import org.jspecify.annotations.NullMarked;
