package dev.thaw.data;

import dev.thaw.memory.BadFileException;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * CIFAR-10's binary batches: {@code data_batch_1.bin} to {@code data_batch_5.bin}, {@code
 * test_batch.bin} and {@code batches.meta.txt} with the names. A record is a label and 32 · 32
 * bytes each of red, green and blue.
 *
 * <p>Krizhevsky: Learning multiple layers of features from tiny images (2009).
 */
public final class CifarBinary {
  private static final int SIDE = 32;
  private static final int PLANE = SIDE * SIDE;
  private static final int RECORD = 1 + 3 * PLANE;
  private static final int CLASSES = 10;
  private static final int MOST_BATCHES = 5;

  private CifarBinary() {}

  /** Whether {@code folder} holds batches of {@code part}. */
  static boolean has(Path folder, Part part) {
    return !batches(folder, part).isEmpty();
  }

  /**
   * Reads one part, decoded to rows of pixels, into memory: 154 MB for the training part.
   *
   * @param part TRAIN or TEST
   * @throws BadFileException when there is no batch, or one is damaged
   */
  public static Dataset open(Path folder, Part part) throws IOException {
    List<Path> files = batches(folder, part);
    if (files.isEmpty()) {
      throw new BadFileException(
          folder,
          -1,
          part == Part.TRAIN ? "data_batch_1.bin" : "test_batch.bin",
          "no such file",
          "fetch CIFAR-10's binary version, or name another folder");
    }
    long total = 0;
    for (Path file : files) {
      long size = Files.size(file);
      if (size == 0 || size % RECORD != 0) {
        throw new BadFileException(
            file,
            size - size % RECORD,
            "records of " + RECORD + " bytes",
            size % RECORD + " bytes after the last",
            "copy or fetch it again");
      }
      total += size / RECORD;
    }
    if (total * 3 * PLANE > Integer.MAX_VALUE) {
      throw new BadFileException(folder, -1, "less than 2 GiB", total + " pictures", "use fewer");
    }
    byte[] pixels = new byte[(int) total * 3 * PLANE];
    int[] labels = new int[(int) total];
    int n = 0;
    for (Path file : files) {
      n = read(file, pixels, labels, n);
    }
    return ArrayDataset.of(
        part.of(folder), Shape.of(SIDE, SIDE, 3), pixels, labels, classes(folder));
  }

  private static int read(Path file, byte[] pixels, int[] labels, int from) throws IOException {
    byte[] batch;
    try (InputStream in = Files.newInputStream(file)) {
      batch = in.readNBytes(Math.min(labels.length - from, Integer.MAX_VALUE / RECORD) * RECORD);
    }
    int n = from;
    for (int at = 0; at + RECORD <= batch.length; at += RECORD, n++) {
      labels[n] = batch[at] & 0xFF;
      if (labels[n] >= CLASSES) {
        throw new BadFileException(
            file, at, "a label below " + CLASSES, labels[n] + "", "the file is damaged");
      }
      int to = n * 3 * PLANE;
      for (int i = 0; i < PLANE; i++) {
        for (int channel = 0; channel < 3; channel++) {
          pixels[to++] = batch[at + 1 + channel * PLANE + i];
        }
      }
    }
    return n;
  }

  private static List<Path> batches(Path folder, Part part) {
    List<Path> files = new ArrayList<>();
    if (part == Part.TEST) {
      files.add(folder.resolve("test_batch.bin"));
    } else if (part == Part.TRAIN) {
      for (int i = 1; i <= MOST_BATCHES; i++) {
        files.add(folder.resolve("data_batch_" + i + ".bin"));
      }
    }
    files.removeIf(f -> !Files.isRegularFile(f));
    return files;
  }

  private static List<String> classes(Path folder) throws IOException {
    Path names = folder.resolve("batches.meta.txt");
    if (!Files.isRegularFile(names)) {
      return List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");
    }
    // Decoded so that no byte is an error: Files.readAllLines would throw at the first odd one.
    List<String> lines =
        new String(Files.readAllBytes(names), StandardCharsets.UTF_8)
            .lines()
            .map(String::strip)
            .filter(line -> !line.isEmpty())
            .toList();
    if (lines.size() != CLASSES) {
      throw new BadFileException(
          names, -1, CLASSES + " names of classes", lines.size() + "", "correct or remove it");
    }
    return lines;
  }
}
