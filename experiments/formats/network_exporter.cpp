#include "experiments/formats/network_exporter.h"

#include "framework/base/error.h"

namespace quantdyn {

void NetworkExporter::add_nodes() {
  add_input();
  for (int i = 1; i < static_cast<int>(network_.nodes().size()); ++i)
    if (network_.layer(i)) add_node(i);
}

void NetworkExporter::add_node(int i) {
  const Layer<float>& layer = *network_.layer(i);
  const auto pooling = layer.pooling();
  const auto activation = layer.activation();
  if (layer.convolution() && layer.linear())
    add_convolution(i, *layer.convolution(), *layer.linear());
  else if (layer.linear())
    add_dense(i, *layer.linear());
  else if (layer.channel_affine())
    add_batch_norm(i, *layer.channel_affine());
  else if (pooling && node(i).shape.rank() == 3)
    add_pool(i, *pooling);
  else if (layer.channel_ends())
    add_channel_clip(i, *layer.channel_ends());
  else if (activation && activation->is_clip())
    add_clip(i, *activation);
  else
    add_other(i);
}

std::string NetworkExporter::name_of(int i) {
  const Unit& unit = network_.units()[node(i).unit];
  return names_.make(unit.leader == i ? unit.name : node(i).name);
}

void NetworkExporter::refuse(int i, const std::string& what) const {
  throw_error<ConfigError>("node '{}' ({}): {} has no layer for it: {}", node(i).name, node(i).kind,
                           format_, what);
}

}  // namespace quantdyn
