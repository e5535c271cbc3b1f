package dev.thaw.cpu;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import org.jspecify.annotations.Nullable;

/** Where buffers lie, as native code wants it: the type is checked here, for C cannot. */
final class Address {
  private Address() {}

  /** Of float32 numbers. */
  static long floats(Buffer x) {
    Check.that(
        x.dtype() == DType.FLOAT32, "cpu: the kernel takes float32, got %s; cast it first", x);
    return x.address();
  }

  /** Of float32 numbers, or 0. */
  static long floatsOrNull(@Nullable Buffer x) {
    return x == null ? 0 : floats(x);
  }

  /** Of float64 numbers: states and measurements. */
  static long doubles(Buffer x) {
    return typed(x, DType.FLOAT64);
  }

  /** Of numbers of {@code dtype}. */
  static long typed(Buffer x, DType dtype) {
    Check.that(x.dtype() == dtype, "cpu: the kernel takes %s, got %s", dtype, x);
    return x.address();
  }

  /** 1 where an index or target is INT64, 0 where it is INT32. */
  static int wide(Buffer index) {
    Check.that(
        index.dtype() == DType.INT32 || index.dtype() == DType.INT64,
        "cpu: an index is int32 or int64, got %s",
        index);
    return index.dtype() == DType.INT64 ? 1 : 0;
  }
}
