package dev.thaw.memory;

import java.util.ArrayList;
import org.jspecify.annotations.Nullable;

/**
 * The lifetime of what is made inside it: {@code try (Scope s = Scope.open()) { ... }}. Scopes nest
 * on a stack of the thread; a new handle joins the innermost and is closed with it, unless {@link
 * #keep} passes it to the scope around, or, from the outermost, to the caller.
 */
public final class Scope implements AutoCloseable {
  private static final ThreadLocal<@Nullable Scope> INNERMOST = new ThreadLocal<>();

  private final @Nullable Scope around;
  private final Thread thread = Thread.currentThread();
  private final ArrayList<Handle> handles = new ArrayList<>();
  private boolean open = true;

  private Scope(@Nullable Scope around) {
    this.around = around;
  }

  /** Opens a scope inside the thread's innermost one. */
  public static Scope open() {
    Scope scope = new Scope(INNERMOST.get());
    INNERMOST.set(scope);
    return scope;
  }

  /** Whether the thread has an open scope. */
  public static boolean isOpen() {
    return INNERMOST.get() != null;
  }

  static Scope current() {
    Scope scope = INNERMOST.get();
    if (scope == null) {
      throw new IllegalStateException(
          "no scope is open: try (Scope s = Scope.open()) { ... } around the code that makes"
              + " tensors");
    }
    return scope;
  }

  void join(Handle handle) {
    handle.scope = this;
    handles.add(handle);
  }

  void leave(Handle handle) {
    checkThread();
    // What is closed early was mostly made late.
    for (int i = handles.size() - 1; i >= 0; i--) {
      if (handles.get(i) == handle) {
        handles.remove(i);
        return;
      }
    }
  }

  /**
   * Lets {@code handle} outlive this scope: it joins the scope around, or, where there is none, the
   * caller closes it. A handle of another scope, or of none, stays where it is.
   *
   * @return the handle
   * @throws IllegalStateException when the handle is already closed
   */
  public <H extends Handle> H keep(H handle) {
    if (!handle.isOpen()) {
      throw new IllegalStateException("scope: what is to be kept is already closed");
    }
    if (handle.scope == this) {
      leave(handle);
      if (around != null) {
        around.join(handle);
      } else {
        handle.scope = null;
        Leaks.watch(handle);
      }
    }
    return handle;
  }

  /** Whether {@code handle} would be closed with this scope. */
  public boolean owns(Handle handle) {
    return handle.scope == this;
  }

  /**
   * Closes every handle that was not kept.
   *
   * @throws IllegalStateException when called by another thread or before an inner scope was closed
   */
  @Override
  public void close() {
    if (!open) {
      return;
    }
    checkThread();
    if (INNERMOST.get() != this) {
      throw new IllegalStateException("scope: an inner scope is still open, close it first");
    }
    open = false;
    if (around == null) {
      INNERMOST.remove();
    } else {
      INNERMOST.set(around);
    }
    // Newest first: views let go before what they view.
    for (int i = handles.size() - 1; i >= 0; i--) {
      handles.get(i).end();
    }
    handles.clear();
  }

  private void checkThread() {
    if (Thread.currentThread() != thread) {
      throw new IllegalStateException(
          "scope: opened by thread "
              + thread.getName()
              + ", used by "
              + Thread.currentThread().getName());
    }
  }
}
