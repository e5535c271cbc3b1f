package dev.thaw.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Runs behind all other tests: which of our kernels did none of them launch? */
@Order(Integer.MAX_VALUE)
final class EveryKernelTest {
  @Test
  void wasLaunched() throws IOException {
    Set<String> used = OnACard.backend().kernels().used();
    Set<String> missing = new TreeSet<>();
    int all = 0;
    // Held by RegistersTest to be all there are.
    for (String line :
        Files.readAllLines(Needs.home().resolve("tests/src/test/cuda/registers.txt"), UTF_8)) {
      if (!line.startsWith("#")) {
        all++;
        missing.add(line.substring(0, line.indexOf(' ')));
      }
    }
    missing.removeAll(used);
    Needs.testsBefore(missing.size() < all / 10, "those of the CUDA kernels");
    assertEquals(Set.of(), missing, "kernels that no test launches");
  }
}
