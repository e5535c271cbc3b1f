package dev.thaw.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Needs;
import dev.thaw.NothingLeft;
import dev.thaw.io.NdArray;
import dev.thaw.io.Safetensors;
import dev.thaw.memory.DType;
import dev.thaw.models.ModelFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --precision}: what is computed in, for training and for using a model. */
@ExtendWith(NothingLeft.class)
final class PrecisionOptionTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"plain", "cpu"})
  void bf16TrainsAModelWhoseFileIsFloat32(String device) throws IOException {
    Needs.device(device);
    Path narrow = folder.resolve("narrow.safetensors");
    Path wide = folder.resolve("wide.safetensors");
    Answer answer =
        Small.pretrain(narrow, "--device", device, "--precision", "bf16", "--json").json();
    assertEquals("bf16", answer.text("precision"));
    assertEquals(
        "fp32", Small.pretrain(wide, "--device", device, "--json").json().text("precision"));
    assertNotEquals(Small.tensors(wide), Small.tensors(narrow));
    try (Safetensors tensors = Safetensors.open(narrow)) {
      for (Safetensors.Entry entry : tensors.entries()) {
        NdArray array = entry.read();
        assertEquals(DType.FLOAT32, array.dtype(), entry.name());
      }
    }
    ModelFile.Loaded loaded = ModelFile.load(narrow);
    loaded.module().close();
    Map<String, Object> history = loaded.card().history().get(0);
    assertEquals("bf16", history.get("precision"));

    Object[] evaluate = {
      "evaluate",
      "--from",
      narrow,
      "--data",
      "embedded",
      "--limit",
      100,
      "--device",
      device,
      "--json"
    };
    double exact = Ran.thaw(evaluate).json().number("loss");
    Object[] more = java.util.Arrays.copyOf(evaluate, evaluate.length + 2);
    more[evaluate.length] = "--precision";
    more[evaluate.length + 1] = "bf16";
    double found = Ran.thaw(more).json().number("loss");
    assertEquals(exact, found, 0.02 * exact);
    assertNotEquals(exact, found, "bfloat16 was computed in");
  }

  @Test
  void aDeviceThatCannotRefusesBeforeAnythingIsRead() throws IOException {
    Needs.device("cpu");
    Path out = folder.resolve("m.safetensors");
    String line =
        Small.pretrain(out, "--device", "cpu", "--precision", "tf32").refused(Main.WRONG_INPUT);
    assertTrue(line.startsWith("thaw: precision tf32: cpu (oneDNN"), line);
    assertTrue(line.endsWith("NVIDIA cards of compute capability 8.0 and newer can"), line);
    assertTrue(Files.notExists(out));
  }

  @Test
  void anotherWordIsRefused() {
    String line =
        Small.pretrain(folder.resolve("m"), "--precision", "fp16").refused(Main.WRONG_INPUT);
    assertEquals("thaw: precision: 'fp16' is unknown, say one of [fp32, tf32, bf16]", line);
  }

  /** What one device began in bf16, another goes on with. */
  @Test
  void bf16GoesOnOnAnotherDevice() throws IOException {
    Needs.device("cpu");
    Path out = folder.resolve("m.safetensors");
    Path checkpoint = folder.resolve("c");
    Object[] words = {
      "--precision", "bf16", "--checkpoint", checkpoint, "--checkpoint-every", 5, "--json"
    };
    double whole = Small.pretrain(out, words).json().number("loss");
    Object[] rest = java.util.Arrays.copyOf(words, words.length + 3);
    rest[words.length] = "--resume";
    rest[words.length + 1] = "--device";
    rest[words.length + 2] = "cpu";
    assertEquals(whole, Small.pretrain(out, rest).json().number("loss"), 0.02 * whole);
  }

  @Test
  void resumingInAnotherPrecisionIsRefused() {
    Path out = folder.resolve("m.safetensors");
    Path checkpoint = folder.resolve("c");
    Small.pretrain(out, "--precision", "bf16", "--checkpoint", checkpoint, "--checkpoint-every", 5)
        .done();
    String line =
        Small.pretrain(out, "--checkpoint", checkpoint, "--resume").failed(Main.WRONG_INPUT);
    assertTrue(line.contains("a checkpoint with precision fp32"), line);
    assertTrue(line.contains("bf16"), line);
  }
}
