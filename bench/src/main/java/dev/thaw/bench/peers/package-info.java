/**
 * Thaw beside PyTorch: {@code ./thaw bench parity} gives both the same work and compares what comes
 * out. PyTorch's half is in {@code bench/peers}; a Python that has PyTorch is named by {@code
 * --python}.
 *
 * <p>{@code ./thaw bench speed} measures both in turns.
 *
 * <p>Read {@link dev.thaw.bench.peers.Peers}, then {@code Parity}: a single step from saved weights
 * and optimizer state ({@code StepParity}), and whole runs ({@code RunParity}), one of them through
 * the command line. {@code Speed}: {@code Workload} lists what is done, {@code Work} is Thaw's
 * half, {@code TorchProcess} PyTorch's, {@code SpeedRun} has them take turns.
 *
 * <p>May import everything.
 */
@org.jspecify.annotations.NullMarked
package dev.thaw.bench.peers;
