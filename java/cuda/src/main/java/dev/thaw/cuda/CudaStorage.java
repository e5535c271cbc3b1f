package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudart.CUDA_ERROR_OUT_OF_MEMORY;
import static org.bytedeco.cuda.global.cudart.cuMemAlloc;
import static org.bytedeco.cuda.global.cudart.cuMemFree;

import dev.thaw.memory.Storage;
import java.util.Locale;

/** A block of a card's memory, 256-byte aligned. */
final class CudaStorage implements Storage {
  private final Card card;
  private final long address;
  private final long bytes;

  private CudaStorage(Card card, long address, long bytes) {
    this.card = card;
    this.address = address;
    this.bytes = bytes;
  }

  /** What the pool asks for fresh blocks. */
  static CudaStorage allocate(Card card, long bytes) {
    card.enter();
    long[] address = new long[1];
    int code = cuMemAlloc(address, bytes);
    if (code == CUDA_ERROR_OUT_OF_MEMORY) {
      long[] memory = card.memory();
      throw new OutOfMemoryError(
          String.format(
              Locale.ROOT,
              "%.1f MiB of %.1f MiB are free on the card",
              memory[0] / 1048576.0,
              memory[1] / 1048576.0));
    }
    CudaException.check("cuMemAlloc of " + bytes + " bytes on " + card.device(), code);
    return new CudaStorage(card, address[0], bytes);
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public long address() {
    return address;
  }

  /** Waits for what is queued: the card may still be reading the block. */
  @Override
  public void free() {
    card.synchronize();
    CudaException.check("cuMemFree on " + card.device(), cuMemFree(address));
  }
}
