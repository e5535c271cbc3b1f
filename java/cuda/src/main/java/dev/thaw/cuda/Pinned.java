package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudart.CU_EVENT_DISABLE_TIMING;
import static org.bytedeco.cuda.global.cudart.cuEventCreate;
import static org.bytedeco.cuda.global.cudart.cuEventRecord;
import static org.bytedeco.cuda.global.cudart.cuEventSynchronize;
import static org.bytedeco.cuda.global.cudart.cuMemFreeHost;
import static org.bytedeco.cuda.global.cudart.cuMemHostAlloc;
import static org.bytedeco.cuda.global.cudart.cuStreamWaitEvent;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * Host memory that the card reads and writes by itself while Java goes on, and an event that says
 * when it has.
 */
final class Pinned {
  private static final int SMALLEST = 4096;

  private final Card card;
  private final CUevent_st event = new CUevent_st();
  private Pointer memory = new Pointer();
  private ByteBuffer bytes = ByteBuffer.allocate(0);
  private boolean recorded;

  Pinned(Card card) {
    this.card = card;
    card.enter();
    CudaException.check("cuEventCreate", cuEventCreate(event, CU_EVENT_DISABLE_TIMING));
  }

  /** Grows to {@code size} bytes, once the card is done with what it has. */
  void reserve(long size) {
    await();
    if (bytes.capacity() >= size) {
      return;
    }
    long capacity = Math.max(SMALLEST, size + size / 4);
    if (capacity > Integer.MAX_VALUE) {
      capacity = size;
    }
    release();
    try (PointerPointer<Pointer> place = new PointerPointer<>(1)) {
      CudaException.check(
          "cuMemHostAlloc of " + capacity + " bytes of pinned host memory",
          cuMemHostAlloc(place, capacity, 0));
      memory = place.get(Pointer.class, 0);
    }
    bytes =
        new BytePointer(memory).capacity(capacity).asByteBuffer().order(ByteOrder.nativeOrder());
  }

  private void release() {
    if (!memory.isNull()) {
      CudaException.check("cuMemFreeHost", cuMemFreeHost(memory));
      memory = new Pointer();
      bytes = ByteBuffer.allocate(0);
    }
  }

  /** Where it starts. */
  Pointer memory() {
    return memory;
  }

  /** The first {@code size} bytes. */
  ByteBuffer view(long size) {
    return bytes.duplicate().order(ByteOrder.nativeOrder()).position(0).limit((int) size);
  }

  /** Notes that all queued on {@code stream} so far must end before this may be touched again. */
  void record(CUstream_st stream) {
    CudaException.check("cuEventRecord", cuEventRecord(event, stream));
    recorded = true;
  }

  /** Lets {@code stream} wait for what was last recorded. */
  void holdBack(CUstream_st stream) {
    CudaException.check("cuStreamWaitEvent", cuStreamWaitEvent(stream, event, 0));
  }

  /** Waits until the card is done. */
  void await() {
    if (recorded) {
      card.enter();
      CudaException.check("cuEventSynchronize on " + card.device(), cuEventSynchronize(event));
      recorded = false;
    }
  }
}
