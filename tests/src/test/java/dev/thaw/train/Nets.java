package dev.thaw.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** Nets for pictures of 8 x 8, and what they hold. */
final class Nets {
  static final int CLASSES = 4;

  private Nets() {}

  /** A net of the zoo, its weights drawn from {@code seed}. */
  static Module model(String spec, long seed) {
    try (var seeded = new Generator(seed).use()) {
      return Zoo.create(spec, Shape.of(1, 8, 8, 1), CLASSES);
    }
  }

  static RandomBatches batches(int examples, int batch) {
    return new RandomBatches(8, 8, 1, CLASSES, examples, batch, 3);
  }

  static Parameter parameter(Module model, String name) {
    return Objects.requireNonNull(model.parameters().get(name), name);
  }

  /** Copies of all parameters and buffers. */
  static Map<String, float[]> state(Module model) {
    Map<String, float[]> all = new TreeMap<>();
    model.parameters().forEach((name, p) -> all.put(name, p.values()));
    model.buffers().forEach((name, b) -> all.put(name, b.toFloats()));
    return all;
  }

  /** Holds that both are the same to the bit. */
  static void assertSame(Map<String, float[]> expected, Map<String, float[]> found) {
    assertEquals(expected.keySet(), found.keySet());
    expected.forEach((name, values) -> assertArrayEquals(values, found.get(name), name));
  }
}
