package dev.thaw.memory;

import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * An alarm, not a safety net: memory never waits for the garbage collector, but a handle that was
 * kept out of every scope and then forgotten can only be noticed by it. Checked when the next
 * handle is kept; frees nothing, since a kernel may still read what a forgotten handle names.
 */
final class Leaks {
  private static final ReferenceQueue<Handle> FORGOTTEN = new ReferenceQueue<>();
  private static final Set<Watch> WATCHED = ConcurrentHashMap.newKeySet();
  private static final System.Logger LOG = System.getLogger(Leaks.class.getName());

  private Leaks() {}

  private static final class Watch extends PhantomReference<Handle> {
    final Buffer buffer;
    final String what;
    final @Nullable Throwable keptAt;

    Watch(Handle handle) {
      super(handle, FORGOTTEN);
      this.buffer = handle.buffer();
      this.what = handle.toString();
      this.keptAt = Pool.tracing() ? new Throwable("kept here") : null;
    }
  }

  static void watch(Handle handle) {
    report();
    WATCHED.add(new Watch(handle));
  }

  /** Logs what was forgotten since the last call and returns how many. */
  static int report() {
    int forgotten = 0;
    for (Object next = FORGOTTEN.poll(); next != null; next = FORGOTTEN.poll()) {
      Watch watch = (Watch) next;
      WATCHED.remove(watch);
      if (!watch.buffer.isClosed()) {
        forgotten++;
        LOG.log(
            System.Logger.Level.WARNING,
            "memory: " + watch.what + " was kept out of its scope and never closed",
            watch.keptAt);
      }
    }
    return forgotten;
  }
}
