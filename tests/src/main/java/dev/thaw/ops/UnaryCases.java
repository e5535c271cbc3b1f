package dev.thaw.ops;

import static dev.thaw.ops.Domain.away;
import static dev.thaw.ops.Domain.between;
import static dev.thaw.ops.Domain.wide;

import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Functions of one argument, element by element. */
final class UnaryCases {
  private static final Domain POSITIVE = between(0.2, 4);

  private final List<OpCase> cases = new ArrayList<>();

  private UnaryCases() {}

  static List<OpCase> all() {
    UnaryCases table = new UnaryCases();
    table.functions();
    table.farOut();
    table.special();
    table.withScalars();
    return table.cases;
  }

  private void functions() {
    everywhere("relu", Functional::relu, away(0), 1);
    everywhere("leakyRelu", x -> Functional.leakyRelu(x, 0.1), away(0), 2);
    everywhere("elu", x -> Functional.elu(x, 1.3), away(0), 10);
    everywhere("gelu", Functional::gelu, Domain.NORMAL, 20);
    everywhere("geluTanh", Functional::geluTanh, Domain.NORMAL, 20);
    everywhere("silu", Functional::silu, Domain.NORMAL, 12);
    everywhere("hardSwish", Functional::hardSwish, away(-3, 3), 4);
    everywhere("sigmoid", Functional::sigmoid, Domain.NORMAL, 12);
    everywhere("tanh", Functional::tanh, Domain.NORMAL, 12);
    everywhere("softplus", Functional::softplus, Domain.NORMAL, 20);
    everywhere("exp", Tensor::exp, Domain.NORMAL, 10);
    everywhere("log", Tensor::log, POSITIVE, 10);
    everywhere("sqrt", Tensor::sqrt, POSITIVE, 1);
    everywhere("rsqrt", Tensor::rsqrt, POSITIVE, 2);
    everywhere("abs", Tensor::abs, away(0), 1);
    everywhere("neg", Tensor::neg, Domain.NORMAL, 1);
    everywhere("square", Tensor::square, Domain.NORMAL, 1);
    everywhere("reciprocal", Tensor::reciprocal, POSITIVE, 1);
    everywhere("clip", x -> x.clip(-0.5, 1.5), away(-0.5, 1.5), 2);
    everywhere("dropout", x -> Functional.dropout(x, 0.3, new Generator(7)), Domain.NORMAL, 10);
  }

  /** Where the textbook's formula overflows, or loses every digit. */
  private void farOut() {
    far("relu", Functional::relu, wide(1e4));
    far("leakyRelu", x -> Functional.leakyRelu(x, 0.1), wide(1e4));
    far("elu", x -> Functional.elu(x, 1.3), wide(1e4));
    far("gelu", Functional::gelu, wide(1e4));
    far("geluTanh", Functional::geluTanh, wide(1e4));
    far("silu", Functional::silu, wide(1e4));
    far("sigmoid", Functional::sigmoid, wide(1e4));
    far("tanh", Functional::tanh, wide(1e4));
    far("softplus", Functional::softplus, wide(1e4));
    far("abs", Tensor::abs, wide(1e4));
    far("exp", Tensor::exp, between(-80, 80));
    far("log", Tensor::log, between(1, 1e30));
    far("sqrt", Tensor::sqrt, between(1, 1e30));
    far("rsqrt", Tensor::rsqrt, between(1, 1e6));
  }

  /** NaN stays NaN, infinities have their limits, 0 has its sides. */
  private void special() {
    particular("relu", Functional::relu);
    particular("leakyRelu", x -> Functional.leakyRelu(x, 0.1));
    particular("elu", x -> Functional.elu(x, 1.3));
    particular("sigmoid", Functional::sigmoid);
    particular("tanh", Functional::tanh);
    particular("softplus", Functional::softplus);
    particular("exp", Tensor::exp);
    particular("log", Tensor::log);
    particular("sqrt", Tensor::sqrt);
    particular("rsqrt", Tensor::rsqrt);
    particular("abs", Tensor::abs);
    particular("neg", Tensor::neg);
    particular("square", Tensor::square);
    particular("reciprocal", Tensor::reciprocal);
  }

  private void withScalars() {
    Operand x = Operand.of(5, 7);
    cases.add(OpCase.of("add", t -> t[0].add(0.7), x).with("a number"));
    cases.add(OpCase.of("sub", t -> t[0].sub(0.7), x).with("a number"));
    cases.add(OpCase.of("mul", t -> t[0].mul(-0.7), x).with("a number"));
    cases.add(OpCase.of("div", t -> t[0].div(0.7), x).with("a number"));
    cases.add(OpCase.of("pow", t -> t[0].pow(2), x).with("a number"));
    // CUDA promises 4 units in the last place for powf, which is more than a step is given.
    cases.add(OpCase.of("pow", t -> t[0].pow(-1.5), x.in(POSITIVE)).with("a root").slack(2));
    cases.add(OpCase.of("pow", t -> t[0].pow(3), Operand.of(257)).with("a number"));
    cases.add(OpCase.of("mul", t -> t[0].mul(t[0]), x).with("itself"));
    cases.add(
        OpCase.of("dropout", t -> Functional.dropout(t[0], 0, new Generator(1)), x).with("p 0"));
    cases.add(
        OpCase.of(
                "dropout",
                t -> {
                  Generator generator = new Generator(0x123456789ABCDEFL);
                  generator.seek(77);
                  return Functional.dropout(t[0], 0.9, generator);
                },
                Operand.of(1001))
            .with("p 0.9, call 77"));
  }

  private void everywhere(String op, UnaryOperator<Tensor> f, Domain domain, double flops) {
    for (int[] dims : OpCases.SIZES) {
      cases.add(line(op, f, Operand.of(dims).in(domain)).flops(flops));
    }
  }

  /** Slopes that are computed from a rounded y near its limit, 1 − y², lose what y lost. */
  private static OpCase line(String op, UnaryOperator<Tensor> f, Operand x) {
    OpCase line = OpCase.of(op, t -> f.apply(t[0]), x);
    return op.equals("sigmoid") || op.equals("tanh") ? line.slack(4) : line;
  }

  private void far(String op, UnaryOperator<Tensor> f, Domain domain) {
    cases.add(line(op, f, Operand.of(1037).in(domain)).with("far out"));
  }

  private void particular(String op, UnaryOperator<Tensor> f) {
    Operand x = Operand.of(44).in(Domain.SPECIAL);
    cases.add(OpCase.of(op, t -> f.apply(t[0]), x).with("special numbers").onKinks());
  }
}
