package dev.thaw.backend;

/**
 * How a parameter moves. g is the gradient times GRADIENT_SCALE and CLIP_SCALE, then clipped to
 * ±CLIP_VALUE; θ the parameter, η the rate, λ weight decay, t the parameter's own step count from
 * 1.
 */
public enum UpdateRule {
  /** g += λθ; v = μv + g (v = g at t = 1); θ −= η · (Nesterov: g + μv, else v; without μ: g). */
  SGD(1),
  /** g += λθ; m = β₁m + (1 − β₁)g; v = β₂v + (1 − β₂)g²; θ −= η · m̂ / (√v̂ + ε). */
  ADAM(2),
  /** θ −= ηλθ; then as Adam without λ (Loshchilov and Hutter, arXiv 1711.05101). */
  ADAMW(2),
  /** g += λθ; v = αv + (1 − α)g²; u = μu + g / (√v + ε); θ −= ηu. */
  RMSPROP(2);

  private final int moments;

  UpdateRule(int moments) {
    this.moments = moments;
  }

  /** How many buffers of state a parameter has, each shaped like it: v; m, v; or v, u. */
  public int moments() {
    return moments;
  }
}
