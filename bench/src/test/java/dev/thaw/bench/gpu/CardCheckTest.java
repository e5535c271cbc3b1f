package dev.thaw.bench.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.bench.OnACard;
import dev.thaw.io.Json;
import dev.thaw.memory.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every part of the check of a card runs, on little. */
final class CardCheckTest {
  @TempDir private Path folder = Path.of("");
  private final Backend backend = OnACard.backend();
  private final Device.Use use = backend.device().use();
  private final long before = backend.pool().liveBytes();

  @AfterEach
  void nothingLeft() {
    use.close();
    assertEquals(before, backend.pool().liveBytes());
  }

  private Map<String, Object> part(String name) throws IOException {
    Path out = folder.resolve(name + ".json");
    new CardCheck(out, Extent.REHEARSAL).part(name);
    return Json.readObject(Files.readString(out), out);
  }

  /** What a part measures, how often, and a number that each of them has. */
  @ParameterizedTest
  @CsvSource({
    "kernels, 81, GBps",
    "products, 9, TFLOPs",
    "convolutions, 9, TFLOPs",
    "own-convolutions, 3, TFLOPs",
    "steps, 4, java_us",
    "compiled-steps, 1, peak_MiB",
    "losses, 6, mean",
    "workshop, 8, "
  })
  void hasAllItsFigures(String name, int count, String number) throws IOException {
    Map<String, Object> found = part(name);
    assertEquals(count, found.size(), () -> found.keySet().toString());
    found.forEach(
        (what, figures) -> {
          assertFalse(String.valueOf(figures).contains("error"), () -> what + ": " + figures);
          if (number != null) {
            Object value = ((Map<?, ?>) figures).get(number);
            assertTrue(
                value instanceof Number n && n.doubleValue() > 0 && n.doubleValue() < 1e30,
                () -> what + ": " + figures);
          }
        });
  }

  @Test
  void saysWhatTheCardIs() throws IOException {
    assertEquals(backend.describe(), part("card").get("device"));
  }

  @Test
  void theFirstStepIsTimedTwice() throws IOException {
    assertEquals(java.util.Set.of("ms"), part("first").keySet());
    assertEquals(java.util.Set.of("ms", "again_ms"), part("first").keySet());
  }
}
