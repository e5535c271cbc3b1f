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
                    "ceilings",
                    Map.of("matmul_bf16_TFLOPs", 2.0),
                    "convolutions",
                    Map.of("8-8 1x1/1 at 4, forward", Map.of("ms", 1.5, "TFLOPs", 0.75)))));
    for (String line :
        List.of(
            "| forward, bf16 | 2 | 1.00 | 0.50 | 2.00 |",
            "| data, tf32 | 1 | 1.50 | 1.50 | 1.50 |",
            "| 8-8 1x1/1 at 4, forward, bf16 | 2.00 | 1.50 | 50 % | 1.0 | 0.5 | 0.8 | 12.5 |",
            "| 8-8 3x3/1 at 4, forward, bf16 | 0.50 | not known | 25 % | 0.5 | 1.0 |  |  |",
            "| 8-8 3x3/1 at 4, filter, fp32 | not there: no cuDNN | not known | not known | 0.3 |  |  |  |")) {
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

  /** A bar is held or missed by the faster of our ways and the fastest of PyTorch's. */
  @Test
  void barsAreHeldOrMissed() throws IOException {
    String name = "resnet50 batch 256 bf16 ";
    List<String> lines =
        page(
            Map.of(
                "steps",
                Map.of(
                    name + "train graph",
                    Map.of("ms", 32.0, "peak_MiB", 100),
                    name + "frozen graph",
                    Map.of("ms", 8.0, "peak_MiB", 60),
                    "mlp batch 32 fp32 train graph",
                    Map.of("ms", 0.02, "java_us", 16),
                    "mlp batch 32 fp32 train calls",
                    Map.of("ms", 0.01)),
                "kernels",
                Map.of(
                    "add float32", Map.of("ms", 1, "GBps", 96, "asked", 95),
                    "copy float32", Map.of("ms", 1, "GBps", 94.4, "asked", 95),
                    "softmax forward float32", Map.of("ms", 1, "GBps", 85, "asked", 85)),
                "losses",
                Map.of(
                    "seed-cnn fp32", Map.of("mean", 1.0), "seed-cnn bf16", Map.of("mean", 0.985)),
                "torch",
                Map.of(
                    "ceilings",
                    Map.of("copy_GBps", 100),
                    name + "train eager",
                    Map.of("ms", 48.0, "peak_MiB", 200),
                    name + "train compile",
                    Map.of("ms", 40.0),
                    name + "train compile=max-autotune",
                    Map.of("ms", 32.0),
                    name + "frozen eager",
                    Map.of("ms", 8.0, "peak_MiB", 50),
                    "mlp batch 32 fp32 train eager",
                    Map.of("ms", 0.04),
                    "first",
                    Map.of("ms", 1234.5))));
    for (String line :
        List.of(
            "| ResNet-50, batch 256, bf16, images/s | 6800 | 8000 | held |",
            "| ResNet-50, batch 256, bf16, PyTorch (eager) / Thaw | 1.3 | 1.50 | held |",
            "| ResNet-50, batch 256, bf16, PyTorch (compile) / Thaw | 1.1 | 1.00 | **missed** |",
            "| the same with a frozen base, PyTorch (eager) / Thaw | 1.5 | 1.00 | **missed** |",
            "| mlp batch 32 fp32 train, PyTorch (eager) / Thaw | 3.0 | 4.00 | held |",
            "| mlp batch 32 fp32 train, PyTorch (graph) / Thaw | 1.2 | not measured | not known |",
            "| mlp batch 32 fp32 train, Java µs a step | at most 15 | 16.0 | **missed** |",
            "| least share of the copy rate: copy float32, % | 95 | 94 | **missed** |",
            "| least share of the copy rate: softmax forward float32, % | 85 | 85 | held |",
            "| peak memory, Thaw / PyTorch, " + name + "train | at most 1 | 0.50 | held |",
            "| peak memory, Thaw / PyTorch, " + name + "frozen | at most 1 | 1.20 | **missed** |",
            "| peak memory, frozen base / all | at most 0.5 | 0.60 | **missed** |",
            "| seed-cnn, mean loss in bf16 off fp32's, % | at most 1 | 1.50 | **missed** |",
            "| add float32 | 96 % | 95 % | 96 | 1.000 |",
            "| PyTorch, eager | 1235 |")) {
      assertTrue(lines.contains(line), () -> line + " in\n" + String.join("\n", lines));
    }
  }

  @Test
  void whatIsMissingIsSaid() throws IOException {
    List<String> lines = page(Map.of());
    assertTrue(lines.contains("| none | none ran |"), () -> String.join("\n", lines));
    assertTrue(lines.contains("nothing came of this part"), () -> String.join("\n", lines));
  }
}
