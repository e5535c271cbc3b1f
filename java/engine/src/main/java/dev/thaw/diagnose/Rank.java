package dev.thaw.diagnose;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * How many directions a matrix really has, by three measures of its singular values σ. None of them
 * says anything by itself: the effective rank of a random square matrix is 0.8 of its width, and
 * that of a healthy ReLU net's Jacobian at depth 20 is 0.08 of it; see {@link RankNull}.
 *
 * @param effective exp(-Σ p ln p) with p = σ / Σσ (Roy and Vetterli, EUSIPCO 2007); 1 to the width
 * @param stable Σσ² / σ₁², the cheap proxy; 1 to the width
 * @param topShare σ₁ / Σσ (Duvenaud et al., AISTATS 2014)
 * @param width how many singular values there are: the matrix's smaller side
 */
public record Rank(double effective, double stable, double topShare, int width) {
  /** The measures of {@code values}; a matrix of zeros has rank 0 and a top share of 1. */
  static Rank of(double[] values) {
    double sum = 0;
    double squares = 0;
    double top = 0;
    for (double s : values) {
      sum += s;
      squares += s * s;
      top = Math.max(top, s);
    }
    if (sum == 0) {
      return new Rank(0, 0, 1, values.length);
    }
    double entropy = 0;
    for (double s : values) {
      if (s > 0) {
        entropy -= s / sum * Math.log(s / sum);
      }
    }
    return new Rank(Math.exp(entropy), squares / (top * top), top / sum, values.length);
  }

  /** The effective rank as a share of the width. */
  public double share() {
    return effective / width;
  }

  /** For JSON: effective_rank, stable_rank, top_share, width. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("effective_rank", effective);
    map.put("stable_rank", stable);
    map.put("top_share", topShare);
    map.put("width", width);
    return map;
  }

  /** {@code effective 5.1 of 64, stable 1.9, top share 0.42}. */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "effective %.1f of %d, stable %.1f, top share %.2f",
        effective,
        width,
        stable,
        topShare);
  }
}
