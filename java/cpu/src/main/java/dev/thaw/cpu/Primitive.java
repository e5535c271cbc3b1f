package dev.thaw.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.dnnl.dnnl_exec_arg_t;
import org.bytedeco.dnnl.dnnl_memory;
import org.bytedeco.dnnl.dnnl_primitive;
import org.bytedeco.dnnl.dnnl_primitive_attr;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.dnnl.dnnl_stream;

/**
 * One call of oneDNN, made ready: the compiled kernel, and a memory object for each argument that
 * is told the address of the day. Serves one call at a time; the code that oneDNN generated is
 * shared between instances by oneDNN's own cache.
 *
 * <p>A call makes no object. What it costs beside the arithmetic is about a microsecond, most of it
 * inside oneDNN.
 */
final class Primitive implements AutoCloseable {
  private final Object what;
  private final int threads;
  private final long scratchBytes;
  private final int count;
  private final dnnl_primitive primitive = new dnnl_primitive();
  private final dnnl_stream stream;
  private final dnnl_exec_arg_t arguments;
  private final dnnl_memory[] memories;
  private final long[] addresses;
  private final OneDnn.Handle handle = new OneDnn.Handle();

  /** One argument: oneDNN's number for it, and how it lies. */
  private record Argument(int id, Layout layout) {}

  private Primitive(
      Object what, int threads, dnnl_primitive_desc descriptor, List<Argument> wanted) {
    this.what = what;
    this.threads = threads;
    try (Layout scratch = OneDnn.layout(descriptor, dnnl_query_scratchpad_md, what)) {
      scratchBytes = scratch.bytes();
      if (scratchBytes > 0) {
        wanted.add(new Argument(DNNL_ARG_SCRATCHPAD, scratch));
      }
      OneDnn.check(dnnl_primitive_create(primitive, descriptor), "dnnl_primitive_create", what);
      count = wanted.size();
      stream = OneDnn.stream();
      arguments = new dnnl_exec_arg_t(count);
      memories = new dnnl_memory[count];
      addresses = new long[count];
      for (int i = 0; i < count; i++) {
        memories[i] = new dnnl_memory();
        OneDnn.check(
            dnnl_memory_create(
                memories[i], wanted.get(i).layout.descriptor(), OneDnn.engine(), handle.at(0)),
            "dnnl_memory_create",
            what);
        arguments.getPointer(i).arg(wanted.get(i).id).memory(memories[i]);
      }
    }
  }

  /** Scratch bytes a call needs; 0 for none. */
  long scratchBytes() {
    return scratchBytes;
  }

  /** Where argument {@code index} lies in the next call, in the order of {@link Maker#with}. */
  void set(int index, long address) {
    if (addresses[index] != address) {
      OneDnn.check(
          dnnl_memory_set_data_handle(memories[index], handle.at(address)),
          "dnnl_memory_set_data_handle",
          what);
      addresses[index] = address;
    }
  }

  /**
   * Computes; has ended when it returns.
   *
   * @param scratch address of {@link #scratchBytes} bytes, 64-byte aligned
   */
  void execute(long scratch) {
    if (scratchBytes > 0) {
      set(count - 1, scratch);
    }
    CpuThreads.enter(threads);
    OneDnn.check(
        dnnl_primitive_execute(primitive, stream, count, arguments),
        "dnnl_primitive_execute",
        what);
  }

  @Override
  public void close() {
    dnnl_primitive_destroy(primitive);
    dnnl_stream_destroy(stream);
    for (dnnl_memory memory : memories) {
      dnnl_memory_destroy(memory);
    }
    arguments.close();
  }

  /** Copies numbers from one layout to the other: argument 0 is read, argument 1 written. */
  static Primitive reorder(Object what, int threads, Layout from, Layout to) {
    return make(
            what,
            threads,
            "dnnl_reorder_primitive_desc_create",
            Epilogue.NONE.attributes(to),
            (descriptor, attributes) ->
                dnnl_reorder_primitive_desc_create(
                    descriptor,
                    from.descriptor(),
                    OneDnn.engine(),
                    to.descriptor(),
                    OneDnn.engine(),
                    attributes))
        .with(DNNL_ARG_SRC, from)
        .with(DNNL_ARG_DST, to)
        .build();
  }

  /** The C function that describes a primitive. */
  @FunctionalInterface
  interface Describe {
    int into(dnnl_primitive_desc descriptor, dnnl_primitive_attr attributes);
  }

  /**
   * Starts a primitive.
   *
   * @param what the operation and its sizes, for messages
   * @param threads how many threads each call takes: code and scratch depend on it
   * @param call the name of the C function
   * @param attributes destroyed here
   */
  static Maker make(
      Object what, int threads, String call, dnnl_primitive_attr attributes, Describe describe) {
    CpuThreads.enter(threads);
    dnnl_primitive_desc descriptor = new dnnl_primitive_desc();
    try {
      OneDnn.check(describe.into(descriptor, attributes), call, what);
    } finally {
      dnnl_primitive_attr_destroy(attributes);
    }
    return new Maker(what, threads, descriptor);
  }

  /** A described primitive that is told its arguments. {@link #build} or {@link #close} ends it. */
  static final class Maker implements AutoCloseable {
    private final Object what;
    private final int threads;
    private final dnnl_primitive_desc descriptor;
    private final List<Argument> wanted = new ArrayList<>();

    private Maker(Object what, int threads, dnnl_primitive_desc descriptor) {
      this.what = what;
      this.threads = threads;
      this.descriptor = descriptor;
    }

    /** The hint that backward primitives ask for. */
    dnnl_primitive_desc descriptor() {
      return descriptor;
    }

    int threads() {
      return threads;
    }

    /** A layout that oneDNN chose; the caller closes it. */
    Layout chosen(int query) {
      return OneDnn.layout(descriptor, query, what);
    }

    /** The next argument. */
    Maker with(int id, Layout layout) {
      wanted.add(new Argument(id, layout));
      return this;
    }

    Primitive build() {
      try {
        return new Primitive(what, threads, descriptor, wanted);
      } finally {
        close();
      }
    }

    @Override
    public void close() {
      dnnl_primitive_desc_destroy(descriptor);
      descriptor.setNull();
    }
  }
}
