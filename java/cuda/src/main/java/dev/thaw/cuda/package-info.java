/**
 * The CUDA backend: our own kernels ({@code kernels/*.cu}) on NVIDIA cards, and NVIDIA's libraries
 * where they compute the same faster.
 *
 * <p>How a kernel is reached: a family, {@code CudaUnary} say, writes {@code Arguments} and hands
 * them with a {@code Kernel} to the {@code Card}, which calls cuLaunchKernel through JavaCPP.
 * Matrix products go to {@code CublasLt}: an {@code LtProduct} says what is to be computed, an
 * {@code LtGemm} is that prepared once, {@code LtGemmKernels} finds and runs it. Convolutions go to
 * {@code CudnnLibrary}: a {@code CudnnConv} says what is to be computed and describes it as a
 * {@code CudnnGraph} of {@code CudnnTensor}s, {@code CudnnPlans} chooses the {@code CudnnPlan} that
 * does it, within {@code CudnnRules}, and {@code CudnnConvKernels} runs it.
 *
 * <p>Read {@link dev.thaw.cuda.CudaProvider} (how a device is opened), {@code Libraries} (where
 * NVIDIA's libraries are looked for), {@code Card} (a device with its context and stream), {@code
 * Kernels} (our kernels, by name), {@code Arguments}, then {@code CudaBackend} and one family.
 *
 * <p>Kernels are compiled ahead, into the jar. Where it carries none, or some of their files are
 * edited, {@code KernelImage} hands {@code KernelSources} to {@code Nvrtc}; {@link
 * dev.thaw.cuda.OwnKernels} does so with a user's file, and holds each launch to the {@code
 * Signature} of what was compiled.
 *
 * <p>A batch crosses through {@code Transfers}, from pinned memory and on a stream of its own;
 * pictures as the bytes that they are, and the step's first kernel normalises them ({@code
 * norm_pixels}).
 *
 * <p>Imports {@code memory}, {@code backend}, JavaCPP and its CUDA presets. A machine without a
 * driver loads none of the presets. Hot paths pass addresses and allocate nothing.
 */
@NullMarked
package dev.thaw.cuda;

import org.jspecify.annotations.NullMarked;
