/** Measurements held to numbers known otherwise, and verdicts on nets made to be ill. */
@org.jspecify.annotations.NullMarked
package dev.thaw.diagnose;
