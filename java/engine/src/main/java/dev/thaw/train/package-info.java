/**
 * The loop that ties data, model, loss and optimizer together.
 *
 * <p>Read {@link dev.thaw.train.Trainer}, what it reports to ({@link dev.thaw.train.Listener}),
 * what it can go on from ({@code Checkpoint}), then {@link dev.thaw.train.Evaluation}. Several
 * trainings may run in one JVM, each on a thread of its own.
 *
 * <p>Imports every other package of the engine.
 */
@NullMarked
package dev.thaw.train;

import org.jspecify.annotations.NullMarked;
