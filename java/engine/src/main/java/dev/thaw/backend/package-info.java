/**
 * The seam between the engine and the machines: kernels over buffers and sizes, no tensors.
 *
 * <p>Read {@link dev.thaw.backend.Backend} (a device, its pool and its kernels), then one family,
 * {@link dev.thaw.backend.UnaryKernels} say; {@link dev.thaw.backend.Devices} finds and chooses.
 *
 * <p>Said once for every kernel:
 *
 * <ul>
 *   <li>arguments come as outputs, inputs, sizes, scalars; names are {@code y x dy dx};
 *   <li>outputs ({@link dev.thaw.backend.Writes}) are overwritten, never added to, and do not
 *       overlap inputs unless the method says so;
 *   <li>buffers are dense and row-major, pictures {@code [n, h, w, c]}, convolution weights {@code
 *       [out, kh, kw, in / groups]};
 *   <li>each buffer is read and written in its own dtype. Floating buffers of one call share one,
 *       except where activations are {@code BFLOAT16}: then {@code FLOAT32} are, always, the scale,
 *       shift, statistics and their gradients of a norm, and all that softmax, losses and updates
 *       see; and, where the caller wants it, what a product or convolution yields for a weight
 *       ({@code c} of a product without bias and ReLU, {@code dw} and {@code db} of a convolution)
 *       and the result of a sum. The copies of weights and biases that they read are {@code
 *       BFLOAT16} like the activations. Whatever the dtype, kernels add up in float at least, and
 *       round when they write;
 *   <li>sizes were checked by the op that calls; a kernel trusts them;
 *   <li>no kernel knows that gradients exist, and no op knows its backend.
 * </ul>
 *
 * <p>Imports {@code memory}.
 */
@NullMarked
package dev.thaw.backend;

import org.jspecify.annotations.NullMarked;
