package dev.thaw.io;

import dev.thaw.memory.BadFileException;
import dev.thaw.memory.DType;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * numpy's file of one array, versions 1.0 to 3.0, in C order.
 *
 * <p>Types f4 f8 i4 i8 u1 are read as they are; f2 widens to float32, i1 i2 u2 to int32, and bool
 * becomes uint8. Everything else is refused with the line of Python that converts it; nothing is
 * ever unpickled.
 *
 * @see <a href="https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html">the
 *     format</a>
 */
public final class Npy {
  private static final int CHUNK = 1 << 16;

  private Npy() {}

  /**
   * Reads a file.
   *
   * @throws BadFileException when it is damaged, of another kind, or larger than 2 GiB in memory
   * @throws IOException when it cannot be read
   */
  public static NdArray read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException(file + ": there is no such file");
    }
    long size = Files.size(file);
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), CHUNK)) {
      return read(in, size, size, file);
    }
  }

  /**
   * Writes a file, aside first ({@link AtomicFile}). numpy has no bfloat16: it is written as
   * float32.
   *
   * @throws IOException when it cannot be written; what was there before is kept
   */
  public static void write(Path file, NdArray array) throws IOException {
    NdArray a = array.widened();
    byte[] header = NpyHeader.write(a.dtype(), a.shape());
    AtomicFile.write(
        file,
        out -> {
          AtomicFile.writeFully(out, ByteBuffer.wrap(header));
          AtomicFile.writeFully(out, a.data());
        });
  }

  /**
   * Reads an array from a stream that should hold {@code size} bytes.
   *
   * @param trusted how many bytes surely exist; more is allocated only as they arrive, so a header
   *     that promises what a compressed stream does not deliver costs little
   */
  static NdArray read(InputStream in, long size, long trusted, Object source) throws IOException {
    NpyHeader header = NpyHeader.read(in, size, source);
    long bytes = size - header.bytes();
    long inMemory = header.shape().elements() * header.kind().dtype.bytes();
    if (inMemory > Integer.MAX_VALUE || bytes > Integer.MAX_VALUE) {
      throw new BadFileException(
          source, -1, "at most 2 GiB", Math.max(bytes, inMemory) + " bytes", "split the array");
    }
    ByteBuffer data = readExactly(in, (int) bytes, trusted, header.bytes(), source);
    return new NdArray(header.kind().dtype, header.shape(), widened(data, header.kind()));
  }

  private static ByteBuffer readExactly(
      InputStream in, int bytes, long trusted, int offset, Object source) throws IOException {
    ByteBuffer data = NdArray.allocate(Math.min(bytes, Math.max(CHUNK, trusted)));
    byte[] chunk = new byte[CHUNK];
    while (data.position() < bytes) {
      if (!data.hasRemaining()) {
        data = NdArray.allocate(Math.min(bytes, 2L * data.capacity())).put(data.flip());
      }
      int n = in.read(chunk, 0, Math.min(CHUNK, data.remaining()));
      if (n < 0) {
        throw new BadFileException(
            source,
            offset + data.position(),
            (bytes - data.position()) + " more bytes",
            "the end",
            "the file is cut short: copy it again");
      }
      data.put(chunk, 0, n);
    }
    return data.flip();
  }

  private static ByteBuffer widened(ByteBuffer data, NpyHeader.Kind kind) {
    int n = data.limit() / kind.bytes;
    if (kind.bytes == kind.dtype.bytes()) {
      return data;
    }
    ByteBuffer wide = NdArray.allocate((long) n * kind.dtype.bytes());
    ByteBuffer narrow = data.order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < n; i++) {
      if (kind.dtype == DType.FLOAT32) {
        wide.putFloat(Half.toFloat(narrow.getShort(2 * i)));
      } else {
        wide.putInt(
            switch (kind) {
              case I1 -> narrow.get(i);
              case I2 -> narrow.getShort(2 * i);
              default -> narrow.getShort(2 * i) & 0xFFFF;
            });
      }
    }
    return wide.flip();
  }
}
