package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Devices;
import dev.thaw.backend.UnavailableException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/** Kernels compiled at run time, and what is said of those that cannot be. */
final class NvrtcTest {
  @TempDir private Path home = Path.of("");

  private static final String SYNTAX =
      """
      softmax.cu(30): error: identifier "largest" is undefined
        largest = all;
        ^
                detected during instantiation of "Online online(Team)" at line 48

      softmax.cu(31): error: expected a ";"

      2 errors detected in the compilation of "thaw.cu".
      """;

  @Test
  void theFirstErrorIsTheMessage() {
    assertEquals(
        "softmax.cu(30): error: identifier \"largest\" is undefined (the first of 2 errors)",
        Nvrtc.firstError(SYNTAX));
    assertEquals(
        "a.cu(1): catastrophic error: cannot open source file \"b.cuh\"",
        Nvrtc.firstError("a.cu(1): catastrophic error: cannot open source file \"b.cuh\"\n  ^\n"));
    assertEquals("nvrtc: error: no memory", Nvrtc.firstError("nvrtc: error: no memory\n"));
    assertEquals("", Nvrtc.firstError(""));
  }

  /** All of ours, on any machine: the compiler needs no card. */
  @Test
  @EnabledIfEnvironmentVariable(named = "THAW_WITNESS", matches = ".+")
  void theRealOneCompilesOurKernels() throws Exception {
    List<String> words = List.of(NvrtcTest.class.getName(), "all");
    assertEquals(
        "all of them", OwnJvm.printed(home, 0, words, OwnJvm.LIBRARIES, realOne(Map.of())).strip());
  }

  private static void compileOurs() throws UnavailableException, IOException {
    Card card = OnACard.backend().card();
    Nvrtc compiler = compiler();
    Map<String, String> ours = KernelSources.read(null).files();
    assertTrue(compiler.compile(KernelSources.ROOT, ours, card.capability()).length > 0);
    Map<String, String> edited = new TreeMap<>(ours);
    edited.put("stats.cu", ours.get("stats.cu") + "\nKERNEL(broken, float* y) { y = nothing; }\n");
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class,
            () -> compiler.compile(KernelSources.ROOT, edited, card.capability()));
    assertTrue(
        String.valueOf(e.getMessage())
            .matches("kernels: stats\\.cu\\(\\d+\\): error: identifier \"nothing\" is undefined"),
        e.getMessage());
    String all = Objects.requireNonNull(e.getCause()).getMessage();
    assertTrue(String.valueOf(all).contains("1 error detected in the compilation"), all);
    System.out.println("all of them");
  }

  /** Not in this JVM, where cuDNN's witness may have brought an NVRTC of its own. */
  private static Map<String, String> realOne(Map<String, String> beside) {
    Map<String, String> environment = new TreeMap<>(beside);
    environment.put("THAW_NVRTC", String.valueOf(System.getenv("THAW_WITNESS")));
    return environment;
  }

  /** Prints how many bytes our kernels have, or compiles all of them. */
  public static void main(String[] args) throws UnavailableException, IOException {
    if (args.length > 0) {
      compileOurs();
      return;
    }
    Card card = ((CudaBackend) Devices.get("cuda-sim")).card();
    compiler();
    System.out.println(KernelImage.load(card).length + " bytes");
  }

  /** Half a minute of silence looks like a halt. */
  @Test
  @EnabledIfEnvironmentVariable(named = "THAW_WITNESS", matches = ".+")
  void whoWaitsIsToldOnce() throws Exception {
    Path own = Files.createDirectories(home.resolve("own"));
    Files.writeString(own.resolve("stats.cu"), "KERNEL(nothing, int* y) { *y = 0; }\n");
    Files.writeString(own.resolve("thaw.cu"), "#include \"common.cuh\"\n#include \"stats.cu\"\n");
    Map<String, String> environment =
        realOne(Map.of("XDG_CACHE_HOME", home.resolve("caches").toString()));
    for (boolean first : new boolean[] {true, false}) {
      String printed =
          OwnJvm.printed(
              Files.createDirectories(home.resolve(first ? "first" : "second")),
              NvrtcTest.class,
              OwnJvm.LIBRARIES,
              environment,
              "-Dthaw.cuda.kernels=" + own);
      assertTrue(printed.strip().matches("(?s).*\\d+ bytes"), printed);
      assertEquals(first, printed.contains("cuda-sim: compiling the kernels"), printed);
    }
  }

  private static Nvrtc compiler() throws UnavailableException {
    String before = System.getProperty("thaw.cuda.path");
    System.setProperty("thaw.cuda.path", String.valueOf(System.getenv("THAW_NVRTC")));
    try {
      return Nvrtc.load();
    } finally {
      System.setProperty("thaw.cuda.path", String.valueOf(before));
    }
  }
}
