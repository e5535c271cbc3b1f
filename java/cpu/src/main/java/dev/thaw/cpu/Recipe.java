package dev.thaw.cpu;

/**
 * What to compute, for which sizes, with how many threads: makes a prepared call, and is the key
 * under which a {@link Lane} keeps it. Equal recipes make interchangeable calls.
 */
interface Recipe<P extends Prepared> {
  /**
   * Chooses oneDNN's code for it and compiles: some tenths of a millisecond to some milliseconds.
   */
  P prepare();
}
