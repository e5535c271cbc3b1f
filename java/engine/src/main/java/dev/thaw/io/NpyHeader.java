package dev.thaw.io;

import dev.thaw.memory.BadFileException;
import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What stands before the numbers of a .npy file: a magic, a version, a length and a Python
 * dictionary of three entries, {@code {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}}.
 *
 * @param kind type of an element in the file
 * @param shape sizes, outermost first
 * @param bytes length of all this; the numbers follow
 */
record NpyHeader(Kind kind, Shape shape, int bytes) {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int LONGEST = 0xFFFF;
  private static final int MOST_DIMENSIONS = 64;

  /** One entry of the dictionary: a text, a truth or a tuple of integers. */
  private static final Pattern ENTRY =
      Pattern.compile(
          "\\G\\s*+'(\\w++)'\\s*+:\\s*+('[^']*+'|True|False|\\([0-9, ]*+\\))\\s*+(,|$)");

  /** numpy's types that are read, and what they become: what DType lacks is widened. */
  enum Kind {
    F4(DType.FLOAT32, 4),
    F8(DType.FLOAT64, 8),
    F2(DType.FLOAT32, 2),
    I8(DType.INT64, 8),
    I4(DType.INT32, 4),
    I2(DType.INT32, 2),
    I1(DType.INT32, 1),
    U2(DType.INT32, 2),
    U1(DType.UINT8, 1),
    B1(DType.UINT8, 1);

    final DType dtype;
    final int bytes;

    Kind(DType dtype, int bytes) {
      this.dtype = dtype;
      this.bytes = bytes;
    }

    /** The kind of numpy's name for a type; null for big endian and for what is not read. */
    static @Nullable Kind of(String descr) {
      for (Kind k : values()) {
        String name = k.name().toLowerCase(Locale.ROOT);
        if (descr.equals("<" + name) || (k.bytes == 1 && descr.equals("|" + name))) {
          return k;
        }
      }
      return null;
    }
  }

  /**
   * Reads a header from the start of {@code in}.
   *
   * @param size how many bytes {@code in} claims to hold; the header must account for all of them
   * @throws BadFileException when it is damaged, or of a kind that is not read
   */
  static NpyHeader read(InputStream in, long size, Object source) throws IOException {
    byte[] start = in.readNBytes(8);
    if (start.length < 8 || !Arrays.equals(start, 0, 6, MAGIC, 0, 6)) {
      throw new BadFileException(
          source, 0, "the magic \\x93NUMPY", "other bytes", "it is not a .npy file, or damaged");
    }
    int version = start[6];
    if (version < 1 || version > 3 || start[7] != 0) {
      throw new BadFileException(
          source, 6, "version 1.0, 2.0 or 3.0", version + "." + start[7], "save it with numpy");
    }
    int lengthBytes = version == 1 ? 2 : 4;
    byte[] length = in.readNBytes(lengthBytes);
    long bytes = 0;
    for (int i = length.length - 1; i >= 0; i--) {
      bytes = (bytes << 8) | (length[i] & 0xFF);
    }
    long most = Math.min(LONGEST, size - 8 - lengthBytes);
    if (length.length < lengthBytes || bytes > most) {
      throw new BadFileException(
          source, 8, "a header of at most " + most + " bytes", bytes + "", "the file is damaged");
    }
    byte[] text = in.readNBytes((int) bytes);
    if (text.length < bytes) {
      throw new BadFileException(
          source, 8, bytes + " bytes of header", text.length + "", "the file is cut short");
    }
    return new Dictionary(source, 8 + lengthBytes, new String(text, StandardCharsets.UTF_8))
        .header(8 + lengthBytes + (int) bytes, size);
  }

