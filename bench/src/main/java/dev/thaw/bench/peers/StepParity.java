package dev.thaw.bench.peers;

import dev.thaw.io.NdArray;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Schedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/** One step from PyTorch's weights and optimizer state: loss, gradients, next weights. */
final class StepParity {
  private static final double LOSS = 1e-5;
  private static final double GRADIENT = 1e-3;
  private static final double WEIGHTS = 1e-4;
  private static final int[] STEPS = {0, 50, 100, 200};

  private StepParity() {}

  static void compare(Subject subject, Path folder, Verdicts verdicts) throws IOException {
    verdicts.title("One step from saved state: " + subject.title);
    Golden batches = Golden.read(folder.resolve(subject.model + "-batches.safetensors"));
    for (int step : STEPS) {
      Golden golden = Golden.read(folder.resolve(subject.model + "-step-" + step + ".safetensors"));
      String what = "step " + step + ", %d pictures: ";
      int pictures = golden.array("x").shape().dim(1);
      held(subject, golden, step, String.format(Locale.ROOT, what, pictures), verdicts);
      if (golden.arrays().containsKey("all/loss")) {
        SavedBatches batch = new SavedBatches(batches, golden.note("batch"), 1);
        unheld(subject, golden, batch, step, String.format(Locale.ROOT, what, 64), verdicts);
      }
    }
  }

  private static void held(Subject subject, Golden golden, int step, String what, Verdicts verdicts)
      throws IOException {
    Trial eager = trial(subject, golden, new SavedBatches(golden, 0, 1), step, true);
    Trial planned = trial(subject, golden, new SavedBatches(golden, 0, 1), step, false);
    double loss = golden.array("loss").floats()[0];
    verdicts.add(
        what + "loss, relative",
        LOSS,
        Gap.relative(eager.losses()[0], loss),
        Gap.relative(planned.losses()[0], loss),
        Gap.relative(golden.array("last/loss").floats()[0], loss));
    Map<String, NdArray> gradients = golden.under("grad/");
    verdicts.add(
        what + "each gradient, relative L2",
        GRADIENT,
        Gap.worst(eager.gradients(), gradients),
        Gap.worst(planned.gradients(), gradients),
        Gap.worst(golden.under("last/grad/"), gradients));
    Map<String, NdArray> after = golden.under("after/");
    verdicts.add(
        what + "each next weight and statistic, relative L2",
        WEIGHTS,
        Gap.worst(eager.state(), after),
        Gap.worst(planned.state(), after),
        Gap.worst(golden.under("last/after/"), after));
  }

  /** A batch in which some ReLU's input is so near to zero that rounding decides its side. */
  private static void unheld(
      Subject subject, Golden golden, SavedBatches batch, int step, String what, Verdicts verdicts)
      throws IOException {
    Trial eager = trial(subject, golden, batch, step, true);
    Trial planned = trial(subject, golden, batch, step, false);
    double loss = golden.array("all/loss").floats()[0];
    verdicts.add(
        what + "loss, relative",
        LOSS,
        Gap.relative(eager.losses()[0], loss),
        Gap.relative(planned.losses()[0], loss),
        Gap.relative(golden.array("all/last/loss").floats()[0], loss));
    Map<String, NdArray> gradients = golden.under("all/grad/");
    verdicts.tell(
        what + "each gradient, relative L2",
        Gap.worst(eager.gradients(), gradients),
        Gap.worst(planned.gradients(), gradients),
        Gap.worst(golden.under("all/last/grad/"), gradients));
  }

  private static Trial trial(
      Subject subject, Golden golden, SavedBatches batch, int step, boolean eager)
      throws IOException {
    int total = golden.note("total");
    Schedule here = (ours, one) -> subject.schedule().factor(step + ours, total);
    try (Module model = subject.create(batch.example())) {
      Trial.load(model, golden.under("before/"));
      try (Optimizer optimizer = subject.optimizer(model)) {
        Trial.restore(model, optimizer, golden, step);
        return Trial.run(model, optimizer, batch, here, eager);
      }
    }
  }
}
