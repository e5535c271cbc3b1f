package dev.thaw.plain;

import dev.thaw.backend.NormKernels;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import org.jspecify.annotations.Nullable;

/** y = (x − μ) / √(σ² + ε) · γ + β, with μ and σ² by channel over the rows, or by row. */
final class PlainNorm implements NormKernels {
  private final Workers workers;

  PlainNorm(Workers workers) {
    this.workers = workers;
  }

  /** μ = Σ x / rows, then σ² = Σ (x − μ)² / rows: twice over x, and nothing cancels. */
  @Override
  public void statistics(
      @Writes Buffer mean, @Writes Buffer variance, Buffer x, int rows, int channels) {
    double[] v = Reals.read(x);
    double[] mu = new double[channels];
    double[] sigma2 = new double[channels];
    workers.each(
        channels,
        v.length * 2L,
        (from, to) -> {
          for (int i = 0; i < rows; i++) {
            for (int c = from; c < to; c++) {
              mu[c] += v[i * channels + c];
            }
          }
          for (int c = from; c < to; c++) {
            mu[c] /= rows;
          }
          for (int i = 0; i < rows; i++) {
            for (int c = from; c < to; c++) {
              double d = v[i * channels + c] - mu[c];
              sigma2[c] += d * d;
            }
          }
          for (int c = from; c < to; c++) {
            sigma2[c] /= rows;
          }
        });
    Reals.write(mean, mu);
    Reals.write(variance, sigma2);
  }

  @Override
  public void track(
      @Writes Buffer runningMean,
      @Writes Buffer runningVariance,
      Buffer mean,
      Buffer variance,
      int rows,
      int channels,
      double momentum) {
    double unbiased = rows > 1 ? rows / (rows - 1.0) : 1;
    Reals.write(runningMean, moved(Reals.read(runningMean), Reals.read(mean), 1, momentum));
    Reals.write(
        runningVariance,
        moved(Reals.read(runningVariance), Reals.read(variance), unbiased, momentum));
  }

  private static double[] moved(double[] running, double[] batch, double scale, double momentum) {
    for (int c = 0; c < running.length; c++) {
      running[c] = (1 - momentum) * running[c] + momentum * batch[c] * scale;
    }
    return running;
  }

