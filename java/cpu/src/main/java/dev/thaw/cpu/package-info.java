/**
 * The CPU backend: oneDNN for matrix products and most convolutions, our own C++ loops for the
 * rest.
 *
 * <p>Read {@link dev.thaw.cpu.CpuProvider} (how a device is opened), {@code NativeLibrary} (how the
 * loops get into the process) and {@code Native} (what Java may call: {@code native/thaw_cpu.h} as
 * Java declarations), then {@code CpuBackend}, {@code CpuStorage} (memory), {@link
 * dev.thaw.cpu.CpuThreads} (how many threads an op takes), and one family, {@code CpuUnary} say;
 * {@code Wide} is how they serve bfloat16.
 *
 * <p>For oneDNN read {@code CpuConv}, then {@code ConvForward} (a recipe; {@code Matmul} and the
 * others are its likes), {@code Product} (what it prepares), {@code Primitive} (one call of oneDNN)
 * and {@code Lane} (where prepared calls wait, and workspace comes from). Convolutions that our own
 * loops do faster are in {@code FewChannels}, {@code CookToom}, {@code PointwiseSum} and {@code
 * Winograd}; weights that never change are packed once, in {@code CpuConstantWeights}.
 *
 * <p>Imports {@code memory}, {@code backend}, JavaCPP and its oneDNN presets. Hot paths pass
 * addresses and allocate nothing outside the Java heap.
 */
@NullMarked
package dev.thaw.cpu;

import org.jspecify.annotations.NullMarked;
