#include "framework/run/training_plan.h"

#include <algorithm>
#include <cmath>

namespace quantdyn {

TrainingPlan::TrainingPlan(Network& network, Fusing fusing, ConvolutionAlgorithm algorithm,
                           int64_t batch, QuantizedTraining quantized, const LayoutRule& rule)
    : network_(network) {
  add_steps(fusing, algorithm, std::move(quantized));
  connect();
  buffers_.resize(steps_.size());
  defer(batch);
  lay_out_memory(batch, rule);
}

/// The net's own steps in order; a unit's output step comes after the unit's last step.
void TrainingPlan::add_steps(Fusing fusing, ConvolutionAlgorithm algorithm,
                             QuantizedTraining quantized) {
  const auto add_output_step = [&](int node) {
    const int unit = network_.nodes()[node].unit;
    if (network_.units()[unit].last == node && quantized.outputs.contains(unit))
      steps_.push_back(std::move(quantized.outputs[unit]));
  };
  add_output_step(0);
  for (std::unique_ptr<TrainingStep>& step : make_training_steps(network_, fusing, algorithm)) {
    const int last = step->nodes().back(), unit = network_.nodes()[last].unit;
    const auto found = quantized.weights.find(unit);
    WeightTransform* const transform = found == quantized.weights.end() ? nullptr : found->second;
    const int leader = network_.units()[unit].leader;
    const bool leads = step->nodes().front() == leader;
    if (quantized.folding != Folding::none && network_.units()[unit].norm >= 0 && leads) {
      std::unique_ptr<FoldingStep> folding =
          make_folding_step(network_, step->nodes(), algorithm, quantized.folding, transform);
      folding_.push_back(folding.get());
      steps_.push_back(std::move(folding));
    } else {
      if (transform && leads) {
        Parameter<float>* const weight = network_.layer(leader)->linear()->weight.get();
        transformed_.push_back({weight, transform, weight->master});
      }
      steps_.push_back(std::move(step));
    }
    add_output_step(last);
  }
}

/// Which steps read which result. A node's result is that of the last step that gives it.
void TrainingPlan::connect() {
  std::vector<int> gives(network_.nodes().size(), images_given);
  sources_.resize(steps_.size());
  readers_.resize(steps_.size());
  for (size_t s = 0; s < steps_.size(); ++s) {
    const std::vector<int>& nodes = steps_[s]->nodes();
    const bool is_own = nodes.front() > 0 && gives[nodes.front()] == images_given;
    if (is_own)
      for (int input : network_.nodes()[nodes.front()].inputs) sources_[s].push_back(gives[input]);
    else
      sources_[s].push_back(gives[nodes.back()]);  // takes a result and gives another
    for (int source : sources_[s])
      if (source != images_given && std::ranges::count(readers_[source], s) == 0)
        readers_[source].push_back(s);
    for (int node : nodes) gives[node] = static_cast<int>(s);
  }
}

/// Leaves out results that all readers can compute from what is saved.
void TrainingPlan::defer(int64_t batch) {
  for (size_t s = 0; s < steps_.size(); ++s) {
    if (can_defer_transform(s)) defer_transform(s, batch);
    if (!can_defer(s)) continue;
    buffers_[s].is_deferred = true;
    const ChannelMap map = *steps_[s]->deferred();
    for (size_t reader : readers_[s]) steps_[reader]->map_reader()->read_through(map);
    if (readers_[s].size() == 1) buffers_[s].watcher = steps_[s]->gradient_watcher();
    if (buffers_[s].watcher) buffers_[s].watcher->expect_gradients(batch);
  }
}

/// Such a step has one source. Where each of the two has one reader, the reader of the result turns
/// one gradient into the other while it is in the cache.
void TrainingPlan::defer_transform(size_t step, int64_t batch) {
  Buffers& buffers = buffers_[step];
  buffers.is_transform = true;
  for (size_t reader : readers_[step])
    steps_[reader]->map_reader()->read_transformed(*steps_[step]->transform());
  const int source = sources_[step].front();
  InputWatcher* const watches_input = steps_[step]->input_watcher();
  if (source != images_given && watches_input && steps_[source]->show_result(*watches_input))
    watches_input->expect_input();
  if (readers_[step].size() > 1) return;
  buffers.watcher = steps_[step]->gradient_watcher();
  if (buffers.watcher) buffers.watcher->expect_gradients(batch);
  if (source == images_given || readers_[source].size() > 1 || !buffers.watcher) return;
  buffers.shares_gradient = true;
  // One that gives a map watches with what it saved, which is not what the transform reads.
  if (!steps_[source]->deferred()) buffers.next = steps_[source]->gradient_watcher();
  if (buffers.next) buffers.next->expect_gradients(batch);
}

void TrainingPlan::lay_out_memory(int64_t batch, const LayoutRule& rule) {
  // Time runs through all steps forward, then back: step s runs at s and at backward_time(s).
  const int count = static_cast<int>(steps_.size());
  const auto backward_time = [&](size_t s) { return 2 * count - 1 - static_cast<int>(s); };
  std::vector<Lifetime> arrays;
  int64_t scratch = 0;
  for (size_t s = 0; s < steps_.size(); ++s) {
    scratch = std::max(scratch, steps_[s]->scratch_floats(batch));
    const int64_t floats = batch * network_.nodes()[last_node(s)].shape.elements();
    const bool is_unwritten = buffers_[s].is_deferred || buffers_[s].is_transform;
    size_t last_reader = readers_[s].empty() ? s : readers_[s].back();
    if (last_reader != s && buffers_[last_reader].shares_gradient)
      last_reader = readers_[last_reader].back();
    const bool has_gradient =
        is_gradient_wanted(static_cast<int>(s)) && !buffers_[s].shares_gradient;
    const int end = backward_time(s);
    arrays.push_back({is_unwritten ? 0 : floats, static_cast<int>(s), end});
    arrays.push_back({batch * steps_[s]->saved_floats(), static_cast<int>(s), end});
    arrays.push_back({has_gradient ? floats : 0,
                      last_reader == s ? count - 1 : backward_time(last_reader), end});
  }
  arrays.push_back({scratch, 0, 2 * count - 1});
  const Layout layout = rule(arrays);
  arena_ = Arena(layout.floats);
  for (size_t s = 0; s < steps_.size(); ++s) {
    buffers_[s].result = arena_.data() + layout.offsets[3 * s];
    buffers_[s].saved = arena_.data() + layout.offsets[3 * s + 1];
    buffers_[s].gradient = buffers_[s].shares_gradient ? buffers_[sources_[s].front()].gradient
                                                       : arena_.data() + layout.offsets[3 * s + 2];
  }
  scratch_ = arena_.data() + layout.offsets.back();
}

bool TrainingPlan::can_defer(size_t step) const {
  return steps_[step]->deferred() && !readers_[step].empty() &&
         std::ranges::all_of(readers_[step], [&](size_t reader) {
           return steps_[reader]->map_reader() != nullptr;
         });
}

bool TrainingPlan::can_defer_transform(size_t step) const {
  if (!steps_[step]->transform() || readers_[step].empty() || sources_[step].size() != 1)
    return false;
  const int source = sources_[step].front();
  if (source != images_given && buffers_[source].is_deferred) return false;
  return std::ranges::all_of(readers_[step], [&](size_t reader) {
    MapReader* const reads = steps_[reader]->map_reader();
    return reads && reads->takes_transforms();
  });
}

/// Nothing is trained before a transform of the images that has no parameters.
bool TrainingPlan::is_gradient_wanted(int source) const {
  return source != images_given &&
         !(buffers_[source].is_transform && sources_[source].front() == images_given &&
           !steps_[source]->has_parameters());
}

View<float> TrainingPlan::result_of(size_t step) const {
  if (buffers_[step].is_deferred || buffers_[step].is_transform) return {};
  return {buffers_[step].result, batch_shape(last_node(step))};
}

View<float> TrainingPlan::saved_of(size_t step) const {
  const Buffers& buffers = buffers_[step];
  return {buffers.saved, buffers.is_deferred ? batch_shape(last_node(step))
                                             : Shape{images_, steps_[step]->saved_floats()}};
}

/// What the readers of a step load: its result, or what they map or transform.
View<const float> TrainingPlan::read_from(int source) const {
  if (source == images_given) return x_;
  if (buffers_[source].is_transform) return read_from(sources_[source].front());
  return buffers_[source].is_deferred ? saved_of(source) : result_of(source);
}

std::vector<View<const float>> TrainingPlan::inputs_of(size_t step) const {
  std::vector<View<const float>> out;
  for (int source : sources_[step]) out.push_back(read_from(source));
  return out;
}

InputGradient TrainingPlan::gradient_to(size_t source, Accumulate accumulate) const {
  const Buffers& buffers = buffers_[source];
  return {{buffers.gradient, batch_shape(last_node(source))},
          accumulate,
          buffers.watcher,
          buffers.is_transform ? read_from(static_cast<int>(source)) : saved_of(source),
          buffers.next};
}

void TrainingPlan::run_forward(size_t step) {
  steps_[step]->forward(inputs_of(step), result_of(step), saved_of(step), scratch_);
}

View<const float> TrainingPlan::forward(View<const float> x) {
  x_ = x;
  images_ = x.shape[0];
  lend_weights();
  Laps laps(forward_seconds_.empty() ? nullptr : &forward_seconds_);
  ++profiled_;
  for (size_t s = 0; s < steps_.size(); ++s) {
    run_forward(s);
    laps.end(s);
  }
  return result_of(steps_.size() - 1);
}

View<float> TrainingPlan::logits_gradient() {
  return {buffers_.back().gradient, batch_shape(last_node(steps_.size() - 1))};
}

void TrainingPlan::backward(const GradientObserver& observe) {
  std::vector<bool> written(steps_.size(), false);
  Laps laps(backward_seconds_.empty() ? nullptr : &backward_seconds_);
  for (size_t s = steps_.size(); s-- > 0;) {
    if (!is_gradient_wanted(static_cast<int>(s))) continue;
    std::vector<InputGradient> gradients;
    std::vector<size_t> wanted;
    for (int source : sources_[s]) {
      if (!is_gradient_wanted(source)) {
        gradients.push_back({{}, Accumulate::no, nullptr, {}});
        continue;
      }
      const bool repeated = std::ranges::find(wanted, source) != wanted.end();
      gradients.push_back(
          gradient_to(source, written[source] || repeated ? Accumulate::yes : Accumulate::no));
      wanted.push_back(static_cast<size_t>(source));
    }
    const View<float> gradient{buffers_[s].gradient, batch_shape(last_node(s))};
    if (observe) observe(last_node(s), gradient);  // all readers have added to it
    steps_[s]->backward(inputs_of(s), result_of(s), saved_of(s), gradient, gradients, scratch_);
    for (size_t source : wanted) written[source] = true;
    laps.end(s);
  }
  for (TransformedWeight& t : transformed_) {
    t.transform->backward(t.weight->master, t.weight->effective, t.weight->grad);
    std::swap(t.effective, t.weight->effective);
  }
}

void TrainingPlan::lend_weights() {
  for (TransformedWeight& t : transformed_) {
    if (!t.weight->effective.empty()) std::swap(t.effective, t.weight->effective);
    t.transform->forward(t.weight->master, t.effective);
    std::swap(t.effective, t.weight->effective);
  }
}

void TrainingPlan::freeze_folding() {
  for (FoldingStep* step : folding_) step->freeze();
}

std::string TrainingPlan::first_not_finite(View<const float> x) {
  const auto is_finite = [](float v) { return std::isfinite(v); };
  if (!std::ranges::all_of(x.values(), is_finite)) return "input";
  x_ = x;
  images_ = x.shape[0];
  for (size_t s = 0; s < steps_.size(); ++s) {
    for (int node : steps_[s]->nodes()) {
      if (network_.layer(node) == nullptr) continue;  // the input
      for (const Parameter<float>* parameter : network_.layer(node)->parameters())
        if (!std::ranges::all_of(parameter->master.values(), is_finite))
          return network_.nodes()[node].name + " (its " + parameter->name + ")";
    }
    run_forward(s);
    const View<const float> y = read_from(static_cast<int>(s));
    if (!std::ranges::all_of(y.values(), is_finite)) return network_.nodes()[last_node(s)].name;
  }
  return "";
}

}  // namespace quantdyn
