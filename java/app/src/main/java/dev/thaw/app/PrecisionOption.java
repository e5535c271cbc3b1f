package dev.thaw.app;

import dev.thaw.plan.Precision;
import picocli.CommandLine.Option;

/** What is computed in. */
final class PrecisionOption {
  @Option(
      names = "--precision",
      paramLabel = "fp32|tf32|bf16",
      defaultValue = "fp32",
      description =
          "Compute in float32, with TF32 factors (NVIDIA cards), or in bfloat16, which on CPUs saves"
              + " memory, not time; weights stay float32 (default: fp32).")
  private String name;

  /**
   * What was asked for.
   *
   * @throws IllegalArgumentException when there is no such precision
   */
  Precision precision() {
    return Precision.named(name);
  }
}
