package dev.thaw.train;

import dev.thaw.backend.Devices;
import dev.thaw.data.Normalisation;
import dev.thaw.data.Picture;
import dev.thaw.memory.Check;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.models.ModelCard;
import dev.thaw.models.ModelFile;
import dev.thaw.nn.Module;
import dev.thaw.plan.InferencePlan;
import dev.thaw.plan.Precision;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * Names what a picture shows: a picture in, a label and its probability out, prepared as the
 * model's file says. Any number of threads may ask at once; they share the weights, and each call
 * has a plan of its own, kept for the next.
 *
 * <pre>{@code
 * try (Predictor predictor = Predictor.open(Path.of("model.safetensors"))) {
 *   Predictor.Prediction p = predictor.predict(Path.of("picture.png"));
 *   System.out.println(p.label() + " " + p.probability());
 * }
 * }</pre>
 */
public final class Predictor implements AutoCloseable {
  private final Module model;
  private final ModelCard card;
  private final Precision precision;
  private final Normalisation normalisation;
  private final Shape picture;
  private final Device device;
  private final @Nullable InferencePlan first;
  private final Queue<InferencePlan> idle = new ConcurrentLinkedQueue<>();

  /**
   * An answer.
   *
   * @param label the most probable class
   * @param probability of it, 0 to 1
   * @param probabilities of all classes, in the order of {@link Predictor#classes}
   */
  public record Prediction(String label, double probability, double[] probabilities) {}

  /**
   * Answers by {@code model}, which from now on belongs to the predictor.
   *
   * @param card says what pictures the model reads and what its answers are called
   * @throws IllegalArgumentException when it does not read pictures, or the classes are not as many
   *     as the model's answers
   */
  public Predictor(Module model, ModelCard card) {
    this(model, card, Precision.FP32);
  }

  /**
   * As {@link #Predictor(Module, ModelCard)}, computing in {@code precision}.
   *
   * @throws IllegalArgumentException when the model's device cannot compute so, too
   */
  public Predictor(Module model, ModelCard card, Precision precision) {
    Shape example = card.example();
    Check.that(
        example.rank() == 4, "predictor: %s reads %s, no picture", card.architecture(), example);
    this.model = model;
    this.card = card;
    this.precision = precision;
    this.picture = Shape.of(example.dim(1), example.dim(2), example.dim(3));
    this.normalisation = Normalisation.of(floats(card.mean()), floats(card.std()));
    this.device = Evaluation.deviceOf(model);
    model.eval();
    precision.check(Devices.get(device));
    this.first = plan(model, example, precision);
    if (first != null) {
      idle.add(first);
    }
    int answers = answers();
    Check.that(
        answers == card.classes().size(),
        "predictor: %d answers, but names for %d: %s",
        answers,
        card.classes().size(),
        card.classes());
  }

  /**
   * Opens a saved model on the calling thread's device.
   *
   * @throws IOException when the file cannot be read or is no model; says why
   */
  public static Predictor open(Path file) throws IOException {
    return open(file, Precision.FP32);
  }

  /**
   * As {@link #open(Path)}, computing in {@code precision}.
   *
   * @throws IllegalArgumentException when the device cannot compute so
   */
  public static Predictor open(Path file, Precision precision) throws IOException {
    precision.check(Devices.current());
    ModelFile.Loaded loaded = ModelFile.load(file);
    return new Predictor(loaded.module(), loaded.card(), precision);
  }

  /** A model that looks at values in Java cannot be replayed; it then runs op by op. */
  private static @Nullable InferencePlan plan(Module model, Shape example, Precision precision) {
    try {
      return InferencePlan.of(model, example, precision);
    } catch (IllegalStateException notPlannable) {
      return null;
    }
  }

  private static float[] floats(List<Double> values) {
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i).floatValue();
    }
    return floats;
  }

  private int answers() {
    return logits(new float[(int) picture.elements()]).length;
  }

  /** Names of the classes, in the order of the model's answers. */
  public List<String> classes() {
    return card.classes();
  }

  /**
   * What the picture in {@code file} shows.
   *
   * @throws IOException when it cannot be read or is no picture; says why
   */
  public Prediction predict(Path file) throws IOException {
    return predict(Picture.read(file));
  }

  /**
   * What the picture in {@code stream} shows; the stream is read to its end and left open.
   *
   * @throws IOException when it cannot be read or is no picture; says why
   */
  public Prediction predict(InputStream stream) throws IOException {
    return predict(Picture.read(stream, "picture from a stream"));
  }

  /** What {@code image} shows. */
  public Prediction predict(BufferedImage image) {
    return predict(Picture.of(image));
  }

  /** What {@code shown} shows: fitted to the model's size and channels, and normalised. */
  public Prediction predict(Picture shown) {
    double[] p = softmax(logits(normalisation.apply(shown.fitted(picture).pixels())));
    int best = 0;
    for (int i = 1; i < p.length; i++) {
      best = p[i] > p[best] ? i : best;
    }
    return new Prediction(card.classes().get(best), p[best], p);
  }

  /** p_i = exp(z_i - max z) / Σ exp(z_j - max z). */
  private static double[] softmax(float[] z) {
    double largest = Double.NEGATIVE_INFINITY;
    for (float v : z) {
      largest = Math.max(largest, v);
    }
    double sum = 0;
    double[] p = new double[z.length];
    for (int i = 0; i < z.length; i++) {
      p[i] = Math.exp(z[i] - largest);
      sum += p[i];
    }
    for (int i = 0; i < p.length; i++) {
      p[i] /= sum;
    }
    return p;
  }

  private float[] logits(float[] values) {
    if (first == null) {
      try (var none = Tensor.noGrad();
          var on = device.use();
          var math = precision.on(Devices.get(device));
          Scope scope = Scope.open()) {
        Tensor x = Tensor.of(values, card.example().dims());
        return precision.call(model, x).toFloats();
      }
    }
    InferencePlan plan = idle.poll();
    if (plan == null) {
      plan = first.fork();
    }
    try {
      ByteBuffer x = direct(values.length);
      x.asFloatBuffer().put(values);
      ByteBuffer y = direct((int) plan.outputShape().elements());
      plan.run(x, y);
      float[] logits = new float[y.remaining() / 4];
      y.asFloatBuffer().get(logits);
      return logits;
    } finally {
      idle.add(plan);
    }
  }

  private static ByteBuffer direct(int floats) {
    return ByteBuffer.allocateDirect(4 * floats).order(ByteOrder.nativeOrder());
  }

  /** Frees the model and every plan; nobody may be asking any more. */
  @Override
  public void close() {
    for (InferencePlan plan = idle.poll(); plan != null; plan = idle.poll()) {
      if (plan != first) {
        plan.close();
      }
    }
    if (first != null) {
      first.close();
    }
    model.close();
  }
}
