package dev.thaw.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import java.util.Locale;
import org.bytedeco.dnnl.dnnl_engine;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.javacpp.Pointer;

/**
 * oneDNN's C interface in the words of this package: the engine, errors that say what was called
 * for what, and the three objects that everything is built of ({@link Layout}, {@link Epilogue},
 * {@link Primitive}).
 *
 * <p>The C interface rather than the C++ one: its objects are freed when we say so, while those of
 * the C++ presets wait for the garbage collector.
 */
final class OneDnn {
  /** The processors. Lives as long as the process; has no state that calls could share. */
  private static final dnnl_engine ENGINE = new dnnl_engine();

  static {
    check(dnnl_engine_create(ENGINE, dnnl_cpu, 0), "dnnl_engine_create", "the processors");
  }

  private OneDnn() {}

  static dnnl_engine engine() {
    return ENGINE;
  }

  /** A queue for calls; on processors a call has ended when it returns, so nobody waits on it. */
  static dnnl_stream stream() {
    dnnl_stream stream = new dnnl_stream();
    check(
        dnnl_stream_create(stream, ENGINE, dnnl_stream_default_flags),
        "dnnl_stream_create",
        "the processors");
    return stream;
  }

  /**
   * Throws unless {@code status} is success.
   *
   * @param call the function that answered
   * @param what the operation with its sizes; turned into text only on failure
   */
  static void check(int status, String call, Object what) {
    if (status == dnnl_success) {
      return;
    }
    String message =
        String.format(
            Locale.ROOT,
            "oneDNN: %s answered %d (%s) for %s: %s",
            call,
            status,
            name(status),
            what,
            remedy(status));
    if (status == dnnl_out_of_memory) {
      throw new OutOfMemoryError(message);
    }
    throw new IllegalStateException(message);
  }

  private static String name(int status) {
    return switch (status) {
      case 1 -> "out of memory";
      case 2 -> "invalid arguments";
      case 3 -> "unimplemented";
      case 4 -> "last implementation reached";
      case 5 -> "runtime error";
      default -> "unknown status";
    };
  }

  private static String remedy(int status) {
    return switch (status) {
      case 1 -> "use smaller batches, or close models that are not needed";
      case 2 -> "the sizes contradict each other";
      case 3 -> "this oneDNN has no code for it; use the plain device, and please report it";
      case 5 ->
          "code could not be generated; is executable memory forbidden here (SELinux, noexec)?";
      default -> "run with ONEDNN_VERBOSE=all to see its reason";
    };
  }

  /** A copy of one of the layouts that a primitive descriptor has chosen; the caller closes it. */
  static Layout layout(dnnl_primitive_desc from, int query, Object what) {
    dnnl_memory_desc found = dnnl_primitive_desc_query_md(from, query, 0);
    if (found == null || found.isNull()) {
      throw new IllegalStateException(
          "oneDNN: dnnl_primitive_desc_query_md knows no layout " + query + " of " + what);
    }
    return Layout.copyOf(found);
  }

  /**
   * An address as JavaCPP wants it. One object serves many calls, where a Pointer each would be
   * garbage in the hot path.
   */
  static final class Handle extends Pointer {
    Handle() {
      super((Pointer) null);
    }

    /** This, pointing to {@code address}. */
    Handle at(long address) {
      this.address = address;
      return this;
    }
  }
}
