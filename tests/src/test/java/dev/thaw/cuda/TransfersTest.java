package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.backend.Backend.Reading;
import dev.thaw.backend.Unary;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Bytes that cross to a card and back beside its work come in their turn: who is not waited for is
 * overtaken on the stand-in, which lets each stream run as late as it may, or, where told so, as
 * early.
 */
final class TransfersTest {
  /** From here on an upload has a stream of its own, in elements. */
  private static final int LARGE = (64 << 10) / Float.BYTES;

  /** More than there are staging places, twice. */
  private static final int MANY = 8;

  @TempDir private Path home = Path.of("");

  private final CudaBackend card = OnACard.backend();

  private Buffer buffer(int n) {
    return card.pool().allocate(DType.FLOAT32, n, Purpose.WORKSPACE);
  }

  private static ByteBuffer bytes(int n) {
    return ByteBuffer.allocateDirect(n * Float.BYTES).order(ByteOrder.nativeOrder());
  }

  /** {@code n} numbers, all {@code value}, in {@code host}, which the caller uses again. */
  private void upload(Buffer y, ByteBuffer host, int n, float value) {
    host.clear().limit(n * Float.BYTES);
    host.asFloatBuffer().put(0, value).put(n / 2, value).put(n - 1, value);
    card.upload(y, host);
  }

  private static void assertHolds(float value, Reading reading, int n, String what) {
    ByteBuffer found = bytes(n);
    reading.to(found);
    for (int at : new int[] {0, n / 2, n - 1}) {
      assertEquals(value, found.asFloatBuffer().get(at), what + ", element " + at);
    }
  }

  /** y = {@code x} · 1, by the card's compute stream. */
  private void copy(Buffer y, Buffer x) {
    card.unary().forward(Unary.AFFINE, y, x, 1, 0);
  }

  /**
   * Uploads to one place, each read by a kernel before the next comes; Java waits for nothing until
   * all are queued.
   *
   * @param sizes of the uploads, in elements
   */
  private void oneAfterTheOther(int... sizes) {
    ByteBuffer host = bytes(4 * LARGE);
    Buffer place = buffer(4 * LARGE);
    List<Buffer> seen = new ArrayList<>();
    for (int i = 0; i < sizes.length; i++) {
      try (Parts parts = new Parts()) {
        Buffer y = parts.slice(place, sizes[i]);
        seen.add(buffer(sizes[i]));
        upload(y, host, sizes[i], i + 1);
        copy(seen.get(i), y);
      }
    }
    for (int i = sizes.length - 1; i >= 0; i--) {
      assertHolds(i + 1, card.read(seen.get(i)), sizes[i], "upload " + (i + 1));
      seen.get(i).release();
    }
    place.release();
  }

  /** Slices of a buffer, released together. */
  private static final class Parts implements AutoCloseable {
    private final List<Buffer> all = new ArrayList<>();

    Buffer slice(Buffer whole, int n) {
      Buffer part = whole.slice(0, n);
      all.add(part);
      return part;
    }

    @Override
    public void close() {
      all.forEach(Buffer::release);
    }
  }

  private static int[] times(int count, int size) {
    int[] sizes = new int[count];
    java.util.Arrays.fill(sizes, size);
    return sizes;
  }

  @Test
  void largeUploadsArriveInTheirTurn() {
    oneAfterTheOther(times(MANY, LARGE));
  }

  @Test
  void smallUploadsArriveInTheirTurn() {
    oneAfterTheOther(times(MANY, 256));
  }

  /** Up to 128 elements, an even number, they travel in the arguments of a launch. */
  @Test
  void theSmallestUploadsArriveInTheirTurn() {
    oneAfterTheOther(2, 1, 128, 129, 3, 126, 130, 64, 256, 4);
  }

  /** Nothing but the slice is written, wherever it begins. */
  @Test
  void uploadsIntoTheMiddle() {
    int n = 140;
    for (int at = 1; at < 4; at++) {
      for (int count : new int[] {1, 2, 64, 128, 130}) {
        Buffer whole = buffer(n);
        Buffer part = whole.slice(at, count);
        card.index().fill(whole, 7);
        ByteBuffer host = bytes(count);
        for (int i = 0; i < count; i++) {
          host.putFloat(4 * i, i + 0.5f);
        }
        card.upload(part, host);
        ByteBuffer found = bytes(n);
        card.download(found, whole);
        for (int i = 0; i < n; i++) {
          float expected = i < at || i >= at + count ? 7 : i - at + 0.5f;
          assertEquals(expected, found.getFloat(4 * i), at + " and " + count + ", element " + i);
        }
        part.release();
        whole.release();
      }
    }
  }

