// What descriptors mean, and whether they fit together. Stricter than cuDNN, which takes much that its documentation
// forbids and then ends the process; and it knows no layout but ours.
#include <algorithm>
#include <set>

#include "cudnn_descriptor.h"
#include "cudnn_graph.h"

namespace thaw::dnn {

namespace {

std::string listed(const std::vector<std::int64_t>& v) {
  std::string s;
  for (std::int64_t i : v) s += (s.empty() ? "[" : ", ") + std::to_string(i);
  return s + "]";
}

Answer misfit(const char* what, std::int64_t expected, std::int64_t found) {
  return refused(BAD_PARAM_SHAPE_MISMATCH,
                 std::string(what) + ": expected " + std::to_string(expected) + ", found " + std::to_string(found));
}

std::int64_t dim(const Descriptor& tensor, int i) { return tensor.at<std::int64_t>(TENSOR_DIMENSIONS, i); }

bool is_virtual(const Descriptor& t) { return t.has(TENSOR_VIRTUAL) && t.at<bool>(TENSOR_VIRTUAL); }

}  // namespace

int first_of(Kind direction) {
  return direction == CONVOLUTION_FORWARD ? FORWARD_FIRST : direction == CONVOLUTION_BACKWARD_DATA ? DATA_FIRST : FILTER_FIRST;
}

bool is_convolution(const Descriptor& operation) { return operation.kind != OPERATION_POINTWISE && operation.kind != GENSTATS; }

bool has_statistics(const Descriptor& graph) { return graph.values.at(GRAPH_OPS).others.back()->kind == GENSTATS; }

int type_of(const Descriptor& tensor) { return tensor.at<int>(TENSOR_TYPE); }

std::size_t element_size(const Descriptor& tensor) { return type_of(tensor) == DATA_FLOAT ? 4 : 2; }

std::size_t elements(const Descriptor& tensor) {
  std::size_t n = 1;
  for (std::int64_t d : tensor.numbers(TENSOR_DIMENSIONS)) n *= static_cast<std::size_t>(d);
  return n;
}

Answer check_tensor(const Descriptor& d) {
  const int type = type_of(d);
  if (type != DATA_FLOAT && type != DATA_BFLOAT16) {
    return refused(NOT_SUPPORTED, "the stand-in has tensors of float and bf16, found type " + std::to_string(type));
  }
  const auto dims = d.numbers(TENSOR_DIMENSIONS), strides = d.numbers(TENSOR_STRIDES);
  if (dims.size() != strides.size()) {
    return refused(BAD_PARAM, "a tensor of dimensions " + listed(dims) + " with strides " + listed(strides));
  }
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] <= 0 || strides[i] <= 0) {
      return refused(BAD_PARAM, "dimensions " + listed(dims) + " and strides " + listed(strides) + " must be positive");
    }
  }
  const auto alignment = d.at<std::int64_t>(TENSOR_ALIGNMENT);
  if (alignment <= 0 || alignment % static_cast<std::int64_t>(element_size(d)) != 0) {
    return refused(BAD_PARAM, "an alignment of " + std::to_string(alignment) + " bytes, with elements of " +
                                  std::to_string(element_size(d)));
  }
  if (alignment % 16 != 0) {
    return refused(BAD_PARAM, "the stand-in's engines read 16 bytes at once, found an alignment of " +
                                  std::to_string(alignment));
  }
  if (dims.size() != 4) return refused(BAD_PARAM, "the stand-in's tensors have 4 dimensions, found " + listed(dims));
  const std::vector<std::int64_t> nhwc = {dims[1] * dims[2] * dims[3], 1, dims[3] * dims[1], dims[1]};
  if (strides != nhwc) {
    return refused(BAD_PARAM, "channels lie innermost: dimensions " + listed(dims) + " have strides " + listed(nhwc) +
                                  ", found " + listed(strides));
  }
  return {};
}

Answer check_window(const Descriptor& d) {
  if (d.at<int>(CONVOLUTION_PRECISION) != DATA_FLOAT) return refused(NOT_SUPPORTED_DATA_TYPE, "sums are float here");
  if (d.at<int>(CONVOLUTION_MODE_OF) != CROSS_CORRELATION) {
    return refused(NOT_SUPPORTED, "the stand-in has cross-correlation, found mode " +
                                      std::to_string(d.at<int>(CONVOLUTION_MODE_OF)));
  }
  const auto spatial = d.at<std::int64_t>(CONVOLUTION_SPATIAL_DIMS);
  if (spatial != 2) return refused(NOT_SUPPORTED, "the stand-in has 2 spatial dimensions, found " + std::to_string(spatial));
  for (int name : {CONVOLUTION_DILATIONS, CONVOLUTION_STRIDES, CONVOLUTION_PRE_PADDINGS, CONVOLUTION_POST_PADDINGS}) {
    const auto v = d.numbers(name);
    if (static_cast<std::int64_t>(v.size()) != spatial) {
      return refused(BAD_PARAM, "attribute " + std::to_string(name) + " has one element a spatial dimension, found " + listed(v));
    }
    const bool padding = name == CONVOLUTION_PRE_PADDINGS || name == CONVOLUTION_POST_PADDINGS;
    if (*std::min_element(v.begin(), v.end()) < (padding ? 0 : 1)) {
      return refused(BAD_PARAM, "attribute " + std::to_string(name) + " is " + listed(v));
    }
  }
  return {};
}

