package dev.thaw.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnEveryDevice;
import dev.thaw.backend.Devices;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pictures that cross as bytes are, normalised, those that were normalised before: to the bit. */
final class BytesTest {
  private static final Dataset NOISE = Examples.noise(53, 6, 5, 3);
  private static final Normalisation NORMAL =
      Normalisation.of(new float[] {0.4f, 0.5f, 0.6f}, new float[] {0.2f, 0.3f, 0.4f});

  private static DataLoader loader(String augment) {
    DataLoader.Options options = DataLoader.Options.training(8, 11);
    return new DataLoader(NOISE, NORMAL, options.withAugment(Augment.parse(augment)));
  }

  private static float[] draw(int n, double low, double high, SplittableRandom random) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) (low + (high - low) * random.nextDouble());
    }
    return x;
  }

  /** Every byte with some hundred means and standard deviations, whole packs and what is left. */
  @OnEveryDevice
  void aDeviceNormalisesAsTheHostDoes() {
    for (int channels : new int[] {1, 2, 3, 4, 5, 8, 37, 64, 300}) {
      SplittableRandom random = new SplittableRandom(channels);
      float[] mean = draw(channels, 0, 1, random);
      float[] std = draw(channels, 0.01, 1, random);
      byte[] bytes = new byte[(256 * 3 + 1) * channels];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = (byte) (i / channels);
      }
      try (Scope scope = Scope.open()) {
        Tensor x = Tensor.of(bytes, bytes.length / channels, channels);
        Tensor m = Tensor.of(mean, channels);
        Tensor s = Tensor.of(std, channels);
        Tensor y = Functional.normalizePixels(x, m, s, DType.FLOAT32);
        float[] expected = Normalisation.of(mean, std).apply(bytes);
        assertArrayEquals(expected, y.toFloats(), channels + " channels");
        if (Devices.current().computes(DType.BFLOAT16)) {
          Tensor narrow = Functional.normalizePixels(x, m, s, DType.BFLOAT16);
          assertEquals(DType.BFLOAT16, narrow.dtype());
          float[] rounded = y.to(DType.BFLOAT16).to(DType.FLOAT32).toFloats();
          assertArrayEquals(rounded, narrow.to(DType.FLOAT32).toFloats(), channels + " in bf16");
        }
      }
    }
  }

  @Test
  void whatIsNoPictureOfBytesIsRefused() {
    try (var on = Device.of("plain").use();
        Scope scope = Scope.open()) {
      Tensor bytes = Tensor.of(new byte[6], 2, 3);
      Tensor floats = Tensor.zeros(2, 3);
      Tensor mean = Tensor.zeros(3);
      Tensor std = Tensor.ones(3);
      refused("expected pictures of bytes, got float32 [2, 3]", floats, mean, std, DType.FLOAT32);
      refused("to uint8 with mean and std in float32", bytes, mean, std, DType.UINT8);
      refused("to float64 with mean and std in float32", bytes, mean, std, DType.FLOAT64);
      Tensor learnt = Tensor.ones(3).requiresGrad(true);
      refused("mean and std are constants here; detach", bytes, mean, learnt, DType.FLOAT32);
    }
  }

  private static void refused(String how, Tensor x, Tensor mean, Tensor std, DType dtype) {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class, () -> Functional.normalizePixels(x, mean, std, dtype));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith("normalizePixels: " + how), message);
  }

  private static List<float[]> batches(DataLoader loader, boolean bytes) throws IOException {
    List<float[]> all = new ArrayList<>();
    for (int epoch = 0; epoch < 2; epoch++) {
      loader.seek(epoch, 0);
      for (Batch b = loader.next(); b != null; b = loader.next()) {
        try (Scope scope = Scope.open()) {
          assertEquals(bytes, b.normalisation() != null);
          assertEquals((bytes ? 1 : 4) * b.shape().elements(), b.pictures().remaining());
          Tensor x = b.x();
          assertEquals(DType.FLOAT32, x.dtype());
          assertEquals(b.shape(), x.shape());
          all.add(x.toFloats());
        }
      }
    }
    return all;
  }

  @OnEveryDevice
  void aLoadersBatchesAreTheSame() throws IOException {
    for (String augment : List.of("none", "flip,crop=2")) {
      try (DataLoader floats = loader(augment);
          DataLoader bytes = loader(augment)) {
        bytes.allowBytes(true);
        List<float[]> expected = batches(floats, false);
        List<float[]> found = batches(bytes, true);
        assertEquals(14, expected.size());
        for (int i = 0; i < expected.size(); i++) {
          assertArrayEquals(expected.get(i), found.get(i), augment + ", batch " + i);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"rotate=10", "scale=0.1", "colour=0.2", "flip,crop=2,colour=0.1"})
  void whatIsNoByteAnyMoreStaysFloat(String augment) throws IOException {
    try (DataLoader loader = loader(augment)) {
      loader.allowBytes(true);
      assertNull(Objects.requireNonNull(loader.next()).normalisation());
    }
  }

  @Test
  void floatsStayFloats() throws IOException {
    float[] values = {0.25f, 0.5f, 0.75f, 1};
    Dataset rows = ArrayDataset.of("rows", Shape.of(2), values, new int[2], List.of("x"));
    try (DataLoader loader =
        new DataLoader(rows, Normalisation.none(2), DataLoader.Options.evaluation(2))) {
      loader.allowBytes(true);
      Batch b = Objects.requireNonNull(loader.next());
      assertNull(b.normalisation());
      assertEquals(0.75f, b.pictures().getFloat(8));
    }
  }

  @Test
  void allowingBytesInAnEpochLosesNoBatch() throws IOException {
    try (DataLoader steady = loader("flip");
        DataLoader changing = loader("flip")) {
      steady.seek(1, 2);
      changing.seek(1, 2);
      for (int i = 2; i < 7; i++) {
        changing.allowBytes(i % 2 == 0);
        changing.allowBytes(i % 2 == 0);
        Batch expected = Objects.requireNonNull(steady.next());
        Batch found = Objects.requireNonNull(changing.next());
        assertEquals(i, found.number());
        assertEquals(expected.labels(), found.labels());
        byte[] first = new byte[3];
        found.pictures().get(0, first);
        if (i % 2 == 0) {
          assertNotNull(found.normalisation());
          assertEquals(expected.pictures().getFloat(0), NORMAL.apply(first)[0]);
        } else {
          assertEquals(expected.pictures(), found.pictures());
        }
      }
      assertNull(changing.next());
    }
  }
}
