package dev.thaw.backend;

/**
 * Layout of the FLOAT64 buffer through which everything that changes from step to step reaches the
 * kernels, so that a recorded step can be replayed with other rates and other random numbers.
 */
public final class StepState {
  /** 1 when this step is to be skipped, because a gradient is not finite. */
  public static final int SKIP = 0;

  /** What gradients are multiplied by: min(1, limit / norm). */
  public static final int CLIP_SCALE = 1;

  /** The limit of the global norm; 0 for none. */
  public static final int MAX_NORM = 2;

  /** The limit of each element, after the scales; 0 for none. */
  public static final int CLIP_VALUE = 3;

  /** Written by {@link UpdateKernels#norm}: the global norm before clipping. */
  public static final int GRADIENT_NORM = 4;

  /** Written by {@link UpdateKernels#norm}: how many elements are not finite. */
  public static final int NON_FINITE = 5;

  /** First random call number of this step; ops count from here. */
  public static final int CALL_BASE = 6;

  /** What gradients are multiplied by before all else: 1 / accumulated batches. */
  public static final int GRADIENT_SCALE = 7;

  /** First slot of the first parameter group. */
  public static final int GROUPS = 8;

  /** Slots of a group, see below. */
  public static final int GROUP_SLOTS = 8;

  /** In a group: the learning rate. */
  public static final int RATE = 0;

  /** In a group: weight decay. */
  public static final int WEIGHT_DECAY = 1;

  /** In a group: momentum, β₁, or RMSprop's α. */
  public static final int BETA1 = 2;

  /** In a group: β₂, or RMSprop's momentum. */
  public static final int BETA2 = 3;

  /** In a group: ε. */
  public static final int EPS = 4;

  /** In a group: 1 for Nesterov's momentum. */
  public static final int NESTEROV = 5;

  /** The most groups a step can have. */
  public static final int MAX_GROUPS = 64;

  /** Length of the buffer. */
  public static final int SLOTS = GROUPS + MAX_GROUPS * GROUP_SLOTS;

  private StepState() {}
}
