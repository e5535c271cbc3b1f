package dev.thaw;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;

/** What an embedder carries along: light enough to be no question. */
final class JarsTest {
  private static final long ENGINE = 1_500_000;
  private static final long EVERYTHING = 35_000_000;

  /** Names that begin the jars of thaw-cpu's dependencies, and in how many jars each comes. */
  private static final Map<String, Integer> DEPENDENCIES =
      new TreeMap<>(
          Map.of("javacpp-", 2, "dnnl-", 2, "opencl-", 2, "jspecify-", 1, "jackson-core-", 1));

  @Test
  void theEngineIsUnderOneAndAHalfMegabytes() throws IOException {
    long size = sizeOf("engine");
    assertTrue(size > 100_000 && size < ENGINE, "thaw-engine: " + size + " bytes");
  }

  @Test
  void allThatTheCpuBackendNeedsIsUnder35Megabytes() throws IOException {
    long sum = sizeOf("engine") + sizeOf("cpu");
    Map<String, Integer> found = new TreeMap<>();
    StringBuilder sizes = new StringBuilder();
    for (Path entry : classPath()) {
      for (String dependency : DEPENDENCIES.keySet()) {
        if (entry.getFileName().toString().startsWith(dependency)) {
          found.merge(dependency, 1, Integer::sum);
          sum += Files.size(entry);
          sizes.append(entry.getFileName()).append(' ').append(Files.size(entry)).append('\n');
        }
      }
    }
    assertEquals(DEPENDENCIES, found, "the jars of thaw-cpu's pom");
    assertTrue(sum < EVERYTHING, sum + " bytes, of them in dependencies\n" + sizes);
  }

  private static List<Path> classPath() {
    return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
        .map(Path::of)
        .toList();
  }

  /** Bytes of a module's jar, or of what would be its jar where the build has only its classes. */
  private static long sizeOf(String module) throws IOException {
    for (Path entry : classPath()) {
      String name = entry.toString().replace(File.separatorChar, '/');
      if (name.matches(".*/thaw-" + module + "-[^/]*\\.jar")) {
        return Files.size(entry);
      }
      if (name.endsWith("/" + module + "/target/classes")) {
        return zipped(entry);
      }
    }
    throw new AssertionError("thaw-" + module + " is not on the class path");
  }

  private static long zipped(Path folder) throws IOException {
    long[] bytes = {0};
    OutputStream counting =
        new OutputStream() {
          @Override
          public void write(int b) {
            bytes[0]++;
          }

          @Override
          public void write(byte[] b, int from, int n) {
            bytes[0] += n;
          }
        };
    List<Path> files = new ArrayList<>();
    try (Stream<Path> walk = Files.walk(folder)) {
      walk.filter(Files::isRegularFile).forEach(files::add);
    }
    try (ZipOutputStream zip = new ZipOutputStream(counting)) {
      for (Path file : files) {
        zip.putNextEntry(new ZipEntry(folder.relativize(file).toString()));
        zip.write(Files.readAllBytes(file));
        zip.closeEntry();
      }
    }
    return bytes[0];
  }
}
