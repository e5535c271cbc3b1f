package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who multiplies matrices, in a JVM of its own each time. */
final class ChoiceOfProductsTest {
  private static final String WARNING = "matrix products run on our own, slower kernels: ";

  @TempDir Path home;

  /** Prints who computes 2 · 3 + 1, and the result, or the gradients of a dense layer. */
  public static void main(String[] args) {
    Backend sim = Devices.get("cuda-sim");
    if (Boolean.getBoolean("gradients")) {
      gradients(sim);
      return;
    }
    List<Buffer> numbers = new ArrayList<>();
    for (float v : new float[] {2, 3, 1, 0}) {
      Buffer one = sim.pool().allocate(DType.FLOAT32, 1, Purpose.WORKSPACE);
      sim.upload(one, bytes().putFloat(v).flip());
      numbers.add(one);
    }
    Buffer c = numbers.get(3);
    GemmShape s = GemmShape.of(1, 1, 1, false, false);
    sim.gemm().gemm(c, numbers.get(0), numbers.get(1), numbers.get(2), false, s);
    ByteBuffer result = bytes();
    sim.download(result, c);
    System.out.println(sim.gemm().getClass().getSimpleName() + " " + result.getFloat(0));
  }

  private static void gradients(Backend sim) {
    try (TestBuffers buffers = new TestBuffers(sim, DType.FLOAT32)) {
      Buffer dy = buffers.of(2, 1);
      Buffer x = buffers.of(3, 4);
      for (int i = 0; i < 2; i++) {
        Buffer dw = buffers.output(1);
        Buffer db = buffers.output(1);
        sim.gemm().backwardWeights(dw, db, dy, x, 2, 1, 1);
        System.out.println(buffers.read(dw)[0] + " " + buffers.read(db)[0]);
      }
    }
  }

  private static ByteBuffer bytes() {
    return ByteBuffer.allocateDirect(Float.BYTES).order(ByteOrder.nativeOrder());
  }

  /** What {@link #main} prints, with these of the stand-ins' libraries. */
  private String printed(List<String> libraries, String... options) throws Exception {
    return OwnJvm.printed(home, ChoiceOfProductsTest.class, libraries, Map.of(), options);
  }

  private static final List<String> ALL =
      List.of("libcuda.so.1", "libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13");

  @Test
  void theLibraryWhereItIs() throws Exception {
    String printed = printed(ALL);
    assertTrue(printed.contains("LtGemmKernels 7.0"), printed);
    assertTrue(!printed.contains(WARNING), printed);
  }

  @Test
  void ourOwnWhereTheyAreAskedFor() throws Exception {
    String printed = printed(ALL, "-Dthaw.cuda.own=true");
    assertTrue(printed.contains("CudaGemm 7.0"), printed);
    assertTrue(!printed.contains(WARNING), printed);
  }

  @Test
  void ourOwnWhereTheLibraryIsMissing() throws Exception {
    String printed = printed(ALL.subList(0, 2));
    assertTrue(printed.contains("CudaGemm 7.0"), printed);
    assertEquals(2, printed.split(WARNING, -1).length, printed);
  }

  @Test
  void ourOwnWhereTheLibraryRefusesWhatItOffered() throws Exception {
    assertEquals(
        "10.0 3.0\n10.0 3.0\n",
        OwnJvm.printed(
            home,
            ChoiceOfProductsTest.class,
            ALL,
            Map.of("THAW_SIM_REFUSES", "gradients"),
            "-Dgradients=true"));
  }

  @Test
  void ourOwnWhereTheLibraryRefusesAll() throws Exception {
    String printed =
        OwnJvm.printed(
            home, ChoiceOfProductsTest.class, ALL, Map.of("THAW_SIM_REFUSES", "products"));
    assertTrue(printed.contains("LtGemmKernels 7.0"), printed);
    assertTrue(
        printed.contains(
            "on cuda-sim (cublasLtMatmulAlgoGetHeuristic: CUBLAS_STATUS_INVALID_VALUE); our own"
                + " kernel computes it"),
        printed);
  }
}
