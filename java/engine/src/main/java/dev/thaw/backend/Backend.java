package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Pool;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One device: its memory and its kernels by family. Calls of one thread happen in order; several
 * threads may call at once. Descriptors and primitives are built once per shape and cached inside.
 */
public interface Backend {
  /** The device this backend drives. */
  Device device();

  /** Where its buffers come from. */
  Pool pool();

  /** One line for people: library versions, instruction set, threads. */
  String describe();

  /**
   * Which libraries serve it, and which are missing and so replaced by something slower, a line
   * each, for people who set the machine up; loads those that are loaded when first needed.
   */
  default List<String> findings() {
    return List.of();
  }

  /** Whether tensors of {@code dtype} can be computed with, not only stored. */
  boolean computes(DType dtype);

  /** Whether {@link #allowTf32} has an effect: products of float32 by units for TF32. */
  default boolean hasTf32() {
    return false;
  }

  /**
   * Allows or forbids the calling thread's products and convolutions to round their float32 factors
   * to TF32, that is to 10 bits of fraction; sums stay float32. Forbidden at the start. A recording
   * that the device {@linkplain #capture took as one} keeps what held when it was taken.
   *
   * @return what held before; false, and nothing changes, where there is no TF32
   */
  default boolean allowTf32(boolean allowed) {
    return false;
  }

  /**
   * Bytes of pictures that a call may move and leave in a cache for the next: a plan works through
   * batches that move much more in slices. 0 where slices are no faster.
   */
  default long cacheBytes() {
    return 0;
  }

  /**
   * Whether uploads cross a bus, over which bytes take longer than the device takes to make more of
   * them: pictures are then worth sending as bytes, four times as short as float32. False where the
   * host's memory is the device's, and whoever prepares a batch may as well finish it.
   */
  default boolean isBehindBus() {
    return false;
  }

  /**
   * Copies host bytes in native order to {@code y}.
   *
   * @param x as many remaining bytes as {@code y} has; its position is left where it was
   */
  void upload(@Writes Buffer y, ByteBuffer x);

  /**
   * Waits for everything that writes {@code x}, then copies it to the remaining bytes of {@code y}.
   */
  void download(ByteBuffer y, Buffer x);

  /**
   * Begins to copy {@code x} to the host, behind everything that writes it: a way to hear of a step
   * while the next one is under way. Here the copy is made at once.
   */
  default Reading read(Buffer x) {
    ByteBuffer copy =
        ByteBuffer.allocate(Math.toIntExact(x.bytes())).order(ByteOrder.nativeOrder());
    download(copy, x);
    return to -> to.duplicate().put(copy);
  }

  /** A copy to the host that is under way. */
  interface Reading {
    /** Waits for it, once, and puts it into the remaining bytes of {@code y}. */
    void to(ByteBuffer y);
  }

  /**
   * Notes what {@code calls} queue on this device, without running it, as one unit that is queued
   * at the price of one call. They ran before, on the same buffers.
   *
   * @return null, and nothing ran, where a device has no such thing or cannot note these calls
   */
  default @Nullable Replay capture(Runnable calls) {
    return null;
  }

  /** Calls noted by {@link #capture}; the buffers they were noted on must outlive it. */
  interface Replay extends AutoCloseable {
    /** Queues them all. */
    void run();

    @Override
    void close();
  }

  /**
   * Says that work reaches the device past this interface, so that a recording knows it is not
   * whole.
   *
   * @param what for a message
   */
  default void bypass(String what) {}

  /** Waits until every call of this thread has ended. */
  void synchronize();

  /** Elementwise functions of one argument. */
  UnaryKernels unary();

  /** Elementwise functions of two arguments, with broadcasting. */
  BinaryKernels binary();

  /** Sums, extremes and their places. */
  ReduceKernels reduce();

  /** Matrix products. */
  GemmKernels gemm();

  /** Convolutions. */
  ConvKernels conv();

  /** Pooling of pictures. */
  PoolKernels pooling();

  /** Batch and layer normalisation. */
  NormKernels norm();

  /** Softmax and the losses on it. */
  SoftmaxKernels softmax();

  /** Copies, gathers and resizing: kernels that move values. */
  IndexKernels index();

  /** Random numbers on the device. */
  RandomKernels random();

  /** Optimizer steps. */
  UpdateKernels update();

  /** Measurements of a buffer. */
  StatsKernels stats();
}
