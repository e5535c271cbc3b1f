package dev.thaw.bench.peers;

import dev.thaw.io.NdArray;
import dev.thaw.io.Safetensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What PyTorch wrote: arrays by name and notes.
 *
 * @param arrays names may have a path in front, {@code grad/conv1.weight}
 * @param notes by name
 */
record Golden(Map<String, NdArray> arrays, Map<String, String> notes) {
  static Golden read(Path file) throws IOException {
    Map<String, NdArray> arrays = new LinkedHashMap<>();
    try (Safetensors tensors = Safetensors.open(file)) {
      for (Safetensors.Entry entry : tensors.entries()) {
        arrays.put(entry.name(), entry.read());
      }
      return new Golden(arrays, tensors.metadata());
    }
  }

  /** The arrays whose names start with {@code path}, by the rest of their names. */
  Map<String, NdArray> under(String path) {
    Map<String, NdArray> some = new LinkedHashMap<>();
    arrays.forEach(
        (name, array) -> {
          if (name.startsWith(path)) {
            some.put(name.substring(path.length()), array);
          }
        });
    return some;
  }

  NdArray array(String name) {
    return java.util.Objects.requireNonNull(arrays.get(name), () -> "PyTorch wrote no " + name);
  }

  double[] numbers(String name) {
    float[] floats = array(name).floats();
    double[] numbers = new double[floats.length];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = floats[i];
    }
    return numbers;
  }

  int note(String name) {
    return Integer.parseInt(
        java.util.Objects.requireNonNull(notes.get(name), () -> "PyTorch noted no " + name));
  }
}
