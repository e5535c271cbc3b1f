package dev.thaw.backend;

/**
 * Sizes of C[i] = op(A[i]) op(B[i]), i from 0 to batch − 1.
 *
 * @param batch number of products
 * @param m rows of C
 * @param n columns of C
 * @param k the inner size
 * @param transA whether A is stored as [k, m]
 * @param transB whether B is stored as [n, k]
 * @param sharedA whether one A serves every product
 * @param sharedB whether one B serves every product
 */
public record GemmShape(
    int batch,
    int m,
    int n,
    int k,
    boolean transA,
    boolean transB,
    boolean sharedA,
    boolean sharedB) {
  /** One product. */
  public static GemmShape of(int m, int n, int k, boolean transA, boolean transB) {
    return new GemmShape(1, m, n, k, transA, transB, false, false);
  }
}
