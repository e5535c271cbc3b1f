package dev.thaw.app;

import dev.thaw.data.Dataset;
import org.jspecify.annotations.Nullable;

/**
 * What a training uses of a data set.
 *
 * @param name of the whole set, for the history: two trainings on one set have the same name
 * @param train learned from
 * @param validation watched after each epoch and by early stopping, or null: then the test part is
 *     watched
 * @param test looked at at the end, or null
 */
record DataParts(
    String name, Dataset train, @Nullable Dataset validation, @Nullable Dataset test) {}
