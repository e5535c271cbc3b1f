/** Sources of examples against known pixels and against damage; the loader against itself. */
@org.jspecify.annotations.NullMarked
package dev.thaw.data;
