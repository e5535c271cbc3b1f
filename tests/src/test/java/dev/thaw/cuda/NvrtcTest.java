package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Devices;
import dev.thaw.backend.UnavailableException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
  void theRealOneCompilesOurKernels() throws UnavailableException, IOException {
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
  }

  /** Prints how many bytes our kernels have. */
  public static void main(String[] args) throws UnavailableException {
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
        Map.of(
            "XDG_CACHE_HOME",
            home.resolve("caches").toString(),
            "THAW_NVRTC",
            String.valueOf(System.getenv("THAW_WITNESS")));
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
    String given = System.getenv("THAW_NVRTC");
    System.setProperty(
        "thaw.cuda.path", String.valueOf(given == null ? System.getenv("THAW_WITNESS") : given));
    try {
      return Nvrtc.load();
    } finally {
      System.setProperty("thaw.cuda.path", String.valueOf(before));
    }
  }
}
