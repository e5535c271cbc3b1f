package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudnn.CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
import static org.bytedeco.cuda.global.cudnn.CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
import static org.bytedeco.cuda.global.cudnn.CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION;
import static org.bytedeco.cuda.global.cudnn.CUDNN_NUMERICAL_NOTE_TENSOR_CORE;

import dev.thaw.memory.DType;

/**
 * Which of cuDNN's engines may serve. As long as nobody says otherwise: those that give the same
 * bits each time, that compute float32 in float32, and that are compiled already.
 *
 * @param tf32 whether float32 may be multiplied with 10 bits of fraction, on tensor cores
 * @param nondeterministic whether sums may be added in an order that changes ({@code
 *     -Dthaw.cuda.nondeterministic=true})
 * @param compiling whether engines may be compiled by NVRTC when they are first needed, a second or
 *     so each ({@code -Dthaw.cuda.compiling=true}); no others bring statistics with a convolution
 */
record CudnnRules(boolean tf32, boolean nondeterministic, boolean compiling) {
  /** As the properties say. */
  static CudnnRules fromProperties(boolean tf32) {
    return new CudnnRules(
        tf32,
        Boolean.getBoolean("thaw.cuda.nondeterministic"),
        Boolean.getBoolean("thaw.cuda.compiling"));
  }

  /**
   * Whether an engine may compute in {@code type}.
   *
   * @param numerics its numerical notes
   * @param behaviour its behaviour notes
   */
  boolean allow(DType type, int[] numerics, int[] behaviour) {
    for (int note : numerics) {
      boolean allowed =
          switch (note) {
            case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC -> nondeterministic;
            case CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS ->
                type != DType.FLOAT32 || tf32;
            case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION -> false;
            default -> true;
          };
      if (!allowed) {
        return false;
      }
    }
    for (int note : behaviour) {
      if (note == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION && !compiling) {
        return false;
      }
    }
    return true;
  }
}
