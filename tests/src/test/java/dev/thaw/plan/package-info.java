/** Recorded computations against eager ones. */
@NullMarked
package dev.thaw.plan;

import org.jspecify.annotations.NullMarked;
