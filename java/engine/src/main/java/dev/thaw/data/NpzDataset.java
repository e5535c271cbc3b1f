package dev.thaw.data;

import dev.thaw.memory.BadFileException;
import dev.thaw.tensor.Shape;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/**
 * numpy's archive with examples {@code x} and labels {@code y}; or {@code x_train}, {@code
 * y_train}, {@code x_val}, {@code y_val}, {@code x_test}, {@code y_test}.
 *
 * <p>x is [n, h, w] or [n, h, w, c] of uint8 on the 0..255 scale, or float32 or float64 of any
 * shape [n, ..], taken as it is; y is [n] or [n, 1] of integers from 0.
 */
public final class NpzDataset {
  private static final int MOST_CLASSES = 100_000;

  private NpzDataset() {}

  /** Whether the archive holds arrays for {@code part}. */
  static boolean has(Path file, Part part) throws IOException {
    try (ZipFile zip = NpyEntry.openZip(file)) {
      return find(zip, 'x', part) != null && find(zip, 'y', part) != null;
    }
  }

  /**
   * Reads one part into memory.
   *
   * @throws BadFileException when an array is missing, damaged, or of another kind or shape
   */
  public static Dataset open(Path file, Part part) throws IOException {
    try (ZipFile zip = NpyEntry.openZip(file)) {
      NpyEntry x = NpyEntry.read(file, zip, require(file, zip, 'x', part));
      int[] labels = labels(NpyEntry.read(file, zip, require(file, zip, 'y', part)));
      if (x.dims().length < 2 || x.dims()[0] != labels.length) {
        throw x.refusal(
            "[" + labels.length + ", ..], an example for each label",
            Arrays.toString(x.dims()),
            "save x and y of one length");
      }
      List<String> classes = ArrayDataset.numbered(labels);
      for (Part other : Part.values()) {
        ZipEntry more = other == part ? null : find(zip, 'y', other);
        if (more != null) { // another part may know a class that this one lacks
          List<String> names = ArrayDataset.numbered(labels(NpyEntry.read(file, zip, more)));
          classes = names.size() > classes.size() ? names : classes;
        }
      }
      String name = part.of(file);
      return x.kind().equals("u1")
          ? ArrayDataset.of(name, pictures(x), x.bytes(), labels, classes)
          : ArrayDataset.of(name, floats(x), x.floats(), labels, classes);
    } catch (ZipException | EOFException e) {
      throw NpyEntry.damaged(file, e);
    }
  }

  /** [h, w, c] of uint8 examples. */
  private static Shape pictures(NpyEntry x) throws BadFileException {
    int[] d = x.dims();
    boolean channelsFirst = d.length == 4 && d[3] > 4 && (d[1] == 1 || d[1] == 3);
    if (channelsFirst || d.length < 3 || d.length > 4) {
      throw x.refusal(
          "pictures [n, h, w] or [n, h, w, c]",
          Arrays.toString(d),
          channelsFirst ? "save x.transpose(0, 2, 3, 1)" : "reshape x before saving");
    }
    return Shape.of(d[1], d[2], d.length == 4 ? d[3] : 1);
  }

  /** Shape of float examples; [n, h, w] gets its one channel. */
  private static Shape floats(NpyEntry x) throws BadFileException {
    if (!x.kind().startsWith("f")) {
      throw x.refusal("uint8, float32 or float64", x.kind(), "save x.astype('u1') or 'f4'");
    }
    int[] d = x.dims();
    if (d.length == 4 && d[3] > 4 && (d[1] == 1 || d[1] == 3)) {
      return pictures(x); // refuses
    }
    return d.length == 3 ? Shape.of(d[1], d[2], 1) : Shape.of(Arrays.copyOfRange(d, 1, d.length));
  }

  private static int[] labels(NpyEntry y) throws BadFileException {
    int[] d = y.dims();
    if (y.kind().startsWith("f") || d.length < 1 || d.length > 2 || (d.length == 2 && d[1] != 1)) {
      throw y.refusal(
          "integers [n]",
          y.kind() + " " + Arrays.toString(d),
          "save y.argmax(1) of one-hot labels, or y.astype('i8')");
    }
    int[] labels = new int[d[0]];
    for (int i = 0; i < labels.length; i++) {
      long label = y.integer(i);
      if (label < 0 || label >= MOST_CLASSES) {
        throw y.refusal(
            "labels from 0 to " + (MOST_CLASSES - 1), label + " at " + i, "number classes from 0");
      }
      labels[i] = (int) label;
    }
    return labels;
  }

  private static ZipEntry require(Path file, ZipFile zip, char what, Part part)
      throws BadFileException {
    ZipEntry entry = find(zip, what, part);
    if (entry == null) {
      throw new BadFileException(
          file,
          -1,
          part == Part.TRAIN
              ? "an array " + what + " or " + what + "_train"
              : "an array " + what + "_" + word(part),
          zip.stream().limit(10).map(ZipEntry::getName).toList().toString(),
          "save it with numpy.savez");
    }
    return entry;
  }

  private static @Nullable ZipEntry find(ZipFile zip, char what, Part part) {
    ZipEntry named = zip.getEntry(what + "_" + word(part) + ".npy");
    return named == null && part == Part.TRAIN ? zip.getEntry(what + ".npy") : named;
  }

  private static String word(Part part) {
    return switch (part) {
      case TRAIN -> "train";
      case VALIDATION -> "val";
      case TEST -> "test";
    };
  }
}
