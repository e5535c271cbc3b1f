package dev.thaw.lessons;

import static dev.thaw.lessons.Lesson.expect;
import static dev.thaw.lessons.Lesson.say;

import dev.thaw.memory.Scope;
import dev.thaw.models.Mlp;
import dev.thaw.nn.Module;
import dev.thaw.optim.AdamW;
import dev.thaw.optim.Optimizer;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;

/** Lesson 2: the training loop by hand - forward, backward, step - on a spiral. */
final class NetThatLearns {
  private static final int POINTS = 300;
  private static final int STEPS = 400;
  private static final int PIXELS = 48;
  private static final String[] COLOURS = {"#d1495b", "#00798c", "#edae49"};
  private static final String[] PALE = {"#f3ccd2", "#c2e2e7", "#faeacc"};

  private NetThatLearns() {}

  static void run(Path folder) throws IOException {
    Spiral.Points points = Spiral.points(POINTS, 1);
    try (var seeded = new Generator(7).use();
        Module line = new Mlp(Shape.of(1, 2), 3, new Mlp.Options(1, 1, "relu", "default"));
        Module net = new Mlp(Shape.of(1, 2), 3, new Mlp.Options(3, 48, "tanh", "default"))) {
      say("Three arms of a spiral, %d points. A straight line first:", POINTS);
      double straight = train(line, points, false);
      say("  a linear model gets %.0f %% right", 100 * straight);
      say("The same loop on a net with two hidden layers:");
      double learned = train(net, points, true);
      say("  it gets %.0f %% right", 100 * learned);
      expect("what a line can do", 0.5, straight, 0.1);
      expect("what the net does", 0.99, learned, 0.015);
      Lesson.save(folder, "02-spiral.svg", picture(net, points));
    }
  }

  /** The loop that every training is: here with nothing around it. */
  private static double train(Module net, Spiral.Points points, boolean talk) {
    try (Optimizer optimizer = new AdamW(net, 0.01, 0)) {
      for (int step = 1; step <= STEPS; step++) {
        try (Scope scope = Scope.open()) {
          Tensor x = Tensor.of(points.xy(), POINTS, 2);
          Tensor labels = Tensor.of(points.label(), POINTS);
          optimizer.zeroGrad();
          Tensor loss = Functional.crossEntropy(net.call(x), labels);
          loss.backward();
          optimizer.step();
          if (talk && step % 100 == 0) {
            say("  step %d  loss %.4f", step, loss.item());
          }
        }
      }
    }
    return accuracy(net, points);
  }

  private static double accuracy(Module net, Spiral.Points points) {
    try (Scope scope = Scope.open();
        var none = Tensor.noGrad()) {
      long[] answers = net.call(Tensor.of(points.xy(), POINTS, 2)).argmax(-1).toLongs();
      int right = 0;
      for (int i = 0; i < POINTS; i++) {
        right += answers[i] == points.label()[i] ? 1 : 0;
      }
      return right / (double) POINTS;
    }
  }

  /** What the net answers everywhere, and the points it learned from. */
  private static String picture(Module net, Spiral.Points points) {
    float[] grid = new float[PIXELS * PIXELS * 2];
    for (int row = 0; row < PIXELS; row++) {
      for (int column = 0; column < PIXELS; column++) {
        int i = row * PIXELS + column;
        grid[2 * i] = (column + 0.5f) / PIXELS * 2.4f - 1.2f;
        grid[2 * i + 1] = (row + 0.5f) / PIXELS * 2.4f - 1.2f;
      }
    }
    long[] answers;
    try (Scope scope = Scope.open();
        var none = Tensor.noGrad()) {
      answers = net.call(Tensor.of(grid, PIXELS * PIXELS, 2)).argmax(-1).toLongs();
    }
    int cell = 10;
    int size = PIXELS * cell;
    StringBuilder svg = new StringBuilder();
    svg.append("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"").append(size);
    svg.append("\" height=\"").append(size).append("\">\n");
    for (int i = 0; i < answers.length; i++) {
      svg.append("<rect x=\"").append(i % PIXELS * cell).append("\" y=\"");
      svg.append(i / PIXELS * cell).append("\" width=\"10\" height=\"10\" fill=\"");
      svg.append(PALE[(int) answers[i]]).append("\"/>\n");
    }
    for (int i = 0; i < POINTS; i++) {
      svg.append(
          String.format(
              Locale.ROOT,
              "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>%n",
              (points.xy()[2 * i] + 1.2) / 2.4 * size,
              (points.xy()[2 * i + 1] + 1.2) / 2.4 * size,
              COLOURS[(int) points.label()[i]]));
    }
    return svg.append("</svg>\n").toString();
  }
}
