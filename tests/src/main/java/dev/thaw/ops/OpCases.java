package dev.thaw.ops;

import java.util.ArrayList;
import java.util.List;

/** THE TABLE, family by family. */
public final class OpCases {
  /**
   * Lengths at which kernels change their ways: nothing, one element, around a register, a block of
   * registers, a page of work, and past the threshold for a second thread.
   */
  static final int[][] SIZES = {
    {},
    {0},
    {1},
    {3},
    {4},
    {5},
    {31},
    {33},
    {255},
    {257},
    {1023},
    {1025},
    {7, 11, 13},
    {1 << 18 | 3}
  };

  private OpCases() {}

  /** Every case. */
  public static List<OpCase> all() {
    List<OpCase> cases = new ArrayList<>();
    cases.addAll(UnaryCases.all());
    cases.addAll(BinaryCases.all());
    cases.addAll(ReductionCases.all());
    cases.addAll(ProductCases.all());
    cases.addAll(ConvolutionCases.all());
    cases.addAll(PoolingCases.all());
    cases.addAll(NormCases.all());
    cases.addAll(LossCases.all());
    cases.addAll(IndexCases.all());
    cases.addAll(LayoutCases.all());
    return cases;
  }
}
