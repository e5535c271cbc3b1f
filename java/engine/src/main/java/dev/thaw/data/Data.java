package dev.thaw.data;

import dev.thaw.memory.BadFileException;
import dev.thaw.memory.Check;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A data set of whatever kind, recognised by looking: a folder with IDX files, with CIFAR's binary
 * batches, or with class folders of pictures (below {@code train}, {@code val} and {@code test}, or
 * directly), an .npz, or {@code embedded}, the characters that the engine draws.
 *
 * <p>A part is read when first asked for. For one thread at a time; what it gives is for any
 * number.
 */
public final class Data {
  private static final int EMBEDDED_TRAIN = 8000;
  private static final int EMBEDDED_TEST = 2000;
  private static final int LISTED = 8;
  private static final Pattern PACKED = Pattern.compile("\\.(zip|tar|tgz|gz)\\b");

  /** The kinds of data that are recognised. */
  public enum Kind {
    /** {@link Idx}. */
    IDX,
    /** {@link CifarBinary}. */
    CIFAR,
    /** {@link ImageFolder}. */
    FOLDER,
    /** {@link NpzDataset}. */
    NPZ,
    /** {@link EmbeddedCharacters}. */
    EMBEDDED
  }

  /**
   * How to open.
   *
   * @param target [h, w, c] to which pictures are fitted; null for their own
   * @param holdout share of the training part that becomes the validation part where there is none;
   *     0 for none
   * @param seed of the holdout and of drawn characters
   */
  public record Options(@Nullable Shape target, double holdout, long seed) {
    /** Pictures as they are, nothing held out, seed 0. */
    public static final Options DEFAULT = new Options(null, 0, 0);

    /**
     * Checks the share.
     *
     * @throws IllegalArgumentException when it is not in 0..1
     */
    public Options {
      Check.that(holdout >= 0 && holdout < 1, "data: holdout %s is not in 0..1", holdout);
    }
  }

  private final String name;
  private final Kind kind;
  private final Options options;
  private final Source source;
  private final Map<Part, Dataset> opened = new EnumMap<>(Part.class);

  /** The parts of one kind of data, as they are on disk. */
  private interface Source {
    boolean has(Part part) throws IOException;

    Dataset open(Part part) throws IOException;
  }

  private Data(String name, Kind kind, Options options, Source source) {
    this.name = name;
    this.kind = kind;
    this.options = options;
    this.source = source;
  }

  /**
   * Opens data with {@link Options#DEFAULT}.
   *
   * @throws IOException as {@link #open(String, Options)}
   */
  public static Data open(String where) throws IOException {
    return open(where, Options.DEFAULT);
  }

  /**
   * Opens data.
   *
   * @param where a folder, a file, or {@code embedded} (letters), {@code embedded:digits}
   * @throws BadFileException when nothing is recognised, saying what was found
   * @throws IOException when it is not there or cannot be read
   */
  public static Data open(String where, Options options) throws IOException {
    if (where.equals("embedded") || where.startsWith("embedded:")) {
      return new Data(where, Kind.EMBEDDED, options, new Drawn(alphabet(where), options.seed));
    }
    Path path = path(where);
    if (!Files.exists(path)) {
      throw new NoSuchFileException(
          BadFileException.oneLine(
              where + ": there is no such file or folder; name one that holds data, or: embedded"));
    }
    if (path.toString().toLowerCase(Locale.ROOT).endsWith(".npz")) {
      return new Data(where, Kind.NPZ, options, new Archive(path));
    }
    if (Files.isDirectory(path)) {
      Source idx = new IdxFiles(path);
      if (idx.has(Part.TRAIN) || idx.has(Part.TEST)) {
        return new Data(where, Kind.IDX, options, idx);
      }
      Source cifar = new CifarFiles(path);
      if (cifar.has(Part.TRAIN) || cifar.has(Part.TEST)) {
        return new Data(where, Kind.CIFAR, options, cifar);
      }
      Source folders = new Folders(path, options.target);
      for (Part part : Part.values()) {
        if (folders.has(part)) {
          return new Data(where, Kind.FOLDER, options, folders);
        }
      }
    }
    throw unknown(path);
  }

  private static Alphabet alphabet(String where) throws BadFileException {
    return switch (where) {
      case "embedded", "embedded:letters" -> Alphabet.LETTERS;
      case "embedded:digits" -> Alphabet.DIGITS;
      default ->
          throw new BadFileException(
              where,
              -1,
              "embedded, embedded:letters or embedded:digits",
              where,
              "name one of them");
    };
  }

  private static Path path(String where) throws IOException {
    try {
      return Path.of(where);
    } catch (InvalidPathException e) {
      throw new BadFileException(where, -1, "a path", e.getReason(), "name a file or folder", e);
    }
  }

  private static BadFileException unknown(Path path) throws IOException {
    String found = "a file that is no .npz";
    if (Files.isDirectory(path)) {
      try (Stream<Path> inner = Files.list(path)) {
        List<String> names =
            inner
                .map(p -> p.getFileName() + (Files.isDirectory(p) ? "/" : ""))
                .sorted()
                .limit(LISTED + 1)
                .toList();
        found =
            names.isEmpty()
                ? "an empty folder"
                : String.join(", ", names.subList(0, Math.min(LISTED, names.size())))
                    + (names.size() > LISTED ? " .." : "");
      }
    }
    boolean packed = PACKED.matcher(found).find() || PACKED.matcher(path.toString()).find();
    return new BadFileException(
        path,
        -1,
        "train-images-idx3-ubyte[.gz] and its three companions, data_batch_1.bin,"
            + " folders of pictures by class, or an .npz with x and y",
        found,
        packed ? "unpack the archive and name its folder" : "name another folder");
  }

