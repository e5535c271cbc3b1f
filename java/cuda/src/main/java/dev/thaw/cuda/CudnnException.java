package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudnn.CUDNN_STATUS_SUCCESS;
import static org.bytedeco.cuda.global.cudnn.cudnnGetErrorString;
import static org.bytedeco.cuda.global.cudnn.cudnnGetLastErrorString;

import java.nio.charset.StandardCharsets;

/** A call of cuDNN failed: names the call, the status, and what cuDNN says of it. */
final class CudnnException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  /** Statuses come in thousands: 2000 wrong arguments, 3000 not supported, 4000 and 5000 faults. */
  private static final int CATEGORY = 1000;

  private static final int WRONG_ARGUMENTS = 2000;

  private static final int LONGEST = 1024;

  /** cuDNN's number. */
  final int status;

  private CudnnException(String call, int status) {
    super(
        String.format(
            "%s: %s (%d)%s",
            call, cudnnGetErrorString(status).getString(), status, said(lastWords())));
    this.status = status;
  }

  /**
   * Throws unless {@code status} is that of success.
   *
   * @param call what was called, and on what
   */
  static void check(String call, int status) {
    if (status != CUDNN_STATUS_SUCCESS) {
      throw new CudnnException(call, status);
    }
  }

  /** Whether it was called in a way that it does not know: a fault of ours. */
  boolean ours() {
    return status / CATEGORY * CATEGORY == WRONG_ARGUMENTS;
  }

  private static String said(String words) {
    return words.isEmpty() ? "" : ", " + words;
  }

  private static String lastWords() {
    byte[] text = new byte[LONGEST];
    cudnnGetLastErrorString(text, text.length);
    int end = 0;
    while (end < text.length && text[end] != 0) {
      end++;
    }
    return new String(text, 0, end, StandardCharsets.UTF_8).strip().replace('\n', ' ');
  }
}
