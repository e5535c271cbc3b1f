package dev.thaw.data;

import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** Pictures of another set, each resized when it is read. */
record Fitted(Dataset whole, Shape shape) implements Dataset {
  Fitted {
    Check.that(
        whole.dtype() == DType.UINT8 && whole.shape().rank() == 3,
        "%s: examples of %s %s are not pictures of bytes and cannot be made %s",
        whole.name(),
        whole.dtype(),
        whole.shape(),
        shape);
    // Refuses a target that no picture has, and a source with two channels, before the first read.
    int[] hwc = whole.shape().dims();
    new Picture(hwc[0], hwc[1], hwc[2], new byte[(int) whole.shape().elements()]).fitted(shape);
  }

  @Override
  public String name() {
    return whole.name();
  }

  @Override
  public int size() {
    return whole.size();
  }

  @Override
  public DType dtype() {
    return DType.UINT8;
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
    int[] hwc = whole.shape().dims();
    byte[] pixels = new byte[hwc[0] * hwc[1] * hwc[2]];
    whole.read(index, ByteBuffer.wrap(pixels));
    to.put(new Picture(hwc[0], hwc[1], hwc[2], pixels).fitted(shape).pixels());
  }
}
