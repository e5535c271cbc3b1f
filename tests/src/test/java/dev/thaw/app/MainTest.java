package dev.thaw.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class MainTest {
  @TempDir private Path folder;

  @Test
  void versionNamesEngineAndJava() {
    Ran ran = Ran.thaw("--version").done();
    assertTrue(ran.out().startsWith("thaw "), ran::out);
    assertTrue(ran.out().contains("java " + Runtime.version()), ran::out);
    assertEquals("", ran.err());
  }

  @Test
  void helpGoesToStandardOutput() {
    Ran ran = Ran.thaw("help").done();
    assertTrue(ran.out().startsWith("Usage: thaw "), ran::out);
    assertEquals("", ran.err());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "demo",
        "pretrain",
        "finetune",
        "evaluate",
        "predict",
        "diagnose",
        "inspect",
        "models"
      })
  void everyCommandHasAPageOfHelp(String command) {
    Ran ran = Ran.thaw(command, "--help").done();
    assertTrue(ran.out().startsWith("Usage: thaw " + command), ran::out);
    assertEquals(ran.out(), Ran.thaw("help", command).done().out());
  }

  @Test
  void wrongWordsAreOneLineAndExitCodeTwo() {
    String line = Ran.thaw("freeze-everything").refused(Main.WRONG_INPUT);
    assertTrue(line.contains("freeze-everything"), line);
  }

  @Test
  void noCommandIsNoSuccess() {
    assertEquals(
        "thaw: no command was given; see `thaw help`", Ran.thaw().refused(Main.WRONG_INPUT));
  }

  @Test
  void theStackTraceIsForThoseWhoAsk() {
    Path missing = folder.resolve("missing.safetensors");
    assertFalse(Ran.thaw("inspect", missing).err().contains("\tat "));
    Ran asked = Ran.thaw("inspect", missing, "--verbose");
    assertEquals(Main.WRONG_INPUT, asked.code());
    assertTrue(asked.err().contains("\tat dev.thaw."), asked::err);
  }

  @Test
  void aDeviceThatNobodyKnowsIsAWrongWord() {
    String line = Ran.thaw("models", "--device", "abacus").refused(Main.WRONG_INPUT);
    assertTrue(line.contains("'abacus' is unknown, say one of plain, cpu, cuda, best"), line);
  }

  @Test
  void aDeviceThatCannotBeHadFailsTheRunWithItsReason() {
    String line = Ran.thaw("models", "--device", "cuda:77").refused(Main.FAILED);
    assertTrue(line.contains("cuda:77"), line);
  }

  @Test
  void aNumberThatIsNoneIsAWrongWord() {
    String line = Ran.thaw("pretrain", "--model", "mlp", "--lr", "fast").refused(Main.WRONG_INPUT);
    assertTrue(line.contains("--lr") && line.contains("fast"), line);
  }
}
