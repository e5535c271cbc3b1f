package dev.thaw.data;

import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** Labelled examples of one shape, read by number; several threads may read at once. */
public interface Dataset {
  /** Where it comes from, for people and for a model's history: {@code mnist/train}. */
  String name();

  /** Number of examples. */
  int size();

  /** Shape of one example, [h, w, c] for pictures. */
  Shape shape();

  /** UINT8 for pictures on the 0..255 scale, FLOAT32 for anything else. */
  DType dtype();

  /** Names of the classes, in the order of label numbers. */
  List<String> classes();

  /** Label number of example {@code index}. */
  int label(int index);

  /**
   * Writes the elements of example {@code index} to the remaining bytes of {@code to}, in native
   * order, row by row with channels innermost.
   *
   * @throws IOException naming the file that cannot be read
   */
  void read(int index, ByteBuffer to) throws IOException;

  /**
   * {@code n} examples, drawn by a hash of their numbers and in their order: every class has about
   * its share, and a smaller limit gives a part of what a larger one gives. All of them when there
   * are fewer.
   */
  default Dataset limit(int n) {
    return Subset.limit(this, n);
  }

  /** At most {@code n} examples of each class, drawn as by {@link #limit}. */
  default Dataset perClass(int n) {
    return Subset.perClass(this, n);
  }

  /**
   * The examples of these classes, whose labels become 0, 1, 2 .. in the order given.
   *
   * @throws IllegalArgumentException when a name is not among {@link #classes}, or given twice
   */
  default Dataset only(List<String> names) {
    return Subset.only(this, names);
  }

  /**
   * Two parts without a common example.
   *
   * @param rest what is left to train on
   * @param held what was held out
   */
  record Split(Dataset rest, Dataset held) {}

  /**
   * Holds out a share of the examples, chosen by a hash of {@code seed} and their numbers, at least
   * one in each part.
   *
   * @param share between 0 and 1, exclusive
   * @throws IllegalArgumentException when the share is out of range or there are fewer than two
   */
  default Split holdout(double share, long seed) {
    return Subset.holdout(this, share, seed);
  }

  /**
   * The same pictures at another size or with other channels, as by {@link Picture#fitted}; this
   * set itself when it has that shape.
   *
   * @param target [h, w, 1] or [h, w, 3]
   * @throws IllegalArgumentException when the examples are not pictures of bytes
   */
  default Dataset fitted(Shape target) {
    return target.equals(shape()) ? this : new Fitted(this, target);
  }
}
