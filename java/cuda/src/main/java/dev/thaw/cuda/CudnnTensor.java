package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_TENSOR_DATA_TYPE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_TENSOR_DIMENSIONS;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_TENSOR_IS_VIRTUAL;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_TENSOR_STRIDES;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_TENSOR_UNIQUE_ID;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_TENSOR_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_DATA_BFLOAT16;
import static org.bytedeco.cuda.global.cudnn.CUDNN_DATA_FLOAT;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_DATA_TYPE;

import dev.thaw.memory.DType;

/**
 * A tensor of an operation graph. cuDNN names dimensions in the order n, c, h, w, whatever lies in
 * memory; that channels lie innermost, as in all of our pictures, is said by the strides. Weights
 * have their output channels for n, and the input channels of one group for c.
 *
 * @param id which tensor of the graph it is; addresses are given by it
 * @param virtual passed on inside a kernel, never in memory
 */
record CudnnTensor(long id, DType type, long n, long c, long h, long w, boolean virtual) {
  /** Every address is a multiple of this; it lets engines read 16 bytes at once. */
  static final int ALIGNMENT = 16;

  CudnnDescriptor describe() {
    CudnnDescriptor tensor =
        new CudnnDescriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR, toString())
            .int64(CUDNN_ATTR_TENSOR_UNIQUE_ID, id)
            .choice(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, number(type))
            .int64(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, ALIGNMENT)
            .int64(CUDNN_ATTR_TENSOR_DIMENSIONS, n, c, h, w)
            .int64(CUDNN_ATTR_TENSOR_STRIDES, h * w * c, 1, w * c, c);
    if (virtual) {
      tensor.flag(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
    }
    return tensor.finish();
  }

  /** cuDNN's number for a type. */
  static int number(DType type) {
    return switch (type) {
      case FLOAT32 -> CUDNN_DATA_FLOAT;
      case BFLOAT16 -> CUDNN_DATA_BFLOAT16;
      default ->
          throw new UnsupportedOperationException(
              "cuda computes in FLOAT32 and BFLOAT16, not in " + type);
    };
  }
}
