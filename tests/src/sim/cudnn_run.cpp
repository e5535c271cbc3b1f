// A finished plan and where its tensors are: a job.
#include <algorithm>

#include "cudnn_engines.h"
#include "cudnn_graph.h"
#include "cudnn_job.h"
#include "cudnn_witness.h"

namespace thaw::dnn {

namespace {

Answer place(const Descriptor& tensor, const Descriptor& pack, Array& array) {
  const auto id = tensor.at<std::int64_t>(TENSOR_ID);
  const auto ids = pack.numbers(PACK_IDS);
  const auto found = std::find(ids.begin(), ids.end(), id);
  if (found == ids.end()) return refused(BAD_PARAM, "the pack has no address for tensor " + std::to_string(id));
  array.data = pack.at<char*>(PACK_POINTERS, found - ids.begin());
  const auto alignment = tensor.at<std::int64_t>(TENSOR_ALIGNMENT);
  if (array.data == nullptr) return refused(BAD_PARAM_NULL_POINTER, "tensor " + std::to_string(id) + " lies at 0");
  if (reinterpret_cast<std::uintptr_t>(array.data) % static_cast<std::uintptr_t>(alignment) != 0) {
    return refused(BAD_PARAM_MISALIGNED_POINTER, "the address of tensor " + std::to_string(id) + " is no multiple of " +
                                                     std::to_string(alignment));
  }
  array.bytes = elements(tensor) * element_size(tensor);
  return in_memory(array, "cudnnBackendExecute, tensor " + std::to_string(id));
}

Array shape_of(const Descriptor& t) {
  const auto d = t.numbers(TENSOR_DIMENSIONS);
  Array a;
  a.type = type_of(t);
  a.n = d[0], a.c = d[1], a.h = d[2], a.w = d[3];
  return a;
}

// The convolution and what follows it, with the tensors where the pack says they are.
Answer prepare(const Descriptor& graph, const Descriptor& pack, Job& j) {
  const auto& ops = graph.values.at(GRAPH_OPS).others;
  const int first = first_of(ops[0]->kind);
  j.direction = ops[0]->kind;
  j.adds = ops[0]->at<float>(first + BETA) != 0;
  const Descriptor& window = *ops[0]->other(first + WINDOW);
  for (int i = 0; i < 2; ++i) {
    j.stride[i] = window.at<std::int64_t>(CONVOLUTION_STRIDES, i);
    j.pad[i] = window.at<std::int64_t>(CONVOLUTION_PRE_PADDINGS, i);
    j.dilation[i] = window.at<std::int64_t>(CONVOLUTION_DILATIONS, i);
  }
  std::vector<std::pair<Descriptor*, Array*>> all;
  const auto at = [&](const Shared& t, Array& a) {
    a = shape_of(*t);
    all.emplace_back(t.get(), &a);
  };
  at(ops[0]->other(first + X), j.x);
  at(ops[0]->other(first + W), j.w);
  const bool sums = has_statistics(graph);
  at(ops.size() == 1 || sums ? ops[0]->other(first + Y) : output(*ops.back()), j.y);
  if (sums) {
    at(ops.back()->other(GENSTATS_SUM), j.sums);
    at(ops.back()->other(GENSTATS_SQUARES), j.squares);
  }
  for (std::size_t i = 1; i < ops.size() && !sums; ++i) {
    const Descriptor& f = *ops[i]->other(OPERATION_FUNCTION);
    if (f.at<int>(POINTWISE_MODE_OF) == RELU) {
      j.relu = true;
      j.keeps_nan = f.has(POINTWISE_NAN) && f.at<int>(POINTWISE_NAN) == PROPAGATE_NAN;
    } else {
      // The last sum is the bias, also where a residual has its shape.
      const bool last = i + 1 == ops.size() || ops[i + 1]->other(OPERATION_FUNCTION)->at<int>(POINTWISE_MODE_OF) == RELU;
      at(ops[i]->other(OPERATION_B), last ? j.bias : j.residual);
    }
  }
  if (static_cast<std::size_t>(pack.count(PACK_IDS)) != all.size()) {
    return refused(BAD_PARAM, "a pack of " + std::to_string(pack.count(PACK_IDS)) + " addresses for " + std::to_string(all.size()) +
                                  " tensors");
  }
  for (const auto& [tensor, array] : all) {
    const Answer r = place(*tensor, pack, *array);
    if (!r.ok()) return r;
  }
  const Array& out = j.direction == CONVOLUTION_FORWARD ? j.y : j.direction == CONVOLUTION_BACKWARD_DATA ? j.x : j.w;
  for (const auto& [tensor, array] : all) {
    for (const Array* written : {&out, static_cast<const Array*>(&j.sums), static_cast<const Array*>(&j.squares)}) {
      if (array != written && overlap(*array, *written)) {
        return refused(BAD_PARAM, "tensor " + std::to_string(tensor->at<std::int64_t>(TENSOR_ID)) + " overlaps the output");
      }
    }
  }
  return {};
}

bool has_note(const Descriptor& engine, int note) {
  for (long i = 0; i < engine.count(ENGINE_NUMERICAL_NOTE); ++i) {
    if (engine.at<int>(ENGINE_NUMERICAL_NOTE, i) == note) return true;
  }
  return false;
}

}  // namespace

Answer run(const Descriptor& plan, const Descriptor& pack, CUstream stream) {
  const Descriptor& described = *plan.other(PLAN_CONFIG)->other(ENGINECFG_ENGINE);
  const Descriptor& graph = *described.other(ENGINE_GRAPH);
  Job job;
  Answer r = prepare(graph, pack, job);
  if (!r.ok()) return r;
  job.rounds = has_note(described, TENSOR_CORE);
  job.shuffles = has_note(described, NONDETERMINISTIC);
  job.scratch_bytes = static_cast<std::size_t>(plan.at<std::int64_t>(PLAN_WORKSPACE));
  if (job.scratch_bytes != 0) job.scratch = pack.at<char*>(PACK_WORKSPACE);
  r = check_scratch(job);
  if (!r.ok()) return r;
  if (!witness::present()) {
    const auto nature = engine(described.at<std::int64_t>(ENGINE_INDEX))->nature;
    if (nature == Engine::FAILS) return refused(EXECUTION_FAILED, "engine 7 never runs");
    if (nature == Engine::FORGETS) job.adds = false;
  }
  return enqueue(job, stream);
}

}  // namespace thaw::dnn
