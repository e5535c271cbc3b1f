package dev.thaw.bench.kernels;

import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Buffer;
import java.util.List;

/** y = x. Sizes: elements. */
final class Copy implements Subject {
  /** Numbers that a thread of the later versions moves at a turn. */
  private static final int TURN = 16;

  @Override
  public String name() {
    return "copy";
  }

  @Override
  public int[][] sizes() {
    return new int[][] {{1}, {3}, {255}, {4097}, {70_001}};
  }

  @Override
  public int[] large() {
    return new int[] {9_000_001};
  }

  @Override
  public int[] timed() {
    return new int[] {1 << 26};
  }

  @Override
  public List<Operand> operands(int[] sizes) {
    return List.of(Operand.output("y", sizes[0]), Operand.input("x", sizes[0]));
  }

  @Override
  public void reference(double[][] at, int[] sizes) {
    System.arraycopy(at[1], 0, at[0], 0, sizes[0]);
  }

  @Override
  public double bytes(int[] sizes) {
    return 8.0 * sizes[0];
  }

  @Override
  public void launch(int version, OwnKernels kernels, Buffer[] at, int[] sizes) {
    long n = sizes[0];
    switch (version) {
      case 1 -> kernels.launchBlocks("copy_1", Subject.over(n, 256), at[0], at[1], n);
      case 2 -> kernels.launch("copy_2", n, at[0], at[1], n);
      case 3 -> kernels.launch("copy_3", Subject.over(n, 4), at[0], at[1], n);
      default -> kernels.launch(kernel(version), Subject.over(n, TURN), at[0], at[1], n);
    }
  }
}
