package dev.thaw.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.data.Picture;
import dev.thaw.memory.Scope;
import dev.thaw.models.ModelCard;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Answers of one model, asked by one thread and by many. */
final class PredictorTest {
  private static final int THREADS = 8;
  private static final int PICTURES = 16;

  static List<String> devices() {
    return Devices.available();
  }

  private static Module model(String spec) {
    try (var seeded = new Generator(5).use()) {
      return Zoo.create(spec, Shape.of(1, 16, 16, 1), 4);
    }
  }

  private static ModelCard card(double mean, double std) {
    return new ModelCard(
        "a net",
        Shape.of(1, 16, 16, 1),
        List.of("ant", "bee", "cat", "dog"),
        List.of(mean),
        List.of(std),
        List.of());
  }

  private static List<Picture> pictures() {
    List<Picture> pictures = new ArrayList<>();
    for (int i = 0; i < PICTURES; i++) {
      BufferedImage image = new BufferedImage(16, 16, BufferedImage.TYPE_BYTE_GRAY);
      for (int p = 0; p < 256; p++) {
        image.getRaster().setSample(p % 16, p / 16, 0, (p * (i + 3) + i) % 256);
      }
      pictures.add(Picture.of(image));
    }
    return pictures;
  }

  /** Every thread's answers, begun together. */
  private static <T> List<T> together(Callable<T> ask) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    CyclicBarrier start = new CyclicBarrier(THREADS);
    try {
      List<Future<T>> asked = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        asked.add(
            threads.submit(
                () -> {
                  start.await();
                  return ask.call();
                }));
      }
      List<T> answers = new ArrayList<>();
      for (Future<T> answer : asked) {
        answers.add(answer.get());
      }
      return answers;
    } finally {
      threads.shutdown();
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void manyThreadsGetTheBitsThatOneGets(String device) throws Exception {
    Backend backend = Devices.get(device);
    long live = backend.pool().liveBytes();
    List<Picture> pictures = pictures();
    try (var on = backend.device().use();
        Predictor predictor = new Predictor(model("resnet20"), card(0.5, 0.25))) {
      List<double[]> serial = ask(predictor, pictures);
      for (List<double[]> answers : together(() -> ask(predictor, pictures))) {
        for (int i = 0; i < PICTURES; i++) {
          assertArrayEquals(serial.get(i), answers.get(i), "picture " + i);
        }
      }
    }
    assertEquals(live, backend.pool().liveBytes(), "bytes left behind");
  }

  private static List<double[]> ask(Predictor predictor, List<Picture> pictures) {
    List<double[]> answers = new ArrayList<>();
    for (Picture picture : pictures) {
      answers.add(predictor.predict(picture).probabilities());
    }
    return answers;
  }

  /** One module, called op by op: what it keeps while it runs belongs to the calling thread. */
  @ParameterizedTest
  @MethodSource("devices")
  void manyThreadsMayCallOneModule(String device) throws Exception {
    Backend backend = Devices.get(device);
    long live = backend.pool().liveBytes();
    List<float[]> inputs = new ArrayList<>();
    Generator generator = new Generator(6);
    for (int i = 0; i < PICTURES; i++) {
      inputs.add(generator.normals(0, 1, 256));
    }
    try (var on = backend.device().use();
        Module model = model("resnet20")) {
      model.eval();
      List<float[]> serial = call(backend, model, inputs);
      for (List<float[]> answers : together(() -> call(backend, model, inputs))) {
        for (int i = 0; i < PICTURES; i++) {
          assertArrayEquals(serial.get(i), answers.get(i), "picture " + i);
        }
      }
    }
    assertEquals(live, backend.pool().liveBytes(), "bytes left behind");
  }

  private static List<float[]> call(Backend backend, Module model, List<float[]> inputs) {
    List<float[]> answers = new ArrayList<>();
    for (float[] x : inputs) {
      try (var on = backend.device().use();
          var none = Tensor.noGrad();
          Scope scope = Scope.open()) {
        answers.add(model.call(Tensor.of(x, 1, 16, 16, 1)).toFloats());
      }
    }
    return answers;
  }

  @ParameterizedTest
  @MethodSource("devices")
  void picturesArePreparedAsTheModelsCardSays(String device) {
    Picture picture = pictures().get(3);
    try (var on = Devices.get(device).device().use();
        Predictor one = new Predictor(model("seed-cnn"), card(0.5, 0.25));
        Predictor other = new Predictor(model("seed-cnn"), card(0.1, 0.5));
        Module model = model("seed-cnn");
        var none = Tensor.noGrad();
        Scope scope = Scope.open()) {
      model.eval();
      float[] x = new float[256];
      for (int p = 0; p < 256; p++) {
        // The picture's own values on the scale 0..1.
        x[p] = (float) (((p * 6 + 3) % 256 / 255.0 - 0.5) / 0.25);
      }
      double[] expected = softmax(model.call(Tensor.of(x, 1, 16, 16, 1)).toFloats());
      double[] found = one.predict(picture).probabilities();
      assertArrayEquals(expected, found, 1e-4);
      assertNotEquals(found[0], other.predict(picture).probabilities()[0], 1e-3);
    }
  }

  private static double[] softmax(float[] z) {
    double sum = 0;
    double[] p = new double[z.length];
    for (int i = 0; i < z.length; i++) {
      p[i] = Math.exp(z[i]);
      sum += p[i];
    }
    for (int i = 0; i < z.length; i++) {
      p[i] /= sum;
    }
    return p;
  }
}
