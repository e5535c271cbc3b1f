package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Pool;
import java.nio.ByteBuffer;

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

  /** Whether tensors of {@code dtype} can be computed with, not only stored. */
  boolean computes(DType dtype);

  /**
   * Bytes of pictures that a call may move and leave in a cache for the next: a plan works through
   * batches that move much more in slices. 0 where slices are no faster.
   */
  default long cacheBytes() {
    return 0;
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
