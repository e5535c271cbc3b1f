package dev.thaw.cpu;

import dev.thaw.backend.ConstantWeights;
import dev.thaw.backend.ConvShape;

/** Weights turned, or packed, for one of our own convolutions. */
sealed interface TurnedWeights extends ConstantWeights
    permits CookToom, PointwiseSum, Winograd, Winograd4 {
  /** y = x ∗ w + bias + residual, then max(0, ·) if {@code relu}; addresses 0 for none. */
  void forward(long y, long x, long bias, long residual, boolean relu, ConvShape s, int threads);
}
