package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.UnavailableException;
import java.io.IOException;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** Kernels compiled at run time, and what is said of those that cannot be. */
final class NvrtcTest {
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

  private static Nvrtc compiler() throws UnavailableException {
    String before = System.getProperty("thaw.cuda.path");
    System.setProperty("thaw.cuda.path", String.valueOf(System.getenv("THAW_WITNESS")));
    try {
      return Nvrtc.load();
    } finally {
      System.setProperty("thaw.cuda.path", String.valueOf(before));
    }
  }
}
