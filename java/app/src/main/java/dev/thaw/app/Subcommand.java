package dev.thaw.app;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.io.Json;
import dev.thaw.memory.Check;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/**
 * What every command shares: where its words go. {@link #say} is progress and goes to standard
 * error; {@link #print} is the result and goes to standard output, unless that is to be one JSON
 * object: the map that {@link #run} returns.
 */
@Command(mixinStandardHelpOptions = true, versionProvider = Main.Version.class)
abstract class Subcommand implements Callable<Integer> {
  private static final List<String> KINDS = List.of("plain", "cpu", "cuda", "best");

  @ParentCommand private Main main;
  @Spec private CommandSpec spec;

  /**
   * Does the work.
   *
   * @return what {@code --json} prints
   * @throws Exception whose line and exit code {@link Failure} knows
   */
  abstract Map<String, Object> run() throws Exception;

  @Override
  public final Integer call() throws Exception {
    Map<String, Object> result;
    try {
      if (main.threads() != null) {
        setThreads(main.threads());
      }
      if (main.kernels() != null) {
        setKernels(main.kernels());
      }
      result = run();
    } catch (Error e) {
      // Out of memory, or a class or library that cannot be loaded: one line as well.
      throw new IllegalStateException(e.getMessage() == null ? e.toString() : e.getMessage(), e);
    }
    if (main.json()) {
      out().println(Json.write(result));
      out().flush();
    }
    return Main.DONE;
  }

  /** Likewise. */
  private static void setKernels(Path folder) {
    Check.that(Files.isDirectory(folder), "--kernels: %s is no folder", folder);
    System.setProperty("thaw.cuda.kernels", folder.toString());
  }

  /** Read by backends as they are opened, which is later. */
  private static void setThreads(int threads) {
    Check.that(threads > 0 && threads <= 1024, "--threads: %d is not in 1..1024", threads);
    System.setProperty("thaw.threads", Integer.toString(threads));
  }

  /**
   * The backend that {@code --device} names.
   *
   * @throws ParameterException when there is no such kind of device
   * @throws IllegalStateException when it cannot be had, with cause and remedy
   */
  final Backend backend() {
    String name = main.device();
    List<String> kinds = Devices.kinds();
    String kind = name.contains(":") ? name.substring(0, name.indexOf(':')) : name;
    if (!KINDS.contains(kind) && !kinds.contains(kind)) {
      throw wrong("--device: '%s' is unknown, say one of %s", name, String.join(", ", KINDS));
    }
    if (main.kernels() == null) {
      return Devices.get(name);
    }
    // Asked for kernels of a card, nothing else is the best.
    if (!kind.equals("best") && !kind.startsWith("cuda")) {
      throw wrong("--kernels: %s does not compute with them, cuda does", name);
    }
    return Devices.get(kind.equals("best") ? "cuda" : name);
  }

  /** Whether the result is to be JSON. */
  final boolean json() {
    return main.json();
  }

  /** The command's name, {@code pretrain}. */
  final String name() {
    return spec.name();
  }

  /** The command that goes on with this one from {@code checkpoint}, as it could be typed. */
  final String resumeCommand(Path checkpoint) {
    List<String> words = new ArrayList<>(List.of("thaw"));
    words.addAll(spec.root().commandLine().getParseResult().originalArgs());
    if (!words.contains("--resume")) {
      words.add("--resume");
    }
    boolean named = words.stream().anyMatch(w -> w.matches("--checkpoint(=.*)?"));
    if (!named) {
      words.add("--checkpoint=" + checkpoint);
    }
    return words.stream()
        .map(w -> w.matches("[\\w./:,=+-]+") ? w : "'" + w.replace("'", "'\\''") + "'")
        .collect(Collectors.joining(" "));
  }

  /** Progress or a note: a line on standard error. */
  final void say(String format, @Nullable Object... values) {
    err().println(values.length == 0 ? format : String.format(Locale.ROOT, format, values));
  }

  /** A line of the result on standard output; nothing under {@code --json}. */
  final void print(String format, @Nullable Object... values) {
    if (!main.json()) {
      out().println(values.length == 0 ? format : String.format(Locale.ROOT, format, values));
    }
  }

  /** Standard output. */
  private PrintWriter out() {
    return spec.commandLine().getOut();
  }

  /** Standard error. */
  final PrintWriter err() {
    return spec.commandLine().getErr();
  }

  /**
   * A JSON object with its members in this order.
   *
   * @param pairs name, value, name, value ..
   */
  static Map<String, Object> fields(@Nullable Object... pairs) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put((String) pairs[i], pairs[i + 1]);
    }
    return map;
  }

  /** The refusal of words that the parser let through. */
  final ParameterException wrong(String format, Object... values) {
    return new ParameterException(spec.commandLine(), String.format(Locale.ROOT, format, values));
  }
}
