package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Pool;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.plan.Precision;
import dev.thaw.tensor.Shape;
import dev.thaw.train.RandomBatches;
import dev.thaw.train.Trainer;
import dev.thaw.train.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What cannot go well is said in one line with cause and remedy, and leaves nothing behind. */
final class BadCasesTest {
  @TempDir private Path home = Path.of("");

  private static long train(Backend card, boolean eager, int batch) throws IOException {
    try (var on = card.device().use();
        Module model = Zoo.create("seed-cnn", Shape.of(1, 28, 28, 1), 4);
        Optimizer optimizer = new Sgd(model, 0.01, 0.9);
        RandomBatches data = new RandomBatches(28, 28, 1, 4, 2 * batch, batch, 3)) {
      Trainer trainer = new Trainer(model, optimizer, data, TrainingOptions.epochs(1));
      return (eager ? trainer.eager() : trainer).run().steps();
    }
  }

  /** The line of a training that does not fit, and then what is left and whether a smaller does. */
  private static String tooLarge(Backend card, boolean eager, int batch) throws IOException {
    long live = card.pool().liveBytes();
    OutOfMemoryError e = assertThrows(OutOfMemoryError.class, () -> train(card, eager, batch));
    assertEquals(live, card.pool().liveBytes(), "bytes left behind");
    assertEquals(2, train(card, eager, 4), "steps of smaller batches");
    return String.valueOf(e.getMessage());
  }

  /** Prints how the first device of the stand-in is refused, or what else is asked for. */
  public static void main(String[] args) throws IOException {
    Backend card;
    try {
      card = Devices.get("cuda-sim");
    } catch (IllegalStateException e) {
      System.out.println(e.getMessage());
      return;
    }
    @Nullable String eager = System.getProperty("eager");
    if (eager == null) {
      try {
        Precision.BF16.check(card);
      } catch (IllegalArgumentException e) {
        System.out.println(e.getMessage());
      }
    } else {
      System.out.println(tooLarge(card, Boolean.parseBoolean(eager), 128));
    }
  }

  private String printed(Map<String, String> environment, String... options) throws Exception {
    return OwnJvm.printed(home, BadCasesTest.class, OwnJvm.LIBRARIES, environment, options).strip();
  }

  @Test
  void anOldDriver() throws Exception {
    assertEquals(
        "cuda-sim is not available: the driver knows CUDA 12.8, needed is 13.0; install NVIDIA"
            + " driver 580 or newer",
        printed(Map.of("THAW_SIM_VERSION", "12080")));
  }

  @Test
  void aCardThatIsNotThere() {
    String device = OnACard.backend().device().kind() + ":64";
    IllegalStateException e = assertThrows(IllegalStateException.class, () -> Devices.get(device));
    String message = String.valueOf(e.getMessage());
    assertTrue(
        message.matches(
            device
                + " is not available: (there is one card here, number 0|cards here are numbered 0"
                + " to \\d+)"),
        message);
  }

  @Test
  void anOldCard() throws Exception {
    assertEquals(
        "cuda-sim is not available: Thaw stand-in has compute capability 7.0, needed is 7.5;"
            + " compute on cpu",
        printed(Map.of("THAW_SIM_CAPABILITY", "70")));
  }

  @Test
  void aCardWithoutBfloat16() throws Exception {
    String line = printed(Map.of("THAW_SIM_CAPABILITY", "75"));
    assertTrue(
        line.matches(
            "precision bf16: cuda-sim \\(Thaw stand-in, compute capability 7\\.5, .*\\) cannot"
                + " compute so; .*NVIDIA cards of compute capability 8\\.0 and newer can"),
        line);
  }

