package dev.thaw.data;

import dev.thaw.memory.BadFileException;
import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A folder with a folder of pictures for each class. Classes and files are in the order of their
 * names; a picture is decoded and fitted when it is read, on the thread that reads.
 */
public final class ImageFolder implements Dataset {
  private static final List<String> SUFFIXES = List.of(".png", ".jpg", ".jpeg", ".bmp", ".gif");

  private static final List<String> PARTS = List.of("train", "val", "valid", "validation", "test");

  /** How many pictures are looked at to find out whether all have one size. */
  private static final int LOOKED_AT = 32;

  private final String name;
  private final Shape shape;
  private final List<String> classes;
  private final List<Path> files;
  private final int[] labels;

  private ImageFolder(
      String name, Shape shape, List<String> classes, List<Path> files, int[] labels) {
    this.name = name;
    this.shape = shape;
    this.classes = classes;
    this.files = files;
    this.labels = labels;
  }

  /** Whether {@code folder} holds at least one folder with a picture in it. */
  static boolean has(Path folder) throws IOException {
    for (Path inner : folders(folder)) {
      if (!pictures(inner).isEmpty()) {
        return true;
      }
    }
    return false;
  }

  /** Names of the class folders, in order. */
  static List<String> classNames(Path folder) throws IOException {
    return folders(folder).stream().map(f -> f.getFileName().toString()).toList();
  }

  /**
   * Opens a folder, whose class folders give the classes.
   *
   * @param target [h, w, c] to which each picture is fitted ({@link Picture#fitted}); null to take
   *     the pictures' own where they are all alike
   * @throws BadFileException when a class has no picture, or without a target sizes differ
   */
  public static ImageFolder open(Path folder, @Nullable Shape target) throws IOException {
    ImageFolder opened = open(folder, target, classNames(folder));
    int[] counts = new int[opened.classes.size()];
    for (int label : opened.labels) {
      counts[label]++;
    }
    for (int label = 0; label < counts.length; label++) {
      if (counts[label] == 0) {
        throw new BadFileException(
            folder.resolve(opened.classes.get(label)),
            -1,
            "pictures (" + String.join(" ", SUFFIXES) + ")",
            "none",
            "add some, or remove the folder");
      }
    }
    return opened;
  }

  /**
   * Opens a folder whose classes are given, as a test part's are by its training part.
   *
   * @param classes by label; a class without a folder has no pictures here
   * @throws BadFileException when a class folder is not among them, or as {@link #open(Path,
   *     Shape)}
   */
  public static ImageFolder open(Path folder, @Nullable Shape target, List<String> classes)
      throws IOException {
    List<Path> files = new ArrayList<>();
    List<Integer> labels = new ArrayList<>();
    for (Path inner : folders(folder)) {
      int label = classes.indexOf(inner.getFileName().toString());
      if (label < 0) {
        throw new BadFileException(
            inner, -1, "one of the classes " + classes, "another", "rename or remove the folder");
      }
      for (Path picture : pictures(inner)) {
        files.add(picture);
        labels.add(label);
      }
    }
    if (files.isEmpty()) {
      throw new BadFileException(
          folder, -1, "folders of pictures, one for each class", "none", "name another folder");
    }
    Shape shape = target != null ? target : commonShape(folder, files);
    return new ImageFolder(
        nameOf(folder),
        shape,
        List.copyOf(classes),
        files,
        labels.stream().mapToInt(Integer::intValue).toArray());
  }

  /** The size of all pictures, judged by some; three channels if any of those has them. */
  private static Shape commonShape(Path folder, List<Path> files) throws IOException {
    Shape common = Picture.read(files.get(0)).shape();
    int look = Math.min(LOOKED_AT, files.size());
    for (int i = 1; i < look; i++) {
      Path file = files.get((int) ((long) i * (files.size() - 1) / Math.max(1, look - 1)));
      Shape shape = Picture.read(file).shape();
      if (shape.dim(0) != common.dim(0) || shape.dim(1) != common.dim(1)) {
        throw new BadFileException(
            folder,
            -1,
            "pictures of one size, or a target size",
            common + " and " + shape + " without a target",
            "choose a model with an input size, or give one");
      }
      common = common.with(2, Math.max(common.dim(2), shape.dim(2)));
    }
    return common;
  }

  /** {@code pets/train} for a part below its data, {@code pets} for data without parts. */
  private static String nameOf(Path folder) {
    String name = Part.lastName(folder);
    return PARTS.contains(name) ? Part.lastName(folder.resolve("..")) + "/" + name : name;
  }

  private static List<Path> folders(Path folder) throws IOException {
    try (Stream<Path> inner = Files.list(folder)) {
      return inner
          .filter(p -> Files.isDirectory(p) && visible(p))
          .sorted(ImageFolder::byName)
          .toList();
    }
  }

  private static List<Path> pictures(Path folder) throws IOException {
    try (Stream<Path> inner = Files.list(folder)) {
      return inner
          .filter(p -> visible(p) && isPicture(p) && Files.isRegularFile(p))
          .sorted(ImageFolder::byName)
          .toList();
    }
  }

  private static int byName(Path a, Path b) {
    return a.getFileName().toString().compareTo(b.getFileName().toString());
  }

  /** Not what archivers and file managers leave behind. */
  private static boolean visible(Path p) {
    String name = p.getFileName().toString();
    return !name.startsWith(".") && !name.startsWith("__");
  }

  private static boolean isPicture(Path p) {
    String name = p.getFileName().toString().toLowerCase(Locale.ROOT);
    return SUFFIXES.stream().anyMatch(name::endsWith);
  }

  /** The file of example {@code index}. */
  public Path file(int index) {
    return files.get(index);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int size() {
    return labels.length;
  }

  @Override
  public Shape shape() {
    return shape;
  }

  @Override
  public DType dtype() {
    return DType.UINT8;
  }

  @Override
  public List<String> classes() {
    return classes;
  }

  @Override
  public int label(int index) {
    return labels[index];
  }

  @Override
  public void read(int index, ByteBuffer to) throws IOException {
    to.put(Picture.read(files.get(index)).fitted(shape).pixels());
  }
}
