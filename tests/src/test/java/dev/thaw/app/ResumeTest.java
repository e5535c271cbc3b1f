package dev.thaw.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thaw.Needs;
import dev.thaw.NothingLeft;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** A training that is interrupted and resumed is, to the bit, one that was not. */
@ExtendWith(NothingLeft.class)
final class ResumeTest {
  @TempDir private Path folder;

  private void resumesToTheBit(Object... more) throws IOException {
    Path checkpoint = folder.resolve("c");
    Path log = folder.resolve("log.csv");
    Path whole = folder.resolve("whole.safetensors");
    Path resumed = folder.resolve("resumed.safetensors");
    List<Object> words =
        new ArrayList<>(List.of("--checkpoint", checkpoint, "--log", log, "--epochs", 3));
    words.addAll(List.of(more));
    // Of 21 steps the checkpoint of step 11 is the last one, in the middle of the second epoch.
    words.addAll(List.of("--checkpoint-every", 11));
    Small.pretrain(whole, words.toArray()).done();
    String logged = Files.readString(log);
    words.add("--resume");
    Ran ran = Small.pretrain(resumed, words.toArray()).done();
    assertTrue(ran.err().contains("at step 11"), ran::err);
    assertEquals(Small.tensors(whole), Small.tensors(resumed));
    assertEquals(logged, Files.readString(log), "the log is cut at step 11 and goes on the same");
  }

  @Test
  void sgdResumesToTheBit() throws IOException {
    resumesToTheBit();
  }

  @Test
  void adamwWithAugmentationResumesToTheBit() throws IOException {
    resumesToTheBit("--optimizer", "adamw", "--augment", "flip,rotate=10,crop=2");
  }

  @Test
  void earlyStoppingResumesToTheBit() throws IOException {
    resumesToTheBit("--early-stopping", 2);
  }

  @Test
  void aFrozenFinetuneResumesToTheBit() throws IOException {
    Path from = folder.resolve("from.safetensors");
    Small.pretrain(from).done();
    Path checkpoint = folder.resolve("c");
    Path whole = folder.resolve("whole.safetensors");
    Path resumed = folder.resolve("resumed.safetensors");
    Object[] words = {
      "--strategy", "head", "--checkpoint", checkpoint, "--checkpoint-every", 5, "--lr", "0.1"
    };
    Small.finetune(from, whole, words).done();
    List<Object> again = new ArrayList<>(List.of(words));
    again.add("--resume");
    Ran ran = Small.finetune(from, resumed, again.toArray()).done();
    assertTrue(ran.err().contains("at step 5"), ran::err);
    assertEquals(Small.tensors(whole), Small.tensors(resumed));
  }

  @Test
  void anotherTrainingsCheckpointIsRefused() throws IOException {
    Path checkpoint = folder.resolve("c");
    Path out = folder.resolve("m.safetensors");
    Small.pretrain(out, "--checkpoint", checkpoint).done();
    Path other = folder.resolve("other.safetensors");
    Ran seed = Small.pretrain(other, "--checkpoint", checkpoint, "--resume", "--seed", 5);
    assertTrue(seed.failed(Main.WRONG_INPUT).contains("seed 5, found 0"), seed::err);
    Ran rule = Small.pretrain(other, "--checkpoint", checkpoint, "--resume", "--optimizer", "adam");
    assertTrue(rule.failed(Main.WRONG_INPUT).contains("optimizer"), rule::err);
    Ran model = Small.pretrain(other, "--checkpoint", out, "--resume");
    assertTrue(model.failed(Main.WRONG_INPUT).contains("a training checkpoint"), model::err);
    assertFalse(Files.exists(other));
  }

  /** Killed three times at whatever it was doing; the fourth run goes to the end. */
  @Test
  @Timeout(300)
  void aKilledTrainingResumesToTheBit() throws Exception {
    Path whole = folder.resolve("whole.safetensors");
    Path killed = folder.resolve("killed.safetensors");
    Path checkpoint = folder.resolve("c");
    Path log = folder.resolve("log.csv");
    Path wholeLog = folder.resolve("whole.csv");
    Object[] epochs = {"--epochs", 150};
    Small.pretrain(whole, with(epochs, "--log", wholeLog)).done();
    Object[] words =
        with(epochs, "--checkpoint", checkpoint, "--checkpoint-every", 10, "--log", log);
    for (int kill = 1; kill <= 3; kill++) {
      List<String> command = Small.pretrainWords(killed, words);
      if (kill > 1) {
        command.add("--resume");
      }
      Process run = start(command);
      int rows = 150 * kill;
      while (run.isAlive() && (!Files.exists(log) || Files.readAllLines(log).size() < rows)) {
        Thread.sleep(5);
      }
      // SIGKILL: nothing in the process gets to run any more.
      run.destroyForcibly();
      assertEquals(137, run.waitFor(), "it came to its end before it was killed");
      assertFalse(Files.exists(killed), "a model that is not finished");
      Small.tensors(checkpoint);
    }
    Small.pretrain(killed, with(words, "--resume")).done();
    assertEquals(Small.tensors(whole), Small.tensors(killed));
    assertEquals(Files.readString(wholeLog), Files.readString(log));
  }

  private static Object[] with(Object[] words, Object... more) {
    List<Object> all = new ArrayList<>(List.of(words));
    all.addAll(List.of(more));
    return all.toArray();
  }

  @Test
  @Timeout(180)
  void controlCFinishesTheStepAndPrintsTheCommandThatResumes() throws Exception {
    assumeTrue(File.separatorChar == '/', "skipped: there is no kill here");
    String kill = Needs.tool("kill");
    Path out = folder.resolve("m.safetensors");
    Path log = folder.resolve("log.csv");
    List<String> words =
        List.of(
            "pretrain",
            "--model",
            "mlp:depth=3,width=16",
            "--data",
            "embedded",
            "--limit",
            "400",
            "--epochs",
            "100000",
            "--device",
            "plain",
            "--out",
            out.toString(),
            "--log",
            log.toString());
    Process run = start(words);
    long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while ((!Files.exists(log) || Files.readAllLines(log).size() < 10)
        && System.nanoTime() < patience) {
      Thread.sleep(50);
    }
    // Under a shell's background job Ctrl-C is ignored, by this JVM and by what it starts.
    boolean deaf = ignoresInterrupts();
    String signal = deaf ? "-TERM" : "-INT";
    assertEquals(0, new ProcessBuilder(kill, signal, "" + run.pid()).start().waitFor());
    String err = new String(run.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(deaf ? 143 : Main.INTERRUPTED, run.waitFor(), err);
    String last = err.strip().lines().reduce((a, b) -> b).orElse("");
    String checkpoint = out + ".checkpoint";
    assertTrue(
        last.matches("thaw: stopped after step \\d+; to go on: thaw pretrain .* --resume .*"),
        last);
    assertTrue(last.endsWith("--checkpoint=" + checkpoint), last);
    assertTrue(Files.exists(Path.of(checkpoint)));
    assertFalse(Files.exists(out), "a model that is not finished");
  }

  /** Bit 1 of SigIgn is SIGINT. */
  private static boolean ignoresInterrupts() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("SigIgn:")) {
        return (Long.parseUnsignedLong(line.substring(7).strip(), 16) & 2) != 0;
      }
    }
    return false;
  }

  private static Process start(List<String> words) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    command.addAll(words);
    return new ProcessBuilder(command).start();
  }
}
