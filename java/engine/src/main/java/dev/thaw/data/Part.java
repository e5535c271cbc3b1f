package dev.thaw.data;

import java.nio.file.Path;
import java.util.Locale;

/** What a share of a data set is for. */
public enum Part {
  /** Learned from. */
  TRAIN,
  /** Looked at while training: when to stop, which rate. */
  VALIDATION,
  /** Looked at once, at the end. */
  TEST;

  /** {@code mnist/train}: the data's name with this part's. */
  String of(Path data) {
    return lastName(data) + "/" + word();
  }

  /** The lower-case name. */
  String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The last part of a path, also of {@code "."} and {@code "/"}. */
  static String lastName(Path path) {
    Path whole = path.toAbsolutePath().normalize();
    return whole.getNameCount() == 0 ? "/" : whole.getFileName().toString();
  }
}
