package dev.thaw;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.TestTemplate;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A test that runs once on every device the class path serves, in float32 and, where the device
 * computes in it, in float64. It runs inside a scope, on that device as the current one, with a
 * generator of its own, and fails when it leaves a byte behind. It may take a {@link Place}.
 */
@Documented
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@TestTemplate
@ExtendWith(DeviceRuns.class)
public @interface OnEveryDevice {}
