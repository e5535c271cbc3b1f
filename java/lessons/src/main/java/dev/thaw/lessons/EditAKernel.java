package dev.thaw.lessons;

import static dev.thaw.lessons.Lesson.expect;
import static dev.thaw.lessons.Lesson.say;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Scope;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/**
 * Lesson 5: edits two lines of our CUDA kernels in a folder of one's own, compiles them for the
 * card at hand, and sees another result and another speed; without a card, the edits and what they
 * would give.
 */
final class EditAKernel {
  private static final float[] NUMBERS = {-4, -3, -2, -1, 0, 1, 2, 3, 4};
  private static final double SLOPE = 0.25;

  /** 64 MiB: far more than a card's cache. */
  private static final int MANY = 1 << 24;

  private static final int TIMED = 20;

  /** ReLU's line with a slope below 0, forward and backward. */
  private static final String LEANING =
      "UNARY(relu,       Y,       x <= T(0) ? T(0.25) * x : x,                 y > T(0) ? T(1) :"
          + " T(0.25))\n";

  /** The loop over elements, each thread with a stretch of its own instead of every n-th. */
  private static final String STRETCHES =
      """
      DEVICE void unary_forward(S* y, const S* x, long long n, float a, float b) {
        const long long each = (n + step() - 1) / step(), begin = first() * each;
        for (long long i = begin; i < n && i < begin + each; ++i) y[i] = narrow<S>(Op::value(widen(x[i]), a, b));
      }
      """;

  private EditAKernel() {}

  static void run(Path folder) throws IOException {
    run(folder, Devices.best().backend());
  }

  /** On {@code home}, a card or not. */
  static void run(Path folder, Backend home) throws IOException {
    String loops = KernelText.read("elementwise.cu");
    String functions = KernelText.read("unary_ops.def");
    if (loops == null || functions == null) {
      say("Nothing to edit: %s", KernelText.MISSING);
      return;
    }
    Path kernels = folder.resolve("edited-kernels");
    Path as = file(kernels.resolve("as-it-is"), "elementwise.cu", loops);
    say("ReLU is one line of kernels/unary_ops.def. Edited, in a folder of our own:");
    String leaning = edit(functions, "UNARY(relu,", "UNARY(leaky_relu", LEANING);
    file(kernels.resolve("leaning"), "unary_ops.def", leaning);
    Path leans = file(kernels.resolve("leaning"), "elementwise.cu", loops);
    say("The loop around it is in kernels/elementwise.cu. Edited, too:");
    String stretched = edit(loops, "DEVICE void unary_forward(", "}", STRETCHES);
    Path stretches = file(kernels.resolve("stretches"), "elementwise.cu", stretched);
    try (var on = home.device().use();
        Scope scope = Scope.open()) {
      Tensor x = Tensor.of(NUMBERS, NUMBERS.length);
      float[] relu = Functional.relu(x).toFloats();
      float[] leaky = Functional.leakyRelu(x, SLOPE).toFloats();
      say("  x                %s", Arrays.toString(NUMBERS));
      say("  ReLU             %s", Arrays.toString(relu));
      expect("ReLU of -4", 0, relu[0], 0);
      expect("what the edited ReLU of -4 has to be", -1, leaky[0], 0);
      boolean card = home.device().kind().startsWith("cuda");
      if (card) {
        compare("ReLU, compiled", as, x, relu);
        compare("ReLU, edited", leans, x, leaky);
        compare("other loop", stretches, x, relu);
        say("Time over %d MiB, read and written:", MANY >> 18);
        time("as it is", as);
        time("other loop", stretches);
        say("Neighbours in a warp now read addresses far apart: each fetches a line of its own.");
        say(
            "All of Thaw with the edited ReLU: ./thaw COMMAND --kernels %s",
            kernels.resolve("leaning"));
      } else {
        say("  has to give      %s", Arrays.toString(leaky));
        say(
            "  compiled would be %d lines of elementwise.cu and all that it includes",
            loops.lines().count());
      }
      Lesson.save(folder, "05-edit-a-kernel.svg", picture(relu, leaky));
      if (!card) {
        say("Nothing was compiled: %s", Lesson.whyNoCard());
      }
    }
  }

  private static Path file(Path folder, String name, String text) throws IOException {
    return Files.writeString(Files.createDirectories(folder).resolve(name), text);
  }

  /** {@code text} with one part replaced, which is shown. */
  private static String edit(String text, String from, String to, String other) {
    String part = KernelText.part(text, from, to);
    if (to.startsWith("UNARY")) {
      // Up to the next function, without it.
      part = part.substring(0, part.indexOf("\n") + 1);
    }
    part.lines().forEach(line -> say("  - %s", line));
    other.lines().forEach(line -> say("  + %s", line));
    return text.replace(part, other);
  }

  /** What the ReLU of a compiled file makes of {@code x}. */
  private static void compare(String what, Path file, Tensor x, float[] expected)
      throws IOException {
    try (OwnKernels own = OwnKernels.compile(x.device(), file)) {
      Tensor y = Tensor.zeros(NUMBERS.length);
      long n = NUMBERS.length;
      own.launch("relu_forward_f32", n, y.buffer(), x.buffer(), n, 0f, 0f);
      float[] found = y.toFloats();
      say("  %-16s %s", what, Arrays.toString(found));
      for (int i = 0; i < found.length; i++) {
        expect(what + " of " + NUMBERS[i], expected[i], found[i], 0);
      }
    }
  }

  private static void time(String what, Path file) throws IOException {
    Backend backend = Devices.current();
    try (Scope scope = Scope.open();
        OwnKernels own = OwnKernels.compile(backend.device(), file)) {
      Tensor x = Tensor.zeros(MANY);
      Tensor y = Tensor.zeros(MANY);
      long work = MANY / 4;
      double best = Double.POSITIVE_INFINITY;
      for (int i = 0; i < TIMED; i++) {
        Runnable relu =
            () -> own.launch("relu_forward_f32", work, y.buffer(), x.buffer(), (long) MANY, 0f, 0f);
        best = Math.min(best, own.milliseconds(relu) * 1e-3);
      }
      say("  %-16s %.1f us, %.0f GB/s", what, best * 1e6, 8.0 * MANY / best * 1e-9);
    }
  }

  /** Both functions over the numbers. */
  private static String picture(float[] relu, float[] leaky) {
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"360\" height=\"260\" style=\"background:#fff\""
        + " font-family=\"sans-serif\" font-size=\"14\">\n"
        + "<line x1=\"20\" x2=\"340\" y1=\"180\" y2=\"180\" stroke=\"#bbb\"/>\n"
        + "<line x1=\"180\" x2=\"180\" y1=\"10\" y2=\"250\" stroke=\"#bbb\"/>\n"
        + curve(leaky, "#d1495b")
        + curve(relu, "#00798c")
        + "<text x=\"30\" y=\"170\" fill=\"#00798c\">ReLU</text>\n"
        + "<text x=\"30\" y=\"240\" fill=\"#d1495b\">with its line edited</text>\n"
        + "</svg>\n";
  }

  private static String curve(float[] values, String colour) {
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < values.length; i++) {
      points.append(
          String.format(Locale.ROOT, "%.0f,%.0f ", 180 + 40 * NUMBERS[i], 180 - 40 * values[i]));
    }
    return "<polyline fill=\"none\" stroke-width=\"3\" stroke=\""
        + colour
        + "\" points=\""
        + points.toString().strip()
        + "\"/>\n";
  }
}
