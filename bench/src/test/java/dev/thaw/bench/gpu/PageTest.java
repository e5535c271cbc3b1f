package dev.thaw.bench.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the check's page makes of figures. */
final class PageTest {
  @TempDir private Path folder = Path.of("");

  private List<String> page(Map<String, Map<String, Object>> parts) throws IOException {
    Path files = Files.createDirectories(folder.resolve("parts"));
    for (Map.Entry<String, Map<String, Object>> part : parts.entrySet()) {
      Files.writeString(files.resolve(part.getKey() + ".json"), Json.write(part.getValue()));
    }
    Page.write(folder);
    return Files.readAllLines(folder.resolve("check.md"));
  }

  private static Map<String, Object> graph(double ms, double legacyMs) {
    return Map.of("ms", ms, "TFLOPs", 1 / ms, "legacy_ms", legacyMs, "legacy_TFLOPs", 1 / legacyMs);
  }

  @Test
  void ratiosOfConvolutions() throws IOException {
    List<String> lines =
        page(
            Map.of(
                "convolutions",
                Map.of(
                    "8-8 1x1/1 at 4, forward, bf16", graph(1, 2),
                    "8-8 3x3/1 at 4, forward, bf16", graph(2, 1),
                    "8-8 3x3/1 at 4, data, tf32", graph(2, 3),
                    "8-8 3x3/1 at 4, filter, fp32",
                        Map.of("ms", 4.0, "TFLOPs", 0.25, "legacy", "not there: no cuDNN")),
                "own-convolutions",
                Map.of("8-8 1x1/1 at 4, forward, bf16", Map.of("ms", 8.0, "TFLOPs", 12.5)),
                "torch",
                Map.of(
                    "convolutions",
                    Map.of("8-8 1x1/1 at 4, forward", Map.of("ms", 1.5, "TFLOPs", 0.75)))));
    for (String line :
        List.of(
            "| forward, bf16 | 2 | 1.00 | 0.50 | 2.00 |",
            "| data, tf32 | 1 | 1.50 | 1.50 | 1.50 |",
            "| 8-8 1x1/1 at 4, forward, bf16 | 2.00 | 1.50 | 1.0 | 0.5 | 0.8 | 12.5 |",
            "| 8-8 3x3/1 at 4, forward, bf16 | 0.50 | not known | 0.5 | 1.0 |  |  |",
            "| 8-8 3x3/1 at 4, filter, fp32 | not there: no cuDNN | not known | 0.3 |  |  |  |")) {
      assertTrue(lines.contains(line), () -> line + " in\n" + String.join("\n", lines));
    }
  }

  /** What was measured once more, with engines compiled at run time, stands below the same step. */
  @Test
  void stepsBesideThoseOfCompiledEngines() throws IOException {
    String name = "resnet50 batch 256 bf16 train";
    List<String> lines =
        page(
            Map.of(
                "steps",
                Map.of(name + " graph", Map.of("ms", 4.0)),
                "compiled-steps",
                Map.of(name + " graph", Map.of("ms", 2.0)),
                "torch",
                Map.of(name + " eager", Map.of("ms", 8.0))));
    int at =
        lines.indexOf("| " + name + " graph against eager | 2.00 | 4.000 |  | 8.000 |  |  |  |");
    assertTrue(at > 0, () -> String.join("\n", lines));
    assertEquals(
        "| " + name + " graph, cuDNN compiling against eager | 4.00 | 2.000 |  | 8.000 |  |  |  |",
        lines.get(at + 1));
  }

  @Test
  void whatIsMissingIsSaid() throws IOException {
    List<String> lines = page(Map.of());
    assertTrue(lines.contains("| none | none ran |"), () -> String.join("\n", lines));
    assertTrue(lines.contains("nothing came of this part"), () -> String.join("\n", lines));
  }
}