Answer check_convolution(const Descriptor& d) {
  const int first = first_of(d.kind);
  const Descriptor &x = *d.other(first + X), &w = *d.other(first + W), &y = *d.other(first + Y);
  const float beta = d.at<float>(first + BETA);
  if (d.at<float>(first + ALPHA) != 1 || (beta != 0 && beta != 1)) {
    return refused(NOT_SUPPORTED, "the stand-in has alpha 1 and beta 0 or 1");
  }
  if (dim(x, 1) % dim(w, 1) != 0) return misfit("channels of x, a multiple of the weights'", dim(w, 1), dim(x, 1));
  const std::int64_t groups = dim(x, 1) / dim(w, 1);
  if (dim(w, 0) % groups != 0) return misfit("outputs of the weights, a multiple of the groups", groups, dim(w, 0));
  if (dim(y, 0) != dim(x, 0)) return misfit("pictures of y", dim(x, 0), dim(y, 0));
  if (dim(y, 1) != dim(w, 0)) return misfit("channels of y", dim(w, 0), dim(y, 1));
  const Descriptor& window = *d.other(first + WINDOW);
  for (int i = 0; i < 2; ++i) {
    const auto at = [&](int name) { return window.at<std::int64_t>(name, i); };
    const std::int64_t reach = at(CONVOLUTION_DILATIONS) * (dim(w, 2 + i) - 1) + 1;
    const std::int64_t padded = dim(x, 2 + i) + at(CONVOLUTION_PRE_PADDINGS) + at(CONVOLUTION_POST_PADDINGS);
    if (padded < reach) return misfit("padded pixels, at least", reach, padded);
    const std::int64_t size = (padded - reach) / at(CONVOLUTION_STRIDES) + 1;
    if (dim(y, 2 + i) != size) return misfit(i == 0 ? "height of y" : "width of y", size, dim(y, 2 + i));
  }
  return {};
}

Answer check_function(const Descriptor& d) {
  const int f = d.at<int>(POINTWISE_MODE_OF);
  if (f != ADD && f != RELU) return refused(NOT_SUPPORTED, "the stand-in adds and has ReLU, found " + std::to_string(f));
  if (d.at<int>(POINTWISE_PRECISION) != DATA_FLOAT) return refused(NOT_SUPPORTED_DATA_TYPE, "the stand-in adds float");
  return {};
}

Answer check_pointwise(const Descriptor& d) {
  const int f = d.other(OPERATION_FUNCTION)->at<int>(POINTWISE_MODE_OF);
  if (d.has(OPERATION_B) != (f == ADD)) {
    return refused(BAD_PARAM, f == ADD ? "an addition has a second input" : "ReLU has no second input");
  }
  const Descriptor &x = *d.other(OPERATION_X), &y = *d.other(OPERATION_Y);
  for (int i = 0; i < 4; ++i) {
    if (dim(x, i) != dim(y, i)) return misfit("a dimension of y", dim(x, i), dim(y, i));
    if (f != ADD) continue;
    const std::int64_t b = dim(*d.other(OPERATION_B), i);
    if (b != 1 && b != dim(x, i)) return misfit("a dimension of b, or 1", dim(x, i), b);
  }
  return {};
}

Answer check_statistics(const Descriptor& d) {
  if (d.at<int>(GENSTATS_MODE_OF) != SUM_SQSUM) {
    return refused(BAD_PARAM, "sums by channel have one mode, found " + std::to_string(d.at<int>(GENSTATS_MODE_OF)));
  }
  if (d.at<int>(GENSTATS_PRECISION) != DATA_FLOAT) return refused(NOT_SUPPORTED_DATA_TYPE, "the stand-in adds float");
  for (int name : {GENSTATS_SUM, GENSTATS_SQUARES}) {
    const Descriptor& sum = *d.other(name);
    if (type_of(sum) != DATA_FLOAT) return refused(NOT_SUPPORTED_DATA_TYPE, "sums by channel are float");
    for (int i = 0; i < 4; ++i) {
      const std::int64_t expected = i == 1 ? dim(*d.other(GENSTATS_X), 1) : 1;
      if (dim(sum, i) != expected) return misfit("a dimension of a sum by channel", expected, dim(sum, i));
    }
  }
  return {};
}

