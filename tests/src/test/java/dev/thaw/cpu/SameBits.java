package dev.thaw.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * Every loop gives the same bits with every instruction set and every number of threads, and leaves
 * inputs as they were. What the bits should be is held elsewhere, on one instruction set: with this
 * it holds on all.
 */
abstract class SameBits {
  /** Around the sizes of registers, lanes, cache lines and pieces. */
  static final int[] SIZES = {
    0, 1, 3, 4, 5, 15, 16, 17, 31, 33, 64, 255, 257, 1023, 1025, 16_385, 140_001
  };

  private static final int[] THREADS = {1, 2, 3, 7};

  final Backend cpu = Devices.get("cpu");
  private final Isa best = Isa.current();
  private final SplittableRandom random = new SplittableRandom(5);
  private final List<Buffer> inputs = new ArrayList<>();
  private final List<Buffer> buffers = new ArrayList<>();
  private final List<byte[]> before = new ArrayList<>();
  private long live;

  @BeforeEach
  void remember() {
    live = cpu.pool().liveBytes();
  }

  @AfterEach
  void restore() {
    Native.thaw_choose_isa(best.ordinal());
    release();
    assertEquals(live, cpu.pool().liveBytes());
  }

  private void release() {
    buffers.forEach(Buffer::release);
    buffers.clear();
    inputs.clear();
    before.clear();
  }

  Buffer buffer(DType dtype, long elements) {
    Buffer x = cpu.pool().allocate(dtype, elements, Purpose.WORKSPACE);
    buffers.add(x);
    return x;
  }

  Buffer input(Buffer x, ByteBuffer content) {
    cpu.upload(x, content.clear());
    inputs.add(x);
    before.add(read(x));
    return x;
  }

  void write(Buffer x, byte[] content) {
    cpu.upload(x, ByteBuffer.wrap(content));
  }

  byte[] read(Buffer x) {
    byte[] content = new byte[(int) x.bytes()];
    cpu.download(ByteBuffer.wrap(content), x);
    return content;
  }

  static ByteBuffer bytes(long n) {
    return ByteBuffer.allocate((int) n).order(ByteOrder.nativeOrder());
  }

  /** Numbers of all sizes, most of them about 1. */
  Buffer numbers(long n) {
    ByteBuffer content = bytes(4 * n);
    for (int i = 0; i < n; i++) {
      double wide = random.nextInt(16) == 0 ? Math.exp(random.nextDouble(-12, 12)) : 1;
      content.putFloat((float) (random.nextDouble(-2, 2) * wide));
    }
    return input(buffer(DType.FLOAT32, n), content);
  }

  /** Numbers in (0.1, 2.1). */
  Buffer positive(long n) {
    ByteBuffer content = bytes(4 * n);
    for (int i = 0; i < n; i++) {
      content.putFloat((float) (0.1 + random.nextDouble(2)));
    }
    return input(buffer(DType.FLOAT32, n), content);
  }

  Buffer integers(long n, int bound, boolean wide) {
    ByteBuffer content = bytes((wide ? 8 : 4) * n);
    for (int i = 0; i < n; i++) {
      int v = random.nextInt(bound);
      if (wide) {
        content.putLong(v);
      } else {
        content.putInt(v);
      }
    }
    return input(buffer(wide ? DType.INT64 : DType.INT32, n), content);
  }

  Buffer output(long n) {
    return buffer(DType.FLOAT32, n);
  }

  /** Runs {@code call} in every way from the same beginning; then lets all buffers go. */
  void hold(String what, IntConsumer call, Buffer... outputs) {
    List<byte[]> start = new ArrayList<>();
    for (Buffer y : outputs) {
      start.add(read(y));
    }
    List<byte[]> expected = new ArrayList<>();
    for (Isa isa : Isa.values()) {
      if (isa.compareTo(best) > 0) {
        System.err.println("not held on this processor: " + isa + ", " + what);
        continue;
      }
      assertEquals(isa.ordinal(), Native.thaw_choose_isa(isa.ordinal()));
      for (int threads : THREADS) {
        for (int i = 0; i < outputs.length; i++) {
          write(outputs[i], start.get(i));
        }
        call.accept(threads);
        for (int i = 0; i < outputs.length; i++) {
          byte[] found = read(outputs[i]);
          if (expected.size() == i) {
            expected.add(found);
          }
          String run = what + ", output " + i + ", " + isa + ", threads " + threads;
          assertArrayEquals(expected.get(i), found, run);
        }
        for (int i = 0; i < inputs.size(); i++) {
          assertArrayEquals(before.get(i), read(inputs.get(i)), what + ": input " + i);
        }
      }
    }
    release();
  }
}
