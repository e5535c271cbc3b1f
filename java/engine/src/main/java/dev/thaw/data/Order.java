package dev.thaw.data;

import dev.thaw.backend.Philox;

/** Which example comes when. Remembers two epochs, since threads may stand on both sides. */
final class Order {
  private final int size;
  private final boolean shuffle;
  private final long seed;
  private final int[][] remembered = new int[2][];
  private final int[] epochs = {-1, -1};

  Order(int size, boolean shuffle, long seed) {
    this.size = size;
    this.shuffle = shuffle;
    this.seed = seed;
  }

  synchronized int[] of(int epoch) {
    int key = shuffle ? epoch : 0;
    int place = key & 1;
    if (epochs[place] != key) {
      remembered[place] = permutation(key);
      epochs[place] = key;
    }
    return remembered[place];
  }

  /** Fisher and Yates: every order is as likely as any other. */
  private int[] permutation(int epoch) {
    int[] order = new int[size];
    for (int i = 0; i < size; i++) {
      order[i] = i;
    }
    if (shuffle) {
      Philox numbers = new Philox(seed, Streams.ORDER, epoch);
      for (int i = size - 1; i > 0; i--) {
        int j = numbers.below(i, i + 1);
        int swap = order[i];
        order[i] = order[j];
        order[j] = swap;
      }
    }
    return order;
  }
}
