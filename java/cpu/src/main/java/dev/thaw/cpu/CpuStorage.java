package dev.thaw.cpu;

import dev.thaw.memory.DType;
import dev.thaw.memory.Storage;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/**
 * A block of native memory, 64-byte aligned: one cache line, one AVX-512 register. Its pages are
 * given by the operating system when they are first touched.
 */
final class CpuStorage implements Storage {
  private final long address;
  private final long bytes;

  private CpuStorage(long address, long bytes) {
    this.address = address;
    this.bytes = bytes;
  }

  /** What the pool asks for fresh blocks; {@code dtype} does not matter here. */
  static CpuStorage allocate(long bytes, DType dtype) {
    long address = Native.thaw_allocate(bytes);
    if (address == 0) {
      throw new OutOfMemoryError("the operating system refused " + bytes + " bytes");
    }
    return new CpuStorage(address, bytes);
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public long address() {
    return address;
  }

  @Override
  public void free() {
    Native.thaw_free(address, bytes);
  }

  /**
   * Native memory as a ByteBuffer in native order. Valid while the memory is; makes three small
   * objects, so it is for uploads and tables, not for kernels.
   */
  static ByteBuffer view(long address, int bytes) {
    return bytes == 0
        ? ByteBuffer.allocate(0)
        : new BytePointer(new Door(address))
            .capacity(bytes)
            .asByteBuffer()
            .order(ByteOrder.nativeOrder());
  }

  /** Element {@code i} of a buffer of INT32 or INT64, for messages. */
  static long integer(dev.thaw.memory.Buffer x, long i) {
    int size = x.dtype().bytes();
    ByteBuffer one = view(x.address() + i * size, size);
    return x.dtype() == DType.INT64 ? one.getLong(0) : one.getInt(0);
  }

  /** Address of the element at the position of a direct buffer. */
  static long addressOf(ByteBuffer direct) {
    return Door.address(direct) + direct.position();
  }

  /** The way to JavaCPP's protected members: from an address to a Pointer and back. */
  private static final class Door extends Pointer {
    Door(long address) {
      this.address = address;
    }

    static long address(Buffer direct) {
      return getDirectBufferAddress(direct);
    }
  }
}
