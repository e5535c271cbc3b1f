package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudart.CUDA_ERROR_ILLEGAL_ADDRESS;
import static org.bytedeco.cuda.global.cudart.CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
import static org.bytedeco.cuda.global.cudart.CUDA_ERROR_NO_BINARY_FOR_GPU;
import static org.bytedeco.cuda.global.cudart.CUDA_ERROR_NO_DEVICE;
import static org.bytedeco.cuda.global.cudart.CUDA_ERROR_OUT_OF_MEMORY;
import static org.bytedeco.cuda.global.cudart.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH;
import static org.bytedeco.cuda.global.cudart.CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
import static org.bytedeco.cuda.global.cudart.CUDA_SUCCESS;
import static org.bytedeco.cuda.global.cudart.cuGetErrorName;
import static org.bytedeco.cuda.global.cudart.cuGetErrorString;

import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;

/** A call of the CUDA driver failed: names the call, the code, the likely cause and the remedy. */
final class CudaException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  /** The driver's number. */
  final int code;

  private CudaException(String call, int code) {
    super(call + ": " + name(code) + " (" + code + "), " + text(code) + remedy(code));
    this.code = code;
  }

  /**
   * Throws unless {@code code} is that of success.
   *
   * @param call what was called, and on what
   */
  static void check(String call, int code) {
    if (code != CUDA_SUCCESS) {
      throw new CudaException(call, code);
    }
  }

  private static String name(int code) {
    try (PointerPointer<BytePointer> text = new PointerPointer<>(1)) {
      return cuGetErrorName(code, text) == CUDA_SUCCESS
          ? text.get(BytePointer.class, 0).getString()
          : "unknown code";
    }
  }

  private static String text(int code) {
    try (PointerPointer<BytePointer> text = new PointerPointer<>(1)) {
      return cuGetErrorString(code, text) == CUDA_SUCCESS
          ? text.get(BytePointer.class, 0).getString()
          : "no description";
    }
  }

  private static String remedy(int code) {
    return switch (code) {
      case CUDA_ERROR_OUT_OF_MEMORY -> "; use smaller batches or freeze more layers";
      case CUDA_ERROR_NO_DEVICE ->
          "; nvidia-smi shows the cards, CUDA_VISIBLE_DEVICES which of them are hidden";
      case CUDA_ERROR_NO_BINARY_FOR_GPU, CUDA_ERROR_UNSUPPORTED_PTX_VERSION ->
          "; the kernels were built for compute capability 7.5 and newer, and need driver 580";
      case CUDA_ERROR_SYSTEM_DRIVER_MISMATCH ->
          "; the driver was updated under the running system: restart it";
      case CUDA_ERROR_ILLEGAL_ADDRESS ->
          "; a kernel left its buffers, and this process cannot use the card any more:"
              + " compute-sanitizer names the kernel";
      case CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES -> "; the kernel needs too many registers here";
      default -> "";
    };
  }
}
