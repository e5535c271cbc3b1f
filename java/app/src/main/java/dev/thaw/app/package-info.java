/**
 * The command line. {@link dev.thaw.app.Main} holds the list of commands and the contract that
 * every one of them keeps: results go to standard output, progress to standard error, and the exit
 * code is 0 when the work is done, 1 when it failed, 2 when the words or the input are wrong.
 *
 * <p>A command is one class that implements {@code Callable<Integer>}; it is named in the list of
 * {@code Main} and nowhere else.
 *
 * <p>May import every package of the engine, and no backend: those are found at run time.
 */
@org.jspecify.annotations.NullMarked
package dev.thaw.app;
