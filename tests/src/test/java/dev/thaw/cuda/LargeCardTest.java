package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Sizes pick a kernel by how many blocks fill the card: with 132 multiprocessors others than with
 * the stand-in's two.
 */
final class LargeCardTest {
  @TempDir Path home;

  /** Runs on a stand-in whose environment others chose. */
  public static void main(String[] args) {
    CudaReduceTest reductions = new CudaReduceTest();
    reductions.everyShape(700, 20, 3);
    reductions.everyShape(2, 33, 1100);
    reductions.everyShape(70, 301, 1);
    reductions.everyShape(1, 40_000, 1);
    reductions.everyShape(1, 5000, 8);
    CudaSoftmaxTest rows = new CudaSoftmaxTest();
    rows.everyShape(70, 140);
    rows.everyShape(40, 264);
    rows.crossEntropy(600, 10);
    rows.crossEntropy(70, 140);
    CudaNormTest norms = new CudaNormTest();
    norms.byChannel(9000, 4);
    norms.byChannel(70, 520);
    norms.byRow(70, 128);
    System.out.println(OnACard.backend().card().mostBlocks() + " blocks fill it");
  }

  @Test
  void givesTheSameNumbers() throws Exception {
    assertEquals(
        "1056 blocks fill it",
        OwnJvm.printed(
                home,
                LargeCardTest.class,
                OwnJvm.LIBRARIES,
                Map.of("THAW_SIM_MULTIPROCESSORS", "132"))
            .strip());
  }
}
