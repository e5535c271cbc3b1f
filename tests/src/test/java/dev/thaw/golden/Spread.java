package dev.thaw.golden;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.thaw.nn.Module;
import dev.thaw.tensor.Shape;
import java.util.zip.CRC32;

/**
 * The weights of the golden nets: they follow from the parameters' names, here as in {@code
 * tests/golden/golden_files.py}, so that no file holds them.
 */
public final class Spread {
  private Spread() {}

  /** {@code count} numbers in [-1, 1): element i is a hash of i + crc32(name). */
  static float[] numbers(String name, int count) {
    CRC32 crc = new CRC32();
    crc.update(name.getBytes(UTF_8));
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      int h = (int) crc.getValue() + i;
      h = (h ^ h >>> 16) * 0x7FEB352D;
      h = (h ^ h >>> 15) * 0x846CA68B;
      h ^= h >>> 16;
      numbers[i] = (h >>> 8) * 0x1p-23f - 1;
    }
    return numbers;
  }

  /** Gives every parameter its numbers, drawn in the order in which files have them. */
  public static void fill(Module model) {
    model
        .parameters()
        .forEach(
            (name, parameter) -> {
              Shape shape = parameter.shape();
              float[] numbers = numbers(name, (int) shape.elements());
              boolean matrix = shape.rank() > 1;
              float scale =
                  matrix
                      ? (float) Math.sqrt(6.0 / shape.elements(1, shape.rank()))
                      : name.endsWith("weight") ? 0.25f : 0.125f;
              float middle = !matrix && name.endsWith("weight") ? 1 : 0;
              for (int i = 0; i < numbers.length; i++) {
                numbers[i] = middle + numbers[i] * scale;
              }
              parameter.set(parameter.order().fromFile(numbers, shape));
            });
  }
}
