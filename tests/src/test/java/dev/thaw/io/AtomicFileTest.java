package dev.thaw.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Needs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AtomicFileTest {
  private static final byte[] OLD = "old".getBytes(StandardCharsets.UTF_8);
  private static final byte[] NEW = "new, and longer".getBytes(StandardCharsets.UTF_8);

  @Test
  void replacesWhatWasThere(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("model");
    AtomicFile.write(file, OLD);
    AtomicFile.write(file, NEW);
    assertArrayEquals(NEW, Files.readAllBytes(file));
    assertEquals(List.of(file), list(folder));
  }

  @Test
  void aFullDiskKeepsTheOldFile(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("model");
    AtomicFile.write(file, OLD);
    IOException e =
        assertThrows(
            IOException.class,
            () ->
                AtomicFile.write(
                    file,
                    out -> {
                      out.write(ByteBuffer.wrap(NEW));
                      throw new IOException("No space left on device");
                    }));
    assertEquals(
        file + ": cannot be written: No space left on device; what was there before is kept",
        e.getMessage());
    assertArrayEquals(OLD, Files.readAllBytes(file));
    assertEquals(List.of(file), list(folder));
  }

  @Test
  void aFailureOfTheWriterKeepsTheOldFile(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("model");
    AtomicFile.write(file, OLD);
    assertThrows(
        IllegalStateException.class,
        () ->
            AtomicFile.write(
                file,
                out -> {
                  throw new IllegalStateException("of its own");
                }));
    assertArrayEquals(OLD, Files.readAllBytes(file));
    assertEquals(List.of(file), list(folder));
  }

  @Test
  void nothingIsUnderTheFinalNameBeforeTheEnd(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("model");
    AtomicFile.write(
        file,
        out -> {
          out.write(ByteBuffer.wrap(NEW));
          assertTrue(Files.notExists(file));
        });
    assertArrayEquals(NEW, Files.readAllBytes(file));
  }

  @Test
  void whatAKilledProcessLeftIsRemoved(@TempDir Path folder) throws Exception {
    Process gone = new ProcessBuilder(Needs.tool("true")).start();
    assertEquals(0, gone.waitFor());
    Path leftover = folder.resolve(".model." + gone.pid() + "-1.part");
    Path other = folder.resolve(".model." + ProcessHandle.current().pid() + "-999.part");
    Path foreign = folder.resolve(".model.notes.part");
    for (Path p : List.of(leftover, other, foreign)) {
      Files.write(p, OLD);
    }
    AtomicFile.write(folder.resolve("model"), NEW);
    assertTrue(Files.notExists(leftover));
    assertTrue(Files.exists(other), "its process lives");
    assertTrue(Files.exists(foreign), "not ours");
  }

  @Test
  void aLinkKeepsPointing(@TempDir Path folder) throws IOException {
    Path real = folder.resolve("real");
    AtomicFile.write(real, OLD);
    Path link = Files.createSymbolicLink(folder.resolve("link"), real);
    AtomicFile.write(link, NEW);
    assertTrue(Files.isSymbolicLink(link));
    assertArrayEquals(NEW, Files.readAllBytes(real));
  }

  @Test
  void writersOfOneNameDoNotMix(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("model");
    CountDownLatch together = new CountDownLatch(1);
    Thread[] writers = new Thread[4];
    List<Throwable> failures = new CopyOnWriteArrayList<>();
    for (int i = 0; i < writers.length; i++) {
      byte[] content = new byte[100_000];
      Arrays.fill(content, (byte) i);
      writers[i] =
          new Thread(
              () -> {
                try {
                  together.await();
                  for (int n = 0; n < 5; n++) {
                    AtomicFile.write(file, content);
                  }
                } catch (Throwable t) {
                  failures.add(t);
                }
              });
      writers[i].start();
    }
    together.countDown();
    for (Thread t : writers) {
      t.join();
    }
    assertEquals(List.of(), failures);
    byte[] found = Files.readAllBytes(file);
    assertEquals(100_000, found.length);
    for (byte b : found) {
      assertEquals(found[0], b);
    }
    assertEquals(List.of(file), list(folder));
  }

  @Test
  void saysWhichFolderIsMissing(@TempDir Path folder) {
    IOException e =
        assertThrows(IOException.class, () -> AtomicFile.write(folder.resolve("runs/model"), NEW));
    assertTrue(String.valueOf(e.getMessage()).contains("there is no folder"), e.getMessage());
    e = assertThrows(IOException.class, () -> AtomicFile.write(folder, NEW));
    assertTrue(String.valueOf(e.getMessage()).contains("is a folder"), e.getMessage());
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }
}
