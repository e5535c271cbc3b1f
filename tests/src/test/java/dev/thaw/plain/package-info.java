/** The plain backend against numbers worked out by hand, and against PyTorch. */
@org.jspecify.annotations.NullMarked
package dev.thaw.plain;
