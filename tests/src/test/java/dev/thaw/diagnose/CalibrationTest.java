package dev.thaw.diagnose;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import dev.thaw.backend.Devices;
import dev.thaw.data.Batch;
import dev.thaw.data.BatchSource;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.models.Mlp;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import dev.thaw.train.RandomBatches;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Verdicts on fresh nets against what becomes of them in training: a small form of the measurement
 * from which the limits were chosen (see the package's page), on other data.
 */
@ExtendWith(NothingLeft.class)
final class CalibrationTest {
  private static final int STEPS = 60;

  /** A net's depth, activation, start, and the factor on its weights; 0 makes them all equal. */
  private record Net(int depth, String activation, String init, double gain) {
    Mlp make() {
      try (var numbers = new Generator(5).use()) {
        Mlp.Options options = new Mlp.Options(depth, 16, activation, init);
        Mlp mlp = new Mlp(Shape.of(1, 6, 6, 1), 5, options);
        for (Parameter p : mlp.parameters().values()) {
          if (p.shape().rank() > 1) {
            float[] values = p.values();
            for (int i = 0; i < values.length; i++) {
              values[i] *= (float) gain;
            }
            if (gain == 0) {
              Arrays.fill(values, 1f / p.shape().dim(1));
            }
            p.set(values);
          }
        }
        return mlp;
      }
    }
  }

  private static final List<Net> NETS =
      List.of(
          new Net(2, "relu", "default", 1),
          new Net(6, "relu", "he", 1),
          new Net(12, "relu", "he", 1),
          new Net(10, "tanh", "xavier", 1),
          new Net(20, "tanh", "orthogonal", 1),
          new Net(2, "sigmoid", "xavier", 1),
          new Net(30, "sigmoid", "xavier", 1),
          new Net(8, "sigmoid", "default", 1),
          new Net(12, "relu", "default", 1),
          new Net(10, "relu", "normal", 1),
          new Net(20, "tanh", "default", 1),
          new Net(12, "relu", "he", 3),
          new Net(15, "relu", "he", 0.4),
          new Net(6, "relu", "he", 0));

  private static BatchSource batches() {
    return new RandomBatches(6, 6, 1, 5, 2560, 32, 3);
  }

  /** Accuracy over the last ten steps, at the better of two rates. */
  private static double trained(Net net) throws IOException {
    double best = 0;
    for (double rate : new double[] {0.05, 0.005}) {
      try (Module model = net.make();
          Sgd sgd = new Sgd(model, rate, 0.9);
          BatchSource batches = batches()) {
        best = Math.max(best, accuracy(model, sgd, batches));
      }
      if (best > 0.9) {
        break;
      }
    }
    return best;
  }

  private static double accuracy(Module model, Sgd sgd, BatchSource batches) throws IOException {
    int right = 0;
    int seen = 0;
    for (int k = 0; k < STEPS; k++) {
      Batch batch = Objects.requireNonNull(batches.next());
      try (Scope scope = Scope.open()) {
        sgd.zeroGrad();
        Tensor logits = model.call(batch.x());
        Tensor loss = Functional.crossEntropy(logits, batch.y());
        if (!Double.isFinite(loss.item())) {
          return 0;
        }
        if (k >= STEPS - 10) {
          long[] answers = logits.argmax(1).toLongs();
          for (int i = 0; i < answers.length; i++) {
            right += answers[i] == batch.labels().getLong(8 * i) ? 1 : 0;
          }
          seen += answers.length;
        }
        loss.backward();
        sgd.step();
      }
    }
    return right / (double) seen;
  }

  @Test
  void verdictsForetellTraining() throws IOException {
    StringBuilder table = new StringBuilder();
    int right = 0;
    int fails = 0;
    try (Device.Use on = Devices.get("plain").device().use()) {
      for (Net net : NETS) {
        Verdict.Kind verdict;
        try (Module model = net.make();
            BatchSource batches = batches()) {
          Diagnosis.Options options = new Diagnosis.Options(128, 0, m -> new Sgd(m, 0.05, 0.9));
          verdict = Diagnosis.of(model, batches, options).verdict().kind();
        }
        double accuracy = trained(net);
        boolean agrees = (verdict == Verdict.Kind.HEALTHY) == (accuracy >= 0.5);
        right += agrees ? 1 : 0;
        fails += accuracy < 0.5 ? 1 : 0;
        table.append(String.format("%n%s: %s, accuracy %.2f", net, verdict, accuracy));
      }
    }
    int all = NETS.size();
    String text = right + " of " + all + " verdicts are right, " + fails + " nets fail" + table;
    assertTrue(fails >= 5 && fails <= all - 5, () -> "the nets are no test: " + text);
    assertTrue(right >= all - 1, text);
  }
}
