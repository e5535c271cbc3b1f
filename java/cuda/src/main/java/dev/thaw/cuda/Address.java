package dev.thaw.cuda;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import org.bytedeco.javacpp.Pointer;

/** The way to JavaCPP's protected members: from an address to a Pointer and back. */
final class Address extends Pointer {
  private Address(long address) {
    this.address = address;
  }

  /** A pointer to {@code address}, which it does not own. */
  static Address pointer(long address) {
    return new Address(address);
  }

  /** Moves it to {@code address}: one pointer serves call after call. */
  Address at(long address) {
    this.address = address;
    return this;
  }

  /** A pointer to the element at the position of a direct buffer. */
  static Pointer of(ByteBuffer direct) {
    return new Address(getDirectBufferAddress((Buffer) direct) + direct.position());
  }
}
