package dev.thaw.lessons;

import dev.thaw.backend.Devices;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Runs a lesson by its number, and the few things every lesson does. */
public final class Lesson {
  /** What a lesson is: a program that prints, checks its numbers and leaves a picture. */
  @FunctionalInterface
  interface Program {
    void run(Path folder) throws IOException;
  }

  private static final List<Program> ALL =
      List.of(
          TensorAndTape::run,
          NetThatLearns::run,
          SwapAndFreeze::run,
          FromJavaToTheCard::run,
          EditAKernel::run);

  private Lesson() {}

  /**
   * Runs lesson {@code args[0]}, 1 to 5; its picture goes to the folder {@code args[1]}, or the
   * current one. Ends the JVM, 1, where the lesson cannot go on, and 2 where there is no such one.
   */
  public static void main(String[] args) {
    int code = run(args);
    if (code != 0) {
      System.exit(code);
    }
  }

  /** The exit code; a failure is one line. */
  static int run(String... args) {
    int number = args.length > 0 && args[0].matches("\\d{1,2}") ? Integer.parseInt(args[0]) : 0;
    if (number < 1 || number > ALL.size()) {
      System.err.println("lesson: which one? 1 to " + ALL.size() + ": ./thaw lesson 1 [FOLDER]");
      return 2;
    }
    try {
      Path folder = Path.of(args.length > 1 ? args[1] : ".");
      Files.createDirectories(folder);
      ALL.get(number - 1).run(folder);
      return 0;
    } catch (FileSystemException e) {
      System.err.println(
          "lesson: cannot write there: " + e.getMessage() + ", " + e.getClass().getSimpleName());
    } catch (IOException | IllegalStateException | OutOfMemoryError e) {
      System.err.println("lesson: " + e.getMessage());
    }
    return 1;
  }

  static void say(String text, Object... values) {
    System.out.println(String.format(Locale.ROOT, text, values));
  }

  /** A number of the page, held to what the program found. */
  static void expect(String what, double expected, double found, double tolerance) {
    if (!(Math.abs(expected - found) <= tolerance)) {
      throw new IllegalStateException(
          what + " should be " + expected + " ± " + tolerance + ", found " + found);
    }
  }

  /** Why this runs on no card, in one line. */
  static String whyNoCard() {
    try {
      return "the lesson was asked to run beside " + Devices.get("cuda").describe();
    } catch (IllegalStateException e) {
      return String.valueOf(e.getMessage());
    }
  }

  static void save(Path folder, String name, String picture) throws IOException {
    Path file = folder.resolve(name);
    Files.writeString(file, picture);
    say("picture: %s", file);
  }
}
