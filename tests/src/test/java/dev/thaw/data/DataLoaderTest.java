package dev.thaw.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
final class DataLoaderTest {
  private static final Dataset NOISE = Examples.noise(103, 6, 5, 3);
  private static final Normalisation NORMAL =
      Normalisation.of(new float[] {0.4f, 0.5f, 0.6f}, new float[] {0.2f, 0.3f, 0.4f});
  private static final DataLoader.Options SHUFFLED =
      DataLoader.Options.training(16, 11)
          .withAugment(Augment.parse("flip,rotate=10,crop=1,scale=0.1,colour=0.2"));

  /** What a batch holds, kept after it is gone. */
  private record Seen(int epoch, int number, List<Float> pictures, List<Long> labels) {
    static Seen of(Batch b) {
      List<Float> pictures = new ArrayList<>();
      List<Long> labels = new ArrayList<>();
      while (b.pictures().hasRemaining()) {
        pictures.add(b.pictures().getFloat());
      }
      while (b.labels().hasRemaining()) {
        labels.add(b.labels().getLong());
      }
      assertEquals(b.shape().elements(), pictures.size());
      assertEquals(b.size(), labels.size());
      return new Seen(b.epoch(), b.number(), pictures, labels);
    }
  }

  @Test
  void aFixedOrderGivesTheSetItself() throws IOException {
    try (DataLoader loader = new DataLoader(NOISE, NORMAL, DataLoader.Options.evaluation(10))) {
      assertEquals(11, loader.batches());
      assertEquals(103, loader.examples());
      for (int epoch = 0; epoch < 2; epoch++) {
        loader.seek(epoch, 0);
        int example = 0;
        for (Batch b = loader.next(); b != null; b = loader.next()) {
          assertEquals(Shape.of(b.number() == 10 ? 3 : 10, 6, 5, 3), b.shape());
          assertEquals(epoch, b.epoch());
          assertTrue(b.pictures().isDirect() && b.pictures().order() == ByteOrder.nativeOrder());
          Seen seen = Seen.of(b);
          for (int row = 0; row < b.size(); row++, example++) {
            byte[] pixels = new byte[90];
            NOISE.read(example, ByteBuffer.wrap(pixels));
            float[] expected = NORMAL.apply(pixels);
            for (int k = 0; k < 90; k++) {
              assertEquals(expected[k], seen.pictures.get(row * 90 + k));
            }
            assertEquals(NOISE.label(example), seen.labels.get(row).intValue());
          }
        }
        assertEquals(103, example);
        assertNull(loader.next(), "still at the end");
      }
    }
  }

  @Test
  void eachEpochHasEveryExampleOnceInAnOrderOfItsOwn() throws IOException {
    Dataset numbered = numbered(50);
    DataLoader.Options options = DataLoader.Options.training(8, 3);
    List<List<Integer>> orders = new ArrayList<>();
    for (long seed : new long[] {3, 3, 4}) {
      DataLoader.Options o = new DataLoader.Options(8, true, false, 1, 2, seed, options.augment());
      try (DataLoader loader = new DataLoader(numbered, Normalisation.none(1), o)) {
        for (int epoch = 0; epoch < 2; epoch++) {
          loader.seek(epoch, 0);
          List<Integer> order = new ArrayList<>();
          for (Batch b = loader.next(); b != null; b = loader.next()) {
            for (int i = 0; i < b.size(); i++) {
              order.add(Math.round(b.pictures().getFloat(4 * i)));
            }
          }
          assertEquals(50, new TreeSet<>(order).size());
          orders.add(order);
        }
      }
    }
    assertNotEquals(orders.get(0), orders.get(1), "epochs differ");
    assertEquals(orders.subList(0, 2), orders.subList(2, 4), "a seed repeats");
    assertNotEquals(orders.get(0), orders.get(4), "seeds differ");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void threadsCannotInfluenceABit(int threads) throws IOException {
    List<Seen> one = epochs(SHUFFLED.withThreads(1).withPrefetch(1), 3);
    assertEquals(one, epochs(SHUFFLED.withThreads(threads).withPrefetch(threads), 3));
  }

  @Test
  void seekGoesOnAsIfUninterrupted() throws IOException {
    List<Seen> all = epochs(SHUFFLED.withThreads(2), 3);
    try (DataLoader loader = new DataLoader(NOISE, NORMAL, SHUFFLED.withThreads(3))) {
      for (int start : new int[] {9, 0, 20, 13, 14, 6, 7}) {
        loader.seek(start / 7, start % 7);
        for (int k = start; k < 21; k++) {
          Batch b = loader.next();
          if (b == null) {
            loader.seek(k / 7, 0);
            b = loader.next();
          }
          assertNotNull(b);
          assertEquals(all.get(k), Seen.of(b));
          if (k == start + 2) {
            break; // leave in the middle, with batches read ahead
          }
        }
      }
      assertThrows(IllegalArgumentException.class, () -> loader.seek(0, 8));
      assertThrows(IllegalArgumentException.class, () -> loader.seek(-1, 0));
    }
  }

  @Test
  void theLastSmallBatchCanBeDropped() throws IOException {
    DataLoader.Options options = SHUFFLED.withDropLast(true);
    try (DataLoader loader = new DataLoader(NOISE, NORMAL, options)) {
      assertEquals(6, loader.batches());
      assertEquals(96, loader.examples());
      int n = 0;
      for (Batch b = loader.next(); b != null; b = loader.next()) {
        assertEquals(16, b.size());
        n++;
      }
      assertEquals(6, n);
    }
    DataLoader.Options tooLarge = DataLoader.Options.training(104, 0).withDropLast(true);
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> new DataLoader(NOISE, NORMAL, tooLarge));
    assertTrue(String.valueOf(e.getMessage()).contains("103 examples"), e.getMessage());
  }

