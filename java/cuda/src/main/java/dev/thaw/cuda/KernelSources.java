package dev.thaw.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The text of our kernels: {@code thaw.cu} and all that it includes.
 *
 * @param files by name
 */
record KernelSources(Map<String, String> files) {
  /** Where reading begins. */
  static final String ROOT = "thaw.cu";

  private static final Pattern INCLUDE = Pattern.compile("(?m)^\\s*#\\s*include\\s+\"([^\"]+)\"");

  /** What only the tests' host shim is for. */
  private static final String HOST_ONLY = "cuda_on_cpu.h";

  /**
   * Reads the files that the jar carries.
   *
   * @param edited a folder whose files stand in for those of the jar, or null
   * @param more files to be read beside them, with all that they include
   * @throws NoSuchFileException when the folder does not exist, or a file is nowhere
   */
  static KernelSources read(@Nullable Path edited, String... more) throws IOException {
    if (edited != null && !Files.isDirectory(edited)) {
      throw new NoSuchFileException(
          edited + " is no folder; name one that holds edited .cu files of kernels/");
    }
    Map<String, String> files = new TreeMap<>();
    Deque<String> open = new ArrayDeque<>();
    open.add(ROOT);
    open.addAll(List.of(more));
    while (!open.isEmpty()) {
      String name = open.remove();
      if (!files.containsKey(name) && !name.equals(HOST_ONLY)) {
        String text = text(edited, name);
        files.put(name, text);
        Matcher includes = INCLUDE.matcher(text);
        while (includes.find()) {
          open.add(includes.group(1));
        }
      }
    }
    return new KernelSources(files);
  }

  /**
   * Reads the files that the jar carries, with {@code folder}'s in place of those of the same name.
   *
   * @throws NoSuchFileException when the folder does not exist, or would change nothing: a file's
   *     name is none of ours, or there is no file of kernels
   */
  static KernelSources edited(Path folder) throws IOException {
    KernelSources sources = read(folder);
    String ours = "; ours are " + String.join(", ", read(null).files.keySet());
    int taken = 0;
    try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, "*.{cu,cuh,def}")) {
      for (Path file : found) {
        if (!sources.files.containsKey(String.valueOf(file.getFileName()))) {
          throw new NoSuchFileException(file + " stands in for none of our files" + ours);
        }
        taken++;
      }
    }
    if (taken == 0) {
      throw new NoSuchFileException(folder + " holds no edited file of kernels/" + ours);
    }
    return sources;
  }

  private static String text(@Nullable Path edited, String name) throws IOException {
    if (edited != null && Files.exists(edited.resolve(name))) {
      return Files.readString(edited.resolve(name));
    }
    try (InputStream in = KernelSources.class.getResourceAsStream("kernels/" + name)) {
      if (in == null) {
        throw new NoSuchFileException(
            "no " + name + " in " + (edited == null ? "the jar" : edited));
      }
      return new String(in.readAllBytes(), UTF_8);
    }
  }
}
