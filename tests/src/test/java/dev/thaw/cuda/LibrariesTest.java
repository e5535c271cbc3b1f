package dev.thaw.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Needs;
import dev.thaw.backend.UnavailableException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where CUDA's libraries are looked for, and what is loaded with them, in a JVM of its own. */
final class LibrariesTest {
  @TempDir Path home;

  /** Prints the folders that are looked into, or which libraries are loaded beside one. */
  public static void main(String[] args) throws IOException, UnavailableException {
    String library = System.getProperty("library");
    if (library == null) {
      Libraries.folders().forEach(System.out::println);
    } else {
      Libraries.use(library);
      Files.readAllLines(Path.of("/proc/self/maps"), UTF_8).stream()
          .filter(line -> line.contains("/given/"))
          .map(line -> line.substring(line.lastIndexOf('/') + 1))
          .distinct()
          .sorted()
          .forEach(System.out::println);
    }
  }

  private List<String> printed(Map<String, String> environment, String... options)
      throws Exception {
    return OwnJvm.printed(home, LibrariesTest.class, List.of(), environment, options)
        .lines()
        .toList();
  }

  /** Of an environment that nobody activated, whose python3 is a link to the system's. */
  @Test
  void thePythonOnThePathHasWheels() throws Exception {
    Path environment = home.resolve("environment");
    Files.createDirectories(environment.resolve("bin"));
    Path python = Files.createFile(home.resolve("python3.99"));
    assertTrue(python.toFile().setExecutable(true));
    Files.createSymbolicLink(environment.resolve("bin/python3"), python);
    Path packages = environment.resolve("lib/python3.99/site-packages/nvidia");
    Files.createDirectories(packages.resolve("cu13/lib"));
    Files.createDirectories(packages.resolve("cudnn/lib"));
    String path = System.getenv("PATH") + ":" + environment.resolve("bin");
    List<String> folders = printed(Map.of("PATH", path));
    assertTrue(folders.contains(packages.resolve("cu13/lib").toString()), folders.toString());
    assertTrue(folders.contains(packages.resolve("cudnn/lib").toString()), folders.toString());
  }

  /** Any library will do: what is looked at is its name. */
  private List<String> loadedBeside(String library, String... others) throws Exception {
    Path given = Files.createDirectories(home.resolve("given"));
    Path any = Needs.home().resolve("tests/target/sim/libcudnn_ops.so.9");
    Files.copy(any, given.resolve(library));
    for (String other : others) {
      Files.copy(any, given.resolve(other));
    }
    return printed(Map.of(), "-Dthaw.cuda.path=" + given, "-Dlibrary=" + library);
  }

  /** NVRTC looks for them where the system's loader does, and nowhere else. */
  @Test
  void whatNvrtcNeedsComesFromWhereItIs() throws Exception {
    assertEquals(
        List.of("libnvrtc-builtins.so.13.0", "libnvrtc.so.13"),
        loadedBeside(
            "libnvrtc.so.13", "libnvrtc-builtins.so.13.0", "libnvrtc-builtins.alt.so.13.0"));
  }

  /** JavaCPP would look for them in the system's folders, where another version's may be. */
  @Test
  void theEnginesComeFromWhereCudnnIs() throws Exception {
    assertEquals(
        List.of(
            "libcudnn_engines_precompiled.so.9", "libcudnn_graph.so.9", "libcudnn_heuristic.so.9"),
        loadedBeside(
            "libcudnn_graph.so.9",
            "libcudnn_engines_precompiled.so.9",
            "libcudnn_heuristic.so.9",
            "libcudnn_ext.so.9"));
  }
}