  @Test
  void aBatchStaysUntilTheNextIsAskedFor() throws Exception {
    try (DataLoader loader =
        new DataLoader(NOISE, NORMAL, SHUFFLED.withThreads(4).withPrefetch(2))) {
      Batch b = loader.next();
      assertNotNull(b);
      byte[] before = bytes(b);
      TimeUnit.MILLISECONDS.sleep(100); // every thread has filled all it may
      assertArrayEquals(before, bytes(b));
    }
  }

  @Test
  void readsAheadWhileTheBatchIsUsed() throws Exception {
    Semaphore reads = new Semaphore(0);
    Dataset counted = new Slow(numbered(100), i -> reads.release());
    DataLoader.Options options = DataLoader.Options.training(10, 0).withPrefetch(2);
    try (DataLoader loader = new DataLoader(counted, Normalisation.none(1), options)) {
      assertNotNull(loader.next());
      assertTrue(reads.tryAcquire(30, 20, TimeUnit.SECONDS), "this batch and two ahead");
      assertFalse(reads.tryAcquire(1, 100, TimeUnit.MILLISECONDS), "and no more");
      assertNotNull(loader.next());
      assertTrue(reads.tryAcquire(10, 20, TimeUnit.SECONDS));
    }
  }

  @Test
  void readsAheadIntoTheNextEpochOnlyWhenShuffled() throws Exception {
    for (boolean shuffle : new boolean[] {true, false}) {
      Semaphore reads = new Semaphore(0);
      Dataset counted = new Slow(numbered(10), i -> reads.release());
      DataLoader.Options options = DataLoader.Options.training(10, 0).withShuffle(shuffle);
      try (DataLoader loader = new DataLoader(counted, Normalisation.none(1), options)) {
        assertNotNull(loader.next());
        assertTrue(reads.tryAcquire(10, 20, TimeUnit.SECONDS));
        assertEquals(shuffle, reads.tryAcquire(10, shuffle ? 20_000 : 100, TimeUnit.MILLISECONDS));
      }
    }
  }

  @Test
  void theEarliestBatchComesFirst() throws Exception {
    CountDownLatch second = new CountDownLatch(1);
    // Example 12, in the second batch, is stuck; the first batch must come all the same.
    Dataset stuck =
        new Slow(
            numbered(40),
            i -> {
              if (i == 12) {
                second.await();
              }
            });
    DataLoader.Options options = DataLoader.Options.evaluation(10).withThreads(2);
    try (DataLoader loader = new DataLoader(stuck, Normalisation.none(1), options)) {
      assertNotNull(loader.next());
      second.countDown();
      assertNotNull(loader.next());
    }
  }

  @Test
  void aFailureSurfacesInItsTurnAndTheLoaderGoesOn() throws IOException {
    IOException bad = new IOException("cat.7.jpg: expected a picture");
    Dataset broken =
        new Slow(
            numbered(40),
            i -> {
              if (i == 25 || i == 29) {
                throw i == 25 ? bad : new IOException("a later one of the same batch");
              }
            });
    DataLoader.Options options = DataLoader.Options.evaluation(10).withThreads(4);
    try (DataLoader loader = new DataLoader(broken, Normalisation.none(1), options)) {
      assertNotNull(loader.next());
      assertNotNull(loader.next());
      assertSame(bad, assertThrows(IOException.class, loader::next));
      assertSame(bad, assertThrows(IOException.class, loader::next), "the position stays");
      loader.seek(0, 3);
      Batch b = loader.next();
      assertNotNull(b);
      assertEquals(30, b.pictures().getFloat(0));
    }
  }

