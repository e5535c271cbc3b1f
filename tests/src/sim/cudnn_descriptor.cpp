// Which attributes each kind of descriptor has, and what can be said of them without knowing what they mean.
#include "cudnn_descriptor.h"

#include <cstring>

#include "cudnn_witness.h"

namespace thaw::dnn {

namespace {

enum class Use { REQUIRED, OPTIONAL, READ_ONLY };

struct Attribute {
  Kind kind;
  int name;
  Type type;
  long least, most;
  Use use;
  std::vector<Kind> kinds;  // of descriptors
};

constexpr long MOST_DIMS = 8;
constexpr long ANY = 1 << 20;

std::vector<Attribute> convolution(Kind kind, int first) {
  return {
      {kind, first + ALPHA, FLOAT, 1, 1, Use::REQUIRED, {}},
      {kind, first + BETA, FLOAT, 1, 1, Use::REQUIRED, {}},
      {kind, first + WINDOW, BACKEND_DESCRIPTOR, 1, 1, Use::REQUIRED, {CONVOLUTION}},
      {kind, first + W, BACKEND_DESCRIPTOR, 1, 1, Use::REQUIRED, {TENSOR}},
      {kind, first + X, BACKEND_DESCRIPTOR, 1, 1, Use::REQUIRED, {TENSOR}},
      {kind, first + Y, BACKEND_DESCRIPTOR, 1, 1, Use::REQUIRED, {TENSOR}},
  };
}

std::vector<Attribute> table() {
  const std::vector<Kind> operations = {CONVOLUTION_FORWARD, CONVOLUTION_BACKWARD_FILTER, CONVOLUTION_BACKWARD_DATA,
                                        OPERATION_POINTWISE, GENSTATS};
  std::vector<Attribute> all = {
      {TENSOR, TENSOR_ID, INT64, 1, 1, Use::REQUIRED, {}},
      {TENSOR, TENSOR_TYPE, DATA_TYPE, 1, 1, Use::REQUIRED, {}},
      {TENSOR, TENSOR_ALIGNMENT, INT64, 1, 1, Use::REQUIRED, {}},
      {TENSOR, TENSOR_DIMENSIONS, INT64, 1, MOST_DIMS, Use::REQUIRED, {}},
      {TENSOR, TENSOR_STRIDES, INT64, 1, MOST_DIMS, Use::REQUIRED, {}},
      {TENSOR, TENSOR_VIRTUAL, BOOLEAN, 1, 1, Use::OPTIONAL, {}},
      {CONVOLUTION, CONVOLUTION_PRECISION, DATA_TYPE, 1, 1, Use::REQUIRED, {}},
      {CONVOLUTION, CONVOLUTION_MODE_OF, CONVOLUTION_MODE, 1, 1, Use::REQUIRED, {}},
      {CONVOLUTION, CONVOLUTION_SPATIAL_DIMS, INT64, 1, 1, Use::REQUIRED, {}},
      {CONVOLUTION, CONVOLUTION_DILATIONS, INT64, 1, MOST_DIMS, Use::REQUIRED, {}},
      {CONVOLUTION, CONVOLUTION_STRIDES, INT64, 1, MOST_DIMS, Use::REQUIRED, {}},
      {CONVOLUTION, CONVOLUTION_PRE_PADDINGS, INT64, 1, MOST_DIMS, Use::REQUIRED, {}},
      {CONVOLUTION, CONVOLUTION_POST_PADDINGS, INT64, 1, MOST_DIMS, Use::REQUIRED, {}},
      {POINTWISE, POINTWISE_MODE_OF, POINTWISE_MODE, 1, 1, Use::REQUIRED, {}},
      {POINTWISE, POINTWISE_PRECISION, DATA_TYPE, 1, 1, Use::REQUIRED, {}},
      {POINTWISE, POINTWISE_NAN, NAN_PROPAGATION, 1, 1, Use::OPTIONAL, {}},
      {OPERATION_POINTWISE, OPERATION_FUNCTION, BACKEND_DESCRIPTOR, 1, 1, Use::REQUIRED, {POINTWISE}},
      {OPERATION_POINTWISE, OPERATION_X, BACKEND_DESCRIPTOR, 1, 1, Use::REQUIRED, {TENSOR}},
      {OPERATION_POINTWISE, OPERATION_B, BACKEND_DESCRIPTOR, 1, 1, Use::OPTIONAL, {TENSOR}},
      {OPERATION_POINTWISE, OPERATION_Y, BACKEND_DESCRIPTOR, 1, 1, Use::REQUIRED, {TENSOR}},
      {GENSTATS, GENSTATS_MODE_OF, GENSTATS_MODE, 1, 1, Use::REQUIRED, {}},
      {GENSTATS, GENSTATS_PRECISION, DATA_TYPE, 1, 1, Use::REQUIRED, {}},
      {GENSTATS, GENSTATS_X, BACKEND_DESCRIPTOR, 1, 1, Use::REQUIRED, {TENSOR}},
      {GENSTATS, GENSTATS_SUM, BACKEND_DESCRIPTOR, 1, 1, Use::REQUIRED, {TENSOR}},
      {GENSTATS, GENSTATS_SQUARES, BACKEND_DESCRIPTOR, 1, 1, Use::REQUIRED, {TENSOR}},
      {OPERATIONGRAPH, GRAPH_HANDLE, HANDLE, 1, 1, Use::REQUIRED, {}},
      {OPERATIONGRAPH, GRAPH_OPS, BACKEND_DESCRIPTOR, 1, ANY, Use::REQUIRED, operations},
      {ENGINEHEUR, HEUR_GRAPH, BACKEND_DESCRIPTOR, 1, 1, Use::REQUIRED, {OPERATIONGRAPH}},
      {ENGINEHEUR, HEUR_MODE_OF, HEUR_MODE, 1, 1, Use::REQUIRED, {}},
      {ENGINEHEUR, HEUR_RESULTS, BACKEND_DESCRIPTOR, 0, ANY, Use::READ_ONLY, {ENGINECFG}},
      {ENGINECFG, ENGINECFG_ENGINE, BACKEND_DESCRIPTOR, 1, 1, Use::READ_ONLY, {ENGINE}},
      {ENGINE, ENGINE_INDEX, INT64, 1, 1, Use::READ_ONLY, {}},
      {ENGINE, ENGINE_NUMERICAL_NOTE, NUMERICAL_NOTE, 0, ANY, Use::READ_ONLY, {}},
      {ENGINE, ENGINE_BEHAVIOR_NOTE, BEHAVIOR_NOTE, 0, ANY, Use::READ_ONLY, {}},
      {EXECUTION_PLAN, PLAN_HANDLE, HANDLE, 1, 1, Use::REQUIRED, {}},
      {EXECUTION_PLAN, PLAN_CONFIG, BACKEND_DESCRIPTOR, 1, 1, Use::REQUIRED, {ENGINECFG}},
      {EXECUTION_PLAN, PLAN_WORKSPACE, INT64, 1, 1, Use::READ_ONLY, {}},
      {VARIANT_PACK, PACK_IDS, INT64, 1, ANY, Use::REQUIRED, {}},
      {VARIANT_PACK, PACK_POINTERS, VOID_PTR, 1, ANY, Use::REQUIRED, {}},
      {VARIANT_PACK, PACK_WORKSPACE, VOID_PTR, 1, 1, Use::REQUIRED, {}},
  };
  for (const auto& [kind, first] : {std::pair{CONVOLUTION_FORWARD, FORWARD_FIRST},
                                    {CONVOLUTION_BACKWARD_DATA, DATA_FIRST},
                                    {CONVOLUTION_BACKWARD_FILTER, FILTER_FIRST}}) {
    for (const Attribute& a : convolution(kind, first)) all.push_back(a);
  }
  return all;
}

const std::vector<Attribute>& attributes() {
  static const std::vector<Attribute> all = table();
  return all;
}

const Attribute* attribute(Kind kind, int name) {
  for (const Attribute& a : attributes()) {
    if (a.kind == kind && a.name == name) return &a;
  }
  return nullptr;
}

std::size_t size_of(Type type) {
  switch (type) {
    case BOOLEAN: return sizeof(bool);
    case HANDLE:
    case INT64:
    case DOUBLE:
    case VOID_PTR:
    case BACKEND_DESCRIPTOR: return 8;
    default: return 4;  // float, and the enumerations
  }
}

std::map<const void*, Shared>& live() {
  static std::map<const void*, Shared> all;
  return all;
}

std::string which(const Descriptor& d, int name) { return "attribute " + std::to_string(name) + " of " + name_of(d.kind); }

Answer check(const Descriptor& d, const Attribute* a, int name, int type) {
  if (a == nullptr) return refused(BAD_PARAM, name_of(d.kind) + " has no attribute " + std::to_string(name));
  if (type != a->type) {
    return refused(BAD_PARAM_ATTRIBUTE_TYPE,
                   which(d, name) + " is of type " + std::to_string(a->type) + ", found " + std::to_string(type));
  }
  return {};
}

Answer check_kind(const Descriptor& d, const Attribute& a, const Shared& other) {
  if (other == nullptr) return refused(BAD_PARAM, which(d, a.name) + ": no descriptor, or one that was destroyed");
  for (Kind kind : a.kinds) {
    if (kind == other->kind) return {};
  }
  return refused(BAD_PARAM_DESCRIPTOR_TYPE, which(d, a.name) + ": found " + name_of(other->kind));
}

}  // namespace

long Value::count() const {
  return static_cast<long>(type == BACKEND_DESCRIPTOR ? others.size() : bytes.size() / size_of(type));
}

std::vector<std::int64_t> Descriptor::numbers(int name) const {
  std::vector<std::int64_t> all(count(name));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = at<std::int64_t>(name, static_cast<long>(i));
  return all;
}

std::string name_of(Kind kind) {
  switch (kind) {
    case POINTWISE: return "a pointwise function";
    case CONVOLUTION: return "a convolution's window";
    case ENGINE: return "an engine";
    case ENGINECFG: return "an engine's configuration";
    case ENGINEHEUR: return "heuristics";
    case EXECUTION_PLAN: return "an execution plan";
    case CONVOLUTION_FORWARD: return "a convolution";
    case CONVOLUTION_BACKWARD_FILTER: return "a convolution's gradient of weights";
    case CONVOLUTION_BACKWARD_DATA: return "a convolution's gradient of data";
    case OPERATION_POINTWISE: return "a pointwise operation";
    case GENSTATS: return "sums by channel";
    case OPERATIONGRAPH: return "an operation graph";
    case VARIANT_PACK: return "a variant pack";
    case TENSOR: return "a tensor";
  }
  return "?";
}

bool known(int kind) {
  for (const Attribute& a : attributes()) {
    if (a.kind == kind) return true;
  }
  return false;
}

Shared find(const void* handle) {
  const auto found = live().find(handle);
  return found == live().end() ? nullptr : found->second;
}

void* add(Kind kind) {
  const Shared d = std::make_shared<Descriptor>(kind);
  live()[d.get()] = d;
  return d.get();
}

bool remove(const void* handle) { return live().erase(handle) != 0; }

Answer set(Descriptor& d, int name, int type, std::int64_t count, const void* elements) {
  const Attribute* a = attribute(d.kind, name);
  const Answer r = check(d, a, name, type);
  if (!r.ok()) return r;
  if (d.finished) return refused(BAD_PARAM, which(d, name) + " can no longer be set: it is finished");
  if (a->use == Use::READ_ONLY) return refused(BAD_PARAM, which(d, name) + " can only be read");
  if (count < a->least || count > a->most) {
    return refused(BAD_PARAM, which(d, name) + " has " + std::to_string(a->least) + " to " + std::to_string(a->most) +
                                  " elements, found " + std::to_string(count));
  }
  if (elements == nullptr) return refused(BAD_PARAM_NULL_POINTER, which(d, name) + ": no elements");
  Value value{a->type, {}, {}};
  if (a->type == BACKEND_DESCRIPTOR) {
    for (std::int64_t i = 0; i < count; ++i) {
      const Shared other = find(static_cast<void* const*>(elements)[i]);
      const Answer kind = check_kind(d, *a, other);
      if (!kind.ok()) return kind;
      if (!other->finished) {
        return refused(BAD_PARAM_NOT_FINALIZED, which(d, name) + ": " + name_of(other->kind) + " that is not finished");
      }
      value.others.push_back(other);
    }
  } else {
    const char* first = static_cast<const char*>(elements);
    value.bytes.assign(first, first + count * size_of(a->type));
  }
  d.values[name] = value;
  return {};
}

// A configuration or engine is read by copying it into one that the caller made.
Answer get(const Descriptor& d, int name, int type, std::int64_t most, std::int64_t* count, void* elements) {
  const Attribute* a = attribute(d.kind, name);
  const Answer r = check(d, a, name, type);
  if (!r.ok()) return r;
  if (!d.finished) return refused(NOT_INITIALIZED, which(d, name) + " cannot be read: it is not finished");
  if (!d.has(name)) return refused(BAD_PARAM, which(d, name) + " was not set");
  if (count == nullptr) return refused(BAD_PARAM_NULL_POINTER, which(d, name) + ": nowhere to put the count");
  const Value& value = d.values.at(name);
  if (most <= 0) {
    // As with cuDNN, heuristics count more than they give in the end.
    *count = value.count() + (a->name == HEUR_RESULTS ? 1 : 0);
    return {};
  }
  const long given = std::min<long>(most, value.count());
  if (elements == nullptr) return refused(BAD_PARAM_NULL_POINTER, which(d, name) + ": nowhere to put the elements");
  if (a->type == BACKEND_DESCRIPTOR) {
    for (long i = 0; i < given; ++i) {
      const Shared to = find(static_cast<void**>(elements)[i]);
      const Answer kind = check_kind(d, *a, to);
      if (!kind.ok()) return kind;
      to->values = value.others[i]->values;
      to->twin = value.others[i]->twin;
      to->finished = true;
    }
  } else {
    std::memcpy(elements, value.bytes.data(), given * size_of(a->type));
  }
  *count = given;
  return {};
}

Answer finish(Descriptor& d) {
  if (d.finished) return refused(BAD_PARAM, name_of(d.kind) + " is finished already");
  for (const Attribute& a : attributes()) {
    if (a.kind == d.kind && a.use == Use::REQUIRED && !d.has(a.name)) {
      return refused(BAD_PARAM, which(d, a.name) + " must be set");
    }
  }
  Answer r;
  switch (d.kind) {
    case TENSOR: r = check_tensor(d); break;
    case CONVOLUTION: r = check_window(d); break;
    case CONVOLUTION_FORWARD:
    case CONVOLUTION_BACKWARD_DATA:
    case CONVOLUTION_BACKWARD_FILTER: r = check_convolution(d); break;
    case POINTWISE: r = check_function(d); break;
    case OPERATION_POINTWISE: r = check_pointwise(d); break;
    case GENSTATS: r = check_statistics(d); break;
    case OPERATIONGRAPH: r = check_graph(d); break;
    case VARIANT_PACK: r = check_pack(d); break;
    case ENGINEHEUR: r = find_engines(d); break;
    case EXECUTION_PLAN: r = make_plan(d); break;
    case ENGINE:
    case ENGINECFG: return refused(NOT_SUPPORTED, "the stand-in gives " + name_of(d.kind) + ", and takes none");
  }
  // Heuristics and plans were finished where they were made.
  if (r.ok() && d.kind != ENGINEHEUR && d.kind != EXECUTION_PLAN && witness::present()) r = witness::finish(d);
  d.finished = r.ok();
  return r;
}

}  // namespace thaw::dnn
