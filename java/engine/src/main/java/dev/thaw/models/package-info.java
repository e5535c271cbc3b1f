/**
 * Reference models one can read, and a whole model in one file.
 *
 * <p>Read {@link dev.thaw.models.SeedCnn}, then {@link dev.thaw.models.ResNet}; {@link
 * dev.thaw.models.Zoo} makes them by name. Names of parameters follow torchvision's, so that
 * weights load by name.
 *
 * <p>Imports {@code memory}, {@code backend}, {@code tensor}, {@code nn}, {@code data}, {@code io}.
 */
@NullMarked
package dev.thaw.models;

import org.jspecify.annotations.NullMarked;
