/** The guided tour runs, and its numbers hold. */
@NullMarked
package dev.thaw.lessons;

import org.jspecify.annotations.NullMarked;
