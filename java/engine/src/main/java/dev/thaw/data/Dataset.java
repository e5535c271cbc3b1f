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
}
