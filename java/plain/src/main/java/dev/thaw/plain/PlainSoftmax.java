package dev.thaw.plain;

import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.backend.SoftmaxKernels;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** y = exp(x − max) / Σ by row; cross-entropy by way of its logarithm. */
final class PlainSoftmax implements SoftmaxKernels {
  private static final int COST = 16;

  private final Workers workers;

  PlainSoftmax(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void forward(@Writes Buffer y, Buffer x, boolean log, int rows, int columns) {
    double[] v = Reals.read(x);
    logSoftmax(v, rows, columns);
    if (!log) {
      for (int i = 0; i < v.length; i++) {
        v[i] = Math.exp(v[i]);
      }
    }
    Reals.write(y, v);
  }

  /** x − max − ln Σ exp(x − max), in place. */
  private void logSoftmax(double[] x, int rows, int columns) {
    workers.each(
        rows,
        (long) x.length * COST,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            int at = i * columns;
            double max = Double.NEGATIVE_INFINITY;
            for (int j = 0; j < columns; j++) {
              max = Math.max(max, x[at + j]);
            }
            double sum = 0;
            for (int j = 0; j < columns; j++) {
              sum += Math.exp(x[at + j] - max);
            }
            double log = Math.log(sum);
            for (int j = 0; j < columns; j++) {
              // Not x - (max + log), which beside a max of 1e20 would lose the logarithm.
              x[at + j] = x[at + j] - max - log;
            }
          }
        });
  }

  @Override
  public void backward(@Writes Buffer dx, Buffer dy, Buffer y, boolean log, int rows, int columns) {
    double[] d = Reals.read(dy);
    double[] v = Reals.read(y);
    workers.each(
        rows,
        (long) v.length * COST,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            int at = i * columns;
            double sum = 0;
            for (int j = 0; j < columns; j++) {
              sum += log ? d[at + j] : d[at + j] * v[at + j];
            }
            for (int j = 0; j < columns; j++) {
              d[at + j] =
                  log ? d[at + j] - Math.exp(v[at + j]) * sum : v[at + j] * (d[at + j] - sum);
            }
          }
        });
    Reals.write(dx, d);
  }

  @Override
  public void crossEntropy(
      @Writes Buffer loss,
      @Writes Buffer total,
      @Writes Buffer logProbabilities,
      Buffer logits,
      Buffer targets,
      @Nullable Buffer weights,
      CrossEntropyOptions options,
      int rows,
      int columns) {
    double[] log = Reals.read(logits);
    logSoftmax(log, rows, columns);
    int[] target = targets(targets, options, rows, columns);
    double[] weight = weights(weights, columns);
    double divisor = 0;
    double sum = 0;
    for (int i = 0; i < rows; i++) {
      if (target[i] != IGNORED) {
        int at = i * columns;
        divisor += weight[target[i]];
        sum -= (1 - options.smoothing()) * weight[target[i]] * log[at + target[i]];
        // Not multiplied by ε = 0: that of a class whose probability is 0 would be 0 · ∞.
        for (int j = 0; options.smoothing() > 0 && j < columns; j++) {
          sum -= options.smoothing() / columns * weight[j] * log[at + j];
        }
      }
    }
    Reals.write(loss, new double[] {sum / divisor});
    Reals.write(total, new double[] {divisor});
    Reals.write(logProbabilities, log);
  }

  /** dx[j] = (1 − ε) · wₜ · (p[j] − [j = t]) + ε / classes · (p[j] · Σ w − w[j]), over total. */
  @Override
  public void crossEntropyBackward(
      @Writes Buffer dlogits,
      Buffer dloss,
      Buffer total,
      Buffer logProbabilities,
      Buffer targets,
      @Nullable Buffer weights,
      CrossEntropyOptions options,
      int rows,
      int columns) {
    double[] d = Reals.read(logProbabilities);
    int[] target = targets(targets, options, rows, columns);
    double[] weight = weights(weights, columns);
    double all = Arrays.stream(weight).sum();
    double scale = Reals.scalar(dloss) / Reals.scalar(total);
    double smooth = options.smoothing() / columns;
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        int at = i * columns + j;
        if (target[i] == IGNORED) {
          d[at] = 0;
        } else {
          double hard = (1 - options.smoothing()) * weight[target[i]];
          double p = Math.exp(d[at]);
          d[at] = scale * (hard * (j == target[i] ? p - 1 : p) + smooth * (p * all - weight[j]));
        }
      }
    }
    Reals.write(dlogits, d);
  }

  private static final int IGNORED = -1;

  /** Targets with {@link #IGNORED} where a row does not count. */
  private static int[] targets(Buffer x, CrossEntropyOptions options, int rows, int classes) {
    int[] y = new int[rows];
    int s = PlainStorage.start(x);
    for (int i = 0; i < rows; i++) {
      long t =
          PlainStorage.array(x) instanceof long[] wide ? wide[s + i] : PlainStorage.ints(x)[s + i];
      Check.that(
          t == options.ignored() || (t >= 0 && t < classes),
          "crossEntropy: target %d of row %d is not in [0, %d) and not the ignored %d",
          t,
          i,
          classes,
          options.ignored());
      y[i] = t == options.ignored() ? IGNORED : (int) t;
    }
    return y;
  }

  private static double[] weights(@Nullable Buffer x, int classes) {
    if (x != null) {
      return Reals.read(x);
    }
    double[] ones = new double[classes];
    Arrays.fill(ones, 1);
    return ones;
  }
}