  /** The same of a command: before anything is read or written. */
  @Test
  void aCommandInBfloat16OnACardWithoutIt() throws Exception {
    Path model = home.resolve("m.safetensors");
    List<String> words =
        List.of(
            dev.thaw.app.Main.class.getName(),
            "pretrain",
            "--model",
            "seed-cnn",
            "--data",
            "embedded",
            "--device",
            "cuda-sim",
            "--precision",
            "bf16",
            "--out",
            model.toString());
    String line =
        OwnJvm.printed(home, 2, words, OwnJvm.LIBRARIES, Map.of("THAW_SIM_CAPABILITY", "75"))
            .strip();
    assertTrue(
        line.matches(
            "thaw: precision bf16: cuda-sim \\(Thaw stand-in, compute capability 7\\.5, [^\n]*\\)"
                + " cannot compute so; [^\n]*compute capability 8\\.0 and newer can"),
        line);
    assertTrue(Files.notExists(model));
  }

  private String refused(int code, String... words) throws Exception {
    List<String> all = new ArrayList<>(List.of(dev.thaw.app.Main.class.getName(), "models"));
    all.addAll(List.of(words));
    return OwnJvm.printed(home, code, all, List.of(), Map.of()).strip();
  }

  /** Who edited a card's kernels is not served by another device that never sees them. */
  @Test
  void editedKernelsWhereThereIsNoCard() throws Exception {
    Path edited = Files.createDirectories(home.resolve("edited"));
    Files.writeString(edited.resolve("softmx.cu"), "// misspelt");
    String kernels = "--kernels=" + edited;
    String line = refused(1, kernels);
    assertTrue(line.matches("thaw: cuda is not available: [^\n]*"), line);
    assertEquals(
        "thaw: --kernels: plain does not compute with them, cuda does; see `thaw help models`",
        refused(2, kernels, "--device=plain"));
  }

  @Test
  void aCardThatOthersFill() throws Exception {
    String line = printed(Map.of("THAW_SIM_MEMORY", "16"));
    assertTrue(
        line.matches("cuda-sim is not available: .*0\\.0 MiB of 0\\.0 MiB are free on the card.*"),
        line);
  }

  private static void assertNamesWhatIsHeld(String line, String cause, String workspace) {
    assertTrue(
        line.matches(
            "cuda\\S*: no room for [0-9.]+ MiB of \\w+ \\("
                + cause
                + "\\); held: parameters [1-9][0-9.]* MiB, gradients [1-9][0-9.]* MiB, optimizer"
                + " [1-9][0-9.]* MiB, activations [1-9][0-9.]* MiB, workspace "
                + workspace
                + " MiB; use smaller batches or freeze more layers"),
        line);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aCardThatIsFull(boolean eager) throws Exception {
    String line =
        printed(Map.of("THAW_SIM_MEMORY", Integer.toString(24 << 20)), "-Deager=" + eager);
    // A step that is recorded has needed none yet.
    String workspace = eager ? "[1-9][0-9.]*" : "0.0";
    assertNamesWhatIsHeld(line, "[0-9.]+ MiB of 24\\.0 MiB are free on the card", workspace);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aLimitThatIsReached(boolean eager) throws IOException {
    CudaBackend card = OnACard.backend();
    train(card, eager, 4);
    card.pool().trim();
    // Beside what tests before this one had the backend stage.
    card.pool().setLimit(card.pool().ownedBytes() + (12 << 20));
    try {
      assertNamesWhatIsHeld(tooLarge(card, eager, 64), "limit [0-9.]+ MiB", "[1-9][0-9.]*");
    } finally {
      card.pool().setLimit(Long.MAX_VALUE);
    }
  }

  @Test
  void aWorkspaceThatCannotGrowIsUsedOn() {
    CudaBackend card = OnACard.backend();
    Pool pool = card.pool();
    Workspace workspace = card.workspace();
    workspace.take(1 << 20);
    workspace.give();
    long bytes = workspace.bytes();
    pool.setLimit(bytes + (64 << 20));
    try {
      var e = assertThrows(OutOfMemoryError.class, () -> workspace.take(1L << 40));
      assertTrue(
          Objects.requireNonNull(e.getMessage()).contains("MiB of workspace (limit"),
          e.getMessage());
      workspace.take(1 << 20);
      workspace.give();
    } finally {
      pool.setLimit(Long.MAX_VALUE);
    }
  }
}
