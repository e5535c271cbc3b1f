package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudnn.cudnnBackendExecute;
import static org.bytedeco.cuda.global.cudnn.cudnnCreate;
import static org.bytedeco.cuda.global.cudnn.cudnnGetCudartVersion;
import static org.bytedeco.cuda.global.cudnn.cudnnGetVersion;
import static org.bytedeco.cuda.global.cudnn.cudnnSetStream;

import dev.thaw.backend.UnavailableException;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.javacpp.Loader;

/**
 * cuDNN with its context on one card. Of its functions we call those alone that every cuDNN 9 has:
 * a missing one would end the process, not throw.
 */
final class CudnnLibrary {
  /** cuDNN 9.12, the first for CUDA 13. */
  private static final long OLDEST = 91200;

  private static final int CUDA = 13;

  private final Card card;
  private final long version;
  private final cudnnContext context = new cudnnContext();

  /** Where the context's work goes, as last said. */
  private long stream;

  private CudnnLibrary(Card card, long version) {
    this.card = card;
    this.version = version;
    card.enter();
    CudnnException.check("cudnnCreate", cudnnCreate(context));
  }

  /**
   * Loads cuDNN and makes a context.
   *
   * @throws UnavailableException when it is not found, or too old; with the remedy
   */
  static CudnnLibrary open(Card card) throws UnavailableException {
    // The binding is linked against the one, and cuDNN ends the process where it finds the other
    // missing, at its first call.
    load(Libraries.PRODUCTS);
    load(Libraries.BLAS);
    if (CudnnRules.fromProperties(false).compiling()) {
      // Which cuDNN asks for by its bare name.
      Libraries.use(Libraries.COMPILER);
    }
    for (String part : Libraries.CONVOLUTIONS) {
      Libraries.use(part);
    }
    try {
      Loader.load(org.bytedeco.cuda.global.cudnn.class);
    } catch (LinkageError e) {
      throw missing(String.valueOf(e.getMessage()), e);
    }
    long version = cudnnGetVersion();
    long cuda = cudnnGetCudartVersion() / 1000;
    if (version < OLDEST || cuda != CUDA) {
      throw new UnavailableException(
          String.format(
              "cuDNN %s for CUDA %d was found, needed is %s or newer of cuDNN 9 for CUDA %d; %s",
              dotted(version), cuda, dotted(OLDEST), CUDA, remedy()));
    }
    try {
      return new CudnnLibrary(card, version);
    } catch (CudnnException e) {
      throw new UnavailableException(String.valueOf(e.getMessage()), e);
    }
  }

  private static void load(String name) throws UnavailableException {
    if (Libraries.use(name) == null) {
      try {
        Loader.loadGlobal(name);
      } catch (LinkageError e) {
        throw missing(String.valueOf(e.getMessage()), e);
      }
    }
  }

  private static UnavailableException missing(String cause, LinkageError e) {
    return new UnavailableException(
        "cuDNN could not be loaded (" + cause.replace('\n', ' ') + "); " + remedy(), e);
  }

  private static String remedy() {
    return "install cudnn9-cuda-13, or pip install nvidia-cudnn-cu13 nvidia-cublas";
  }

  /** {@code 9.19.1} for 91901. */
  static String dotted(long version) {
    return version / 10000 + "." + version / 100 % 100 + "." + version % 100;
  }

  /** Its version, {@code 9.19.1}. */
  String version() {
    return dotted(version);
  }

  /** cuDNN's context on the card. */
  cudnnContext context() {
    return context;
  }

  /**
   * Queues a plan on the calling thread's stream; not for several threads at once. The stream that
   * a step is noted on does not outlive that, so the context forgets it at once.
   */
  void execute(CudnnDescriptor plan, CudnnDescriptor addresses, String what) {
    card.enter();
    sendTo(card.stream());
    int status = cudnnBackendExecute(context, plan.handle(), addresses.handle());
    sendTo(card.lastingStream());
    if (status != 0) {
      CudnnException.check("cudnnBackendExecute of " + what, status);
    }
  }

  private void sendTo(CUstream_st wanted) {
    if (wanted.address() != stream) {
      CudnnException.check("cudnnSetStream", cudnnSetStream(context, wanted));
      stream = wanted.address();
    }
  }
}
