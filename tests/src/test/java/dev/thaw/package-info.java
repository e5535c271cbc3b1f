/**
 * Tests that concern every module, and what the others share. The tests of a package stand in the
 * package of the same name, so that they see what is package-private there.
 *
 * <p>Some tests need what a machine may not have: a tool, a data set. They ask {@link
 * dev.thaw.Needs}, which skips them and prints why. Where {@code THAW_CI} is {@code 1} it fails
 * instead: what the continuous build is known to have must not go missing there in silence. Data
 * sets are looked for in the folder that {@code THAW_DATA} names, else in {@code ../shared/data}
 * beside the checkout.
 *
 * <p>{@link dev.thaw.LayersTest} holds the order of the packages.
 */
@org.jspecify.annotations.NullMarked
package dev.thaw;
