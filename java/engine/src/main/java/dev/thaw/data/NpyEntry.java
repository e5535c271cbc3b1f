package dev.thaw.data;

import dev.thaw.memory.BadFileException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/**
 * One array inside an .npz, as a data set needs it: numbers and their shape. (The general reader,
 * {@code dev.thaw.io.Npz}, stands beside this package, not below it.) Sizes are believed only where
 * the archive and the array's own header agree, and memory is taken as bytes arrive.
 *
 * @param source file and array, for messages
 * @param kind numpy's letter and size: u1, i8, f4 ..
 * @param dims sizes, outermost first
 * @param bytes the numbers, little endian
 */
record NpyEntry(String source, String kind, int[] dims, byte[] bytes) {
  private static final Pattern DESCR = Pattern.compile("'descr'\\s*:\\s*'[<|]([fiub][1248])'");
  private static final Pattern C_ORDER = Pattern.compile("'fortran_order'\\s*:\\s*False");
  private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([0-9, ]*)\\)");
  private static final int MOST_DIMENSIONS = 32;
  private static final int LONGEST_HEADER = 0xFFFF;
  private static final long BEST_RATIO = 1032; // of deflate

  static ZipFile openZip(Path file) throws IOException {
    try {
      return new ZipFile(file.toFile());
    } catch (ZipException | IllegalArgumentException e) { // the latter for names that are no UTF-8
      throw damaged(file, e);
    }
  }

  static BadFileException damaged(Object source, Exception e) {
    return new BadFileException(
        source, -1, "a whole zip archive", e.getMessage() + "", "copy or save it again", e);
  }

  static NpyEntry read(Path file, ZipFile zip, ZipEntry entry) throws IOException {
    String source = file + "!" + entry.getName();
    long size = entry.getSize();
    if (size > (entry.getCompressedSize() + 64) * BEST_RATIO) {
      throw new BadFileException(
          source,
          -1,
          "at most " + BEST_RATIO + " times its packed size, " + entry.getCompressedSize(),
          size + " bytes",
          "the file is damaged");
    }
    CRC32 crc = new CRC32();
    try (InputStream in = new CheckedInputStream(zip.getInputStream(entry), crc)) {
      NpyEntry array = read(in, size, source);
      if (in.read() >= 0 || crc.getValue() != entry.getCrc()) {
        throw array.refusal("the archive's checksum", "another", "the file is damaged");
      }
      return array;
    }
  }

  private static NpyEntry read(InputStream in, long size, String source) throws IOException {
    byte[] head = in.readNBytes(12);
    boolean magic = head.length == 12 && head[0] == (byte) 0x93 && head[1] == 'N';
    int first = magic && head[6] == 1 ? 10 : 12; // where the dictionary starts
    ByteBuffer length = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN);
    int bytes = !magic ? -1 : first == 10 ? length.getShort(8) & 0xFFFF : length.getInt(8);
    if (bytes < 2 || bytes > LONGEST_HEADER) {
      throw new BadFileException(
          source, 0, "a .npy array", "something else", "save it with numpy.savez");
    }
    byte[] rest = in.readNBytes(bytes - (12 - first));
    byte[] text = Arrays.copyOf(Arrays.copyOfRange(head, first, 12), bytes);
    System.arraycopy(rest, 0, text, 12 - first, rest.length);
    String dictionary = new String(text, StandardCharsets.UTF_8).strip();
    Matcher descr = DESCR.matcher(dictionary);
    Matcher shape = SHAPE.matcher(dictionary);
    if (!descr.find() || !shape.find() || !C_ORDER.matcher(dictionary).find()) {
      throw new BadFileException(
          source,
          first,
          "little-endian numbers in C order",
          dictionary,
          "save numpy.ascontiguousarray(a).astype('<f4') or 'u1'");
    }
    int[] dims = dims(shape.group(1), source);
    String kind = descr.group(1);
    long total = Character.digit(kind.charAt(1), 10);
    for (int d : dims) {
      total = Math.min(total, 1L << 32) * d; // below 2^62, so it cannot wrap around
    }
    if (total > Integer.MAX_VALUE - 8 || first + bytes + total != size) {
      throw new BadFileException(
          source,
          first,
          (size - first - bytes) + " bytes of numbers, and less than 2 GiB",
          dictionary,
          "the file is damaged, or should be split");
    }
    byte[] numbers = in.readNBytes((int) total);
    if (numbers.length < total) {
      throw new BadFileException(
          source, first + bytes, total + " bytes", numbers.length + "", "the file is damaged");
    }
    return new NpyEntry(source, kind, dims, numbers);
  }

  private static int[] dims(String tuple, String source) throws BadFileException {
    String[] words = tuple.isBlank() ? new String[0] : tuple.split(",");
    int[] dims = new int[words.length];
    for (int i = 0; i < dims.length; i++) {
      String word = words[i].strip();
      if (!word.matches("0*[1-9][0-9]{0,8}") || dims.length > MOST_DIMENSIONS) {
        throw new BadFileException(
            source,
            10,
            "at most " + MOST_DIMENSIONS + " sizes from 1 to 10^9 - 1",
            "(" + tuple + ")",
            "save at least one example");
      }
      dims[i] = Integer.parseInt(word);
    }
    return dims;
  }

  BadFileException refusal(String expected, String found, String remedy) {
    return new BadFileException(source, -1, expected, found, remedy);
  }

  /** All numbers of a floating kind as float32. */
  float[] floats() throws BadFileException {
    ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[bytes.length / (kind.charAt(1) - '0')];
    if (kind.equals("f4")) {
      b.asFloatBuffer().get(values);
    } else if (kind.equals("f8")) {
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) b.getDouble(8 * i);
      }
    } else {
      throw refusal("float32 or float64", kind, "save x.astype('f4')");
    }
    return values;
  }

  /** Number {@code i} of an integer kind. */
  long integer(int i) {
    ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    return switch (kind) {
      case "i1" -> b.get(i);
      case "i2" -> b.getShort(2 * i);
      case "u2" -> b.getShort(2 * i) & 0xFFFF;
      case "i4" -> b.getInt(4 * i);
      case "u4" -> b.getInt(4 * i) & 0xFFFFFFFFL;
      case "i8", "u8" -> b.getLong(8 * i); // beyond 2^63 it turns negative, which no label is
      default -> b.get(i) & 0xFF;
    };
  }
}
