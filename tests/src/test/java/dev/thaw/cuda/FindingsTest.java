package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.thaw.backend.UnavailableException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code thaw doctor} where NVIDIA's libraries are there, half there, too old, or broken. */
final class FindingsTest {
  @TempDir private Path home = Path.of("");

  /** Prints why the driver's functions cannot be called. */
  public static void main(String[] args) {
    try {
      Libraries.open();
    } catch (UnavailableException e) {
      System.out.println(e.getMessage());
    }
  }

  private static List<String> without(String... missing) {
    List<String> libraries = new ArrayList<>(OwnJvm.LIBRARIES);
    libraries.removeAll(List.of(missing));
    return libraries;
  }

  private String doctor(List<String> libraries, Map<String, String> environment) throws Exception {
    List<String> words = List.of(dev.thaw.app.Main.class.getName(), "doctor");
    return OwnJvm.printed(home, 0, words, libraries, environment);
  }

  private static void assertLine(String regex, String printed) {
    assertTrue(printed.lines().anyMatch(line -> line.matches(regex)), printed);
  }

  @Test
  void namesTheVersionsOfWhatItFound() throws Exception {
    String printed = doctor(OwnJvm.LIBRARIES, Map.of());
    assertLine(" +matrix products: cuBLASLt 13\\.\\d+\\.\\d+", printed);
    assertLine(" +convolutions: cuDNN 9\\.\\d+\\.\\d+", printed);
    assertLine(" +libcudnn_graph\\.so\\.9: " + home + "/tests/target/sim/.*", printed);
  }

  @Test
  void anOldCudnn() throws Exception {
    assertLine(
        " +convolutions: our own, slower kernels: cuDNN 9\\.8\\.0 for CUDA 13 was found, needed is"
            + " 9\\.12\\.0 or newer.*install cudnn9-cuda-13.*",
        doctor(OwnJvm.LIBRARIES, Map.of("THAW_SIM_CUDNN", "90800")));
  }

  @Test
  void halfOfAnInstall() throws Exception {
    String printed = doctor(without("libcublas.so.13", "libcudnn_ops.so.9"), Map.of());
    assertLine(
        " +matrix products: our own, slower kernels: .*libcublas\\.so\\.13 was not found; install"
            + " libcublas-13-0.*",
        printed);
    assertLine(
        " +convolutions: our own, slower kernels: cuDNN could not be loaded .*install"
            + " cudnn9-cuda-13.*",
        printed);
  }

  /** A file that is cut short: what it was for is done without it, and the rest goes on. */
  @ParameterizedTest
  @CsvSource({
    "libcudart.so.13, 'no +cuda-sim is not available: '",
    "libcublasLt.so.13, ' +matrix products: our own, slower kernels: '",
    "libcudnn_graph.so.9, ' +convolutions: our own, slower kernels: '"
  })
  void aBrokenFile(String name, String said) throws Exception {
    Path folder = Files.createDirectories(home.resolve("tests/target/sim"));
    Files.writeString(folder.resolve(name), "no library");
    String printed = doctor(without(name), Map.of());
    assertLine(said + "cannot load .*" + name + ".*; install it anew.*", printed);
    assertLine("best +\\w+", printed);
  }

  /** One line of a log, as all that a command says. */
  @Test
  void warnsInOneLine() throws Exception {
    List<String> lines =
        doctor(without("libcublas.so.13"), Map.of())
            .lines()
            .filter(line -> line.contains("matrix products run on"))
            .toList();
    assertEquals(1, lines.size());
    assertTrue(
        lines.get(0).startsWith("thaw: cuda-sim: matrix products run on our own"), lines.get(0));
  }

  @ParameterizedTest
  @ValueSource(strings = {"nowhere", "empty"})
  void aFolderThatHoldsNoLibraries(String name) throws IOException {
    Files.createDirectories(home.resolve("empty"));
    Path folder = home.resolve(name);
    String before = System.getProperty("thaw.cuda.path");
    System.setProperty("thaw.cuda.path", folder.toString());
    try {
      assertTrue(
          Libraries.findings()
              .contains(
                  "-Dthaw.cuda.path: "
                      + folder
                      + " is no folder with libraries; name the one that holds libcudart.so.13"));
    } finally {
      if (before == null) {
        System.clearProperty("thaw.cuda.path");
      } else {
        System.setProperty("thaw.cuda.path", before);
      }
    }
  }

  @Test
  void aDriverWithoutItsLibrary() throws Exception {
    assumeFalse(Files.exists(Path.of("/dev/nvidiactl")), "a driver is here");
    String printed =
        OwnJvm.printed(home, FindingsTest.class, List.of("libcudart.so.13"), Map.of(), path());
    assertTrue(
        printed.matches(
            "the driver's library could not be loaded \\(libcuda\\.so\\.1: [^\n]*\\); install driver"
                + " 580 or newer, and start containers with --gpus all\n"),
        printed);
  }

  private String path() {
    return "-Dthaw.cuda.path=" + home.resolve("tests/target/sim");
  }

  @Test
  void theDriversVersion() throws IOException {
    Path file = home.resolve("version");
    Files.writeString(
        file,
        """
        NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build
        GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)
        """);
    assertEquals("580.65.06", Libraries.driverVersion(file));
    assertEquals("here", Libraries.driverVersion(home.resolve("none")));
  }
}
