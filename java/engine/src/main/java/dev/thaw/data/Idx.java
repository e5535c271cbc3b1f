package dev.thaw.data;

import dev.thaw.memory.BadFileException;
import dev.thaw.tensor.Shape;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * IDX, the files of MNIST and its descendants: a magic that names type and rank, the sizes in big
 * endian, then bytes; packed by gzip or not.
 */
public final class Idx {
  private static final int IMAGES = 3;
  private static final int LABELS = 1;
  private static final List<String> TRAIN = List.of("train");
  private static final List<String> TEST = List.of("t10k", "test");

  private Idx() {}

  /** Whether {@code folder} holds pictures and labels of {@code part} under MNIST's names. */
  static boolean has(Path folder, Part part) {
    return find(folder, part, "images", IMAGES).isPresent()
        && find(folder, part, "labels", LABELS).isPresent();
  }

  /**
   * Reads one part of a folder with MNIST's names: {@code train-images-idx3-ubyte}, {@code
   * train-labels-idx1-ubyte}, {@code t10k-..}, each with {@code .gz} or not.
   *
   * @param part TRAIN or TEST
   * @throws BadFileException when a file is missing or damaged
   */
  public static Dataset open(Path folder, Part part) throws IOException {
    int[] labels = labels(require(folder, part, "labels", LABELS));
    List<String> classes = ArrayDataset.numbered(labels);
    // The other part may know a class that this one lacks; a model needs all of them.
    Part other = part == Part.TRAIN ? Part.TEST : Part.TRAIN;
    Optional<Path> otherLabels = find(folder, other, "labels", LABELS);
    if (otherLabels.isPresent()) {
      List<String> more = ArrayDataset.numbered(labels(otherLabels.get()));
      classes = more.size() > classes.size() ? more : classes;
    }
    return pictures(part.of(folder), require(folder, part, "images", IMAGES), labels, classes);
  }

  /**
   * Reads pictures and their labels from two files of any name.
   *
   * @throws BadFileException when one is damaged, or their counts differ
   */
  public static Dataset read(Path images, Path labels) throws IOException {
    int[] numbers = labels(labels);
    return pictures(images.toString(), images, numbers, ArrayDataset.numbered(numbers));
  }

  private static Dataset pictures(String name, Path file, int[] labels, List<String> classes)
      throws IOException {
    Contents images = Contents.read(file, IMAGES);
    if (images.sizes[0] != labels.length) {
      throw new BadFileException(
          file,
          4,
          labels.length + " pictures, as there are labels",
          images.sizes[0] + "",
          "the files do not belong together");
    }
    Shape shape = Shape.of(images.sizes[1], images.sizes[2], 1);
    return ArrayDataset.of(name, shape, images.bytes, labels, classes);
  }

  private static int[] labels(Path file) throws IOException {
    byte[] bytes = Contents.read(file, LABELS).bytes;
    int[] labels = new int[bytes.length];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = bytes[i] & 0xFF;
    }
    return labels;
  }

  private static Path require(Path folder, Part part, String what, int rank) throws IOException {
    return find(folder, part, what, rank)
        .orElseThrow(
            () ->
                new BadFileException(
                    folder,
                    -1,
                    name(part, what, rank) + " or " + name(part, what, rank) + ".gz",
                    "neither",
                    "fetch it, or name another folder"));
  }

  private static Optional<Path> find(Path folder, Part part, String what, int rank) {
    for (String prefix : part == Part.TRAIN ? TRAIN : TEST) {
      for (String separator : List.of("-", ".")) {
        for (String packed : List.of("", ".gz")) {
          Path file =
              folder.resolve(prefix + "-" + what + separator + "idx" + rank + "-ubyte" + packed);
          if (Files.isRegularFile(file)) {
            return Optional.of(file);
          }
        }
      }
    }
    return Optional.empty();
  }

  private static String name(Part part, String what, int rank) {
    return (part == Part.TRAIN ? "train-" : "t10k-") + what + "-idx" + rank + "-ubyte";
  }

  /** The unsigned bytes of one file and their sizes. */
  private record Contents(int[] sizes, byte[] bytes) {
    static Contents read(Path file, int rank) throws IOException {
      boolean packed = file.toString().endsWith(".gz");
      try (InputStream raw = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
          InputStream in = packed ? new GZIPInputStream(raw, 1 << 16) : raw) {
        return read(file, in, rank);
      } catch (EOFException | ZipException e) {
        throw new BadFileException(
            file, -1, "a whole gzip file", e.getMessage() + "", "copy or fetch it again", e);
      }
    }

    private static Contents read(Path file, InputStream in, int rank) throws IOException {
      byte[] head = in.readNBytes(4 + 4 * rank);
      if (head.length < 4 + 4 * rank
          || head[0] != 0
          || head[1] != 0
          || head[2] != 8
          || head[3] != rank) {
        throw new BadFileException(
            file,
            0,
            "00 00 08 0" + rank + " and " + rank + " sizes",
            hex(head),
            "it is not an IDX file of bytes with " + rank + " dimensions");
      }
      int[] sizes = new int[rank];
      long total = 1;
      for (int i = 0; i < rank; i++) {
        for (int b = 0; b < 4; b++) {
          sizes[i] = (sizes[i] << 8) | (head[4 + 4 * i + b] & 0xFF);
        }
        total = sizes[i] < 0 || total > Integer.MAX_VALUE ? Long.MAX_VALUE : total * sizes[i];
      }
      if (total > Integer.MAX_VALUE - 8) {
        throw new BadFileException(
            file, 4, "sizes of less than 2 GiB in all", hex(head), "the file is damaged");
      }
      // Takes memory as bytes arrive, not as the sizes promise.
      byte[] bytes = in.readNBytes((int) total);
      boolean more = in.read() >= 0; // reaching the end also verifies gzip's checksum
      if (bytes.length < total || more) {
        throw new BadFileException(
            file,
            head.length,
            total + " bytes after the sizes",
            more ? "more" : bytes.length + "",
            "the file is damaged: copy or fetch it again");
      }
      return new Contents(sizes, bytes);
    }

    private static String hex(byte[] bytes) {
      StringBuilder text = new StringBuilder();
      for (byte b : bytes) {
        text.append(text.isEmpty() ? "" : " ").append(String.format("%02x", b));
      }
      return text.isEmpty() ? "an empty file" : text.toString();
    }
  }
}
