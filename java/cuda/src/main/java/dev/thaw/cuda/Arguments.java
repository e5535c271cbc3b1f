package dev.thaw.cuda;

import dev.thaw.memory.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of one launch, packed as CUDA packs them: in the kernel's order, each aligned to
 * its own size. One block a thread, used again and again: the driver copies it at the launch.
 *
 * <p>The methods are named after the kernel's types, since nothing else checks them.
 */
final class Arguments {
  private static final int CAPACITY = 4096;

  private static final ThreadLocal<Arguments> OWN = ThreadLocal.withInitial(Arguments::new);

  private final BytePointer memory = new BytePointer(CAPACITY);
  private final ByteBuffer bytes = memory.asByteBuffer().order(ByteOrder.nativeOrder());
  private final LongPointer length = new LongPointer(1);
  private final PointerPointer<Pointer> block;

  private Arguments() {
    // CU_LAUNCH_PARAM_BUFFER_POINTER, _SIZE and _END: a list of pairs that ends with 0.
    block = new PointerPointer<>(5);
    block.put(0, Address.pointer(1));
    block.put(1, memory);
    block.put(2, Address.pointer(2));
    block.put(3, length);
    block.put(4, (Pointer) null);
  }

  /** The calling thread's block, empty. */
  static Arguments empty() {
    Arguments own = OWN.get();
    own.bytes.clear();
    return own;
  }

  /** {@code T*}: where a buffer starts, or null. */
  Arguments pointer(@Nullable Buffer buffer) {
    return address(buffer == null ? 0 : buffer.address());
  }

  /** {@code T*}. */
  Arguments address(long address) {
    align(8);
    bytes.putLong(address);
    return this;
  }

  /** {@code int}. */
  Arguments int32(int value) {
    align(4);
    bytes.putInt(value);
    return this;
  }

  /** {@code int}, 1 for true. */
  Arguments flag(boolean value) {
    return int32(value ? 1 : 0);
  }

  /**
   * {@code Divisor} of kernels/common.cuh: with 2^shift the first power of two not below {@code
   * by}, a number n below 2^31 over by is (n · factor / 2^32 + n) / 2^shift, each division rounded
   * down, for factor = 2^32 · (2^shift − by) / by + 1 (Granlund and Montgomery, Division by
   * Invariant Integers using Multiplication, 1994).
   */
  Arguments divisor(int by) {
    int shift = 32 - Integer.numberOfLeadingZeros(by - 1);
    long factor = ((1L << shift) - by << 32) / by + 1;
    return int32(by).int32((int) factor).int32(shift);
  }

  /** {@code long long}. */
  Arguments int64(long value) {
    align(8);
    bytes.putLong(value);
    return this;
  }

  /** Before a struct that has 8-byte fields, but does not begin with one. */
  Arguments aligned8() {
    align(8);
    return this;
  }

  /** {@code float}. */
  Arguments float32(double value) {
    align(4);
    bytes.putFloat((float) value);
    return this;
  }

  /** {@code double}. */
  Arguments float64(double value) {
    align(8);
    bytes.putDouble(value);
    return this;
  }

  /** A struct of {@code long long}s, of which the first are {@code x}, a multiple of 8 bytes. */
  Arguments words(ByteBuffer x, int all) {
    align(8);
    int end = bytes.position() + 8 * all;
    bytes.put(x.duplicate());
    bytes.position(end);
    return this;
  }

  private void align(int size) {
    int at = bytes.position();
    bytes.position((at + size - 1) & -size);
  }

  /** Bytes that were packed so far. */
  int length() {
    return bytes.position();
  }

  /** A copy of what was packed. */
  byte[] bytes() {
    byte[] copy = new byte[bytes.position()];
    bytes.duplicate().flip().get(copy);
    return copy;
  }

  /** What cuLaunchKernel takes as {@code extra}. */
  PointerPointer<Pointer> block() {
    length.put(bytes.position());
    return block;
  }
}
