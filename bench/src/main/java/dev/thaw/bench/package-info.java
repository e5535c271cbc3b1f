/**
 * Benchmarks, one class for each thing that is measured; {@link dev.thaw.bench.Main} runs them
 * through JMH. Each names what it runs on as a parameter {@code device}, so that backends are
 * measured in one run, on the machine as it is at that moment.
 *
 * <p>{@code ./thaw bench -l} lists them, {@code ./thaw bench SeedCnn -p device=cpu} runs some,
 * {@code --save NAME} keeps the figures in {@code bench/results/NAME.json} with the machine, the
 * versions and the commit. {@code ./thaw bench --roofline} holds each kernel call of a step to the
 * machine's limits.
 *
 * <p>May import everything.
 */
@org.jspecify.annotations.NullMarked
package dev.thaw.bench;
