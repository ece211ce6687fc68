#include "framework/run/evaluator.h"

#include <algorithm>
#include <cassert>

#include "framework/base/threads.h"

namespace quantdyn {

Evaluator::Evaluator(const Network& network, Fusing fusing, ConvolutionAlgorithm algorithm,
                     Keep keep, const LayoutRule& rule)
    : network_(network),
      steps_(make_evaluation_steps(network, fusing, algorithm)),
      taps_(network.units().size()) {
  const std::vector<Node<float>>& nodes = network.nodes();
  const int end = static_cast<int>(nodes.size());
  std::vector<int> held{0},
      written{0};  // nodes whose results have memory, and when each is first written
  int64_t scratch = 0;
  for (const auto& step : steps_) {
    held.push_back(step->nodes().back());
    written.push_back(step->nodes().front());
    scratch = std::max(scratch, step->scratch_floats());
  }
  std::vector<Lifetime> arrays;
  for (size_t i = 0; i < held.size(); ++i) {
    int last = held[i] == network.last() || keep == Keep::all ? end : held[i];
    for (int reader : network.readers(held[i])) last = std::max(last, reader);
    arrays.push_back({images_per_chunk * nodes[held[i]].shape.elements(), written[i], last});
  }
  arrays.push_back({scratch, 0, end});
  const Layout layout = rule(arrays);
  workspaces_.resize(static_cast<size_t>(worker_count()));
  for (Workspace& workspace : workspaces_) {
    workspace.arena = Arena(layout.floats);
    workspace.results.assign(nodes.size(), nullptr);
    workspace.holds_codes.assign(nodes.size(), false);
    for (size_t i = 0; i < held.size(); ++i)
      workspace.results[held[i]] = workspace.arena.data() + layout.offsets[i];
    workspace.scratch = workspace.arena.data() + layout.offsets.back();
  }
  prepare();
}

bool Evaluator::has_tap(int unit, TapKind kind) const {
  for (const Node<float>& node : network_.nodes())
    if (node.unit == unit && std::ranges::find(node.taps, kind) != node.taps.end()) return true;
  return false;
}

std::optional<TapMap> Evaluator::norm_of_conv(int unit) const {
  for (TapKind kind : {TapKind::conv, TapKind::norm})
    if (taps_[unit][static_cast<size_t>(kind)].transform) return {};
  for (const auto& step : steps_)
    if (network_.nodes()[step->nodes().front()].unit == unit) return step->norm_of_conv();
  return {};
}

void Evaluator::clear_taps() { taps_.assign(taps_.size(), UnitTaps{}); }

void Evaluator::prepare() {
  for (const auto& step : steps_)
    if (ParameterReader* const reader = step->parameter_reader()) reader->prepare();
}

bool Evaluator::take_codes(int unit, const ProductCodes& codes) {
  for (const auto& step : steps_)
    if (network_.nodes()[step->nodes().front()].unit == unit)
      if (CodeMultiplier* const multiplier = step->code_multiplier())
        return multiplier->take_codes(codes);
  return false;
}

const uint8_t* Evaluator::codes_for(const EvaluationStep& step, int node,
                                    const EvaluationChunk& chunk) {
  Workspace& workspace = workspaces_[chunk.worker];
  if (reads_codes_[step.nodes().front()])
    return reinterpret_cast<const uint8_t*>(workspace.results[node]);
  for (const auto& writer : steps_)
    if (writer->nodes().back() == node)
      writer->code_multiplier()->codes_to_values(
          workspace.results[node], chunk.images * network_.nodes()[node].shape.elements());
  workspace.holds_codes[node] = false;
  return nullptr;
}

void Evaluator::run_step(const EvaluationStep& step, int first_own, const Evaluator& before,
                         const EvaluationChunk& chunk) {
  const auto& nodes = network_.nodes();
  const int first = step.nodes().front(), last = step.nodes().back();
  Workspace& workspace = workspaces_[chunk.worker];
  EvaluationChunk own = chunk;
  own.scratch = workspace.scratch;
  own.writes_codes = chunk.writes_codes && as_codes_[last];
  std::vector<View<const float>> inputs;
  for (int input : nodes[first].inputs) {
    const Evaluator& source = nodes[input].unit >= first_own ? *this : before;
    inputs.emplace_back(source.workspaces_[chunk.worker].results[input],
                        nodes[input].shape.batch_of(images_per_chunk));
    const bool is_of_this_run = nodes[input].unit > first_own;
    if (chunk.writes_codes && is_of_this_run && workspace.holds_codes[input])
      own.x_codes = codes_for(step, input, chunk);
  }
  step.evaluate(inputs, {workspace.results[last], nodes[last].shape.batch_of(images_per_chunk)},
                taps_[nodes[first].unit], own);
  workspace.holds_codes[last] = own.writes_codes;
}

void Evaluator::take_input(View<const float> x, const EvaluationChunk& chunk) {
  float* const input = workspaces_[chunk.worker].results[0];
  std::ranges::copy(x.values(), input);
  const Shape one = network_.input_shape();
  visit(taps_[0][static_cast<size_t>(TapKind::output)], input, chunk.images * one.rows(),
        one.channels(), 0, chunk);
}

void Evaluator::end_chunk(const UnitTaps& taps, const EvaluationChunk& chunk) {
  for (const Tap& tap : taps) {
    for (Observer* observer : tap.before) observer->end_chunk(chunk.index, chunk.worker);
    for (Observer* observer : tap.after) observer->end_chunk(chunk.index, chunk.worker);
  }
}

void Evaluator::run_chunk(View<const float> x, int64_t images, int64_t index, int worker) {
  assert(x.shape[0] == images_per_chunk && worker < static_cast<int>(workspaces_.size()));
  const EvaluationChunk chunk{index, images, worker, true, nullptr};
  run_steps(x, chunk);
}

void Evaluator::run_steps(View<const float> x, const EvaluationChunk& chunk) {
  Workspace& own = workspaces_[chunk.worker];
  Laps laps(own.seconds.empty() ? nullptr : &own.seconds);
  ++own.profiled;
  take_input(x, chunk);
  laps.end(0);
  for (size_t s = 0; s < steps_.size(); ++s) {
    run_step(*steps_[s], 0, *this, chunk);
    laps.end(s + 1);
    if (chunk.is_off_grid && *chunk.is_off_grid) return;
  }
  for (const UnitTaps& taps : taps_) end_chunk(taps, chunk);
}

bool Evaluator::has_observers() const {
  return std::ranges::any_of(taps_, [](const UnitTaps& taps) {
    return std::ranges::any_of(
        taps, [](const Tap& tap) { return !tap.before.empty() || !tap.after.empty(); });
  });
}

bool Evaluator::may_be_codes(EvaluationStep& step) const {
  const int node = step.nodes().back(), unit = network_.nodes()[node].unit;
  CodeMultiplier* const writer = step.code_multiplier();
  const UnitTaps& taps = taps_[unit];
  const auto* const output =
      dynamic_cast<const CodeTransform*>(taps[static_cast<size_t>(TapKind::output)].transform);
  if (!writer || !writer->input_grid() || !output || network_.units()[unit].last != node ||
      node == network_.last())
    return false;
  for (TapKind kind : {TapKind::conv, TapKind::norm})
    if (!taps[static_cast<size_t>(kind)].empty()) return false;
  return output->grid() && writer->prepare_output(*output);
}

void Evaluator::hand_on_codes() {
  const std::vector<Node<float>>& nodes = network_.nodes();
  as_codes_.assign(nodes.size(), false);
  reads_codes_.assign(nodes.size(), false);
  has_codes_ = false;
  if (has_observers()) return;
  for (const auto& step : steps_)
    if (may_be_codes(*step)) has_codes_ = as_codes_[step->nodes().back()] = true;
  for (const auto& step : steps_) {
    const int first = step->nodes().front(), input = nodes[first].inputs[0];
    CodeMultiplier* const reader = step->code_multiplier();
    if (!reader || !as_codes_[input]) continue;
    const auto* const output = dynamic_cast<const CodeTransform*>(
        taps_[nodes[input].unit][static_cast<size_t>(TapKind::output)].transform);
    reads_codes_[first] = reader->input_grid() == output->grid();
  }
}

void Evaluator::set_input(View<const float> x, int64_t images, int64_t index, int worker) {
  take_input(x, {index, images, worker, false, nullptr});
}

void Evaluator::show_unit(int unit, int64_t images, int64_t index, int worker) {
  const EvaluationChunk chunk{index, images, worker, true, nullptr};
  for (const auto& step : steps_)
    if (network_.nodes()[step->nodes().front()].unit == unit) run_step(*step, 0, *this, chunk);
  end_chunk(taps_[unit], chunk);
}

void Evaluator::run(View<const float> x, int64_t images, int64_t first_chunk, View<float> logits) {
  assert(x.shape[0] % images_per_chunk == 0);
  const int last = network_.last();
  hand_on_codes();
  parallel_for(chunk_count(images), [&](int64_t index, int worker) {
    const int64_t first = index * images_per_chunk;
    bool is_off_grid = false;
    EvaluationChunk chunk{first_chunk + index, std::min(images_per_chunk, images - first), worker,
                          true, nullptr};
    chunk.writes_codes = has_codes_;
    chunk.is_off_grid = &is_off_grid;
    run_steps(x.slice(first, images_per_chunk), chunk);
    if (is_off_grid) run_chunk(x.slice(first, images_per_chunk), chunk.images, chunk.index, worker);
    if (!logits) return;
    const View<float> to = logits.slice(first, images_per_chunk);
    std::copy_n(workspaces_[worker].results[last], to.elements(), to.data);
  });
}

View<float> Evaluator::output(int unit, int worker) {
  const int node = network_.units()[unit].last;
  return {workspaces_[worker].results[node],
          network_.nodes()[node].shape.batch_of(images_per_chunk)};
}

View<const float> Evaluator::output(int unit, int worker) const {
  return const_cast<Evaluator*>(this)->output(unit, worker);
}

View<const float> Evaluator::run_after(int unit, const Evaluator& before, int64_t images,
                                       int64_t index, int worker) {
  const auto run = [&](const EvaluationChunk& chunk) {
    for (const auto& step : steps_) {
      if (network_.nodes()[step->nodes().front()].unit > unit) run_step(*step, unit, before, chunk);
      if (chunk.is_off_grid && *chunk.is_off_grid) return false;
    }
    return true;
  };
  EvaluationChunk chunk{index, images, worker, false, nullptr};
  EvaluationChunk as_codes = chunk;
  bool is_off_grid = false;
  as_codes.writes_codes = has_codes_;
  as_codes.is_off_grid = &is_off_grid;
  if (!run(as_codes)) run(chunk);
  return output(static_cast<int>(network_.units().size()) - 1, worker);
}

View<const float> Evaluator::run_unit(int unit, const Evaluator& from, int64_t images,
                                      int64_t index, int worker) {
  const EvaluationChunk chunk{index, images, worker, false, nullptr};
  for (const auto& step : steps_)
    if (network_.nodes()[step->nodes().front()].unit == unit) run_step(*step, unit, from, chunk);
  return output(unit, worker);
}

}  // namespace quantdyn
