package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudart.CU_STREAM_NON_BLOCKING;
import static org.bytedeco.cuda.global.cudart.cuMemcpyDtoDAsync;
import static org.bytedeco.cuda.global.cudart.cuMemcpyDtoHAsync;
import static org.bytedeco.cuda.global.cudart.cuMemcpyHtoDAsync;
import static org.bytedeco.cuda.global.cudart.cuStreamCreate;

import dev.thaw.backend.Backend.Reading;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Storage;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.function.Consumer;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * Bytes to and from a card. Uploads return once the host's bytes are in pinned memory, or, where
 * they are few, in the arguments of a kernel's launch, which waits for no copy engine. A large one
 * crosses on a stream of its own into a block of the card beside its destination, while the compute
 * stream is still busy with the step before, and is moved to its destination there in order; so the
 * destination's address never changes, and no step waits for the bus if the batch came in time. On
 * the way back, too, a few bytes are written to the host by a kernel.
 */
final class Transfers {
  /** Below this, a stream and a copy of its own cost more than they hide. */
  private static final long LARGE = 64 << 10;

  /** {@code WORDS} of kernels/move.cu, of 8 bytes. */
  private static final int WORDS = 64;

  /** Bytes that a kernel brings to the host faster than a copy engine can be waited for. */
  private static final int POSTED = 1024;

  /** Uploads under way before the host waits. */
  private static final int SLOTS = 3;

  private final Card card;
  private final Pool pool;
  private final Kernel putWords;
  private final Kernel postWords;
  private final CUstream_st copies = new CUstream_st();
  private final Slot[] slots = new Slot[SLOTS];
  private final ArrayDeque<Pinned> readings = new ArrayDeque<>();
  private int turn;
  private long uploaded;

  /** A staging place for one upload. */
  private static final class Slot {
    /** What the copy stream reads; its event: the bytes have crossed. */
    final Pinned host;

    /** No memory, only the event: the compute stream has moved the bytes to their destination. */
    final Pinned moved;

    @Nullable Storage block;

    Slot(Card card) {
      host = new Pinned(card);
      moved = new Pinned(card);
    }
  }

  /**
   * Transfers of one card.
   *
   * @param pool of the card, which counts the blocks beside the destinations
   */
  Transfers(Card card, Kernels kernels, Pool pool) {
    this.card = card;
    this.pool = pool;
    putWords = kernels.get("put_words");
    postWords = kernels.get("post_words");
    card.enter();
    CudaException.check("cuStreamCreate", cuStreamCreate(copies, CU_STREAM_NON_BLOCKING));
    for (int i = 0; i < SLOTS; i++) {
      slots[i] = new Slot(card);
    }
  }

  /** Copies all remaining bytes of {@code x} to {@code y}, in the order of the compute stream. */
  synchronized void upload(Buffer y, ByteBuffer x) {
    long bytes = y.bytes();
    uploaded += bytes;
    if (bytes <= 8 * WORDS && ((bytes | y.address()) & 7) == 0) {
      Arguments words = Arguments.empty().pointer(y).int32((int) bytes / 8).words(x, WORDS);
      card.launch(putWords, 1, words);
      return;
    }
    card.enter();
    Slot slot = slots[turn];
    turn = (turn + 1) % SLOTS;
    slot.host.reserve(bytes);
    slot.host.view(bytes).put(x.duplicate());
    if (bytes < LARGE) {
      copyIn(y.address(), slot, bytes, card.stream());
      slot.host.record(card.stream());
      return;
    }
    slot.moved.await();
    Storage block = block(slot, bytes);
    copyIn(block.address(), slot, bytes, copies);
    slot.host.record(copies);
    slot.host.holdBack(card.stream());
    CudaException.check(
        "cuMemcpyDtoDAsync of " + bytes + " bytes on " + card.device(),
        cuMemcpyDtoDAsync(y.address(), block.address(), bytes, card.stream()));
    slot.moved.record(card.stream());
  }

  /** Bytes that went to the card so far. */
  synchronized long uploadedBytes() {
    return uploaded;
  }

  private void copyIn(long to, Slot slot, long bytes, CUstream_st stream) {
    CudaException.check(
        "cuMemcpyHtoDAsync of " + bytes + " bytes on " + card.device(),
        cuMemcpyHtoDAsync(to, slot.host.memory(), bytes, stream));
  }

  private Storage block(Slot slot, long bytes) {
    Storage block = slot.block;
    if (block == null || block.bytes() < bytes) {
      if (block != null) {
        slot.block = null; // there may be no room for a larger one
        pool.free(block, Purpose.ACTIVATIONS);
      }
      block = pool.reserve(bytes, Purpose.ACTIVATIONS);
      slot.block = block;
    }
    return block;
  }

  /** Begins to copy {@code x} to the host. */
  Reading read(Buffer x) {
    return read(x, null, beside -> {});
  }

  /**
   * Begins to copy {@code x} to the host, and {@code beside} with it.
   *
   * @param look is given the bytes of {@code beside} when those of {@code x} have been
   */
  Reading read(Buffer x, @Nullable Buffer beside, Consumer<ByteBuffer> look) {
    card.enter();
    int bytes = Math.toIntExact(x.bytes());
    int at = (bytes + 7) & -8;
    int all = beside == null ? bytes : at + (int) beside.bytes();
    Pinned host = takeReading();
    host.reserve(all);
    long to = host.memory().address();
    if (all <= POSTED && ((bytes | x.address()) & 3) == 0) {
      Arguments words = Arguments.empty().address(to).pointer(x).int32(bytes / 4);
      words.pointer(beside).int32(beside == null ? 0 : (all - at) / 4).int32(at / 4);
      card.launch(postWords, 1, words);
    } else {
      copyOut(host.memory(), x);
      if (beside != null) {
        copyOut(Address.pointer(to + at), beside);
      }
    }
    host.record(card.stream());
    return y -> {
      host.await();
      try {
        ByteBuffer found = host.view(all);
        y.duplicate().put(found.duplicate().limit(bytes));
        if (beside != null) {
          look.accept(found.position(at).slice().order(found.order()));
        }
      } finally {
        giveReading(host);
      }
    };
  }

  private void copyOut(Pointer to, Buffer x) {
    CudaException.check(
        "cuMemcpyDtoHAsync of " + x.bytes() + " bytes on " + card.device(),
        cuMemcpyDtoHAsync(to, x.address(), x.bytes(), card.stream()));
  }

  private synchronized Pinned takeReading() {
    Pinned free = readings.poll();
    return free == null ? new Pinned(card) : free;
  }

  private synchronized void giveReading(Pinned pinned) {
    readings.push(pinned);
  }
}
