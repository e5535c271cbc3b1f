package dev.thaw.cuda;

import java.util.List;
import java.util.stream.Collectors;

/**
 * How a compiled kernel takes its arguments: a slot of the block of arguments for each. Of their
 * types nothing is known but the sizes; a struct's fields are packed one by one into its slot.
 */
record Signature(List<Slot> slots) {
  /** What a pointer, a long long or a double takes, the largest that is no struct. */
  private static final int LARGEST = 8;

  /** From {@code offset} on, {@code bytes} bytes. */
  record Slot(int offset, int bytes) {
    private int end() {
      return offset + bytes;
    }

    private boolean holds(Slot argument) {
      return argument.offset >= offset && argument.end() <= end();
    }
  }

  /** Whether {@code arguments} fill the slots, in their order, and nothing else. */
  boolean takes(List<Slot> arguments) {
    int next = 0;
    for (Slot slot : slots) {
      int filled = slot.offset;
      if (next == arguments.size() || arguments.get(next).offset != slot.offset) {
        return false;
      }
      while (next < arguments.size() && slot.holds(arguments.get(next))) {
        filled = arguments.get(next++).end();
      }
      // A struct may end with bytes that only align the next one.
      int padding = slot.bytes > LARGEST ? LARGEST - 1 : 0;
      if (filled < slot.end() - padding) {
        return false;
      }
    }
    return next == arguments.size();
  }

  /** {@code 8 + 8 + 4 bytes}. */
  static String sizes(List<Slot> slots) {
    return slots.stream().map(s -> Integer.toString(s.bytes)).collect(Collectors.joining(" + "))
        + (slots.isEmpty() ? "no bytes" : " bytes");
  }
}
