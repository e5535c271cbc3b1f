package dev.thaw.train;

import dev.thaw.backend.Philox;
import dev.thaw.data.Batch;
import dev.thaw.data.BatchSource;
import dev.thaw.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Batches whose pictures are noise around a pattern of their class: a task that a net can learn.
 */
public final class RandomBatches implements BatchSource {
  private final Shape example;
  private final int classes;
  private final int examples;
  private final int batch;
  private final long seed;
  private Consumer<Batch> change = made -> {};
  private int epoch;
  private int next;
  private final ByteBuffer pictures;
  private final ByteBuffer labels;

  /** {@code examples} examples of shape [h, w, c] in batches of {@code batch}. */
  public RandomBatches(int h, int w, int c, int classes, int examples, int batch, long seed) {
    this.example = Shape.of(h, w, c);
    this.classes = classes;
    this.examples = examples;
    this.batch = batch;
    this.seed = seed;
    int bytes = (int) (batch * example.elements() * 4);
    pictures = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    labels = ByteBuffer.allocateDirect(8 * batch).order(ByteOrder.nativeOrder());
  }

  /** Lets {@code change} spoil each batch before it is given out. */
  public RandomBatches spoiltBy(Consumer<Batch> spoiler) {
    change = spoiler;
    return this;
  }

  @Override
  public int batches() {
    return (examples + batch - 1) / batch;
  }

  @Override
  public int examples() {
    return examples;
  }

  @Override
  public void seek(int toEpoch, int toBatch) {
    epoch = toEpoch;
    next = toBatch;
  }

  @Override
  public @Nullable Batch next() {
    if (next >= batches()) {
      return null;
    }
    int first = next * batch;
    int n = Math.min(batch, examples - first);
    int size = (int) example.elements();
    for (int i = 0; i < n; i++) {
      Philox noise = new Philox(seed, epoch, first + i);
      int label = noise.below(0, classes);
      Philox pattern = new Philox(seed + 1, 0, label);
      labels.putLong(8 * i, label);
      for (int j = 0; j < size; j++) {
        float value = (float) (pattern.normal(j) + 0.5 * noise.normal(j + 4L));
        pictures.putFloat(4 * (i * size + j), value);
      }
    }
    Shape shape = Shape.of(n, example.dim(0), example.dim(1), example.dim(2));
    Batch made = new Batch(epoch, next++, shape, pictures, labels);
    change.accept(made);
    return made;
  }

  @Override
  public void close() {}
}
