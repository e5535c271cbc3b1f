/**
 * Functions that own parameters.
 *
 * <p>Read {@link dev.thaw.nn.Module} (names, slots, train and eval), {@link dev.thaw.nn.Parameter}
 * (value, frozen flag, order in files), then a layer: {@link dev.thaw.nn.Linear}, {@link
 * dev.thaw.nn.Conv2d}, {@link dev.thaw.nn.BatchNorm} with its {@link dev.thaw.nn.BnPolicy}. Names
 * are PyTorch's, so weights map by name. A new layer is a class here that registers its parameters
 * and calls an op.
 *
 * <p>Imports {@code memory}, {@code backend}, {@code tensor}.
 */
@NullMarked
package dev.thaw.nn;

import org.jspecify.annotations.NullMarked;
