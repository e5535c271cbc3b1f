package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cublas.CUBLAS_STATUS_SUCCESS;
import static org.bytedeco.cuda.global.cublas.cublasLtCreate;
import static org.bytedeco.cuda.global.cublas.cublasLtGetStatusName;
import static org.bytedeco.cuda.global.cublas.cublasLtGetStatusString;
import static org.bytedeco.cuda.global.cublas.cublasLtGetVersion;

import dev.thaw.backend.UnavailableException;
import java.util.Locale;
import org.bytedeco.cuda.cublas.cublasLtContext;
import org.bytedeco.javacpp.FloatPointer;

/**
 * cuBLASLt, NVIDIA's library of matrix products, opened on one card. Only functions that every
 * version 13 has are called: one that is missing would end the JVM.
 */
final class CublasLt {
  /** 13.0, as the library numbers itself. */
  static final long OLDEST = 130000;

  private final cublasLtContext handle = new cublasLtContext();
  private final String version;
  private final FloatPointer one = new FloatPointer(1).put(1);
  private final FloatPointer zero = new FloatPointer(1).put(0);

  private CublasLt(Card card, String version) {
    this.version = version;
    card.enter();
    check("cublasLtCreate on " + card.device(), cublasLtCreate(handle));
  }

  /**
   * Loads the library and opens it on {@code card}.
   *
   * @throws UnavailableException when it is not found, too old, or refuses
   */
  static CublasLt open(Card card) throws UnavailableException {
    Libraries.use(Libraries.PRODUCTS);
    Libraries.use(Libraries.BLAS);
    try {
      org.bytedeco.javacpp.Loader.load(org.bytedeco.cuda.global.cublas.class);
    } catch (LinkageError e) {
      throw new UnavailableException(
          Libraries.PRODUCTS
              + " or "
              + Libraries.BLAS
              + " was not found; install libcublas-13-0, or pip install nvidia-cublas",
          e);
    }
    long version = cublasLtGetVersion();
    if (version < OLDEST) {
      throw new UnavailableException(
          Libraries.PRODUCTS
              + " is version "
              + dotted(version)
              + ", needed is "
              + dotted(OLDEST)
              + "; install libcublas-13-0");
    }
    try {
      return new CublasLt(card, dotted(version));
    } catch (IllegalStateException e) {
      throw new UnavailableException(String.valueOf(e.getMessage()), e);
    }
  }

  /** {@code 13.1.1} for 130101. */
  private static String dotted(long version) {
    return String.format(
        Locale.ROOT, "%d.%d.%d", version / 10000, version / 100 % 100, version % 100);
  }

  /** {@code 13.1.1}. */
  String version() {
    return version;
  }

  /** What all calls are made with; threads may share it. */
  cublasLtContext handle() {
    return handle;
  }

  /** The 1 that products are multiplied by, in the host's memory. */
  FloatPointer one() {
    return one;
  }

  /** The 0 that what lay in the result is multiplied by, which leaves it unread. */
  FloatPointer zero() {
    return zero;
  }

  /** The library's own name of a status. */
  static String name(int status) {
    return cublasLtGetStatusName(status).getString();
  }

  /**
   * Throws unless {@code status} is that of success.
   *
   * @param call what was called, and on what
   */
  static void check(String call, int status) {
    if (status != CUBLAS_STATUS_SUCCESS) {
      throw new IllegalStateException(
          call
              + ": "
              + name(status)
              + " ("
              + status
              + "), "
              + cublasLtGetStatusString(status).getString());
    }
  }
}
