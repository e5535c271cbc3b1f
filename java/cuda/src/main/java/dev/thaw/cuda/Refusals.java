package dev.thaw.cuda;

import dev.thaw.backend.Backend.Reading;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What kernels found wrong in the numbers they were given, an index out of range say: they note it
 * on the card ({@code Refusal} of kernels/common.cuh) and go on without it, since nobody waits for
 * them; whoever next reads from the card is told. Costs nothing until a kernel that may refuse has
 * been launched, and a few bytes with each reading from then on.
 */
final class Refusals {
  /** {@code struct Refusal} in units of 8 bytes. */
  private static final int SIZE = 5;

  private final Transfers transfers;
  private final Buffer noted;
  private final List<String> messages = new ArrayList<>();
  private volatile boolean watched;

  Refusals(Card card, Transfers transfers) {
    this.transfers = transfers;
    // A pool of its own: what a backend itself holds is no tensor's memory.
    Pool own = new Pool(card.device(), (bytes, type) -> CudaStorage.allocate(card, bytes), false);
    noted = own.allocate(DType.INT64, SIZE, Purpose.WORKSPACE);
    clear();
  }

  private void clear() {
    transfers.upload(noted, bytes());
  }

  private static ByteBuffer bytes() {
    return ByteBuffer.allocate(SIZE * Long.BYTES).order(ByteOrder.nativeOrder());
  }

  /**
   * What a kernel calls {@code what}.
   *
   * @param message a format of the up to four numbers that the kernel notes
   */
  int named(String message) {
    messages.add(message);
    return messages.size() - 1;
  }

  /** Adds a kernel's arguments {@code Refusal* refusal, int what}. */
  Arguments watch(Arguments arguments, int what) {
    watched = true;
    return arguments.pointer(noted).int32(what);
  }

  /**
   * Begins to copy {@code x} to the host; the reading throws an IllegalArgumentException where a
   * kernel refused something before it.
   */
  Reading read(Buffer x) {
    return watched ? transfers.read(x, noted, this::check) : transfers.read(x);
  }

  /**
   * Called when the card has ended its work.
   *
   * @throws IllegalArgumentException when a kernel refused something
   */
  void check() {
    if (watched) {
      ByteBuffer found = bytes();
      transfers.read(noted).to(found);
      check(found);
    }
  }

  private void check(ByteBuffer found) {
    if (found.getInt(0) == 0) {
      return;
    }
    clear();
    throw new IllegalArgumentException(
        String.format(
            Locale.ROOT,
            messages.get(found.getInt(4)),
            found.getLong(8),
            found.getLong(16),
            found.getLong(24),
            found.getLong(32)));
  }
}
