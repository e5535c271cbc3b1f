package dev.thaw.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.io.NdArray;
import dev.thaw.io.Npy;
import dev.thaw.io.Npz;
import dev.thaw.io.Safetensors;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** inspect, models and doctor. */
final class InformationTest {
  private static final NdArray ARRAY = NdArray.of(Shape.of(2, 3), new float[] {1, 2, 3, 4, 5, 6});

  @TempDir private Path folder;

  @Test
  void inspectListsTensorsAndMetadata() throws IOException {
    Path file = folder.resolve("w.safetensors");
    Safetensors.write(
        file, Map.of("thaw.classes", "[\"a\",\"b\"]"), Map.of("layer1.0.weight", ARRAY));
    Answer json = Ran.thaw("inspect", file, "--json").json();
    assertEquals("safetensors", json.get("format"));
    assertEquals(Map.of("thaw.classes", List.of("a", "b")), json.get("metadata"));
    assertEquals(
        List.of(
            Map.of(
                "name",
                "layer1.0.weight",
                "dtype",
                "F32",
                "shape",
                List.of(2L, 3L),
                "elements",
                6L)),
        json.get("tensors"));
    assertEquals(6L, json.get("elements"));
    String text = Ran.thaw("inspect", file).done().out();
    assertTrue(text.matches("(?s).*layer1\\.0\\.weight +F32 +\\[2, 3\\] +6\\R.*"), text);
  }

  @Test
  void inspectKnowsAFileByItsFirstBytesNotByItsName() throws IOException {
    Path npy = folder.resolve("one.bin");
    Npy.write(npy, ARRAY);
    assertEquals("npy", Ran.thaw("inspect", npy, "--json").json().get("format"));
    Path npz = folder.resolve("many.dat");
    Npz.write(npz, Map.of("x", ARRAY));
    assertEquals("npz", Ran.thaw("inspect", npz, "--json").json().get("format"));
  }

  @Test
  void inspectRefusesWhatIsMissingOrNoWeightFile() throws IOException {
    Path missing = folder.resolve("missing");
    assertEquals(
        "thaw: " + missing + ": there is no such file",
        Ran.thaw("inspect", missing).refused(Main.WRONG_INPUT));
    assertTrue(Ran.thaw("inspect", folder).refused(Main.WRONG_INPUT).contains("a folder"));
    Path text = Files.writeString(folder.resolve("notes.txt"), "these are only notes, no weights");
    assertTrue(Ran.thaw("inspect", text).refused(Main.WRONG_INPUT).contains("notes.txt at byte 0"));
    Path empty = Files.createFile(folder.resolve("empty"));
    assertTrue(Ran.thaw("inspect", empty).refused(Main.WRONG_INPUT).contains("empty"));
  }

  @Test
  void inspectRefusesAFileThatIsCutShortAnywhere() throws IOException {
    Path whole = folder.resolve("whole.safetensors");
    Safetensors.write(whole, Map.of("format", "pt"), Map.of("w", ARRAY));
    byte[] bytes = Files.readAllBytes(whole);
    Path cut = folder.resolve("cut.safetensors");
    for (int length = 0; length < bytes.length; length += 5) {
      Files.write(cut, Arrays.copyOf(bytes, length));
      String line = Ran.thaw("inspect", cut).refused(Main.WRONG_INPUT);
      assertTrue(line.contains("cut.safetensors"), line);
    }
  }

  @Test
  void modelsAreListedWithTheirParameters() throws IOException {
    Answer json = Ran.thaw("models", "--json", "--device", "plain").json();
    Answer seed = json.at("models", 0);
    assertEquals("seed-cnn", seed.text("name"));
    assertEquals(421_642, seed.whole("parameters"));
    Answer layers = Ran.thaw("models", "mlp:depth=3,width=8", "--json", "--device", "plain").json();
    assertEquals(28 * 28 * 8 + 8 + 8 * 8 + 8 + 8 * 10 + 10, layers.whole("parameters"));
    assertTrue(Ran.thaw("models", "vgg0").refused(Main.WRONG_INPUT).contains("seed-cnn, mlp"));
  }

  @Test
  void doctorSaysWhatThereIsAndWhyNot() throws IOException {
    Answer json = Ran.thaw("doctor", "--json").json();
    int best = 0;
    for (int i = 0; i < json.list("devices").size(); i++) {
      Answer device = json.at("devices", i);
      boolean available = device.get("available") == Boolean.TRUE;
      String name = device.text("name");
      assertTrue(available || !name.equals("plain"), "plain can be had anywhere");
      assertTrue(available || device.text("why").contains(name), device::toString);
      best += device.get("best") == Boolean.TRUE ? 1 : 0;
    }
    assertEquals(1, best);
    assertEquals(Runtime.version().toString(), json.get("java"));
    assertTrue(Ran.thaw("doctor").done().out().contains("device   plain: "));
  }
}
