package dev.thaw.plain;

/** Where the rows of a strided walk begin; a row is a run along the innermost dimension. */
final class Walk {
  private Walk() {}

  /** How many rows {@code dims} has: the product of all sizes but the innermost. */
  static int rows(int[] dims) {
    int n = 1;
    for (int i = 0; i < dims.length - 1; i++) {
      n *= dims[i];
    }
    return n;
  }

  /** Offset of row number {@code row}, counted row-major over all dimensions but the innermost. */
  static int offset(int row, int[] dims, int[] strides) {
    int offset = 0;
    int rest = row;
    for (int i = dims.length - 2; i >= 0; i--) {
      offset += rest % dims[i] * strides[i];
      rest /= dims[i];
    }
    return offset;
  }
}