  @Override
  public void batchForward(
      @Writes Buffer y,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer mean,
      Buffer variance,
      @Nullable Buffer residual,
      boolean relu,
      int rows,
      int channels,
      double eps) {
    double[] v = Reals.read(x);
    double[] g = Reals.read(gamma);
    double[] b = Reals.read(beta);
    double[] mu = Reals.read(mean);
    double[] rstd = rstd(Reals.read(variance), eps);
    double[] r = Reals.readIfPresent(residual);
    workers.each(
        rows,
        v.length * 4L,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            for (int c = 0; c < channels; c++) {
              int at = i * channels + c;
              double z = (v[at] - mu[c]) * rstd[c] * g[c] + b[c] + (r == null ? 0 : r[at]);
              v[at] = relu && z <= 0 ? 0 : z;
            }
          }
        });
    Reals.write(y, v);
  }

  @Override
  public void batchBackward(
      @Writes @Nullable Buffer dx,
      @Writes @Nullable Buffer dgamma,
      @Writes @Nullable Buffer dbeta,
      @Writes @Nullable Buffer dresidual,
      Buffer dy,
      Buffer x,
      Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer variance,
      @Nullable Buffer y,
      int rows,
      int channels,
      double eps) {
    double[] d = Reals.read(dy);
    double[] v = Reals.read(x);
    double[] g = Reals.read(gamma);
    double[] b = Reals.readIfPresent(beta);
    double[] mu = Reals.read(mean);
    double[] rstd = rstd(Reals.read(variance), eps);
    double[] out = Reals.readIfPresent(y);
    double[] dg = new double[channels];
    double[] db = new double[channels];
    double[] result = new double[d.length];
    workers.each(
        channels,
        v.length * 8L,
        (from, to) -> {
          for (int i = 0; i < rows; i++) {
            for (int c = from; c < to; c++) {
              int at = i * channels + c;
              double normed = (v[at] - mu[c]) * rstd[c];
              boolean stopped =
                  b != null && !(normed * g[c] + b[c] > 0) || out != null && !(out[at] > 0);
              d[at] = stopped ? 0 : d[at];
              db[c] += d[at];
              dg[c] += d[at] * normed;
            }
          }
          for (int i = 0; i < rows; i++) {
            for (int c = from; c < to; c++) {
              int at = i * channels + c;
              double normed = (v[at] - mu[c]) * rstd[c];
              result[at] = g[c] * rstd[c] * (d[at] - db[c] / rows - normed * dg[c] / rows);
            }
          }
        });
    Reals.writeIfPresent(dx, result);
    Reals.writeIfPresent(dgamma, dg);
    Reals.writeIfPresent(dbeta, db);
    Reals.writeIfPresent(dresidual, d);
  }

  @Override
  public void constantBackward(
      @Writes Buffer dx,
      Buffer dy,
      Buffer gamma,
      Buffer variance,
      int rows,
      int channels,
      double eps) {
    double[] d = Reals.read(dy);
    double[] g = Reals.read(gamma);
    double[] rstd = rstd(Reals.read(variance), eps);
    for (int i = 0; i < rows; i++) {
      for (int c = 0; c < channels; c++) {
        d[i * channels + c] *= g[c] * rstd[c];
      }
    }
    Reals.write(dx, d);
  }

  private static double[] rstd(double[] variance, double eps) {
    for (int c = 0; c < variance.length; c++) {
      variance[c] = 1 / Math.sqrt(variance[c] + eps);
    }
    return variance;
  }

  @Override
  public void layerForward(
      @Writes Buffer y,
      @Writes Buffer mean,
      @Writes Buffer rstd,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      int rows,
      int columns,
      double eps) {
    double[] v = Reals.read(x);
    double[] g = Reals.read(gamma);
    double[] b = Reals.read(beta);
    double[] mu = new double[rows];
    double[] r = new double[rows];
    workers.each(
        rows,
        v.length * 6L,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            int at = i * columns;
            double sum = 0;
            for (int j = 0; j < columns; j++) {
              sum += v[at + j];
            }
            mu[i] = sum / columns;
            double squares = 0;
            for (int j = 0; j < columns; j++) {
              squares += (v[at + j] - mu[i]) * (v[at + j] - mu[i]);
            }
            r[i] = 1 / Math.sqrt(squares / columns + eps);
            for (int j = 0; j < columns; j++) {
              v[at + j] = (v[at + j] - mu[i]) * r[i] * g[j] + b[j];
            }
          }
        });
    Reals.write(y, v);
    Reals.write(mean, mu);
    Reals.write(rstd, r);
  }

  /**
   * dx = rstd · (dŷ − mean(dŷ) − x̂ · mean(dŷ · x̂)) with dŷ = dy · γ; dγ = Σ dy · x̂; dβ = Σ dy.
   */
  @Override
  public void layerBackward(
      @Writes @Nullable Buffer dx,
      @Writes @Nullable Buffer dgamma,
      @Writes @Nullable Buffer dbeta,
      Buffer dy,
      Buffer x,
      Buffer gamma,
      Buffer mean,
      Buffer rstd,
      int rows,
      int columns) {
    double[] d = Reals.read(dy);
    double[] v = Reals.read(x);
    double[] g = Reals.read(gamma);
    double[] mu = Reals.read(mean);
    double[] r = Reals.read(rstd);
    double[] dg = new double[columns];
    double[] db = new double[columns];
    for (int i = 0; i < rows; i++) {
      int at = i * columns;
      double sum = 0;
      double product = 0;
      for (int j = 0; j < columns; j++) {
        v[at + j] = (v[at + j] - mu[i]) * r[i];
        db[j] += d[at + j];
        dg[j] += d[at + j] * v[at + j];
        sum += d[at + j] * g[j];
        product += d[at + j] * g[j] * v[at + j];
      }
      for (int j = 0; j < columns; j++) {
        d[at + j] = r[i] * (d[at + j] * g[j] - sum / columns - v[at + j] * product / columns);
      }
    }
    Reals.writeIfPresent(dx, d);
    Reals.writeIfPresent(dgamma, dg);
    Reals.writeIfPresent(dbeta, db);
  }

  /**
   * Not in double where y is narrower: that would be rounded once where all others round thrice.
   */
  @Override
  public void pixels(@Writes Buffer y, Buffer x, Buffer mean, Buffer std, int rows, int channels) {
    double[] v = Reals.read(x);
    double[] mu = Reals.read(mean);
    double[] sigma = Reals.read(std);
    boolean wide = y.dtype() == DType.FLOAT64;
    for (int i = 0; i < v.length; i++) {
      int c = i % channels;
      v[i] =
          wide
              ? (v[i] / 255 - mu[c]) / sigma[c]
              : ((float) v[i] / 255f - (float) mu[c]) / (float) sigma[c];
    }
    Reals.write(y, v);
  }
}
