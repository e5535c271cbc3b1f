package dev.thaw.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.Needs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A JVM of its own, for what a process decides once: which libraries it found. */
final class OwnJvm {
  /** All of the stand-ins, the one that has cuDNN's functions last. */
  static final List<String> LIBRARIES =
      List.of(
          "libcuda.so.1",
          "libcudart.so.13",
          "libcublasLt.so.13",
          "libcublas.so.13",
          "libcudnn_ops.so.9",
          "libcudnn_cnn.so.9",
          "libcudnn_adv.so.9",
          "libcudnn_graph.so.9");

  private OwnJvm() {}

  /**
   * What a class's main prints where only some of the stand-ins' libraries are.
   *
   * @param home an empty folder
   * @throws AssertionError when it does not end well
   */
  static String printed(
      Path home,
      Class<?> main,
      List<String> libraries,
      Map<String, String> environment,
      String... options)
      throws Exception {
    return printed(home, 0, List.of(main.getName()), libraries, environment, options);
  }

  /**
   * The same, of a program that ends with an exit code of its own.
   *
   * @param words the class, and what its main is given
   */
  static String printed(
      Path home,
      int code,
      List<String> words,
      List<String> libraries,
      Map<String, String> environment,
      String... options)
      throws Exception {
    Needs.device("cuda-sim");
    Path folder = Files.createDirectories(home.resolve("tests/target/sim"));
    for (String library : libraries) {
      Path from = Needs.home().resolve("tests/target/sim").resolve(library);
      Files.copy(from, folder.resolve(library));
    }
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add("-Dthaw.home=" + home);
    command.addAll(List.of(options));
    command.addAll(words);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    // The stand-in's witness lies beside it, and does not come along.
    builder.environment().remove("THAW_WITNESS");
    builder.environment().putAll(environment);
    Process process = builder.start();
    String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertEquals(code, process.waitFor(), printed);
    return printed;
  }
}
