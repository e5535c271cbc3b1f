package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.Devices;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who convolves, in a JVM of its own each time. */
final class ChoiceOfConvolutionsTest {
  private static final String WARNING = "convolutions run on our own, slower kernels: ";

  @TempDir Path home;

  /** Prints whether there are plans, and 2 · 3 + 1, which it computes twice. */
  public static void main(String[] args) {
    Backend sim = Devices.get("cuda-sim");
    int k = Integer.getInteger("channels", 2);
    ConvShape s = new ConvShape(1, 1, 1, 1, k, 1, 1, 1, 1, 0, 0, 1, 1, 1);
    double[] threes = new double[k];
    double[] ones = new double[k];
    Arrays.fill(threes, 3);
    Arrays.fill(ones, 1);
    try (TestBuffers buffers = new TestBuffers(sim, DType.FLOAT32)) {
      Buffer y = buffers.output(k);
      for (int i = 0; i < 2; i++) {
        sim.conv().forward(y, buffers.of(2), buffers.of(threes), buffers.of(ones), null, true, s);
      }
      boolean planned = sim.conv() instanceof CudnnConvKernels c && c.plans() != null;
      System.out.println((planned ? "by plans " : "by our own ") + buffers.read(y)[1]);
    }
  }

  private String printed(List<String> libraries, Map<String, String> environment, String... options)
      throws Exception {
    return OwnJvm.printed(home, ChoiceOfConvolutionsTest.class, libraries, environment, options);
  }

  @Test
  void theLibraryWhereItIs() throws Exception {
    String printed = printed(OwnJvm.LIBRARIES, Map.of());
    assertTrue(printed.contains("by plans 7.0"), printed);
    assertTrue(!printed.contains(WARNING), printed);
  }

  /** Of which the stand-in has none for odd channels. */
  @Test
  void ourOwnWhereTheLibraryHasNoPlanForAChain() throws Exception {
    String printed = printed(OwnJvm.LIBRARIES, Map.of(), "-Dchannels=7");
    assertTrue(printed.contains("by plans 7.0"), printed);
    String said =
        "cuda-sim: cuDNN 9.19.0 has no plan for conv.forward+bias+relu float32 x=1x1x1x1 w=7x1x1"
            + " stride=1x1 pad=0x0 dilation=1x1 groups=1, our own kernels stand in: ";
    assertEquals(2, printed.split(Pattern.quote(said), -1).length, printed);
  }

  /** A part of it that cannot be loaded, say: slow, but no end. */
  @Test
  void ourOwnWhereTheLibraryFails() throws Exception {
    String printed = printed(OwnJvm.LIBRARIES, Map.of("THAW_SIM_REFUSES", "convolutions"));
    assertTrue(printed.contains(" 7.0"), printed);
    assertTrue(
        printed.contains("CUDNN_STATUS_EXECUTION_FAILED (5000), THAW_SIM_REFUSES is set"), printed);
  }

  @Test
  void ourOwnWhereTheyAreAskedFor() throws Exception {
    String printed = printed(OwnJvm.LIBRARIES, Map.of(), "-Dthaw.cuda.own=true");
    assertTrue(printed.contains("by our own 7.0"), printed);
    assertTrue(!printed.contains(WARNING), printed);
  }

  @Test
  void ourOwnWhereTheLibraryIsMissing() throws Exception {
    String printed = printed(OwnJvm.LIBRARIES.subList(0, 7), Map.of());
    assertTrue(printed.contains("by our own 7.0"), printed);
    assertEquals(2, printed.split(WARNING, -1).length, printed);
  }

  /** cuDNN would end the process. */
  @Test
  void ourOwnWhereWhatItNeedsIsMissing() throws Exception {
    String printed =
        printed(
            List.of(OwnJvm.LIBRARIES.get(0), OwnJvm.LIBRARIES.get(1), OwnJvm.LIBRARIES.get(7)),
            Map.of());
    assertTrue(printed.contains("by our own 7.0"), printed);
    assertEquals(2, printed.split(WARNING, -1).length, printed);
  }

  @Test
  void ourOwnWhereTheLibraryIsTooOld() throws Exception {
    String printed = printed(OwnJvm.LIBRARIES, Map.of("THAW_SIM_CUDNN", "90701"));
    assertTrue(printed.contains("by our own 7.0"), printed);
    assertTrue(
        printed.contains(
            WARNING
                + "cuDNN 9.7.1 for CUDA 13 was found, needed is 9.12.0 or newer of cuDNN 9 for CUDA"
                + " 13; install cudnn9-cuda-13, or pip install nvidia-cudnn-cu13 nvidia-cublas"),
        printed);
  }
}