  /** Header, version 1.0, padded as numpy pads it: the numbers begin at a multiple of 64. */
  static byte[] write(DType dtype, Shape shape) {
    String descr =
        switch (dtype) {
          case FLOAT32, BFLOAT16 -> "<f4";
          case FLOAT64 -> "<f8";
          case INT32 -> "<i4";
          case INT64 -> "<i8";
          case UINT8 -> "|u1";
        };
    String sizes = Arrays.toString(shape.dims());
    String tuple = sizes.substring(1, sizes.length() - 1) + (shape.rank() == 1 ? "," : "");
    String text = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + tuple + "), }";
    int total = (10 + text.length() + 1 + 63) / 64 * 64;
    byte[] bytes = new byte[total];
    Arrays.fill(bytes, (byte) ' ');
    System.arraycopy(MAGIC, 0, bytes, 0, 6);
    bytes[6] = 1;
    bytes[7] = 0;
    bytes[8] = (byte) (total - 10);
    bytes[9] = (byte) ((total - 10) >>> 8);
    byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(ascii, 0, bytes, 10, ascii.length);
    bytes[total - 1] = '\n';
    return bytes;
  }

  /** The Python dictionary, read as the three entries it must have and nothing else. */
  private record Dictionary(Object source, int offset, String text) {
    NpyHeader header(int headerBytes, long size) throws IOException {
      Map<String, String> entries = entries();
      String descr = entries.get("descr");
      String order = entries.get("fortran_order");
      String tuple = entries.get("shape");
      if (descr == null || order == null || tuple == null || entries.size() != 3) {
        throw notNumbers();
      }
      Kind kind = Kind.of(descr.replace("'", ""));
      if (kind == null) {
        throw refusal(
            "one of the types " + Arrays.toString(Kind.values()) + ", little endian",
            descr,
            "save it with a.astype('<f4') or a.astype('<i8')");
      }
      if (!order.equals("False")) {
        throw refusal(
            "C order", "fortran_order " + order, "save it with numpy.ascontiguousarray(a)");
      }
      int[] dims = dims(tuple);
      long bytes = kind.bytes;
      boolean empty = false;
      for (int d : dims) {
        empty |= d == 0;
        long factor = Math.max(1, d);
        if (Math.multiplyHigh(bytes, factor) != 0 || bytes * factor < 0) {
          throw refusal("fewer than 2^63 bytes", "shape " + tuple, "the file is damaged");
        }
        bytes *= factor;
      }
      if (headerBytes + (empty ? 0 : bytes) != size) {
        throw refusal(
            (empty ? 0 : bytes) + " bytes of numbers for " + descr + " of shape " + tuple,
            (size - headerBytes) + "",
            "the file is damaged: save or copy it again");
      }
      return new NpyHeader(kind, Shape.of(dims), headerBytes);
    }

    private Map<String, String> entries() throws IOException {
      String body = text.strip();
      if (!body.startsWith("{") || !body.endsWith("}")) {
        throw notNumbers();
      }
      body = body.substring(1, body.length() - 1).strip();
      Map<String, String> entries = new HashMap<>();
      Matcher m = ENTRY.matcher(body);
      int end = 0;
      while (m.find()) {
        if (entries.put(m.group(1), m.group(2)) != null) {
          throw refusal(m.group(1) + " once", "it twice", "the file is damaged");
        }
        end = m.end();
      }
      if (end != body.length()) {
        throw notNumbers();
      }
      return entries;
    }

    private int[] dims(String tuple) throws IOException {
      String sizes = tuple.substring(1, tuple.length() - 1).strip();
      if (sizes.isEmpty()) {
        return new int[0];
      }
      String[] parts = sizes.split(",");
      int[] dims = new int[parts.length];
      for (int i = 0; i < dims.length; i++) {
        String part = parts[i].strip();
        long d = part.matches("[0-9]{1,18}") ? Long.parseLong(part) : -1;
        dims[i] = (int) d;
        if (d < 0 || d != dims[i] || dims.length > MOST_DIMENSIONS) {
          throw refusal(
              "at most " + MOST_DIMENSIONS + " sizes below 2^31",
              "shape " + tuple,
              "the file is damaged");
        }
      }
      return dims;
    }

    private BadFileException notNumbers() {
      return refusal(
          "a dictionary of descr, fortran_order and shape",
          text.strip(),
          "save one plain array of numbers with numpy.save");
    }

    private BadFileException refusal(String expected, String found, String remedy) {
      return new BadFileException(source, offset, expected, found, remedy);
    }
  }
}
