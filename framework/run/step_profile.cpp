#include "framework/run/step_profile.h"

#include <algorithm>

#include "framework/base/threads.h"
#include "framework/run/evaluator.h"
#include "framework/run/training_plan.h"

namespace quantdyn {
namespace {

constexpr double float_bytes = sizeof(float);

/// Of one image.
double multiply_accumulates(const Network& network, std::span<const int> nodes) {
  int64_t out = 0;
  for (int node : nodes)
    if (const Layer<float>* const layer = network.layer(node)) out += layer->multiply_accumulates();
  return static_cast<double>(out);
}

int64_t parameters(const Network& network, std::span<const int> nodes) {
  int64_t out = 0;
  for (int node : nodes)
    if (const Layer<float>* const layer = network.layer(node))
      for (const Parameter<float>* parameter : layer->parameters())
        out += parameter->master.elements();
  return out;
}

}  // namespace

void TrainingPlan::start_profile() {
  forward_seconds_.assign(steps_.size(), 0);
  backward_seconds_.assign(steps_.size(), 0);
  profiled_ = 0;
}

std::vector<StepProfile> TrainingPlan::profile() const {
  std::vector<StepProfile> out;
  for (size_t s = 0; s < forward_seconds_.size(); ++s) {
    const double products = multiply_accumulates(network_, steps_[s]->nodes()) *
                            steps_[s]->computed_share() * static_cast<double>(images_);
    out.push_back({steps_[s]->nodes(),
                   {forward_seconds_[s], profiled_, products, float_bytes * floats_forward(s)},
                   {backward_seconds_[s], profiled_, products * (has_input_gradient(s) ? 2 : 1),
                    float_bytes * floats_backward(s)}});
  }
  return out;
}

bool TrainingPlan::has_input_gradient(size_t step) const {
  return std::ranges::any_of(sources_[step], [&](int s) { return is_gradient_wanted(s); });
}

double TrainingPlan::floats_forward(size_t step) const {
  int64_t out = parameters(network_, steps_[step]->nodes());
  for (const View<const float>& input : inputs_of(step)) out += input.shape.elements();
  if (const View<float> result = result_of(step)) out += result.shape.elements();
  return static_cast<double>(out + images_ * steps_[step]->saved_floats());
}

/// A step of an unknown kind may need its input, too; that is not counted.
double TrainingPlan::floats_backward(size_t step) const {
  const std::vector<int>& nodes = steps_[step]->nodes();
  const int64_t results = batch_shape(nodes.back()).elements();
  const int64_t saved = images_ * steps_[step]->saved_floats();
  bool reads_input = false, reads_result = false;
  for (int node : nodes) {
    const Layer<float>* const layer = network_.layer(node);
    if (layer == nullptr) continue;
    const std::optional<Pooling> pooling = layer->pooling();
    reads_input |= layer->linear() || (layer->channel_affine() && saved == 0) ||
                   (pooling && pooling->kind == Pooling::Kind::max);
    reads_result |= layer->activation() && saved == 0;
  }
  int64_t out = results + saved + (reads_result ? results : 0);
  for (size_t i = 0; i < sources_[step].size(); ++i) {
    const int source = sources_[step][i];
    const int64_t inputs = inputs_of(step)[i].shape.elements();
    if (reads_input) out += inputs;
    if (!is_gradient_wanted(source)) continue;
    out += readers_[source].back() == step ? inputs : 2 * inputs;  // written or added to
  }
  return static_cast<double>(out +
                             parameters(network_, nodes) * (has_input_gradient(step) ? 2 : 1));
}

void Evaluator::start_profile() {
  for (Workspace& workspace : workspaces_) {
    workspace.seconds.assign(steps_.size() + 1, 0);
    workspace.profiled = 0;
  }
}

std::vector<StepProfile> Evaluator::profile() const {
  const auto floats = [&](int node) {
    return static_cast<double>(images_per_chunk * network_.nodes()[node].shape.elements());
  };
  const auto bytes = [&](int node) {
    const bool is_codes = !as_codes_.empty() && as_codes_[node];
    return floats(node) * (is_codes ? 1 : float_bytes);
  };
  std::vector<StepProfile> out{{.nodes = {0}, .forward = {.bytes = 2 * bytes(0)}, .backward = {}}};
  for (const auto& step : steps_) {
    const std::vector<int>& nodes = step->nodes();
    CodeMultiplier* const multiplier = step->code_multiplier();
    StepProfile row{.nodes = nodes, .forward = {}, .backward = {}};
    row.sums_codes = multiplier && multiplier->input_grid();
    row.forward.multiply_accumulates = multiply_accumulates(network_, nodes) *
                                       step->computed_share() *
                                       static_cast<double>(images_per_chunk);
    row.forward.bytes = bytes(nodes.back()) + static_cast<double>(parameters(network_, nodes)) *
                                                  (row.sums_codes ? 1 : float_bytes);
    for (int input : network_.nodes()[nodes.front()].inputs) row.forward.bytes += bytes(input);
    out.push_back(row);
  }
  for (const Workspace& workspace : workspaces_)
    for (size_t i = 0; i < workspace.seconds.size(); ++i) {
      out[i].forward.seconds += workspace.seconds[i];
      out[i].forward.visits += workspace.profiled;
    }
  return out;
}

}  // namespace quantdyn
