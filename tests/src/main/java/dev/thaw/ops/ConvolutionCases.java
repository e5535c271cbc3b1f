package dev.thaw.ops;

import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.Functional;
import java.util.ArrayList;
import java.util.List;

/** Two-dimensional convolutions, each with and without a bias. */
final class ConvolutionCases {
  private static final Conv2dOptions PLAIN = Conv2dOptions.DEFAULT;

  private final List<OpCase> cases = new ArrayList<>();

  private ConvolutionCases() {}

  static List<OpCase> all() {
    ConvolutionCases table = new ConvolutionCases();
    // spotless:off
    table.conv("one pixel",       d(1, 1, 1, 1),    d(1, 1, 1, 1),   PLAIN);
    table.conv("whole picture",   d(2, 3, 3, 2),    d(4, 3, 3, 2),   PLAIN);
    table.conv("",                d(2, 5, 6, 3),    d(4, 3, 3, 3),   PLAIN);
    table.conv("padding 1",       d(2, 5, 6, 3),    d(4, 3, 3, 3),   PLAIN.padding(1));
    table.conv("padding 3",       d(1, 2, 3, 2),    d(3, 5, 5, 2),   PLAIN.padding(3));
    table.conv("stride 2",        d(2, 7, 8, 3),    d(4, 3, 3, 3),   PLAIN.stride(2));
    table.conv("stride 2, padding 1", d(2, 8, 7, 3), d(4, 3, 3, 3),  PLAIN.stride(2).padding(1));
    table.conv("stride 3",        d(1, 8, 8, 2),    d(3, 2, 2, 2),   PLAIN.stride(3));
    table.conv("dilation 2",      d(2, 7, 8, 3),    d(4, 3, 3, 3),   PLAIN.dilation(2));
    table.conv("dilation 2, padding 2, stride 2", d(1, 9, 9, 2), d(3, 3, 3, 2),
        PLAIN.dilation(2).padding(2).stride(2));
    table.conv("both ways apart", d(2, 9, 8, 2),    d(3, 2, 3, 2),   new Conv2dOptions(2, 1, 1, 2, 1, 2, 1));
    table.conv("1x1",             d(2, 5, 6, 7),    d(5, 1, 1, 7),   PLAIN);
    table.conv("1x1, stride 2",   d(2, 5, 6, 7),    d(5, 1, 1, 7),   PLAIN.stride(2));
    table.conv("1x7",             d(1, 5, 9, 3),    d(4, 1, 7, 3),   new Conv2dOptions(1, 1, 0, 3, 1, 1, 1));
    table.conv("groups 2",        d(2, 5, 6, 4),    d(6, 3, 3, 2),   PLAIN.groups(2).padding(1));
    table.conv("groups 3, stride 2", d(1, 6, 7, 9), d(6, 3, 3, 3),   PLAIN.groups(3).stride(2));
    table.conv("depthwise",       d(2, 6, 5, 7),    d(7, 3, 3, 1),   PLAIN.groups(7).padding(1));
    table.conv("depthwise, two each", d(1, 6, 5, 3), d(6, 3, 3, 1),  PLAIN.groups(3));
    table.conv("depthwise, 33 channels, stride 2", d(2, 9, 9, 33), d(33, 3, 3, 1),
        PLAIN.groups(33).padding(1).stride(2));
    table.conv("no pictures",     d(0, 5, 6, 3),    d(4, 3, 3, 3),   PLAIN);
    table.conv("first layer",     d(2, 28, 28, 1),  d(32, 3, 3, 1),  PLAIN.padding(1));
    table.conv("33 to 31 channels", d(2, 9, 9, 33), d(31, 3, 3, 33), PLAIN.padding(1));
    table.conv("stem",            d(1, 33, 33, 3),  d(16, 7, 7, 3),  PLAIN.stride(2).padding(3));
    table.conv("large",           d(4, 28, 28, 32), d(64, 3, 3, 32), PLAIN.padding(1));
    // spotless:on
    return table.cases;
  }

  private static int[] d(int... dims) {
    return dims;
  }

  private void conv(String detail, int[] pictures, int[] weights, Conv2dOptions options) {
    Operand x = Operand.of(pictures);
    Operand w = Operand.of(weights);
    long terms = (long) weights[1] * weights[2] * weights[3];
    cases.add(
        OpCase.of("conv2d", t -> Functional.conv2d(t[0], t[1], null, options), x, w)
            .with(detail)
            .terms(terms)
            .flops(2));
    cases.add(
        OpCase.of(
                "conv2d",
                t -> Functional.conv2d(t[0], t[1], t[2], options),
                x,
                w,
                Operand.of(weights[0]))
            .with(detail)
            .terms(terms + 1)
            .flops(2));
  }
}
