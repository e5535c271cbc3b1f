package dev.thaw.bench.kernels;

import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Buffer;
import java.util.List;

/** A step of AdamW. Sizes: elements. */
final class OptimizerStep implements Subject {
  private static final double RATE = 1e-2;
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final double EPS = 1e-8;
  private static final double DECAY = 0.1;
  private static final int STEP = 3;

  @Override
  public String name() {
    return "optimizer";
  }

  @Override
  public int[][] sizes() {
    return new int[][] {{1}, {5}, {1023}, {2049}, {30_011}};
  }

  @Override
  public int[] large() {
    return new int[] {3_000_001};
  }

  @Override
  public int[] timed() {
    return new int[] {1 << 26};
  }

  @Override
  public List<Operand> operands(int[] sizes) {
    int n = sizes[0];
    return List.of(
        Operand.updated("theta", n).within(1e-6, 1),
        Operand.updated("m", n).within(1e-6, 1),
        Operand.updated("v", n).between(0.1, 1).within(1e-6, 1),
        Operand.input("g", n));
  }

  @Override
  public void reference(double[][] at, int[] sizes) {
    for (int i = 0; i < sizes[0]; i++) {
      double g = at[3][i];
      double m = BETA1 * at[1][i] + (1 - BETA1) * g;
      double v = BETA2 * at[2][i] + (1 - BETA2) * g * g;
      double upper = m / (1 - Math.pow(BETA1, STEP));
      double lower = Math.sqrt(v / (1 - Math.pow(BETA2, STEP))) + EPS;
      at[0][i] = at[0][i] - RATE * DECAY * at[0][i] - RATE * upper / lower;
      at[1][i] = m;
      at[2][i] = v;
    }
  }

  /** Reads all four, writes all but the gradient. */
  @Override
  public double bytes(int[] sizes) {
    return 28.0 * sizes[0];
  }

  @Override
  public void launch(int version, OwnKernels kernels, Buffer[] at, int[] sizes) {
    long n = sizes[0];
    if (version == 1) {
      kernels.launchBlocks(
          "optimizer_1",
          Subject.over(n, 256),
          at[0],
          at[1],
          at[2],
          at[3],
          n,
          RATE,
          BETA1,
          BETA2,
          EPS,
          DECAY,
          STEP);
      return;
    }
    int each =
        switch (version) {
          case 2, 3 -> 1;
          case 4 -> 4;
          default -> 8;
        };
    int blocks = Subject.over(n, 256L * each);
    kernels.launchBlocks(
        kernel(version),
        version == 2 ? blocks : Math.min(blocks, kernels.blocksThatFill()),
        at[0],
        at[1],
        at[2],
        at[3],
        n,
        (float) (RATE * DECAY),
        (float) (RATE / (1 - Math.pow(BETA1, STEP))),
        (float) (1 / Math.sqrt(1 - Math.pow(BETA2, STEP))),
        (float) EPS,
        (float) BETA1,
        (float) (1 - BETA1),
        (float) BETA2,
        (float) (1 - BETA2));
  }
}