std::vector<Shared> inputs(const Descriptor& op) {
  if (op.kind == GENSTATS) return {op.other(GENSTATS_X)};
  if (!is_convolution(op)) {
    std::vector<Shared> in = {op.other(OPERATION_X)};
    if (op.has(OPERATION_B)) in.push_back(op.other(OPERATION_B));
    return in;
  }
  const int first = first_of(op.kind);
  std::vector<Shared> in;
  for (int name : {X, W, Y}) {
    if (op.other(first + name) != output(op)) in.push_back(op.other(first + name));
  }
  return in;
}

std::vector<Shared> outputs(const Descriptor& op) {
  if (op.kind == GENSTATS) return {op.other(GENSTATS_SUM), op.other(GENSTATS_SQUARES)};
  return {output(op)};
}

Shared output(const Descriptor& op) {
  switch (op.kind) {
    case GENSTATS: return op.other(GENSTATS_SUM);
    case CONVOLUTION_FORWARD: return op.other(FORWARD_FIRST + Y);
    case CONVOLUTION_BACKWARD_DATA: return op.other(DATA_FIRST + X);
    case CONVOLUTION_BACKWARD_FILTER: return op.other(FILTER_FIRST + W);
    default: return op.other(OPERATION_Y);
  }
}

std::map<std::int64_t, Shared> tensors(const Descriptor& graph) {
  std::map<std::int64_t, Shared> all;
  for (const Shared& op : graph.values.at(GRAPH_OPS).others) {
    for (const Shared& t : inputs(*op)) all[t->at<std::int64_t>(TENSOR_ID)] = t;
    for (const Shared& t : outputs(*op)) all[t->at<std::int64_t>(TENSOR_ID)] = t;
  }
  for (auto t = all.begin(); t != all.end();) t = is_virtual(*t->second) ? all.erase(t) : std::next(t);
  return all;
}

// A chain: each operation but the first reads what the one before wrote, through a virtual tensor. Or a convolution and the
// sums of what it wrote, which are added up on its way to memory.
Answer check_graph(const Descriptor& d) {
  std::map<std::int64_t, Shared> by_id;
  std::set<const Descriptor*> written, read;
  for (const Shared& op : d.values.at(GRAPH_OPS).others) {
    std::vector<Shared> all = inputs(*op);
    for (const Shared& t : all) {
      if (op->kind != GENSTATS) read.insert(t.get());
    }
    for (const Shared& t : outputs(*op)) {
      if (!written.insert(t.get()).second) return refused(BAD_PARAM, "a tensor is written twice");
      all.push_back(t);
    }
    for (const Shared& t : all) {
      const auto id = t->at<std::int64_t>(TENSOR_ID);
      const auto [known, fresh] = by_id.emplace(id, t);
      if (!fresh && known->second != t) {
        return refused(BAD_PARAM_DUPLICATED_ENTRIES, "two tensors have the id " + std::to_string(id));
      }
    }
  }
  for (const auto& [id, t] : by_id) {
    const bool in = read.count(t.get()) != 0, out = written.count(t.get()) != 0;
    if (is_virtual(*t) != (in && out)) {
      return refused(BAD_PARAM, "tensor " + std::to_string(id) + (is_virtual(*t) ? " is virtual, and is not both written and read"
                                                                              : " is written and read, and is not virtual"));
    }
  }
  const auto& ops = d.values.at(GRAPH_OPS).others;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const bool sums = ops[i]->kind == GENSTATS;
    const bool follows = i > 0 && !is_convolution(*ops[i]) &&
                         ops[i]->other(sums ? GENSTATS_X : OPERATION_X) == output(*ops[i - 1]) &&
                         (!sums || ops[i - 1]->kind == CONVOLUTION_FORWARD);
    if (i == 0 ? !is_convolution(*ops[i]) : !follows) {
      return refused(NOT_SUPPORTED_GRAPH_PATTERN, "the stand-in has chains that begin with a convolution");
    }
  }
  return {};
}

Answer check_pack(const Descriptor& d) {
  const auto ids = d.numbers(PACK_IDS);
  if (d.count(PACK_POINTERS) != d.count(PACK_IDS)) {
    return refused(BAD_PARAM, std::to_string(ids.size()) + " ids with " + std::to_string(d.count(PACK_POINTERS)) + " addresses");
  }
  if (std::set<std::int64_t>(ids.begin(), ids.end()).size() != ids.size()) {
    return refused(BAD_PARAM_DUPLICATED_ENTRIES, "an id comes twice in " + listed(ids));
  }
  return {};
}

}  // namespace thaw::dnn
