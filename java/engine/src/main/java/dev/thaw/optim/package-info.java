/**
 * How parameters move.
 *
 * <p>Read {@link dev.thaw.optim.ParameterGroup} (rates and decays of some parameters), {@link
 * dev.thaw.optim.Optimizer} (arenas over what is trainable now, one launch a step), one rule,
 * {@link dev.thaw.optim.Sgd}, and {@link dev.thaw.optim.Schedule}. The rules' formulas are in
 * {@link dev.thaw.backend.UpdateRule}.
 *
 * <p>Imports {@code memory}, {@code backend}, {@code tensor}, {@code nn}.
 */
@NullMarked
package dev.thaw.optim;

import org.jspecify.annotations.NullMarked;
