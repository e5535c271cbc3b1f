package dev.thaw.backend;

/**
 * Philox4x32-10, a counter-based random generator: every number is a function of (seed, stream,
 * call, element), so backends, threads and repetitions agree to the bit without sharing a state.
 *
 * <p>Key = seed; counter = (element / 4, call number, stream). Uniforms are {@code u = (x >>> 8) ·
 * 2⁻²⁴}, exact in float32, in [0, 1).
 *
 * <p>Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
 */
public final class Philox {
  private static final long M0 = 0xD2511F53L;
  private static final long M1 = 0xCD9E8D57L;
  private static final int W0 = 0x9E3779B9;
  private static final int W1 = 0xBB67AE85;
  private static final long LOW = 0xFFFFFFFFL;

  private final long seed;
  private final int stream;
  private final int call;
  private final int[] block = new int[4];
  private long blockIndex = -1;

  /**
   * Numbers of one call.
   *
   * @param seed the run's seed
   * @param stream what the numbers are for: two streams never share a number
   * @param call which use inside the stream
   */
  public Philox(long seed, int stream, int call) {
    this.seed = seed;
    this.stream = stream;
    this.call = call;
  }

  /** The 32 random bits of element {@code i}. */
  public int bits(long i) {
    if (i >>> 2 != blockIndex) {
      blockIndex = i >>> 2;
      block(seed, blockIndex, call, stream, block);
    }
    return block[(int) (i & 3)];
  }

  /** Element {@code i} as a uniform number in [0, 1), a multiple of 2⁻²⁴. */
  public float uniform(long i) {
    return (bits(i) >>> 8) * 0x1p-24f;
  }

  /** Element {@code i} as an integer in [0, bound), by multiplication: bias under bound / 2³². */
  public int below(long i, int bound) {
    return (int) (((bits(i) & LOW) * bound) >>> 32);
  }

  /**
   * Element {@code i} as a standard normal number, by Box and Muller's transform of two uniforms of
   * 53 and 32 bits; drawn on the host only, so that logarithms of different libraries do not
   * matter.
   */
  public double normal(long i) {
    long pair = i & ~1L;
    long a = ((bits(2 * pair) & LOW) << 21) | ((bits(2 * pair + 1) & LOW) >>> 11);
    double angle = 2 * Math.PI * ((bits(2 * pair + 2) & LOW) * 0x1p-32);
    double radius = Math.sqrt(-2 * StrictMath.log((a + 1) * 0x1p-53));
    return radius * ((i & 1) == 0 ? StrictMath.cos(angle) : StrictMath.sin(angle));
  }

  /** Ten rounds over one counter; {@code out} receives its four words. */
  static void block(long seed, long index, int call, int stream, int[] out) {
    int c0 = (int) index;
    int c1 = (int) (index >>> 32);
    int c2 = call;
    int c3 = stream;
    int k0 = (int) seed;
    int k1 = (int) (seed >>> 32);
    for (int round = 0; round < 10; round++) {
      long p0 = M0 * (c0 & LOW);
      long p1 = M1 * (c2 & LOW);
      c0 = (int) (p1 >>> 32) ^ c1 ^ k0;
      c1 = (int) p1;
      c2 = (int) (p0 >>> 32) ^ c3 ^ k1;
      c3 = (int) p0;
      k0 += W0;
      k1 += W1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
  }
}
