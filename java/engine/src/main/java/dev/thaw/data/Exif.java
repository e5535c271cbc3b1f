package dev.thaw.data;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Which way up a camera held itself: the orientation tag of a JPEG's EXIF block. Damage there is no
 * reason to refuse a picture, so whatever does not fit counts as upright.
 */
final class Exif {
  /** The first row is the top, the first column the left. */
  static final int UPRIGHT = 1;

  private static final int ORIENTATION = 0x0112;
  private static final int SHORT = 3;

  private Exif() {}

  /** The orientation, 1 to 8, of a JPEG file; 1 for anything else. */
  static int orientation(byte[] file) {
    ByteBuffer b = ByteBuffer.wrap(file);
    if (b.remaining() < 2 || b.getShort() != (short) 0xFFD8) {
      return UPRIGHT;
    }
    while (b.remaining() >= 4 && b.get() == (byte) 0xFF) {
      int marker = b.get() & 0xFF;
      int length = b.getShort() & 0xFFFF; // counts itself
      if (marker == 0xDA || length < 2 || length - 2 > b.remaining()) {
        return UPRIGHT; // the pixels begin, or a segment runs out of the file
      }
      ByteBuffer segment = b.slice(b.position(), length - 2);
      if (marker == 0xE1
          && segment.remaining() > 14
          && segment.getInt() == 0x45786966 // "Exif"
          && segment.getShort() == 0) {
        return orientation(segment.slice());
      }
      b.position(b.position() + length - 2);
    }
    return UPRIGHT;
  }

  /** Looks through the first directory of a TIFF block, which is what EXIF wraps. */
  private static int orientation(ByteBuffer tiff) {
    short order = tiff.getShort(0);
    if (order != 0x4949 && order != 0x4D4D) {
      return UPRIGHT;
    }
    tiff.order(order == 0x4949 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    int directory = tiff.getInt(4);
    if (tiff.getShort(2) != 42 || directory < 8 || directory > tiff.limit() - 2) {
      return UPRIGHT;
    }
    int entries = tiff.getShort(directory) & 0xFFFF;
    for (int i = 0; i < entries; i++) {
      int at = directory + 2 + 12 * i;
      if (at > tiff.limit() - 12) {
        return UPRIGHT;
      }
      if (tiff.getShort(at) == ORIENTATION && tiff.getShort(at + 2) == SHORT) {
        int value = tiff.getShort(at + 8);
        return value >= 1 && value <= 8 ? value : UPRIGHT;
      }
    }
    return UPRIGHT;
  }
}
