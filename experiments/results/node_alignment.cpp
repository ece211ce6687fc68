#include "experiments/results/node_alignment.h"

#include <algorithm>
#include <cmath>

#include "framework/base/error.h"
#include "framework/graph/convolution_kinds.h"

namespace quantdyn {
namespace {

std::string class_of(const NodeShape& node) {
  if (is_convolution_kind(node.kind)) return "convolution";
  return node.kind.ends_with("pool") ? "pool" : node.kind;
}

double relative_depth(size_t place, size_t nodes) {
  return nodes < 2 ? 0 : static_cast<double>(place) / static_cast<double>(nodes - 1);
}

/// The score of a pair; below 0 if the two cannot be paired.
double score(const NodeShape& a, const NodeShape& b, double depth_distance) {
  if (a.name == b.name) return 10;
  if (class_of(a) != class_of(b)) return -1;
  double out = 1 - depth_distance;
  if (a.output.size() == b.output.size() && !a.output.empty()) {
    if (a.output.size() > 1 && a.output.front() == b.output.front()) out += 2;
    if (a.output.back() == b.output.back()) out += 2;
  }
  if (a.kind == b.kind)
    out += 1;
  else if (a.kind != ConvolutionKinds::depthwise && b.kind != ConvolutionKinds::depthwise)
    out += 0.5;
  return out;
}

}  // namespace

std::vector<NodeShape> node_shapes(const ResultReader& result) {
  const auto network = result.network();
  const auto shapes = result.output_shapes();
  std::vector<NodeShape> out;
  for (size_t i = 0; i < network.size(); ++i)
    out.push_back({network[i].name, network[i].kind, sizes_of(shapes.at(i))});
  return out;
}

std::vector<NodePair> align_nodes(std::span<const NodeShape> a, std::span<const NodeShape> b) {
  const size_t n = a.size(), m = b.size();
  constexpr size_t most = 25'000'000;  // pairs: 200 MB
  if (m != 0 && n > most / m)
    throw_error<ConfigError>(
        "nets of {} and {} nodes cannot be compared; accepted: at most {} pairs", n, m, most);
  const auto pair_score = [&](size_t i, size_t j) {
    return score(a[i], b[j], std::abs(relative_depth(i, n) - relative_depth(j, m)));
  };
  // best[i][j]: of the nodes from i and from j on.
  std::vector<std::vector<double>> best(n + 1, std::vector<double>(m + 1, 0));
  for (size_t i = n; i-- > 0;)
    for (size_t j = m; j-- > 0;) {
      best[i][j] = std::max(best[i + 1][j], best[i][j + 1]);
      const double own = pair_score(i, j);
      if (own >= 0) best[i][j] = std::max(best[i][j], own + best[i + 1][j + 1]);
    }
  std::vector<NodePair> out;
  for (size_t i = 0, j = 0; i < n || j < m;) {
    const auto left = static_cast<int64_t>(i), right = static_cast<int64_t>(j);
    const double own = i < n && j < m ? pair_score(i, j) : -1;
    if (own >= 0 && best[i][j] == own + best[i + 1][j + 1]) {
      out.push_back({left, right});
      ++i, ++j;
    } else if (i < n && (j == m || best[i][j] == best[i + 1][j])) {
      out.push_back({left, -1});
      ++i;
    } else {
      out.push_back({-1, right});
      ++j;
    }
  }
  return out;
}

}  // namespace quantdyn
