package dev.thaw.models;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.NothingLeft;
import dev.thaw.memory.Device;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Shape;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The counts that papers and other libraries give. */
@ExtendWith(NothingLeft.class)
final class ParameterCountsTest {
  @ParameterizedTest
  @CsvSource({
    "seed-cnn, 28, 1, 10, 421642",
    "resnet20, 32, 3, 10, 269722",
    "resnet32, 32, 3, 10, 464154",
    "resnet44, 32, 3, 10, 658586",
    "resnet56, 32, 3, 10, 853018",
    "resnet18, 224, 3, 1000, 11689512",
    "resnet50, 224, 3, 1000, 25557032"
  })
  void counts(String name, int size, int channels, int classes, long expected) {
    try (var on = Device.of("plain").use();
        Module model = Zoo.create(name, Shape.of(1, size, size, channels), classes)) {
      assertEquals(expected, model.parameterCount());
    }
  }
}