  @Test
  void anErrorOfAThreadIsTheCallers() {
    Dataset broken =
        new Slow(
            numbered(4),
            i -> {
              throw new AssertionError("of its own");
            });
    try (DataLoader loader =
        new DataLoader(broken, Normalisation.none(1), DataLoader.Options.evaluation(2))) {
      assertThrows(AssertionError.class, loader::next);
    }
  }

  @Test
  void closeJoinsTheThreads() throws IOException {
    DataLoader loader = new DataLoader(NOISE, NORMAL, SHUFFLED.withThreads(3));
    assertNotNull(loader.next());
    assertTrue(loaderThreads() >= 3);
    loader.close();
    loader.close();
    assertEquals(0, loaderThreads());
    assertThrows(IllegalStateException.class, loader::next);
  }

  @Test
  void anInterruptEndsTheWait() throws IOException {
    CountDownLatch never = new CountDownLatch(1);
    Dataset stuck = new Slow(numbered(4), i -> never.await());
    try (DataLoader loader =
        new DataLoader(stuck, Normalisation.none(1), DataLoader.Options.evaluation(2))) {
      Thread.currentThread().interrupt();
      assertThrows(InterruptedIOException.class, loader::next);
      assertTrue(Thread.interrupted(), "the flag is kept");
      never.countDown();
      assertNotNull(loader.next());
    }
  }

  @Test
  void featuresAreNotPictures() throws IOException {
    float[] values = {1, 2, 3, 4, 5, 6};
    Dataset rows =
        ArrayDataset.of("rows", Shape.of(3), values, new int[] {0, 1}, List.of("a", "b"));
    try (DataLoader loader =
        new DataLoader(rows, Normalisation.measure(rows), DataLoader.Options.evaluation(2))) {
      Batch b = loader.next();
      assertNotNull(b);
      assertEquals(Shape.of(2, 3), b.shape());
      assertEquals(List.of(-1f, -1f, -1f, 1f, 1f, 1f), Seen.of(b).pictures);
    }
    Normalisation three = Normalisation.none(3);
    assertThrows(IllegalArgumentException.class, () -> new DataLoader(rows, three, SHUFFLED));
    Normalisation one = Normalisation.none(1);
    DataLoader.Options plain = DataLoader.Options.evaluation(2);
    assertThrows(IllegalArgumentException.class, () -> new DataLoader(rows, one, plain));
  }

  private static List<Seen> epochs(DataLoader.Options options, int epochs) throws IOException {
    List<Seen> seen = new ArrayList<>();
    try (DataLoader loader = new DataLoader(NOISE, NORMAL, options)) {
      for (int epoch = 0; epoch < epochs; epoch++) {
        loader.seek(epoch, 0);
        for (Batch b = loader.next(); b != null; b = loader.next()) {
          seen.add(Seen.of(b));
        }
      }
    }
    return seen;
  }

  /** One float each, the example's number. */
  private static Dataset numbered(int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = i;
    }
    return ArrayDataset.of("numbered", Shape.of(1), values, new int[n], List.of("x"));
  }

  private static byte[] bytes(Batch b) {
    byte[] bytes = new byte[b.pictures().remaining()];
    b.pictures().duplicate().get(bytes);
    return bytes;
  }

  private static long loaderThreads() {
    Thread[] all = new Thread[Thread.activeCount() + 64];
    int n = Thread.enumerate(all);
    return Arrays.stream(all, 0, n)
        .filter(t -> t.isAlive() && t.getName().startsWith("thaw-loader-"))
        .count();
  }

  private interface Before {
    void read(int index) throws IOException, InterruptedException;
  }

  /** A set on whose reads something happens. */
  private record Slow(Dataset whole, Before before) implements Dataset {
    @Override
    public String name() {
      return whole.name();
    }

    @Override
    public int size() {
      return whole.size();
    }

    @Override
    public Shape shape() {
      return whole.shape();
    }

    @Override
    public DType dtype() {
      return whole.dtype();
    }

    @Override
    public List<String> classes() {
      return whole.classes();
    }

    @Override
    public int label(int index) {
      return whole.label(index);
    }

    @Override
    public void read(int index, ByteBuffer to) throws IOException {
      try {
        before.read(index);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      whole.read(index, to);
    }
  }
}
