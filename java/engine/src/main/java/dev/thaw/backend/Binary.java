package dev.thaw.backend;

import java.util.function.DoubleBinaryOperator;

/** Elementwise functions of two arguments. Their derivatives are composed of each other. */
public enum Binary {
  /** a + b. */
  ADD(Double::sum),
  /** a − b. */
  SUB((a, b) -> a - b),
  /** a · b. */
  MUL((a, b) -> a * b),
  /** a / b. */
  DIV((a, b) -> a / b),
  /** The smaller; NaN if either is NaN. */
  MIN(Math::min),
  /** The larger; NaN if either is NaN. */
  MAX(Math::max),
  /** a to the power b. */
  POW(Math::pow),
  /** How much of max(a, b) is a: 1 where a &gt; b, ½ where equal, 0 elsewhere. */
  SHARE((a, b) -> a > b ? 1 : a == b ? 0.5 : 0),
  /** 1 where a = b, else 0. */
  EQUAL((a, b) -> a == b ? 1 : 0);

  private final DoubleBinaryOperator value;

  Binary(DoubleBinaryOperator value) {
    this.value = value;
  }

  /** The function in double: the definition that every kernel is held to. */
  public double value(double a, double b) {
    return value.applyAsDouble(a, b);
  }
}
