// The real cuDNN as a witness, without a card: since 9.8 it takes the properties of a card in place of one and then checks
// descriptors, ranks engines and makes plans as it would there; it just runs nothing. Where THAW_WITNESS names the folders
// of libcudnn_graph.so.9 and of what it needs (libcublasLt.so.13, libnvrtc.so.13), between colons, every descriptor of the
// stand-in has a twin there. What the real library refuses the stand-in refuses; the engines, their notes and workspaces
// are the real ones. The arithmetic stays the stand-in's.
#pragma once

#include "cudnn_descriptor.h"

namespace thaw::dnn::witness {

bool present();

// Its version, as cudnnGetVersion says it.
std::size_t version();

Answer create(Descriptor& d);

// After the stand-in has taken the attribute.
Answer set(Descriptor& d, int name, int type, std::int64_t count, const void* elements);

// After the stand-in found nothing wrong.
Answer finish(Descriptor& d);

// Finishes heuristics and puts down what the real ones give.
Answer find_engines(Descriptor& heuristics);

// Finishes a plan and puts down its workspace.
Answer make_plan(Descriptor& plan);

}  // namespace thaw::dnn::witness
