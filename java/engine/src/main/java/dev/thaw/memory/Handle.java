package dev.thaw.memory;

import org.jspecify.annotations.Nullable;

/**
 * One hold on a buffer that belongs to the innermost scope, until the scope ends, {@link
 * Scope#keep} passes it on, or {@link #close} ends it early. What a user calls a tensor is a
 * handle.
 */
public abstract class Handle implements AutoCloseable {
  private final Buffer buffer;
  private boolean open = true;
  @Nullable Scope scope;

  /**
   * Takes over one hold on {@code buffer} and joins the innermost scope.
   *
   * @throws IllegalStateException when no scope is open; the hold is released first
   */
  protected Handle(Buffer buffer) {
    this.buffer = buffer;
    try {
      Scope.current().join(this);
    } catch (IllegalStateException e) {
      buffer.release();
      throw e;
    }
  }

  /** A handle outside every scope, which its maker closes: parameters. */
  protected Handle(Buffer buffer, boolean owned) {
    Check.that(owned, "handle: a handle outside scopes needs an owner");
    this.buffer = buffer;
  }

  /**
   * The elements. Readable as long as anybody holds them, also after this handle was closed: a node
   * of the tape reads what it holds.
   */
  public final Buffer buffer() {
    return buffer;
  }

  /** Whether {@link #close} has not been called, by hand or by a scope. */
  public final boolean isOpen() {
    return open;
  }

  /** Lets go of the buffer before the scope ends; a second call does nothing. */
  @Override
  public final void close() {
    if (open) {
      if (scope != null) {
        scope.leave(this);
      }
      end();
    }
  }

  /** Lets go, for a scope that has already forgotten this handle. */
  final void end() {
    open = false;
    scope = null;
    buffer.release();
    closed();
  }

  /** Called once, after the hold on the buffer was released. */
  protected void closed() {}
}
