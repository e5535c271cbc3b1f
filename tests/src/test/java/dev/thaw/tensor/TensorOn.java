package dev.thaw.tensor;

import dev.thaw.backend.Backend;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/** What tests in other packages need of this one's inside. */
public final class TensorOn {
  private TensorOn() {}

  /** {@code values}, rounded to {@code dtype}, on a backend that need not be a device's own. */
  public static Tensor of(Backend home, DType dtype, Shape shape, double[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(values.length * dtype.bytes()).order(ByteOrder.nativeOrder());
    for (double v : values) {
      switch (dtype) {
        case FLOAT32 -> bytes.putFloat((float) v);
        case FLOAT64 -> bytes.putDouble(v);
        // Callers choose values that bfloat16 has, so cutting is exact.
        case BFLOAT16 -> bytes.putShort((short) (Float.floatToRawIntBits((float) v) >>> 16));
        case INT32 -> bytes.putInt((int) v);
        case INT64 -> bytes.putLong((long) v);
        case UINT8 -> bytes.put((byte) (int) v);
      }
    }
    Tensor y = Tensor.empty(shape, dtype, home);
    home.upload(y.buffer(), bytes.flip());
    return y;
  }

  /** Bytes that the step which made {@code y} keeps for its rules; 0 where it has none. */
  public static long heldBytes(Tensor y) {
    return y.node == null ? 0 : y.node.heldBytes();
  }

  /**
   * Bytes that all steps before {@code y} keep for their rules together, each buffer once; what was
   * allocated for {@code purpose} only.
   */
  public static long tapeBytes(Tensor y, Purpose purpose) {
    Set<Buffer> held = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Node node : tape(y)) {
      held.addAll(node.held());
    }
    return held.stream().filter(b -> b.purpose() == purpose).mapToLong(Buffer::bytes).sum();
  }

  /** Names of the ops of all steps before {@code y} that have a live rule, the last first. */
  public static List<String> tapeOps(Tensor y) {
    return tape(y).stream().map(node -> node.op).toList();
  }

  private static List<Node> tape(Tensor y) {
    Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    List<Node> found = new ArrayList<>();
    ArrayDeque<Node> open = new ArrayDeque<>();
    if (y.node != null) {
      open.add(y.node);
    }
    while (!open.isEmpty()) {
      Node node = open.poll();
      if (seen.add(node)) {
        found.add(node);
        for (Op.Rule rule : node.drawnRules()) {
          for (Tensor input : rule.inputs) {
            if (input.node != null) {
              open.add(input.node);
            }
          }
        }
      }
    }
    return found;
  }
}
