package dev.thaw.golden;

import dev.thaw.Place;
import dev.thaw.io.NdArray;
import dev.thaw.io.Safetensors;
import dev.thaw.memory.DType;
import dev.thaw.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Tensors that PyTorch wrote, by name. Files keep PyTorch's layouts; {@link #values} and {@link
 * #tensor} turn what has four dimensions into Thaw's: pictures [n, c, h, w] into [n, h, w, c],
 * which makes weights [out, kh, kw, in] of [out, in, kh, kw].
 */
public final class GoldenTensors {
  private final String file;
  private final Map<String, NdArray> arrays;

  private GoldenTensors(String file, Map<String, NdArray> arrays) {
    this.file = file;
    this.arrays = arrays;
  }

  /**
   * All of {@code resources/golden/name} for each of {@code names}, as one.
   *
   * @throws IllegalArgumentException when there is no such file
   */
  public static GoldenTensors read(String... names) {
    Map<String, NdArray> arrays = new LinkedHashMap<>();
    for (String name : names) {
      URL url = GoldenTensors.class.getResource("/golden/" + name);
      if (url == null) {
        throw new IllegalArgumentException("golden: no resource /golden/" + name);
      }
      try {
        arrays.putAll(read(Path.of(url.toURI())));
      } catch (IOException e) {
        throw new UncheckedIOException("golden: " + name, e);
      } catch (URISyntaxException e) {
        throw new IllegalArgumentException("golden: " + url, e);
      }
    }
    return new GoldenTensors(String.join(", ", names), arrays);
  }

  private static Map<String, NdArray> read(Path path) throws IOException {
    Map<String, NdArray> arrays = new LinkedHashMap<>();
    try (Safetensors in = Safetensors.open(path)) {
      for (Safetensors.Entry entry : in.entries()) {
        arrays.put(entry.name(), entry.read());
      }
    }
    return arrays;
  }

  /** All names. */
  public Set<String> names() {
    return arrays.keySet();
  }

  /** The rests of the names that begin with {@code prefix}; there must be some. */
  public List<String> under(String prefix) {
    List<String> rests = new ArrayList<>();
    for (String name : arrays.keySet()) {
      if (name.startsWith(prefix)) {
        rests.add(name.substring(prefix.length()));
      }
    }
    if (rests.isEmpty()) {
      throw new IllegalArgumentException("golden: nothing under " + prefix + " in " + file);
    }
    return rests;
  }

  /** Whether there is a tensor of this name. */
  public boolean has(String name) {
    return arrays.containsKey(name);
  }

  /** The tensor as it lies in the file. */
  public NdArray array(String name) {
    NdArray array = arrays.get(name);
    if (array == null) {
      throw new IllegalArgumentException("golden: " + file + " has no " + name);
    }
    return array;
  }

  /** The elements in Thaw's order. */
  public double[] values(String name) {
    NdArray array = array(name);
    double[] values = doubles(array);
    if (array.shape().rank() != 4) {
      return values;
    }
    int n = array.shape().dim(0);
    int c = array.shape().dim(1);
    int pixels = array.shape().dim(2) * array.shape().dim(3);
    double[] inner = new double[values.length];
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < c; k++) {
        for (int p = 0; p < pixels; p++) {
          inner[(i * pixels + p) * c + k] = values[(i * c + k) * pixels + p];
        }
      }
    }
    return inner;
  }

  private static double[] doubles(NdArray array) {
    double[] values = new double[(int) array.shape().elements()];
    ByteBuffer data = array.data();
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (array.dtype()) {
            case FLOAT32 -> data.getFloat(4 * i);
            case FLOAT64 -> data.getDouble(8 * i);
            default ->
                throw new IllegalArgumentException("golden: " + array.dtype() + " as doubles");
          };
    }
    return values;
  }

  /** The single element. */
  public double number(String name) {
    return values(name)[0];
  }

  /** A tensor at {@code place}: int64 as it is, numbers in the place's dtype. */
  public Tensor tensor(Place place, String name) {
    NdArray array = array(name);
    int[] d = array.shape().dims();
    if (array.dtype() == DType.INT64) {
      return Tensor.of(array.longs(), d);
    }
    int[] dims = d.length == 4 ? new int[] {d[0], d[2], d[3], d[1]} : d;
    return place.tensor(values(name), dims);
  }
}
