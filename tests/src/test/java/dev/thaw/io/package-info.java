/** Containers against the libraries that own them, and against damage. */
@org.jspecify.annotations.NullMarked
package dev.thaw.io;
