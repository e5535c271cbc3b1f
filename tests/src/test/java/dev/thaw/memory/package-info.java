/** Tests of memory: who holds it, until when, and what is said when there is none. */
@org.jspecify.annotations.NullMarked
package dev.thaw.memory;
