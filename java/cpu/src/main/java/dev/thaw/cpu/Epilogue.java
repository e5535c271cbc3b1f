package dev.thaw.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import org.bytedeco.dnnl.dnnl_post_ops;
import org.bytedeco.dnnl.dnnl_primitive_attr;

/**
 * What happens to a result while it is still in registers: + bias, + residual, then max(0, ·).
 *
 * <p>oneDNN's max(0, NaN) is 0, as in every engine that fuses ReLU with it; a ReLU of its own keeps
 * the NaN.
 *
 * @param bias whether a bias is added
 * @param residual what else is added
 * @param relu whether negatives become 0
 */
record Epilogue(boolean bias, Residual residual, boolean relu) {
  /** The bare product. */
  static final Epilogue NONE = new Epilogue(false, Residual.NONE, false);

  /** Something shaped like the result that is added to it. */
  enum Residual {
    /** Nothing is. */
    NONE,
    /** What the result's buffer holds. */
    IN_PLACE,
    /** Another buffer. */
    SEPARATE
  }

  /** The argument that names the residual when it is {@link Residual#SEPARATE}. */
  static final int RESIDUAL_ARGUMENT = DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE | DNNL_ARG_SRC_1;

  /**
   * The attributes of a primitive that ends in this; the caller destroys them. Scratch memory is
   * always the caller's: oneDNN's default ties a primitive to the thread that made it.
   *
   * @param result the layout of the result, and so of the residual
   */
  dnnl_primitive_attr attributes(Layout result) {
    dnnl_primitive_attr attributes = new dnnl_primitive_attr();
    OneDnn.check(dnnl_primitive_attr_create(attributes), "dnnl_primitive_attr_create", this);
    OneDnn.check(
        dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
        "dnnl_primitive_attr_set_scratchpad_mode",
        this);
    dnnl_post_ops chain = new dnnl_post_ops();
    OneDnn.check(dnnl_post_ops_create(chain), "dnnl_post_ops_create", this);
    try {
      switch (residual) {
        case NONE -> {}
        case IN_PLACE ->
            OneDnn.check(
                dnnl_post_ops_append_sum(chain, 1, 0, dnnl_data_type_undef),
                "dnnl_post_ops_append_sum",
                this);
        case SEPARATE ->
            OneDnn.check(
                dnnl_post_ops_append_binary(chain, dnnl_binary_add, result.descriptor()),
                "dnnl_post_ops_append_binary",
                this);
      }
      if (relu) {
        OneDnn.check(
            dnnl_post_ops_append_eltwise(chain, dnnl_eltwise_relu, 0, 0),
            "dnnl_post_ops_append_eltwise",
            this);
      }
      // Copied by the callee.
      OneDnn.check(
          dnnl_primitive_attr_set_post_ops(attributes, chain),
          "dnnl_primitive_attr_set_post_ops",
          this);
    } finally {
      dnnl_post_ops_destroy(chain);
    }
    return attributes;
  }
}
