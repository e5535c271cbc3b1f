/**
 * The training loop: planned against eager, resumed against uninterrupted, what must be refused.
 */
@NullMarked
package dev.thaw.train;

import org.jspecify.annotations.NullMarked;
