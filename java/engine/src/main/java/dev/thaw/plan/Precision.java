package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * What a model computes in. Whatever it is, parameters, their gradients, the optimizer's moments,
 * statistics and losses are float32, and so are files: a model trained in one precision runs in any
 * other.
 */
public enum Precision {
  /** Everything in float32. */
  FP32,

  /**
   * In float32, but products and convolutions round their factors to 10 bits of fraction (TF32):
   * they run on matrix units, and activations take the memory they always took.
   */
  TF32,

  /**
   * Activations and the gradients that flow between layers in bfloat16: matrix units, and half the
   * memory and traffic. CPUs widen what each call reads and round what it writes, which halves the
   * memory of activations and takes longer. The picture batch is converted as it enters the model;
   * the dtype of what flows decides the rest.
   */
  BF16;

  private static final Device.Use NOTHING = () -> {};

  /**
   * The precision of that name: fp32, tf32, bf16.
   *
   * @throws IllegalArgumentException for another name; lists them
   */
  public static Precision named(String name) {
    for (Precision precision : values()) {
      if (precision.toString().equals(name)) {
        return precision;
      }
    }
    throw new IllegalArgumentException(
        "precision: '" + name + "' is unknown, say one of " + Arrays.toString(values()));
  }

  /**
   * Refuses a device that cannot compute in this precision.
   *
   * @throws IllegalArgumentException with what the device is, and which ones can
   */
  public void check(Backend backend) {
    if (!isHad(backend)) {
      throw new IllegalArgumentException(
          String.format(
              "precision %s: %s (%s) cannot compute so; %sNVIDIA cards of compute capability 8.0"
                  + " and newer can",
              this, backend.device(), backend.describe(), others()));
    }
  }

  private boolean isHad(Backend backend) {
    return switch (this) {
      case FP32 -> true;
      case TF32 -> backend.hasTf32();
      case BF16 -> backend.computes(DType.BFLOAT16);
    };
  }

  /** Devices of this machine that can. */
  private String others() {
    List<String> kinds = new ArrayList<>();
    for (String kind : Devices.available()) {
      if (isHad(Devices.get(kind))) {
        kinds.add(kind);
      }
    }
    return kinds.isEmpty() ? "" : String.join(", ", kinds) + " and ";
  }

  /**
   * Products of this thread on {@code backend} follow this precision until the result is closed.
   */
  public Device.Use on(Backend backend) {
    if (!backend.hasTf32()) {
      return NOTHING;
    }
    boolean before = backend.allowTf32(this == TF32);
    return () -> backend.allowTf32(before);
  }

  /** What a batch of pictures has where it enters a model: bfloat16 for BF16, else float32. */
  public DType ofPictures() {
    return this == BF16 ? DType.BFLOAT16 : DType.FLOAT32;
  }

  /**
   * What {@code model} makes of {@code x}: x is converted where it enters, if it is not {@link
   * #ofPictures} yet, and the result back to x's dtype, float32 if that is bfloat16. Products are
   * those of {@link #on}.
   */
  public Tensor call(Module model, Tensor x) {
    if (this != BF16 || !x.dtype().isFloating()) {
      return model.call(x);
    }
    Tensor narrow = x.to(DType.BFLOAT16);
    Tensor y = model.call(narrow);
    if (narrow != x) {
      narrow.close();
    }
    Tensor wide = y.to(x.dtype() == DType.BFLOAT16 ? DType.FLOAT32 : x.dtype());
    if (wide != y) {
      y.close();
    }
    return wide;
  }

  /** The name that options and files know: {@code bf16}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
