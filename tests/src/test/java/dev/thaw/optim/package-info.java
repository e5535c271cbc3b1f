/**
 * What optimizers do, and leave alone. A test whose name begins with {@code c} and a number stands
 * for that line of the list of mistakes in which fine-tuning engines go wrong.
 */
@org.jspecify.annotations.NullMarked
package dev.thaw.optim;
