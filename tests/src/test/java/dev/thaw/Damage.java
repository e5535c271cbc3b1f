package dev.thaw;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Files gone wrong. A reader may still make sense of one, but if it refuses, then with an
 * IOException of one line that names the file; and it may not spend memory on what the file only
 * claims.
 */
public final class Damage {
  private static final int TIMES = 200;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private Damage() {}

  /** Reads a file and holds what it gives to what it should be, if that can be known. */
  @FunctionalInterface
  public interface Reader {
    /** Reads {@code file}, in which {@code damaged} was written. */
    void read(Path file, byte[] damaged) throws IOException;
  }

  /**
   * Damages {@code good} in {@value #TIMES} ways and has each read.
   *
   * @param good a whole file
   * @param headLength how many bytes at its start, or at its end when negative, are worth most of
   *     the damage
   * @param file where the damaged bytes are written before each reading
   * @param mostBytes what one reading may allocate, heap and direct memory each
   * @return how many were refused
   */
  public static int times200(byte[] good, int headLength, Path file, long mostBytes, Reader reader)
      throws IOException {
    int refused = 0;
    for (int seed = 0; seed < TIMES; seed++) {
      byte[] bad = damaged(good, headLength, seed);
      Files.write(file, bad);
      long heap = THREADS.getCurrentThreadAllocatedBytes();
      long direct = directBytes();
      try {
        reader.read(file, bad);
      } catch (IOException e) {
        refused++;
        assertOneLine(e, file, seed);
      } catch (RuntimeException | Error e) {
        fail("damage " + seed + " of " + file.getFileName() + " gave " + e, e);
      }
      long spent = THREADS.getCurrentThreadAllocatedBytes() - heap;
      assertTrue(spent <= mostBytes, "damage " + seed + " took " + spent + " bytes of heap");
      spent = directBytes() - direct;
      assertTrue(spent <= mostBytes, "damage " + seed + " took " + spent + " direct bytes");
    }
    return refused;
  }

  /** Holds a refusal to its form. */
  public static void assertOneLine(IOException e, Path file, int seed) {
    String message = String.valueOf(e.getMessage());
    assertTrue(
        message.contains(String.valueOf(file.getFileName())),
        "damage " + seed + ": the message names no file: " + message);
    assertEquals(
        0,
        message.chars().filter(c -> c < ' ').count(),
        "damage " + seed + ": more than a line: " + message);
    assertTrue(message.length() < 700, "damage " + seed + ": too long: " + message);
  }

  private static byte[] damaged(byte[] good, int headLength, int seed) {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] bad = good.clone();
    int head = Math.min(good.length, Math.abs(headLength));
    int start = random.nextInt(4) == 0 || headLength > 0 ? 0 : good.length - head;
    int at = start + random.nextInt(random.nextInt(4) == 0 ? good.length - start : head);
    int few = 1 + random.nextInt(8);
    switch (seed % 8) {
      case 0 -> bad[at] ^= (byte) (1 << random.nextInt(8));
      case 1 -> Arrays.fill(bad, at, Math.min(bad.length, at + few), (byte) 0xFF);
      case 2 -> Arrays.fill(bad, at, Math.min(bad.length, at + few), (byte) 0);
      case 3 -> bad = Arrays.copyOf(bad, at);
      case 4 -> bad = Arrays.copyOf(bad, bad.length + few);
      case 5 -> { // a piece is lost
        int from = Math.min(bad.length, at + few);
        System.arraycopy(good, from, bad, at, good.length - from);
        bad = Arrays.copyOf(bad, at + good.length - from);
      }
      case 6 -> { // a piece is doubled
        bad = Arrays.copyOf(good, good.length + few);
        System.arraycopy(good, at, bad, Math.min(good.length, at + few), good.length - at);
      }
      default -> { // a digit, a letter, a size becomes another
        for (int i = 0; i < few; i++) {
          bad[start + random.nextInt(head)] = (byte) ('0' + random.nextInt(80));
        }
      }
    }
    return bad;
  }

  private static long directBytes() {
    long bytes = 0;
    for (BufferPoolMXBean pool : ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
      bytes += pool.getMemoryUsed();
    }
    return bytes;
  }
}