  /** Staging places and the blocks beside the destination grow while the card still reads them. */
  @Test
  void uploadsOfManySizesArriveInTheirTurn() {
    int[] sizes = new int[3 * MANY];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = i % 5 == 4 ? 16 << i % 7 : LARGE + LARGE / MANY * i;
    }
    oneAfterTheOther(sizes);
  }

  /** A reading is of what the card held when it was asked for, whoever is waited for first. */
  @Test
  void readingsAreOfTheirTime() {
    int n = LARGE;
    Buffer x = buffer(n);
    Buffer y = buffer(n);
    List<Reading> readings = new ArrayList<>();
    for (int round = 0; round < 2; round++) {
      upload(x, bytes(n), n, 1);
      for (int i = 0; i < MANY; i++) {
        card.unary().forward(Unary.AFFINE, y, x, 2, 0);
        copy(x, y);
        readings.add(card.read(x));
      }
      for (int i = MANY - 1; i >= 0; i--) {
        assertHolds(2 << i, readings.get(i), n, "reading " + i);
      }
      readings.clear();
    }
    x.release();
    y.release();
  }

  /** A reading that is done gives its place to the next, which may be larger. */
  @Test
  void readingsGrow() {
    for (int n = 1; n <= LARGE; n *= 4) {
      Buffer x = buffer(n);
      upload(x, bytes(n), n, n);
      assertHolds(n, card.read(x), n, "of " + n);
      x.release();
    }
  }

  /** What is told beside a reading comes whole, whichever way both go. */
  @Test
  void twoAreReadAtOnce() {
    Pool own = card.pool();
    Transfers transfers = new Transfers(card.card(), card.kernels(), own);
    Buffer beside = own.allocate(DType.INT64, 5, Purpose.WORKSPACE);
    for (DType type : new DType[] {DType.UINT8, DType.FLOAT32}) {
      for (int n : new int[] {1, 2, 3, 200, 246, 247, 256, 257, 1000, LARGE}) {
        Buffer x = own.allocate(type, n + 1, Purpose.WORKSPACE);
        Buffer part = x.slice(1, n);
        card.index().fill(x, n % 250);
        card.index().fill(beside, 0x1p40 + n);
        List<Long> told = new ArrayList<>();
        Reading reading =
            transfers.read(
                part,
                beside,
                words -> {
                  while (words.hasRemaining()) {
                    told.add(words.getLong());
                  }
                });
        // Neither is what is there now.
        card.index().fill(x, 3);
        card.index().fill(beside, 4);
        ByteBuffer found = ByteBuffer.allocate((int) part.bytes()).order(ByteOrder.nativeOrder());
        reading.to(found);
        assertEquals(java.util.Collections.nCopies(5, 1L << 40 | n), told, type + " " + n);
        for (int i = 0; i < n; i++) {
          double value = type == DType.UINT8 ? found.get(i) & 255 : found.getFloat(4 * i);
          assertEquals(n % 250, value, type + " " + n + ", element " + i);
        }
        part.release();
        x.release();
      }
    }
    beside.release();
  }

  /** Runs it all on a stand-in whose environment others chose. */
  public static void main(String[] args) {
    TransfersTest test = new TransfersTest();
    test.largeUploadsArriveInTheirTurn();
    test.smallUploadsArriveInTheirTurn();
    test.theSmallestUploadsArriveInTheirTurn();
    test.uploadsOfManySizesArriveInTheirTurn();
    test.readingsAreOfTheirTime();
    test.readingsGrow();
    System.out.println("all in their turn");
  }

  /** A copy that does not wait until the card has read what was there before comes too early. */
  @Test
  void alsoWhereTheCopyStreamIsFirst() throws Exception {
    assertEquals(
        "all in their turn",
        OwnJvm.printed(
                home, TransfersTest.class, OwnJvm.LIBRARIES, Map.of("THAW_SIM_STREAMS", "eager"))
            .strip());
  }
}
