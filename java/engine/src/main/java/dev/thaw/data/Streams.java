package dev.thaw.data;

/**
 * What this package draws random numbers for. A stream of {@link dev.thaw.backend.Philox} never
 * shares a number with another, so adding a use changes no other. Tensors use streams below 16.
 */
final class Streams {
  /** Order of an epoch; call number: the epoch. */
  static final int ORDER = 16;

  /** Which examples a smaller set keeps. */
  static final int SUBSET = 17;

  /** Which examples are held out. */
  static final int HOLDOUT = 18;

  /** Augmentation, one for each transform; call number: the epoch, element: 4 · example + k. */
  static final int FLIP = 24;

  static final int ROTATE = 25;
  static final int CROP = 26;
  static final int SCALE = 27;
  static final int COLOUR = 28;

  /** Drawn characters; call number: the alphabet and part. */
  static final int CHARACTERS = 32;

  private Streams() {}
}
