package dev.thaw.bench.kernels;

import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Buffer;
import java.util.List;

/** y = the sum of x. Sizes: elements. */
final class Reduction implements Subject {
  /** Numbers that a thread of the last version takes at a turn. */
  private static final int TURN = 16;

  /** Blocks of a launch that leave a sum each, at most: more than fill any card. */
  private static final int SUMS = 1 << 12;

  @Override
  public String name() {
    return "reduction";
  }

  @Override
  public int[][] sizes() {
    return new int[][] {{1}, {31}, {257}, {4099}, {70_003}};
  }

  @Override
  public int[] large() {
    return new int[] {9_000_003};
  }

  @Override
  public int[] timed() {
    return new int[] {1 << 26};
  }

  @Override
  public List<Operand> operands(int[] sizes) {
    // Numbers of both signs: their sum grows with the root of n, and what rounding does to it by
    // that once more where all are added up one after another.
    double rounding = 1e-6 + 1e-7 * Math.sqrt(sizes[0]);
    return List.of(
        Operand.output("y", 1).within(rounding, Math.sqrt(sizes[0])),
        Operand.scratch("partial", SUMS),
        Operand.input("x", sizes[0]));
  }

  @Override
  public void reference(double[][] at, int[] sizes) {
    double sum = 0;
    for (double x : at[2]) {
      sum += x;
    }
    at[0][0] = sum;
  }

  @Override
  public double bytes(int[] sizes) {
    return 4.0 * sizes[0];
  }

  @Override
  public void launch(int version, OwnKernels kernels, Buffer[] at, int[] sizes) {
    Buffer y = at[0];
    Buffer partial = at[1];
    Buffer x = at[2];
    long n = sizes[0];
    int most = Math.min(SUMS, kernels.blocksThatFill());
    int blocks = Math.min(most, Subject.over(n, 256));
    switch (version) {
      case 1 -> {
        kernels.launch("reduction_zero", 1, y);
        kernels.launchBlocks("reduction_1", Subject.over(n, 256), y, x, n);
      }
      case 2 -> {
        kernels.launch("reduction_zero", 1, y);
        kernels.launchBlocks("reduction_2", blocks, y, x, n);
      }
      case 3, 4 -> {
        kernels.launchBlocks(kernel(version), blocks, partial, x, n);
        kernels.launchBlocks(kernel(version), 1, y, partial, (long) blocks);
      }
      default -> {
        int few = Math.min(most, Subject.over(n, 256 * TURN));
        kernels.launchBlocks(kernel(version), few, y, partial, x, n);
      }
    }
  }
}
