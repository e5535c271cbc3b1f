package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudart.CUDA_ERROR_NOT_FOUND;
import static org.bytedeco.cuda.global.cudart.CUDA_SUCCESS;
import static org.bytedeco.cuda.global.cudart.cuFuncGetParamInfo;
import static org.bytedeco.cuda.global.cudart.cuModuleGetFunction;
import static org.bytedeco.cuda.global.cudart.cuModuleLoadData;
import static org.bytedeco.cuda.global.cudart.cuModuleUnload;

import dev.thaw.memory.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.SizeTPointer;

/** Kernels, ours or a user's, as a module of one card, found by name. */
final class Kernels {
  private final Card card;
  private final String from;
  private final CUmod_st module = new CUmod_st();
  private final Set<String> used = new ConcurrentSkipListSet<>();

  /**
   * Loads {@code image} onto {@code card}.
   *
   * @param from what they were compiled from, for messages
   * @param image a fatbin, a cubin, or PTX that ends with a zero
   */
  Kernels(Card card, String from, byte[] image) {
    this.card = card;
    this.from = from;
    card.enter();
    try (BytePointer bytes = new BytePointer(image)) {
      CudaException.check(
          "cuModuleLoadData of " + from + " on " + card.device(), cuModuleLoadData(module, bytes));
    }
  }

  /** The kernel of that name; whether there is one shows at its first launch. */
  Kernel get(String name) {
    return new Kernel(this, name);
  }

  /** The forms of a kernel for float and bf16: {@code name_f32}, {@code name_bf16}. */
  ByType byType(String name) {
    return new ByType(get(name + "_f32"), get(name + "_bf16"));
  }

  /** A kernel for each type that tensors are computed in. */
  record ByType(Kernel f32, Kernel bf16) {
    /**
     * The one for {@code dtype}.
     *
     * @throws UnsupportedOperationException for a type that the card stores only
     */
    Kernel of(DType dtype) {
      return choose(dtype, f32, bf16);
    }
  }

  /**
   * One of two by the type that is computed in.
   *
   * @throws UnsupportedOperationException for a type that the card stores only
   */
  static <T> T choose(DType dtype, T f32, T bf16) {
    return switch (dtype) {
      case FLOAT32 -> f32;
      case BFLOAT16 -> bf16;
      default ->
          throw new UnsupportedOperationException(
              "cuda computes in FLOAT32 and BFLOAT16, not in " + dtype);
    };
  }

  /** How a kernel takes its arguments, as it was compiled; drivers tell since CUDA 12.4. */
  Signature signature(Kernel kernel) {
    card.enter();
    List<Signature.Slot> slots = new ArrayList<>();
    try (SizeTPointer offset = new SizeTPointer(1);
        SizeTPointer bytes = new SizeTPointer(1)) {
      // Asked for one more than there are, the driver refuses.
      while (cuFuncGetParamInfo(kernel.function(), slots.size(), offset, bytes) == CUDA_SUCCESS) {
        slots.add(new Signature.Slot((int) offset.get(), (int) bytes.get()));
      }
    }
    return new Signature(slots);
  }

  CUfunc_st function(String name) {
    card.enter();
    CUfunc_st function = new CUfunc_st();
    int code = cuModuleGetFunction(function, module, name);
    if (code == CUDA_ERROR_NOT_FOUND) {
      throw new IllegalStateException(from + ": no kernel is named " + name);
    }
    CudaException.check("cuModuleGetFunction " + name, code);
    used.add(name);
    return function;
  }

  /** Takes the module off the card, once nothing runs of it any more. */
  void unload() {
    card.enter();
    CudaException.check("cuModuleUnload", cuModuleUnload(module));
  }

  /** Names of the kernels that were launched. */
  Set<String> used() {
    return used;
  }
}
