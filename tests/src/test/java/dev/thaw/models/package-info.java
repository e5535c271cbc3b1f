/** The reference models: their sizes, their gradients, what their steps hold in memory. */
@org.jspecify.annotations.NullMarked
package dev.thaw.models;
