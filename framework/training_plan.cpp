#include "framework/training_plan.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace quantdyn {

TrainingPlan::TrainingPlan(const Network& network, Fusing fusing, ConvolutionAlgorithm algorithm,
                           int64_t batch)
    : network_(network),
      steps_(make_steps(network, fusing, algorithm)),
      step_of_(network.nodes().size(), 0),
      buffers_(steps_.size()) {
  for (size_t s = 0; s < steps_.size(); ++s)
    for (int node : steps_[s]->nodes()) step_of_[node] = s;
  for (size_t s = 0; s < steps_.size(); ++s) {
    if (!can_defer(s)) continue;
    buffers_[s].is_deferred = true;
    for (int reader : network.readers(last_node(s)))
      steps_[step_of_[reader]]->read_through(steps_[s]->deferred());
    buffers_[s].is_watched =
        steps_[s]->can_watch_gradient() && network.readers(last_node(s)).size() == 1;
    if (buffers_[s].is_watched) steps_[s]->expect_gradients(batch);
  }
  // Time runs through all steps forward, then back: step s runs at s and at backward_time(s).
  const int count = static_cast<int>(steps_.size());
  const auto backward_time = [&](size_t s) { return 2 * count - 1 - static_cast<int>(s); };
  std::vector<Lifetime> arrays;
  int64_t scratch = 0;
  for (size_t s = 0; s < steps_.size(); ++s) {
    scratch = std::max(scratch, steps_[s]->training_scratch_floats(batch));
    const int64_t floats = batch * network.nodes()[last_node(s)].shape.elements();
    size_t last_reader = s;
    for (int reader : network.readers(last_node(s)))
      last_reader = std::max(last_reader, step_of_[reader]);
    const int end = backward_time(s);
    arrays.push_back({buffers_[s].is_deferred ? 0 : floats, static_cast<int>(s), end});
    arrays.push_back({batch * steps_[s]->saved_floats(), static_cast<int>(s), end});
    arrays.push_back({floats, last_reader == s ? count - 1 : backward_time(last_reader), end});
  }
  arrays.push_back({scratch, 0, 2 * count - 1});
  const Layout layout = lay_out(arrays);
  arena_ = Arena(layout.floats);
  for (size_t s = 0; s < steps_.size(); ++s) {
    buffers_[s].result = arena_.data() + layout.offsets[3 * s];
    buffers_[s].saved = arena_.data() + layout.offsets[3 * s + 1];
    buffers_[s].gradient = arena_.data() + layout.offsets[3 * s + 2];
  }
  scratch_ = arena_.data() + layout.offsets.back();
}

bool TrainingPlan::can_defer(size_t step) const {
  const std::vector<int> readers = network_.readers(last_node(step));
  return steps_[step]->deferred() != nullptr && !readers.empty() &&
         std::ranges::all_of(
             readers, [&](int reader) { return steps_[step_of_[reader]]->can_read_through(); });
}

View<float> TrainingPlan::result_of(size_t step) const {
  if (buffers_[step].is_deferred) return {};
  return {buffers_[step].result, batch_shape(last_node(step))};
}

View<float> TrainingPlan::saved_of(size_t step) const {
  const Buffers& buffers = buffers_[step];
  return {buffers.saved, buffers.is_deferred ? batch_shape(last_node(step))
                                             : Shape{images_, steps_[step]->saved_floats()}};
}

std::vector<View<const float>> TrainingPlan::inputs_of(size_t step) const {
  std::vector<View<const float>> out;
  for (int node : network_.nodes()[steps_[step]->nodes().front()].inputs) {
    const size_t source = step_of_[node];
    if (node == 0)
      out.push_back(x_);
    else
      out.push_back(buffers_[source].is_deferred ? saved_of(source) : result_of(source));
  }
  return out;
}

void TrainingPlan::run_forward(size_t step) {
  steps_[step]->forward(inputs_of(step), result_of(step), saved_of(step), scratch_);
}

View<const float> TrainingPlan::forward(View<const float> x) {
  x_ = x;
  images_ = x.shape[0];
  for (size_t s = 0; s < steps_.size(); ++s) run_forward(s);
  return result_of(steps_.size() - 1);
}

View<float> TrainingPlan::logits_gradient() {
  return {buffers_.back().gradient, batch_shape(last_node(steps_.size() - 1))};
}

void TrainingPlan::backward() {
  std::vector<bool> written(steps_.size(), false);
  for (size_t s = steps_.size(); s-- > 0;) {
    std::vector<InputGradient> gradients;
    std::vector<size_t> wanted;
    for (int node : network_.nodes()[steps_[s]->nodes().front()].inputs) {
      if (node == 0) {
        gradients.push_back({{}, Accumulate::no, nullptr, {}});
        continue;
      }
      const size_t source = step_of_[node];
      const bool repeated = std::ranges::find(wanted, source) != wanted.end();
      gradients.push_back({{buffers_[source].gradient, batch_shape(node)},
                           written[source] || repeated ? Accumulate::yes : Accumulate::no,
                           buffers_[source].is_watched ? steps_[source].get() : nullptr,
                           saved_of(source)});
      wanted.push_back(source);
    }
    steps_[s]->backward(inputs_of(s), result_of(s), saved_of(s),
                        {buffers_[s].gradient, batch_shape(last_node(s))}, gradients, scratch_);
    for (size_t source : wanted) written[source] = true;
  }
}

std::string TrainingPlan::first_not_finite(View<const float> x) {
  const auto is_finite = [](float v) { return std::isfinite(v); };
  if (!std::ranges::all_of(x.values(), is_finite)) return "input";
  x_ = x;
  images_ = x.shape[0];
  for (size_t s = 0; s < steps_.size(); ++s) {
    for (int node : steps_[s]->nodes())
      for (const Parameter<float>* parameter : network_.layer(node)->parameters())
        if (!std::ranges::all_of(parameter->master.values(), is_finite))
          return network_.nodes()[node].name + " (its " + parameter->name + ")";
    run_forward(s);
    const View<const float> y = buffers_[s].is_deferred ? saved_of(s) : result_of(s);
    if (!std::ranges::all_of(y.values(), is_finite)) return network_.nodes()[last_node(s)].name;
  }
  return "";
}

}  // namespace quantdyn
