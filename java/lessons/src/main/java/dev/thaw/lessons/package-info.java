/**
 * The guided tour: one program and one page a lesson, each in under a minute, with numbers that are
 * checked and a picture.
 *
 * <p>Read in order: {@link dev.thaw.lessons.TensorAndTape}, {@link dev.thaw.lessons.NetThatLearns},
 * {@link dev.thaw.lessons.SwapAndFreeze}, {@link dev.thaw.lessons.FromJavaToTheCard}, {@link
 * dev.thaw.lessons.EditAKernel}. The pages lie beside this module's pom, with the same numbers.
 * {@code ./thaw lesson 1} runs the first.
 *
 * <p>Imports every package of the engine, as a user would, and thaw-cuda's door for kernels of
 * one's own.
 */
@NullMarked
package dev.thaw.lessons;

import org.jspecify.annotations.NullMarked;
