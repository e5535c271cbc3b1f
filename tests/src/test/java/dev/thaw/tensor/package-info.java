/**
 * Tests of the tape: what is recorded, kept, computed, added up and let go. {@link
 * dev.thaw.tensor.TensorOn} opens this package to the op table.
 */
@org.jspecify.annotations.NullMarked
package dev.thaw.tensor;
