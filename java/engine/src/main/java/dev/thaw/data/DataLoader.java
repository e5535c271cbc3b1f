package dev.thaw.data;

import dev.thaw.memory.Check;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Batches of normalised float32 examples and int64 labels, made by threads of its own ahead of the
 * one who trains. Where bytes are {@linkplain #allowBytes allowed}, pictures stay bytes if that is
 * what they are and augmentation only moves pixels (flip and crop); the device normalises them.
 *
 * <p>A ring of staging buffers holds the batch in use and those being made. Threads take pieces of
 * the earliest unfinished batch first, so the next batch is as early as the machine allows. What is
 * in a batch depends on (seed, epoch, number) alone: order is a Fisher-Yates shuffle by {@link
 * dev.thaw.backend.Philox} of (seed, epoch), augmentation a function of the example ({@link
 * Augment}).
 *
 * <p>With shuffling the threads read ahead into the next epoch. A fixed order is what evaluations
 * use, and there they stop at the epoch's end.
 *
 * <p>For one thread at a time; close it to end its threads.
 */
public final class DataLoader implements BatchSource {
  private static final int MOST_ROWS = 16;
  private static final int ALIGNMENT = 64;

  /**
   * How to load.
   *
   * @param batchSize examples a batch
   * @param shuffle whether each epoch has an order of its own
   * @param dropLast whether a last, smaller batch is left out
   * @param threads that read, decode and augment, at least 1
   * @param prefetch how many batches are made ahead, at least 1
   * @param seed of order and augmentation
   * @param augment what is changed at random
   */
  public record Options(
      int batchSize,
      boolean shuffle,
      boolean dropLast,
      int threads,
      int prefetch,
      long seed,
      Augment augment) {
    /**
     * Checks the counts.
     *
     * @throws IllegalArgumentException when one is below 1
     */
    public Options {
      Check.that(
          batchSize > 0 && threads > 0 && prefetch > 0,
          "loader: expected at least 1, got batch size %d, threads %d, prefetch %d",
          batchSize,
          threads,
          prefetch);
    }

    /** Shuffled, every example, half of the cores but at most 8 threads, three batches ahead. */
    public static Options training(int batchSize, long seed) {
      return new Options(batchSize, true, false, defaultThreads(), 3, seed, Augment.NONE);
    }

    /** In the set's own order and unchanged, else as {@link #training}. */
    public static Options evaluation(int batchSize) {
      return new Options(batchSize, false, false, defaultThreads(), 3, 0, Augment.NONE);
    }

    private static int defaultThreads() {
      return Math.max(1, Math.min(8, Runtime.getRuntime().availableProcessors() / 2));
    }

    /** The same with another shuffling. */
    public Options withShuffle(boolean value) {
      return new Options(batchSize, value, dropLast, threads, prefetch, seed, augment);
    }

    /** The same with another treatment of the last batch. */
    public Options withDropLast(boolean value) {
      return new Options(batchSize, shuffle, value, threads, prefetch, seed, augment);
    }

    /** The same with another number of threads. */
    public Options withThreads(int value) {
      return new Options(batchSize, shuffle, dropLast, value, prefetch, seed, augment);
    }

    /** The same with another number of batches ahead. */
    public Options withPrefetch(int value) {
      return new Options(batchSize, shuffle, dropLast, threads, value, seed, augment);
    }

    /** The same with another augmentation. */
    public Options withAugment(Augment value) {
      return new Options(batchSize, shuffle, dropLast, threads, prefetch, seed, value);
    }
  }

  /** One batch's buffers and how far it is. Fields are guarded by the lock, contents by turns. */
  private static final class Slot {
    final ByteBuffer pictures;
    final ByteBuffer labels;
    final boolean bytes; // not normalised yet
    long sequence = -1;
    int pending;
    int failedPiece;
    @Nullable Throwable failure;

    Slot(int batchSize, int elements, boolean bytes) {
      this.bytes = bytes;
      pictures = direct((bytes ? 1 : 4) * batchSize * elements);
      labels = direct(8 * batchSize);
    }

    private static ByteBuffer direct(int bytes) {
      // alignedSlice cuts both ends to the alignment
      ByteBuffer padded = ByteBuffer.allocateDirect(bytes + 2 * ALIGNMENT);
      return padded.alignedSlice(ALIGNMENT).slice(0, bytes).order(ByteOrder.nativeOrder());
    }
  }

  private final Dataset data;
  private final Normalisation normalisation;
  private final Options options;
  private final int batches;
  private final int examples;
  private final int rows; // examples a piece, the unit of work of a thread
  private final int pieces; // pieces a batch
  private final @Nullable Slot[] ring; // null before the threads start
  private final Thread[] threads;
  private final Order order;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private final Condition ready = lock.newCondition();
  private final Condition idle = lock.newCondition();

  // Guarded by the lock. Batches are counted through all epochs: sequence = epoch · batches +
  // batch.
  private int epoch;
  private int batch;
  private long kept; // the earliest sequence whose slot may not be reused
  private long claimed; // the next piece to be made: sequence · pieces + piece
  private int busy; // threads at work on a piece
  private boolean bytes; // what slots are made for
  private boolean closed;

  /**
   * A loader at the start of epoch 0. Its threads start with the first use.
   *
   * @throws IllegalArgumentException when there is no whole batch in an epoch, or the channels of
   *     data and normalisation differ, or augmentation is asked for what is no picture
   */
  public DataLoader(Dataset data, Normalisation normalisation, Options options) {
    this.data = data;
    this.normalisation = normalisation;
    this.options = options;
    int size = options.batchSize;
    this.batches = options.dropLast ? data.size() / size : (data.size() + size - 1) / size;
    this.examples = options.dropLast ? batches * size : data.size();
    Check.that(
        batches > 0,
        "loader: %s has %d examples, too few for a batch of %d",
        data.name(),
        data.size(),
        size);
    Check.that(
        data.shape().dim(-1) == normalisation.channels(),
        "loader: %s is %s, normalisation has %d channels",
        data.name(),
        data.shape(),
        normalisation.channels());
    Check.that(
        options.augment.equals(Augment.NONE) || data.shape().rank() == 3,
        "loader: only pictures [h, w, c] can be augmented, %s is %s",
        data.name(),
        data.shape());
    long bytesOfBatch = 4L * size * data.shape().elements();
    Check.that(
        bytesOfBatch <= Integer.MAX_VALUE - 2 * ALIGNMENT,
        "loader: a batch of %d bytes is more than 2 GiB; lower the batch size",
        bytesOfBatch);
    this.rows = Math.max(1, Math.min(MOST_ROWS, size / (2 * options.threads)));
    this.pieces = (size + rows - 1) / rows;
    this.ring = new Slot[options.prefetch + 1];
    this.threads = new Thread[options.threads];
    this.order = new Order(data.size(), options.shuffle, options.seed);
  }

  @Override
  public int batches() {
    return batches;
  }

  @Override
  public int examples() {
    return examples;
  }

  /** What the examples were normalised with. */
  public Normalisation normalisation() {
    return normalisation;
  }

  /** What is loaded. */
  public Dataset data() {
    return data;
  }

  /**
   * Goes to a batch. At the end of an epoch, going to the next one's start keeps what was read
   * ahead.
   *
   * @throws IllegalArgumentException when there is no such batch
   */
  @Override
  public void seek(int toEpoch, int toBatch) {
    Check.that(
        toEpoch >= 0 && toBatch >= 0 && toBatch <= batches,
        "loader: there is no batch %d in epoch %d, an epoch has %d",
        toBatch,
        toEpoch,
        batches);
    lock.lock();
    try {
      long target = (long) toEpoch * batches + toBatch;
      if (target != sequence()) {
        forget();
        claimed = target * pieces;
      }
      epoch = toEpoch;
      batch = toBatch;
      kept = target;
      work.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Drops what was read ahead where that changes what is made. */
  @Override
  public void allowBytes(boolean allowed) {
    boolean whole = Preparation.keepsBytes(data, options.augment);
    lock.lock();
    try {
      if (bytes != (allowed && whole)) {
        bytes = !bytes;
        forget();
        Arrays.fill(ring, null);
        kept = sequence();
        claimed = kept * pieces;
        if (threads[0] != null) {
          makeRing();
        }
        work.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Waits until the threads are idle, and drops what they made. */
  private void forget() {
    kept = Long.MIN_VALUE / 2; // nothing can be claimed
    while (busy > 0) {
      idle.awaitUninterruptibly();
    }
    for (Slot slot : ring) {
      if (slot != null) {
        slot.sequence = -1;
      }
    }
  }

  private void makeRing() {
    for (int i = 0; i < ring.length; i++) {
      ring[i] = new Slot(options.batchSize, elements(), bytes);
    }
  }

  private Slot slot(long sequence) {
    return Objects.requireNonNull(ring[(int) (sequence % ring.length)]);
  }

  /**
   * The next batch of the epoch, or null at its end. Valid until the next call of any method.
   *
   * @throws IOException when an example cannot be read, naming its file; the position stays
   * @throws IllegalStateException when the loader is closed
   */
  @Override
  public @Nullable Batch next() throws IOException {
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("loader: it is closed");
      }
      start();
      long wanted = sequence();
      kept = wanted;
      work.signalAll();
      if (batch == batches) {
        return null;
      }
      Slot slot = slot(wanted);
      while (slot.sequence != wanted || slot.pending > 0) {
        ready.await();
      }
      if (slot.failure != null) {
        throw failed(slot.failure);
      }
      int n = size(batch);
      Batch result =
          new Batch(
              epoch,
              batch,
              batchShape(n),
              slot.pictures.slice(),
              slot.labels.slice(),
              slot.bytes ? normalisation : null);
      result.pictures().order(ByteOrder.nativeOrder()).limit((slot.bytes ? 1 : 4) * n * elements());
      result.labels().order(ByteOrder.nativeOrder()).limit(8 * n);
      batch++;
      return result;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (IOException)
          new InterruptedIOException("loader: interrupted while waiting for a batch").initCause(e);
    } finally {
      lock.unlock();
    }
  }

  /** Ends the threads and waits for them; each finishes the example it is at. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      work.signalAll();
    } finally {
      lock.unlock();
    }
    boolean interrupted = false;
    for (Thread t : threads) {
      while (t != null && t.isAlive()) {
        try {
          t.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void start() {
    if (threads[0] == null) {
      makeRing();
    }
    for (int i = 0; i < threads.length && threads[i] == null; i++) {
      threads[i] = new Thread(this::run, "thaw-loader-" + i);
      threads[i].setDaemon(true);
      threads[i].start();
    }
  }

  private long sequence() {
    return (long) epoch * batches + batch;
  }

  private int size(int number) {
    return Math.min(options.batchSize, examples - number * options.batchSize);
  }

  private int elements() {
    return (int) data.shape().elements();
  }

  private Shape batchShape(int n) {
    int[] example = data.shape().dims();
    int[] dims = new int[example.length + 1];
    dims[0] = n;
    System.arraycopy(example, 0, dims, 1, example.length);
    return Shape.of(dims);
  }

  private static IOException failed(Throwable failure) {
    if (failure instanceof Error e) {
      throw e;
    }
    if (failure instanceof RuntimeException e) {
      throw e;
    }
    return (IOException) failure; // there is no fourth kind that read() could throw
  }

  /** The life of a thread: claim a piece, make it, say so. */
  private void run() {
    Preparation example = new Preparation(data, normalisation, options.augment, options.seed);
    lock.lock();
    try {
      while (true) {
        while (!closed && !claimable()) {
          work.awaitUninterruptibly();
        }
        if (closed) {
          return;
        }
        long sequence = claimed / pieces;
        int piece = (int) (claimed % pieces);
        claimed++;
        Slot slot = slot(sequence);
        if (piece == 0) {
          slot.sequence = sequence;
          slot.pending = pieces;
          slot.failure = null;
        }
        busy++;
        Throwable failure = null;
        lock.unlock();
        try {
          make(slot, (int) (sequence / batches), (int) (sequence % batches), piece, example);
        } catch (Throwable t) { // whatever it is, it belongs to the thread that trains
          failure = t;
        } finally {
          lock.lock();
        }
        if (failure != null && (slot.failure == null || piece < slot.failedPiece)) {
          slot.failure = failure;
          slot.failedPiece = piece;
        }
        if (--slot.pending == 0) {
          ready.signalAll();
        }
        if (--busy == 0) {
          idle.signalAll();
        }
      }
    } finally {
      lock.unlock();
    }
  }

  private boolean claimable() {
    long sequence = claimed / pieces;
    boolean sameEpoch = sequence < (long) (epoch + 1) * batches;
    return sequence < kept + ring.length && (options.shuffle || sameEpoch);
  }

  /** Makes the examples of a piece. */
  private void make(Slot slot, int inEpoch, int number, int piece, Preparation example)
      throws IOException {
    ByteBuffer bytes = slot.pictures.duplicate();
    FloatBuffer floats = slot.pictures.duplicate().order(ByteOrder.nativeOrder()).asFloatBuffer();
    LongBuffer labels = slot.labels.duplicate().order(ByteOrder.nativeOrder()).asLongBuffer();
    int[] indices = order.of(inEpoch);
    int end = Math.min(size(number), (piece + 1) * rows);
    for (int row = piece * rows; row < end; row++) {
      int index = indices[number * options.batchSize + row];
      if (slot.bytes) {
        bytes.put(row * elements(), example.bytes(inEpoch, index));
      } else {
        floats.put(row * elements(), example.floats(inEpoch, index));
      }
      labels.put(row, data.label(index));
    }
  }
}
