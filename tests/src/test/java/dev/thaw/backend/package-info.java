/** Buffers for tests of kernels: {@link dev.thaw.backend.TestBuffers}. */
@org.jspecify.annotations.NullMarked
package dev.thaw.backend;
