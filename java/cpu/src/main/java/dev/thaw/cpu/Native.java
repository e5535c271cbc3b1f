package dev.thaw.cpu;

import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Platform;

/**
 * {@code native/thaw_cpu.h} as Java declarations, same names, same order; a test compares the two.
 * Addresses are longs: no object is made for a call. JavaCPP writes the C++ side of the binding
 * while the module is built.
 */
@Platform(include = "thaw_cpu.h")
@NoException
final class Native {
  private Native() {}

  static native int thaw_abi_version();

  static native int thaw_choose_isa(int wanted);

  static native int thaw_isa();

  static native void thaw_set_threads(int threads);

  static native @Cast("int64_t") long thaw_allocate(@Cast("int64_t") long bytes);

  static native void thaw_free(@Cast("int64_t") long address, @Cast("int64_t") long bytes);

  static native void thaw_copy(
      @Cast("void*") long y, @Cast("const void*") long x, @Cast("int64_t") long bytes, int threads);
}
