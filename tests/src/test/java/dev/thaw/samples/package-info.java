/**
 * What somebody writes who uses Thaw as a library: nothing here sees more than the public names.
 * {@link dev.thaw.samples.OwnOpTest} makes differentiable ops outside the engine.
 */
@org.jspecify.annotations.NullMarked
package dev.thaw.samples;