  /** The words that opened it. */
  public String name() {
    return name;
  }

  /** What it turned out to be. */
  public Kind kind() {
    return kind;
  }

  /** Whether there is such a part, of its own or held out. */
  public boolean has(Part part) throws IOException {
    return source.has(part) || (part == Part.VALIDATION && holdsOut());
  }

  /** To learn from: the training part without what is held out. */
  public Dataset train() throws IOException {
    return part(Part.TRAIN);
  }

  /**
   * To look at while training: the validation part, else the test part.
   *
   * @throws BadFileException when there is neither
   */
  public Dataset validation() throws IOException {
    return has(Part.VALIDATION) || !has(Part.TEST) ? part(Part.VALIDATION) : part(Part.TEST);
  }

  /**
   * To judge by: the test part, else the validation part.
   *
   * @throws BadFileException when there is neither
   */
  public Dataset test() throws IOException {
    return has(Part.TEST) || !has(Part.VALIDATION) ? part(Part.TEST) : part(Part.VALIDATION);
  }

  /**
   * A part.
   *
   * @throws BadFileException when there is none of this kind, or it is damaged
   */
  public Dataset part(Part part) throws IOException {
    Dataset found = opened.get(part);
    if (found != null) {
      return found;
    }
    if (holdsOut() && part != Part.TEST) {
      Dataset.Split split = read(Part.TRAIN).holdout(options.holdout, options.seed);
      opened.put(Part.TRAIN, split.rest());
      opened.put(Part.VALIDATION, split.held());
      return part == Part.TRAIN ? split.rest() : split.held();
    }
    Dataset read = read(part);
    opened.put(part, read);
    return read;
  }

  private boolean holdsOut() throws IOException {
    return options.holdout > 0 && !source.has(Part.VALIDATION) && source.has(Part.TRAIN);
  }

  private Dataset read(Part part) throws IOException {
    if (!source.has(part)) {
      StringBuilder present = new StringBuilder();
      for (Part p : Part.values()) {
        present.append(source.has(p) ? (present.isEmpty() ? "" : ", ") + p.word() : "");
      }
      throw new BadFileException(
          name,
          -1,
          "a " + part.word() + " part",
          "only " + present,
          part == Part.TRAIN ? "name data to learn from" : "add one, or hold out a share, say 0.1");
    }
    Dataset read = source.open(part);
    return options.target == null ? read : read.fitted(options.target);
  }

  private record Drawn(Alphabet alphabet, long seed) implements Source {
    @Override
    public boolean has(Part part) {
      return part != Part.VALIDATION;
    }

    @Override
    public Dataset open(Part part) {
      int count = part == Part.TRAIN ? EMBEDDED_TRAIN : EMBEDDED_TEST;
      return EmbeddedCharacters.draw(alphabet, part, count, seed);
    }
  }

  private record IdxFiles(Path folder) implements Source {
    @Override
    public boolean has(Part part) {
      return part != Part.VALIDATION && Idx.has(folder, part);
    }

    @Override
    public Dataset open(Part part) throws IOException {
      return Idx.open(folder, part);
    }
  }

  private record CifarFiles(Path folder) implements Source {
    @Override
    public boolean has(Part part) {
      return CifarBinary.has(folder, part);
    }

    @Override
    public Dataset open(Part part) throws IOException {
      return CifarBinary.open(folder, part);
    }
  }

  private record Archive(Path file) implements Source {
    @Override
    public boolean has(Part part) throws IOException {
      return NpzDataset.has(file, part);
    }

    @Override
    public Dataset open(Part part) throws IOException {
      return NpzDataset.open(file, part);
    }
  }

  /** Class folders below train, val and test; without those, the folder is the training part. */
  private record Folders(Path folder, @Nullable Shape target) implements Source {
    private static final Map<Part, List<String>> NAMES =
        Map.of(
            Part.TRAIN, List.of("train"),
            Part.VALIDATION, List.of("val", "valid", "validation"),
            Part.TEST, List.of("test"));

    @Override
    public boolean has(Part part) throws IOException {
      return find(part) != null;
    }

    @Override
    public Dataset open(Part part) throws IOException {
      Path train = find(Part.TRAIN);
      Path wanted = find(part);
      if (wanted == null) {
        throw new NoSuchFileException(folder + ": there is no " + part.word() + " folder");
      }
      if (train == null || part == Part.TRAIN) {
        return ImageFolder.open(wanted, target);
      }
      // Classes and size are the training part's, whatever this one happens to hold.
      Dataset first = ImageFolder.open(train, target);
      return ImageFolder.open(wanted, first.shape(), first.classes());
    }

    private @Nullable Path find(Part part) throws IOException {
      boolean parted = false;
      for (Map.Entry<Part, List<String>> e : NAMES.entrySet()) {
        for (String name : e.getValue()) {
          Path inner = folder.resolve(name);
          if (Files.isDirectory(inner) && ImageFolder.has(inner)) {
            parted = true;
            if (e.getKey() == part) {
              return inner;
            }
          }
        }
      }
      return !parted && part == Part.TRAIN && ImageFolder.has(folder) ? folder : null;
    }
  }
}
