#include "quant/schemes/tensor_id.h"

namespace quantdyn {

std::string to_string(TensorRole role) {
  return role == TensorRole::output ? "output" : role == TensorRole::weight ? "weight" : "bias";
}

std::string name_of(const Network& network, const TensorId& id) {
  return network.units()[id.unit].name + "/" + to_string(id.role);
}

}  // namespace quantdyn
