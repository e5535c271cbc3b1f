/**
 * Holds THE TABLE to its promises on every backend.
 *
 * <p>{@link dev.thaw.ops.OpTableTest} walks it: values against the plain backend in double, slopes
 * against difference quotients ({@link dev.thaw.ops.Differences}), the tape with everything closed
 * that its rules did not ask for, each set of frozen operands, memory around every buffer and back
 * to where it was. {@link dev.thaw.ops.Tolerance} alone says what is close. {@link
 * dev.thaw.ops.RefusalTest} calls ops wrongly.
 */
@org.jspecify.annotations.NullMarked
package dev.thaw.ops;
