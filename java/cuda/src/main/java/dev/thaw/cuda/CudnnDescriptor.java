package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_BACKEND_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_BOOLEAN;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_FLOAT;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_HANDLE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_INT64;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_VOID_PTR;
import static org.bytedeco.cuda.global.cudnn.cudnnBackendCreateDescriptor;
import static org.bytedeco.cuda.global.cudnn.cudnnBackendDestroyDescriptor;
import static org.bytedeco.cuda.global.cudnn.cudnnBackendFinalize;
import static org.bytedeco.cuda.global.cudnn.cudnnBackendGetAttribute;
import static org.bytedeco.cuda.global.cudnn.cudnnBackendSetAttribute;

import java.util.List;
import org.bytedeco.cuda.cudnn.cudnnBackendDescriptor_t;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * One of cuDNN's descriptors, which are all used alike: created by kind, given attributes, finished
 * (which is when cuDNN checks them together), and then only read. Attributes are named by numbers
 * of {@code cudnnBackendAttributeName_t}; each has one type, and the setters are named after it.
 */
final class CudnnDescriptor implements AutoCloseable {
  private final String what;
  private final cudnnBackendDescriptor_t descriptor = new cudnnBackendDescriptor_t();

  /**
   * Creates an empty one.
   *
   * @param kind of {@code cudnnBackendDescriptorType_t}
   * @param what for messages
   */
  CudnnDescriptor(int kind, String what) {
    this.what = what;
    CudnnException.check(
        "cudnnBackendCreateDescriptor of " + what, cudnnBackendCreateDescriptor(kind, descriptor));
  }

  /** cuDNN's handle of it. */
  cudnnBackendDescriptor_t handle() {
    return descriptor;
  }

  /** Sets {@code int64_t}s. */
  CudnnDescriptor int64(int attribute, long... values) {
    try (LongPointer memory = new LongPointer(values)) {
      return set(attribute, CUDNN_TYPE_INT64, values.length, memory);
    }
  }

  /** Sets a {@code float}. */
  CudnnDescriptor float32(int attribute, float value) {
    try (FloatPointer memory = new FloatPointer(value)) {
      return set(attribute, CUDNN_TYPE_FLOAT, 1, memory);
    }
  }

  /** Sets a {@code bool}. */
  CudnnDescriptor flag(int attribute, boolean value) {
    try (BoolPointer memory = new BoolPointer(1).put(value)) {
      return set(attribute, CUDNN_TYPE_BOOLEAN, 1, memory);
    }
  }

  /** Sets a value of the enumeration that {@code type} names. */
  CudnnDescriptor choice(int attribute, int type, int value) {
    try (IntPointer memory = new IntPointer(new int[] {value})) {
      return set(attribute, type, 1, memory);
    }
  }

  /** Sets other descriptors, finished ones. */
  CudnnDescriptor descriptors(int attribute, CudnnDescriptor... others) {
    try (PointerPointer<Pointer> memory = pointers(List.of(others))) {
      return set(attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, others.length, memory);
    }
  }

  /** Sets cuDNN's context. */
  CudnnDescriptor context(int attribute, cudnnContext context) {
    try (PointerPointer<Pointer> memory = new PointerPointer<>(1)) {
      return set(attribute, CUDNN_TYPE_HANDLE, 1, memory.put(0, context));
    }
  }

  /** Sets addresses of the card's memory. */
  CudnnDescriptor addresses(int attribute, long... values) {
    // void* and int64_t have the same bits.
    try (LongPointer memory = new LongPointer(values)) {
      return set(attribute, CUDNN_TYPE_VOID_PTR, values.length, memory);
    }
  }

  private CudnnDescriptor set(int attribute, int type, long count, Pointer values) {
    int status = cudnnBackendSetAttribute(descriptor, attribute, type, count, values);
    if (status != 0) {
      CudnnException.check("cudnnBackendSetAttribute " + attribute + " of " + what, status);
    }
    return this;
  }

  /**
   * Ends the setting of attributes.
   *
   * @throws CudnnException when they do not fit together, or cuDNN has nothing for them
   */
  CudnnDescriptor finish() {
    int status = cudnnBackendFinalize(descriptor);
    if (status != 0) {
      CudnnException.check("cudnnBackendFinalize of " + what, status);
    }
    return this;
  }

  /** Reads an {@code int64_t}. */
  long int64(int attribute) {
    try (LongPointer memory = new LongPointer(1)) {
      get(attribute, CUDNN_TYPE_INT64, 1, memory);
      return memory.get();
    }
  }

  /** Reads values of the enumeration that {@code type} names, the first {@code most} at most. */
  int[] choices(int attribute, int type, int most) {
    try (IntPointer memory = new IntPointer(most)) {
      int[] values = new int[(int) Math.min(most, get(attribute, type, most, memory))];
      memory.get(values);
      return values;
    }
  }

  /** How many descriptors can be read, at most. */
  int count(int attribute) {
    return (int) get(attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, new Pointer());
  }

  /**
   * Reads descriptors into {@code empty} ones of the right kind.
   *
   * @return how many of them, the first, were filled
   */
  int read(int attribute, List<CudnnDescriptor> empty) {
    try (PointerPointer<Pointer> memory = pointers(empty)) {
      return (int) get(attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, empty.size(), memory);
    }
  }

  private long get(int attribute, int type, long most, Pointer values) {
    long[] count = new long[1];
    int status = cudnnBackendGetAttribute(descriptor, attribute, type, most, count, values);
    if (status != 0) {
      CudnnException.check("cudnnBackendGetAttribute " + attribute + " of " + what, status);
    }
    return count[0];
  }

  private static PointerPointer<Pointer> pointers(List<CudnnDescriptor> descriptors) {
    PointerPointer<Pointer> memory = new PointerPointer<>(Math.max(1, descriptors.size()));
    for (int i = 0; i < descriptors.size(); i++) {
      memory.put(i, descriptors.get(i).descriptor);
    }
    return memory;
  }

  @Override
  public void close() {
    CudnnException.check(
        "cudnnBackendDestroyDescriptor of " + what, cudnnBackendDestroyDescriptor(descriptor));
  }

  @Override
  public String toString() {
    return what;
  }
}
