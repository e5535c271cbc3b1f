package dev.thaw.bench.kernels;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The list at the top of a file of {@code bench/kernels}: its versions, and what each changes.
 *
 * @param path of the file
 * @param ideas by version, the first at 0
 */
record KernelFile(Path path, List<String> ideas) {
  /** {@code // copy_1 a thread an element: ..}, or a line that goes on with the one before. */
  private static final Pattern LINE = Pattern.compile("//   (?:(\\w+)_(\\d+))?  +(\\S.*)");

  /**
   * Reads the list.
   *
   * @param home the folder that holds {@code bench}
   * @throws IOException when there is no such file, or its list does not count 1, 2, 3
   */
  static KernelFile read(Path home, String name) throws IOException {
    Path path = home.resolve("bench").resolve("kernels").resolve(name + ".cu");
    List<String> ideas = new ArrayList<>();
    for (String line : Files.readAllLines(path)) {
      if (!line.startsWith("//")) {
        break;
      }
      Matcher found = LINE.matcher(line);
      if (!found.matches()) {
        continue;
      }
      if (found.group(1) != null) {
        int version = Integer.parseInt(found.group(2));
        if (!found.group(1).equals(name) || version != ideas.size() + 1) {
          throw new IOException(
              path
                  + ": listed is "
                  + line.strip()
                  + ", expected "
                  + name
                  + "_"
                  + (ideas.size() + 1));
        }
        ideas.add(found.group(3));
      } else if (!ideas.isEmpty()) {
        ideas.set(ideas.size() - 1, ideas.get(ideas.size() - 1) + " " + found.group(3));
      }
    }
    if (ideas.isEmpty()) {
      throw new IOException(path + ": no version is listed at its top");
    }
    return new KernelFile(path, List.copyOf(ideas));
  }
}
