package dev.thaw.nn;

import dev.thaw.tensor.Shape;

/**
 * How a parameter's elements are ordered in files, which keep PyTorch's layout. Set by the layer
 * that makes the parameter; nothing guesses.
 */
public enum FileOrder {
  /** As in memory. */
  IDENTITY,
  /** In memory [out, kh, kw, in], in files [out, in, kh, kw]: convolution weights. */
  OIHW;

  /** The shape in files of a parameter of {@code shape}. */
  public Shape inFile(Shape shape) {
    return this == IDENTITY
        ? shape
        : Shape.of(shape.dim(0), shape.dim(3), shape.dim(1), shape.dim(2));
  }

  /** Index in the file of each element in memory. */
  int[] positions(Shape shape) {
    int[] positions = new int[(int) shape.elements()];
    int spatial = this == IDENTITY ? 1 : shape.dim(1) * shape.dim(2);
    int in = this == IDENTITY ? 1 : shape.dim(3);
    for (int i = 0; i < positions.length; i++) {
      int o = i / (spatial * in);
      int s = i / in % spatial;
      int c = i % in;
      positions[i] = (o * in + c) * spatial + s;
    }
    return positions;
  }

  /** Elements in file order, from {@code memory} order. */
  public float[] toFile(float[] memory, Shape shape) {
    if (this == IDENTITY) {
      return memory;
    }
    int[] positions = positions(shape);
    float[] file = new float[memory.length];
    for (int i = 0; i < file.length; i++) {
      file[positions[i]] = memory[i];
    }
    return file;
  }

  /** Elements in memory order, from {@code file} order. */
  public float[] fromFile(float[] file, Shape shape) {
    if (this == IDENTITY) {
      return file;
    }
    int[] positions = positions(shape);
    float[] memory = new float[file.length];
    for (int i = 0; i < memory.length; i++) {
      memory[i] = file[positions[i]];
    }
    return memory;
  }
}
