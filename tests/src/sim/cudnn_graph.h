// Reading finished descriptors of operations and tensors.
#pragma once

#include "cudnn_descriptor.h"

namespace thaw::dnn {

// The first attribute of a convolution in this direction.
int first_of(Kind direction);

bool is_convolution(const Descriptor& operation);

// Whether a graph's last operation gives the sums of what its first wrote.
bool has_statistics(const Descriptor& graph);

int type_of(const Descriptor& tensor);
std::size_t element_size(const Descriptor& tensor);
std::size_t elements(const Descriptor& tensor);

std::vector<Shared> inputs(const Descriptor& operation);
std::vector<Shared> outputs(const Descriptor& operation);
// The first of them.
Shared output(const Descriptor& operation);

// Those of a graph that are in memory, by id.
std::map<std::int64_t, Shared> tensors(const Descriptor& graph);

}  // namespace thaw::dnn
